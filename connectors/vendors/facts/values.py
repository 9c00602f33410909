"""Values of FACTS' records as text, numbers, flags and days; pure.

Source: what was seen of answers: absent values are left out, empty text is "", a date is midnight
in UTC and means the day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors import normalise

Item = Mapping[str, Any]


class BadItemError(ValueError):
    """One record lacks what the hub needs: `field` and `reason` say what."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def text(item: Item, name: str) -> str | None:
    """Return a value as text; None when absent, empty or no plain value."""
    found = item.get(name)
    return None if isinstance(found, dict | list) else normalise.text(found)


def required(item: Item, name: str) -> str:
    """Return a value as text.

    Raises:
        BadItemError: there is none.
    """
    found = text(item, name)
    if found is None:
        raise BadItemError(name, "it is missing")
    return found


def number(item: Item, name: str) -> int | None:
    """Return a whole number, which may come as text; None when absent.

    Raises:
        BadItemError: it is something else.
    """
    found = text(item, name)
    try:
        return None if found is None else int(found)
    except ValueError as error:
        raise BadItemError(name, "it is not a whole number") from error


def is_true(item: Item, name: str) -> bool:
    """Return a flag, which may come as text; what is neither is none."""
    try:
        return normalise.boolean(text(item, name)) == "true"
    except ValueError:
        return False


def day(item: Item, name: str) -> str | None:
    """Return a calendar date: midnight of the day, in no zone; None when absent.

    Raises:
        BadItemError: it is no date.
    """
    return _dated(item, name, normalise.day)


def day_after(item: Item, name: str) -> str | None:
    """Return the day after a calendar date; see `day`."""
    return _dated(item, name, normalise.day_after)


def part(item: Item, name: str) -> Item:
    """Return a record's part, empty where it has none."""
    found = item.get(name)
    return found if isinstance(found, Mapping) else {}


def _dated(item: Item, name: str, make: Callable[[Any], str | None]) -> str | None:
    try:
        return make(text(item, name))
    except ValueError as error:
        raise BadItemError(name, "it is not a date") from error
