"""The gate: which jobs of one tenant may start, which wait and for what, which are shut out.

Everything here is a pure function of the tenant's unfinished jobs and of each app's last outcome.
It counts no events, so a lost, doubled, reordered or forged event can change nothing. The caller
holds the tenant's lock, and writes what comes out in the same transaction.

Words: the *upstream* of a job are the jobs of earlier tiers and of the app that its app comes
`after`; a *wave* numbers the tenant's firings in the order in which its lock was granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.states import JobState, Mode, Tier

_ACTIVE = frozenset({JobState.QUEUED, JobState.RUNNING})
_BAD_ENDS = frozenset({JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AppView:
    """What the gate knows of an app.

    Attributes:
        name: as people call it.
        modes: what its connector can read in.
        after: the app of the same tier whose jobs are upstream too.
        closed: why it takes no jobs now (paused, removed); None: it is open.
        skips_when_upstream_failed: whether its jobs are skipped then, instead of run.
        last_outcome: the state in which its last run ended; a skip is no run.
        last_wave: that run's first wave.
    """

    id: int
    name: str
    tier: Tier
    modes: frozenset[Mode] = frozenset(Mode)
    after: int | None = None
    closed: str | None = None
    skips_when_upstream_failed: bool = False
    last_outcome: JobState | None = None
    last_wave: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """What the gate knows of an unfinished job.

    Attributes:
        wave: of its first request; those downstream wait for it by this one.
        last_wave: of its last request; up to this one it waits itself.
        not_before: when a retry may start; None: at once.
        is_planned: whether it carries out an approved plan, or only shows one; such a job takes no
            request in, and is counted nowhere.
        since: when it came into its state.
        percent: its progress, 0 to 100; None: unknown.
    """

    id: int
    app_id: int
    state: JobState
    wave: int
    last_wave: int
    not_before: datetime | None = None
    is_planned: bool = False
    since: datetime | None = None
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What the tenant allows.

    Attributes:
        max_concurrent: jobs that may be queued or running at once, in each tier.
        closed: by tier, why the tenant takes none of its jobs now.
    """

    max_concurrent: int = 4
    closed: Mapping[Tier, str] = field(default_factory=dict)


class Cause(StrEnum):
    """What a held job waits for."""

    #: An unfinished job upstream, of its waves or of earlier ones.
    UPSTREAM = "upstream"
    #: An earlier job of its own app.
    OVERLAP = "overlap"
    #: The time of its next attempt.
    NOT_BEFORE = "not_before"
    #: One of the tenant's jobs of the same tier to end.
    FAIR_SHARE = "fair_share"


@dataclass(frozen=True, slots=True)
class Release:
    """The job may start."""

    job_id: int
    #: An upstream app whose last run failed, where the app runs all the same.
    despite: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """The job waits for one thing: the job `on`, or the instant `until`."""

    job_id: int
    cause: Cause
    on: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """The job is shut out."""

    job_id: int
    reason: str


Decision = Release | Hold | Skip


@dataclass(frozen=True, slots=True)
class Join:
    """A request is taken in by a job that waits."""

    job_id: int


@dataclass(frozen=True, slots=True)
class New:
    """A request becomes a job of its own."""


def decide(
    jobs: Iterable[JobView], apps: Mapping[int, AppView], policy: Policy, now: datetime
) -> list[Decision]:
    """Judge every job of a tenant that is held or queued.

    Args:
        jobs: the tenant's unfinished jobs.
        apps: its apps, by id; every app of a job is among them.
        policy: what the tenant allows.
        now: the database's clock, read after the tenant's lock.

    Returns:
        A decision for each held job, and a `Skip` for each queued job that is shut out by now,
        oldest wave first. Applied and asked again, it decides the same holds and nothing else.
    """
    board = _Board(jobs, apps, policy, now)
    decisions: dict[int, Decision] = {}
    judged_again = True
    while judged_again:  # a skip may open a gate for a job that was judged before it
        judged_again = False
        for job in board.in_order():
            verdict = board.judge(job)
            if verdict is None:
                continue
            decisions[job.id] = verdict
            if isinstance(verdict, Skip):
                board.remove(job)
                judged_again = True
            elif isinstance(verdict, Release):
                board.queue(job)
    return list(decisions.values())


def judge_claim(
    job_id: int,
    jobs: Iterable[JobView],
    apps: Mapping[int, AppView],
    policy: Policy,
    now: datetime,
) -> Decision:
    """Judge again a queued job that a worker wants to start: every rule but the fair share.

    The job has its place in the fair share already; the other rules may have turned against it
    since it was queued (a pause, an upstream job that was requeued, a message that came twice).
    """
    board = _Board(jobs, apps, policy, now)
    return board.judge_start(board.jobs[job_id])


def place(
    app_id: int,
    wave: int,
    jobs: Iterable[JobView],
    apps: Mapping[int, AppView],
    *,
    is_planned: bool = False,
) -> Join | New:
    """Find the job that takes a request in, so that an app has at most two unfinished jobs.

    The first takes it only while it is held and would wait for nothing more by it (it may have
    read already, or a stream of upstream work would starve it). The one behind it takes all else.

    Args:
        app_id: the app that is asked to run.
        wave: the request's wave, at least as late as every wave given out.
        jobs: the tenant's unfinished jobs.
        apps: its apps, by id.
        is_planned: whether the request carries out or shows a plan: then it is a job of its own.
    """
    if is_planned:
        return New()
    jobs = list(jobs)
    own = sorted((job for job in jobs if job.app_id == app_id and not job.is_planned), key=_age)
    if not own:
        return New()
    if len(own) > 1:
        return Join(own[-1].id)
    first = own[0]
    if first.state is not JobState.HELD:
        return New()
    waits_for_more = any(
        _is_upstream(other, first, apps) and first.last_wave < other.wave <= wave for other in jobs
    )
    return New() if waits_for_more else Join(first.id)


def firing_order(apps: Mapping[int, AppView], positions: Mapping[int, int]) -> list[int]:
    """Order a tenant's apps so that one is fired after all that are upstream of it.

    Requests of one wave must be placed in this order: `place` sees only what is there already.
    """

    def depth(app: AppView) -> int:
        return 0 if app.after is None or app.after not in apps else 1 + depth(apps[app.after])

    return sorted(apps, key=lambda i: (apps[i].tier.rank, depth(apps[i]), positions[i], i))


def is_downstream(app: AppView, of: AppView, apps: Mapping[int, AppView]) -> bool:
    """Whether an app comes after another, by its tier or by `after`, directly or not."""
    if app.tier.rank > of.tier.rank:
        return True
    if app.after is None or app.after not in apps:
        return False
    return app.after == of.id or is_downstream(apps[app.after], of, apps)


def feeds(upstream: AppView, app: AppView) -> bool:
    """Whether jobs of one app are upstream of another's: by its tier, or named in its `after`."""
    return upstream.tier.rank < app.tier.rank or app.after == upstream.id


class _Board:
    """The unfinished jobs of a tenant while they are judged."""

    def __init__(
        self,
        jobs: Iterable[JobView],
        apps: Mapping[int, AppView],
        policy: Policy,
        now: datetime,
    ) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.apps = apps
        self.policy = policy
        self.now = now

    def in_order(self) -> list[JobView]:
        return sorted(self.jobs.values(), key=_age)

    def remove(self, job: JobView) -> None:
        del self.jobs[job.id]

    def queue(self, job: JobView) -> None:
        self.jobs[job.id] = replace(job, state=JobState.QUEUED)

    def judge(self, job: JobView) -> Decision | None:
        if job.state is JobState.RUNNING:
            return None
        if job.state is JobState.QUEUED:
            return self._closed(job)
        verdict = self.judge_start(job)
        if isinstance(verdict, Release):
            return self._fair_share(job) or verdict
        return verdict

    def judge_start(self, job: JobView) -> Decision:
        return (
            self._closed(job)
            or self._waits_for_upstream(job)
            or self._waits_for_own(job)
            or self._waits_for_time(job)
            or self._after_a_failure(job)
        )

    def _closed(self, job: JobView) -> Skip | None:
        app = self.apps[job.app_id]
        reason = app.closed or self.policy.closed.get(app.tier)
        return Skip(job.id, reason) if reason else None

    def _waits_for_upstream(self, job: JobView) -> Hold | None:
        blockers = [
            other
            for other in self.jobs.values()
            if other.wave <= job.last_wave and _is_upstream(other, job, self.apps)
        ]
        return Hold(job.id, Cause.UPSTREAM, on=_nearest(blockers).id) if blockers else None

    def _waits_for_own(self, job: JobView) -> Hold | None:
        blockers = [
            other
            for other in self.jobs.values()
            if other.app_id == job.app_id
            and other.id != job.id
            and (other.state in _ACTIVE or _age(other) < _age(job))
        ]
        return Hold(job.id, Cause.OVERLAP, on=_nearest(blockers).id) if blockers else None

    def _waits_for_time(self, job: JobView) -> Hold | None:
        if job.not_before is None or job.not_before <= self.now:
            return None
        return Hold(job.id, Cause.NOT_BEFORE, until=job.not_before)

    def _after_a_failure(self, job: JobView) -> Release | Skip:
        app = self.apps[job.app_id]
        failed = [
            other
            for other in self.apps.values()
            if other.last_outcome in _BAD_ENDS
            and other.last_wave is not None
            and other.last_wave <= job.last_wave
            and feeds(other, app)
        ]
        if not failed:
            return Release(job.id)
        names = ", ".join(sorted(f"{other.name} ({other.last_outcome})" for other in failed))
        if app.skips_when_upstream_failed:
            return Skip(job.id, f"the last upstream run did not succeed: {names}")
        return Release(job.id, despite=names)

    def _fair_share(self, job: JobView) -> Hold | None:
        tier = self.apps[job.app_id].tier
        active = [
            other
            for other in self.jobs.values()
            if other.state in _ACTIVE and self.apps[other.app_id].tier is tier
        ]
        if len(active) < self.policy.max_concurrent:
            return None
        return Hold(job.id, Cause.FAIR_SHARE, on=_nearest(active).id)


def _age(job: JobView) -> tuple[int, int]:
    return job.wave, job.id


def _is_upstream(other: JobView, job: JobView, apps: Mapping[int, AppView]) -> bool:
    return other.id != job.id and feeds(apps[other.app_id], apps[job.app_id])


def _nearest(blockers: Sequence[JobView]) -> JobView:
    """Return the blocker that a person should look at: one that runs, else the oldest."""
    return min(blockers, key=lambda job: (job.state is not JobState.RUNNING, _age(job)))
