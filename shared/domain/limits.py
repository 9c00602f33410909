"""Limits of removals: how much of a school may go at once before a person is asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit, passed only where both parts are.

    Attributes:
        percent: of an app's records of one kind in one school, 0 to 100.
        at_least: records.
    """

    percent: float = 10.0
    at_least: int = 5


def is_over(limit: Limit, removed: int, of: int) -> bool:
    """Return whether a removal must wait for a person.

    Args:
        limit: of the kind.
        removed: records of one kind in one school that would go.
        of: those of them that the app has now.

    >>> is_over(Limit(), 4, 4), is_over(Limit(), 5, 50), is_over(Limit(), 6, 50)
    (False, False, True)
    """
    return removed >= limit.at_least and removed * 100 > limit.percent * of
