"""What a filter of a page names, out of the values that there are."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from shared.errors import ConfigurationError

E = TypeVar("E", bound=StrEnum)


def one_of(kind: type[E], field: str, told: str) -> E | None:
    """Return the value that is named, None: none is.

    Raises:
        ConfigurationError: there is no such value.
    """
    if not told:
        return None
    try:
        return kind(told)
    except ValueError as error:
        fix = f"Give one of {', '.join(kind)}."
        raise ConfigurationError(field, f"there is no {told!r}", fix) from error
