"""Which apps upstream make a schedule's runs wait: they are due with one, or shortly before it.

Tiers need no gaps between schedules: what is due too early waits, and starts by itself. A person
who sets a time is told of it all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.recurrence import Occurrence, Recurrence, due
from shared.domain.states import Tier

_INSTANT = timedelta(microseconds=1)
#: A run that takes longer than this is not looked for before another.
_LONGEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class UpstreamSchedule:
    """A schedule of an app that comes before another.

    Attributes:
        app: its name.
        tier: its tier.
        recurrence: when it is due.
        typical_s: seconds that its runs take; None: it has not run yet.
    """

    app: str
    tier: Tier
    recurrence: Recurrence
    typical_s: float | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """An app for which runs wait.

    Attributes:
        upstream: the schedule that is due with a run or before it.
        due_at: when, the first time.
        run_at: the run that waits, the first of them.
        count: how many of the runs wait for it.
    """

    upstream: UpstreamSchedule
    due_at: datetime
    run_at: datetime
    count: int

    @property
    def is_same_time(self) -> bool:
        """Whether both are due at one instant."""
        return self.due_at == self.run_at


def find_waits(runs: Sequence[Occurrence], upstream: Iterable[UpstreamSchedule]) -> list[Wait]:
    """Return for which apps some runs of a schedule wait, one wait an app, in the order given.

    Args:
        runs: of the schedule; a few.
        upstream: the schedules of the apps before it.
    """
    found: dict[str, Wait] = {}
    for schedule in upstream:
        pairs = [(at, run.at) for run in runs if (at := _due_before(schedule, run.at)) is not None]
        if not pairs:
            continue
        wait = Wait(schedule, *pairs[0], len(pairs))
        there = found.get(schedule.app)
        # full and incremental are one app: the one that more runs wait for is told
        if there is None or wait.count > there.count:
            found[schedule.app] = wait
    return list(found.values())


def _due_before(schedule: UpstreamSchedule, run_at: datetime) -> datetime | None:
    """Return when a schedule is due with a run, or so shortly before it that it still runs then."""
    same = due(schedule.recurrence, after=run_at - _INSTANT, until=run_at, limit=1)
    if same:
        return same[0].at
    if not schedule.typical_s:
        return None
    span = min(timedelta(seconds=schedule.typical_s), _LONGEST)
    before = due(schedule.recurrence, after=run_at - span, until=run_at, limit=1)
    return before[0].at if before else None
