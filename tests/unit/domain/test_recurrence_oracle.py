"""Recurrences against an oracle that walks through real time, over every zone's transitions.

The oracle shares no code with the product: it never asks for the instant of a wall time, and knows
no cron. It walks over the minutes of UTC around a transition, notes what each local clock shows,
and takes the first minute at which a wanted wall time is shown or has been jumped over.
"""

from __future__ import annotations

import itertools
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import pytest

from shared.domain.recurrence import Recurrence, occurrences

FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def _offset(zone: zoneinfo.ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset()


@lru_cache(maxsize=1)
def _transitions() -> dict[tuple, str]:
    """Return one zone for each distinct list of (instant, offset after)."""
    found: dict[tuple, str] = {}
    for name in sorted(zoneinfo.available_timezones()):
        zone = zoneinfo.ZoneInfo(name)
        changes = []
        at = FIRST
        while at < LAST:
            following = at + timedelta(days=7)
            if _offset(zone, at) != _offset(zone, following):
                low, high = at, following
                while high - low > MINUTE:
                    middle = low + (high - low) // (2 * MINUTE) * MINUTE
                    if _offset(zone, middle) == _offset(zone, low):
                        low = middle
                    else:
                        high = middle
                changes.append((high, _offset(zone, high)))
            at = following
        found.setdefault((_offset(zone, FIRST), *changes), name)
    return found


def _walk(zone: zoneinfo.ZoneInfo, around: datetime) -> list[tuple[datetime, datetime]]:
    """Return (instant, local wall time) for each minute of two days around an instant."""
    start = around - timedelta(hours=30)
    return [
        (at, at.astimezone(zone).replace(tzinfo=None))
        for at in (start + MINUTE * step for step in range(60 * 60))
    ]


def _expected(walk, wanted, is_meant) -> list[datetime]:
    """Return the instants at which the wanted wall times are shown first, or were jumped over."""
    found = set()
    days = sorted({wall.date() for _, wall in walk})
    for day in days[1:-1]:
        if not is_meant(day):
            continue
        for hour, minute in wanted:
            wall = datetime(day.year, day.month, day.day, hour, minute)
            shown = [at for at, local in walk if local == wall]
            if shown:
                found.add(shown[0])
                continue
            # it was jumped over: the first minute that shows a later time of that stretch
            found.add(
                next(b for (_, one), (b, two) in itertools.pairwise(walk) if one < wall < two)
            )
    return sorted(found)


def _cases(changes, zone: zoneinfo.ZoneInfo):
    """Yield each transition of a zone with wall times inside it and beside it."""
    for at, _ in changes:
        before = (at - MINUTE).astimezone(zone).replace(tzinfo=None)
        after = at.astimezone(zone).replace(tzinfo=None)
        inside = min(before, after) + abs(after - before) // 2
        yield (
            at,
            sorted(
                {(t.hour, t.minute) for t in (inside, after, before, after + timedelta(minutes=17))}
            ),
        )


ZONES = sorted((name, changes[1:]) for changes, name in _transitions().items() if changes[1:])


@pytest.mark.parametrize("part", range(4))
def test_every_zone_around_its_transitions(part):
    checked = 0
    for name, changes in ZONES[part::4]:
        zone = zoneinfo.ZoneInfo(name)
        # the first, the last, and some between: the rules of a zone repeat year by year
        some = [*changes[:4], *changes[4::9], changes[-1]]
        for at, wanted in _cases(some, zone):
            walk = _walk(zone, at)
            first, last = walk[0][0], walk[-1][0]
            days = sorted({wall.date() for _, wall in walk})
            times = [f"{hour:02d}:{minute:02d}" for hour, minute in wanted]
            for rule, is_meant in _rules(name, times, days[len(days) // 2]):
                expected = _expected(walk, wanted, is_meant)
                got = [
                    one.at
                    for one in occurrences(rule, after=first - MINUTE, count=40)
                    if one.at <= last and days[0] < one.wall.date() < days[-1]
                ]
                assert got == expected, (name, at, rule.describe())
                checked += 1
    assert checked > 100


def _rules(name: str, times: list[str], day: date):
    weekday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day.weekday()]
    yield Recurrence.parse(zone=name, frequency="daily", at=times), lambda _: True
    yield (
        Recurrence.parse(zone=name, frequency="weekly", at=times, days=weekday),
        lambda d: d.weekday() == day.weekday(),
    )

    def is_last(d: date) -> bool:
        return (d + timedelta(days=1)).day == 1

    yield (
        Recurrence.parse(zone=name, frequency="monthly", at=times, days=str(day.day)),
        lambda d: d.day == day.day or (is_last(d) and d.day < day.day),
    )
