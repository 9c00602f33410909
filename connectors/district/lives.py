"""What becomes of the students of a generated district, day by day: who comes, goes, moves.

Every student has dice of their own, so that one who joins changes nobody else, and any day can be
had without those before it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

#: Days of a simulated school year; on the day after the last, everybody is a grade further.
YEAR_DAYS = 100
#: What happens to a student on a day, and how likely that is.
LEAVES, RENAMES, MOVES = 0.004, 0.004, 0.002
#: Numbers of those who start school in the years after the first are this far apart.
_YEAR_STEP = 1_000_000
_FIRST_LATER = 10_000_000


@dataclass(frozen=True, slots=True)
class Life:
    """A student on one day.

    Attributes:
        index: theirs for ever; decides name and number.
        grade: the place of their grade among all.
        year: in which they came, 0 being the first.
        first_grade: in which they came.
        renames: how often their name has changed.
        moves: how often they have changed schools or classes.
        is_first: whether they were there on day 0 or began with a year, and no joiner amid one.
    """

    index: int
    grade: int
    year: int
    first_grade: int
    renames: int
    moves: int
    is_first: bool


def year_of(day: int) -> int:
    """Return the school year of a day, 0 being the first."""
    return day // YEAR_DAYS


def lives(seed: int, students: int, grades: int, day: int) -> Iterator[tuple[Life, bool]]:
    """Yield everybody who has a place on a day, and whether they are still there.

    Args:
        seed: of the district.
        students: on day 0.
        grades: how many there are; the last one's students graduate.
        day: which.
    """
    for index, came, first_grade, is_first in _arrivals(students, grades, day):
        year = year_of(came)
        grade = first_grade + year_of(day) - year
        if grade >= grades:
            continue
        dice = random.Random(f"{seed}/life/{index}")  # noqa: S311
        left = _gap(dice, LEAVES)
        life = Life(
            index=index,
            grade=grade,
            year=year,
            first_grade=first_grade,
            renames=_count(dice, RENAMES, day - came),
            moves=_count(dice, MOVES, day - came),
            is_first=is_first,
        )
        # whoever comes amid a year stays for a while, so that each day has its joiners
        yield life, not is_first or left > day - came


def _arrivals(students: int, grades: int, day: int) -> Iterator[tuple[int, int, int, bool]]:
    """Yield (index, day, grade, whether a year began with it) of everybody who came until a day."""
    for index in range(students):
        yield index, 0, (index + 1) % grades, True
    for year in range(1, year_of(day) + 1):
        for index in range(max(1, students // grades)):
            yield _FIRST_LATER + year * _YEAR_STEP + index, year * YEAR_DAYS, 0, True
    a_day = max(1, students // 200)
    for index in range(students, students + a_day * day):
        yield index, (index - students) // a_day + 1, (index + 1) % grades, False


def _gap(dice: random.Random, likely: float) -> int:
    """Return in how many days something that is so likely a day happens next, at least 1."""
    return 1 + int(dice.expovariate(likely))


def _count(dice: random.Random, likely: float, days: int) -> int:
    """Return how often something that is so likely a day has happened in some days."""
    count, at = 0, _gap(dice, likely)
    while at <= days:
        count += 1
        at += _gap(dice, likely)
    return count
