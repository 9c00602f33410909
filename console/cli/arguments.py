"""Arguments that several commands take, bounded to what the database can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from shared.errors import ConfigurationError

#: The largest id that a database gives; a larger one is no id, and not to be asked for.
MAX_ID = 2**63 - 1

W = TypeVar("W", bound=BaseModel)

JobId = Annotated[int, typer.Argument(metavar="JOB", min=1, max=MAX_ID, help="The job's id.")]


def pairs_of(settings: Sequence[str] | None) -> dict[str, str]:
    """Return the settings that were given as `--set KEY=VALUE`.

    Raises:
        ConfigurationError: one of them is no such pair.
    """
    pairs = {}
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise ConfigurationError(
                "--set", f"{setting!r} is no KEY=VALUE", "Give --set key=value."
            )
        pairs[key] = value
    return pairs


def parse_job_id(text: str) -> int | None:
    """Read a job's id where something else may stand too; None: it is no number.

    Raises:
        ConfigurationError: it is a number that no job can have.
    """
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > len(str(MAX_ID)) or not 0 < int(text) <= MAX_ID:
        raise ConfigurationError("JOB", f"there is no job {text}", "List: bellringer jobs list")
    return int(text)


def app_of(text: str) -> dict[str, str]:
    """Return `TENANT/APP` as the two arguments that operations take.

    Raises:
        ConfigurationError: it is not written so.
    """
    tenant, slash, app = text.partition("/")
    if not slash or not tenant or not app:
        raise ConfigurationError(
            "app",
            f"{text!r} names no app of a tenant",
            "Give TENANT/APP; list: bellringer apps list",
        )
    return {"tenant": tenant, "app": app}


def wish_of(kind: type[W], **given: object) -> W:
    """Return an operation's body of what the options gave.

    Raises:
        ConfigurationError: one of them is not as it must be; names it as an option.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise ConfigurationError(option, first["msg"], "Correct it.") from error
