"""What a form has sent as an operation's body, and an error beside the field that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import ConfigurationError, NotFoundError

W = TypeVar("W", bound=BaseModel)


def read_wish(kind: type[W], given: Mapping[str, object]) -> W:
    """Return an operation's body of a form's fields.

    Raises:
        ConfigurationError: one of them is not as it must be; names it.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise ConfigurationError(str(first["loc"][0]), first["msg"], "Correct it.") from error


def told_at(error: ConfigurationError, *fields: str) -> dict[str, str]:
    """Return an error's text by the field of the form that it is told at.

    Args:
        error: names a field, perhaps in other words than the form.
        fields: of the form, the first of which takes what is about none of them.

    Raises:
        NotFoundError: it is about what the address names, and no field of the form.
    """
    name = error.field.lower().removeprefix("--")
    if name not in fields and (isinstance(error, NotFoundError) or not fields):
        raise error
    return {name if name in fields else fields[0]: f"{error.problem}. {error.fix}"}
