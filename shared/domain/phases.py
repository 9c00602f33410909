"""What a job did when: the phases of its life, its waits named by what it waited for.

Of a wait that is over no table keeps the reason, since the gate explains only what is held now. It
follows from the same facts by which the gate decided: which jobs upstream, of the app itself and of
its tier were unfinished then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.states import JobState, Tier
from shared.domain.tiers import AppView, Cause, feeds

#: A job made this much after its due time was late: no scheduler ran, or its app was closed.
LATE = timedelta(minutes=1)
#: A release takes a sweep at most; so short a remainder of a wait is none of its own.
_RELEASE = timedelta(seconds=5)


class PhaseKind(StrEnum):
    """What a job does, or what it waits for."""

    #: It was due, and nobody had made it yet.
    LATE = "late"
    #: It is held by a rule of the gate.
    HELD = "held"
    #: It is held until its next try, after a failure.
    RETRY = "retry"
    #: It waits for a free worker.
    QUEUED = "queued"
    #: A worker runs it.
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a job's life, from an instant until before another.

    Attributes:
        words: what happened, for a person; "waits for …" while it lasts, "waited for …" afterwards.
        on: the job that it waits for; None: none, or none that is known.
    """

    kind: PhaseKind
    since: datetime
    until: datetime
    words: str
    on: int | None = None

    @property
    def is_wait(self) -> bool:
        """Whether nobody works on the job."""
        return self.kind is not PhaseKind.RUNNING


@dataclass(frozen=True, slots=True)
class Step:
    """A move of a job: the state that it came into, when, and why."""

    to: JobState
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A job with its history.

    Attributes:
        wave: of its first request.
        last_wave: of its last request; up to this one it waits itself.
        steps: its moves, oldest first; the first is its making.
    """

    id: int
    app_id: int
    wave: int
    last_wave: int
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Holding:
    """What the gate says of a job that is held now."""

    words: str
    cause: Cause | None = None
    on: int | None = None


def phases(
    job: Life,
    others: Sequence[Life],
    apps: Mapping[int, AppView],
    now: datetime,
    holding: Holding | None = None,
) -> list[Phase]:
    """Divide a job's life into phases.

    Args:
        job: whose life.
        others: the jobs of its tenant at that time, itself among them or not.
        apps: the tenant's apps by id; every app of a job is among them.
        now: the database's clock; the last phase of an unfinished job lasts until then.
        holding: what the gate says now, of a job that is held.

    Returns:
        The phases in order, without gaps, none empty; none at all of a job that was shut out in
        the moment of its making.
    """
    return _Story(job, others, apps).tell(now, holding)


class _Story:
    """One job among the others of its tenant."""

    def __init__(self, job: Life, others: Sequence[Life], apps: Mapping[int, AppView]) -> None:
        self.job = job
        self.app = apps[job.app_id]
        self.apps = apps
        self.others = others

    def tell(self, now: datetime, holding: Holding | None) -> list[Phase]:
        job = self.job
        found = list(_late(job))
        since = found[-1].until if found else job.due_at
        for index, step in enumerate(job.steps):
            if step.to.is_ended:
                break
            is_last = index + 1 == len(job.steps)
            until = now if is_last else job.steps[index + 1].at
            if until <= since:
                continue
            left = job.steps[index - 1].to if index else None
            told = self._phase(step, left, since, until, is_last, holding if is_last else None)
            if told:  # the moment that a release takes belongs to what follows
                found += told
                since = until
        return found

    def _phase(
        self,
        step: Step,
        left: JobState | None,
        since: datetime,
        until: datetime,
        is_last: bool,
        holding: Holding | None,
    ) -> list[Phase]:
        """Return the phase that a step begins; a hold may be several. `left`: the state left."""
        verb = "waits" if is_last else "waited"
        is_back = left is JobState.RUNNING
        why = f", since {step.reason}" if step.reason and is_back else ""
        if step.to is JobState.RUNNING:
            return [Phase(PhaseKind.RUNNING, since, until, "runs" if is_last else "ran")]
        if step.to is JobState.QUEUED:
            words = f"{verb} for a free {tier_name(self.app.tier)} worker{why}"
            return [Phase(PhaseKind.QUEUED, since, until, words)]
        if is_back and (holding is None or holding.cause is Cause.NOT_BEFORE):
            told = holding.words if holding else f"{verb} to try again"
            return [Phase(PhaseKind.RETRY, since, until, f"{told}{why}")]
        pieces = self._split(since, until, is_last)
        if holding is not None:
            pieces[-1] = replace(pieces[-1], words=holding.words, on=holding.on)
        return pieces

    def _split(self, since: datetime, until: datetime, is_last: bool) -> list[Phase]:
        """Divide a hold in the order of the gate's rules: upstream, own, fair share."""
        verb = "waits" if is_last else "waited"
        found: list[Phase] = []
        for blockers, words in self._blockers(since, until):
            start = found[-1].until if found else since
            last = max(blockers, key=lambda other: (_end(other, until), -other.id), default=None)
            if last is not None and _end(last, until) > start:
                app = self.apps[last.app_id]
                told = f"{verb} {words} {app.name} ({tier_name(app.tier)}), job {last.id}"
                found.append(Phase(PhaseKind.HELD, start, _end(last, until), told, last.id))
        start = found[-1].until if found else since
        if found and until - start <= _RELEASE:
            found[-1] = replace(found[-1], until=until)
        elif until - start > _RELEASE or is_last:
            found.append(Phase(PhaseKind.HELD, start, until, f"{verb} to be released"))
        return found

    def _blockers(self, since: datetime, until: datetime) -> Iterator[tuple[list[Life], str]]:
        """Yield, rule by rule, the jobs that a hold may have waited for, with the words for it."""
        job = self.job
        there = [
            other
            for other in self.others
            if other.id != job.id
            and other.created_at < until
            and (other.finished_at is None or other.finished_at > since)
        ]
        upstream = [
            other
            for other in there
            if other.wave <= job.last_wave and feeds(self.apps[other.app_id], self.app)
        ]
        yield upstream, "for"
        own = [
            other
            for other in there
            if other.app_id == job.app_id and (other.wave, other.id) < (job.wave, job.id)
        ]
        yield own, "for the app's earlier run:"
        # how many the tenant allowed then is not known; by whose end it went on, is
        same_tier = [
            other
            for other in there
            if self.apps[other.app_id].tier is self.app.tier
            and other.finished_at is not None
            and until - _RELEASE <= other.finished_at <= until
        ]
        yield same_tier, f"for one of the tenant's {tier_name(self.app.tier)} jobs to end:"


def _late(job: Life) -> Iterator[Phase]:
    if job.created_at - job.due_at >= LATE:
        words = "was due, and its job was not made yet: no scheduler ran, or the app was closed"
        yield Phase(PhaseKind.LATE, job.due_at, job.created_at, words)


def _end(job: Life, until: datetime) -> datetime:
    return until if job.finished_at is None else min(job.finished_at, until)


def tier_name(tier: Tier) -> str:
    """Return a tier as people call it.

    >>> tier_name(Tier.TWO_WAY)
    '2-way'
    """
    return "2-way" if tier is Tier.TWO_WAY else tier.value


#: The states of a job, the one first that a person should look at first.
_WORST_FIRST = (
    JobState.FAILED,
    JobState.CANCELLED,
    JobState.SKIPPED,
    JobState.RUNNING,
    JobState.QUEUED,
    JobState.HELD,
    JobState.SUCCEEDED,
)


def worst(states: Iterable[JobState]) -> JobState:
    """Return the state that a person should look at first.

    >>> worst([JobState.SUCCEEDED, JobState.FAILED, JobState.RUNNING]).value
    'failed'
    """
    return min(states, key=_WORST_FIRST.index)
