"""Cron expressions for operators: five numeric fields, strict, in the words of crontab(5).

As in Vixie cron, when both day fields are restricted, a day that matches either one is meant.
"""

from __future__ import annotations

import re
from datetime import datetime

from croniter import CroniterBadDateError, croniter

from shared.errors import ConfigurationError

#: The fields in order, each with its range. Sunday is 0; 7 would be read in two ways.
FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 6),
)

# not \d: that takes the digits of every script, which croniter does not
_ITEM = re.compile(r"(?:(\*)|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([0-9]{1,2}))?")


def check_cron(expression: str) -> str:
    """Return a five-field expression, its blanks made one each.

    >>> check_cron("*/15  2 * * 1-5")
    '*/15 2 * * 1-5'

    Raises:
        ConfigurationError: another number of fields, a name, a value out of range, a range that
            goes back, or an expression that never comes; says which field.
    """
    fields = expression.split()
    if len(fields) != len(FIELDS):
        raise _bad(
            f"it has {len(fields)} fields", "Give minute, hour, day of month, month, day of week."
        )
    normal = " ".join(
        _field(text, name, low, high)
        for text, (name, low, high) in zip(fields, FIELDS, strict=True)
    )
    try:
        # a leap day may be eight years away, and no expression that comes at all is rarer
        croniter(normal, datetime(2000, 3, 1), max_years_between_matches=9).get_next()  # noqa: DTZ001
    except CroniterBadDateError as error:
        raise _bad(f"{expression!r} never comes", "Correct its days and months.") from error
    return normal


def follows_real_time(expression: str) -> bool:
    """Whether the hour field has a wildcard or a step: it then means real time, not wall time."""
    hour = expression.split()[1]
    return "*" in hour or "/" in hour


def _field(text: str, name: str, low: int, high: int) -> str:
    return ",".join(_item(item, name, low, high) for item in text.split(","))


def _item(item: str, name: str, low: int, high: int) -> str:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise _bad(f"{name}: {item!r} is not understood", "Give numbers, ranges, steps or *.")
    star, first, last, step = match.groups()
    for value in (first, last):
        if value is not None and not low <= int(value) <= high:
            raise _bad(f"{name}: {value} is out of range", f"Give {low} to {high}.")
    if last is not None and int(last) < int(first):
        raise _bad(f"{name}: {item} goes back", "Give the lower number first.")
    if step is not None and not 1 <= int(step) <= high:
        raise _bad(f"{name}: a step of {step} is out of range", f"Give 1 to {high}.")
    if step is not None and star is None and last is None:
        raise _bad(f"{name}: {item} steps from one number", f"Give {first}-{high}/{step}.")
    # croniter 7 reads a range of one value, such as 1-1, as every value
    return first if first is not None and first == last else item


def _bad(problem: str, fix: str) -> ConfigurationError:
    return ConfigurationError("--cron", problem, fix)
