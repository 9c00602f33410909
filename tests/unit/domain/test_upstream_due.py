"""For which apps a schedule's runs wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.domain.recurrence import Recurrence, occurrences
from shared.domain.states import Tier
from shared.domain.upstream_due import UpstreamSchedule, find_waits

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def nightly(*at: str, **more: str) -> Recurrence:
    return Recurrence.parse(zone="UTC", frequency="daily", at=at, **more)


def runs(recurrence: Recurrence, count: int = 5):
    return occurrences(recurrence, after=MONDAY, count=count)


def upstream(recurrence: Recurrence, app: str = "sis", typical_s: float | None = None):
    return UpstreamSchedule(app, Tier.IMPORT, recurrence, typical_s)


def test_one_that_is_due_at_the_same_instant_is_waited_for() -> None:
    (wait,) = find_waits(runs(nightly("02:00")), [upstream(nightly("02:00"))])
    assert wait.is_same_time
    assert wait.due_at == wait.run_at == MONDAY.replace(hour=2)
    assert wait.count == 5


def test_the_same_instant_in_another_zone_is_the_same() -> None:
    there = Recurrence.parse(zone="America/New_York", frequency="daily", at=["21:00"])
    assert find_waits(runs(nightly("02:00")), [upstream(there)])


@pytest.mark.parametrize(
    ("at", "typical_s", "is_waited_for"),
    [
        ("01:30", None, False),
        ("01:30", 45 * 60, True),
        ("01:30", 20 * 60, False),
        ("02:01", 45 * 60, False),
        # a run that took days once says nothing of the next
        ("01:30", 10 * 86400, True),
    ],
)
def test_one_that_still_runs_then_is_waited_for(
    at: str, typical_s: float | None, is_waited_for: bool
) -> None:
    found = find_waits(runs(nightly("02:00")), [upstream(nightly(at), typical_s=typical_s)])
    assert bool(found) is is_waited_for
    if found:
        assert not found[0].is_same_time


def test_only_some_runs_may_wait() -> None:
    weekly = Recurrence.parse(zone="UTC", frequency="weekly", at=["02:00"], days="wed")
    (wait,) = find_waits(runs(nightly("02:00")), [upstream(weekly)])
    assert wait.count == 1
    assert wait.run_at == MONDAY.replace(day=7, hour=2)


def test_an_app_is_told_once_by_the_schedule_that_more_runs_wait_for() -> None:
    weekly = Recurrence.parse(zone="UTC", frequency="weekly", at=["02:00"], days="wed")
    both = [upstream(weekly), upstream(nightly("02:00")), upstream(nightly("02:00"), "hr")]
    assert [(one.upstream.app, one.count) for one in find_waits(runs(nightly("02:00")), both)] == [
        ("sis", 5), ("hr", 5),
    ]  # fmt: skip


def test_one_that_has_ended_is_not_waited_for() -> None:
    ended = nightly("02:00", until="2026-01-06")
    (wait,) = find_waits(runs(nightly("02:00")), [upstream(ended)])
    assert wait.count == 2
