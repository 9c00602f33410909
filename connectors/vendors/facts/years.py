"""Which school year is synced: by its days, since neither its id nor its name tells the order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from connectors.vendors.facts import values
from connectors.vendors.facts.values import BadItemError, Item


def year_of(years: Iterable[Item], school_code: str | None, start: int | None, today: date) -> Item:
    """Return the year of a school that is synced, {} where it has none.

    Args:
        years: of all schools.
        school_code: of the school; a year that names no school is everybody's.
        start: the calendar year in which it starts; None: the one that runs, else the newest that
            has begun, else the first to come. Next year's classes are set up in spring; by the
            newest of all, everybody would leave their classes then.
        today: the day.
    """
    dated = []
    for year in years:
        if values.text(year, "schoolCode") not in {None, school_code}:
            continue
        try:
            first, last = values.day(year, "firstDay"), values.day(year, "lastDay")
        except BadItemError:
            continue
        if first is not None and last is not None and values.text(year, "yearId") is not None:
            dated.append((first, last, year))
    if start is not None:
        # of two that start in one calendar year, such as a summer school, the longest
        named = [one for one in dated if one[0][:4] == str(start)]
        return max(named, key=_days)[2] if named else {}
    begun = [one for one in dated if one[0] <= today.isoformat()]
    running = [one for one in begun if one[1] >= today.isoformat()]
    if running:
        return max(running, key=_days)[2]
    if begun:
        return max(begun, key=lambda one: one[:2])[2]
    return min(dated, key=lambda one: one[:2])[2] if dated else {}


def _days(one: tuple[str, str, Item]) -> int:
    return (date.fromisoformat(one[1]) - date.fromisoformat(one[0])).days
