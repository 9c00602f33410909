"""One tenant under the protocol, as a pure machine over `shared.domain.tiers`.

A `World` is a value; `Machine.steps` lists what may happen next, faults among it; making a step
checks the promises, by definitions of its own, and raises `Violation` where one is broken. Drivers:
exhaustive search (`test_exhaustive.py`) and random runs (`tests/unit/domain`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import NamedTuple

from shared.domain import tiers
from shared.domain.states import JobState
from shared.domain.tiers import AppView, Decision, Hold, JobView, Join, Policy, Release, Skip

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
HELD, QUEUED, RUNNING = JobState.HELD, JobState.QUEUED, JobState.RUNNING
ENDED = JobState.SKIPPED


class Violation(AssertionError):
    """A promise was broken."""


class Job(NamedTuple):
    """An unfinished job with all that the world holds of it."""

    app: int
    wave: int
    last: int
    state: JobState = HELD
    failures: int = 0
    #: A retry whose time has not come.
    waits: bool = False
    cancel: bool = False
    #: Copies of its message in the queue, at most 2.
    messages: int = 0
    #: Whether the worker of its current attempt lives, and how many of older attempts do.
    live: bool = False
    zombies: int = 0
    #: Whether it shows or carries out a plan: nothing joins it, and it is counted nowhere.
    planned: bool = False


class World(NamedTuple):
    """All that matters of a tenant at one moment; ended jobs are gone."""

    jobs: tuple[Job, ...] = ()
    #: By app: the wave of its last run, where that ended badly.
    bad: tuple[tuple[int, int], ...] = ()
    paused: frozenset[int] = frozenset()
    #: Whether a completion event is on its way.
    event: bool = False
    requests: int = 0
    faults: int = 0

    @property
    def is_done(self) -> bool:
        return not self.jobs


class Step(NamedTuple):
    """Something that may happen."""

    name: str
    #: Whether it must happen in the end; a fault or a wish need not.
    is_fair: bool
    make: Callable[[], World]


@dataclass
class Machine:
    """The protocol around the pure functions, with its parts as switches for mutants."""

    apps: Mapping[int, AppView]
    max_concurrent: int = 1
    max_failures: int = 2
    judges_claims: bool = True
    is_fenced: bool = True
    republishes: bool = True
    sweeps: bool = True
    pauses: bool = True
    plans: bool = False
    #: Faults by name; None: all.
    faults: frozenset[str] | None = None
    _decided: dict[object, list[Decision]] = field(init=False, default_factory=dict)

    def steps(self, world: World) -> Iterator[Step]:
        """List what may happen next."""
        yield from self._wishes(world)
        if world.event:
            yield Step("event", True, lambda: self._decide(world._replace(event=False)))
            yield from self._fault(world, "lose event", lambda w: w._replace(event=False))
        if self.sweeps and any(job.state is HELD for job in world.jobs):
            yield Step("sweep", True, lambda: self._decide(world))
        for app in sorted(world.paused):
            yield Step(f"resume {app}", True, lambda app=app: self._resume(world, app))
        if self.pauses:
            for app in self.apps.keys() - world.paused:
                yield from self._fault(
                    world, f"pause {app}", lambda w, app=app: self._pause(w, app)
                )
        for index, job in enumerate(world.jobs):
            yield from self._of_job(world, index, job)

    def _wishes(self, world: World) -> Iterator[Step]:
        for size in range(1, min(world.requests, len(self.apps)) + 1):
            for wanted in combinations(sorted(self.apps), size):
                yield Step(f"fire {wanted}", False, lambda wanted=wanted: self._fire(world, wanted))
        if self.plans and world.requests:
            for app in sorted(self.apps):
                yield Step(f"plan {app}", False, lambda app=app: self._plan(world, app))

    def _plan(self, world: World, app: int) -> World:
        wave = self._next_wave(world)
        before = {index: self._blockers(world, index) for index in self._firsts(world)}
        placed = tiers.place(app, wave, self._views(world), self.apps, is_planned=True)
        if isinstance(placed, Join):
            raise Violation("a plan joined another job")
        job = Job(app, wave, wave, planned=True)
        world = world._replace(jobs=(*world.jobs, job), requests=world.requests - 1)
        for index, blockers in before.items():
            if not self._blockers(world, index) <= blockers:
                raise Violation(f"job {index} waits for a plan that came after it")
        return self._decide(world)

    def _fault(self, world: World, name: str, make: Callable[[World], World]) -> Iterator[Step]:
        word = name.split()[0] if not name.startswith(("lose", "double")) else name
        if world.faults and (self.faults is None or word in self.faults):
            yield Step(name, False, lambda: make(world._replace(faults=world.faults - 1)))

    def _of_job(self, world: World, index: int, job: Job) -> Iterator[Step]:
        def fault(name: str, make: Callable[[World], World]) -> Iterator[Step]:
            for step in self._fault(world, name, make):
                yield step._replace(name=f"{name} of {index}")

        def fair(name: str, make: Callable[[World], World]) -> Step:
            return Step(f"{name} {index}", True, lambda: make(world))

        if job.messages:
            yield fair("claim", lambda w: self._claim(w, index, keeps=False))
            yield from fault("double message", lambda w: self._claim(w, index, keeps=True))
            yield from fault("lose message", lambda w: _put(w, index, messages=job.messages - 1))
        if job.state is QUEUED and not job.messages and self.republishes:
            yield fair("republish", lambda w: _put(w, index, messages=1))
        if job.waits:
            yield fair("time comes for", lambda w: _put(w, index, waits=False))
        if job.state is RUNNING and not job.live:
            yield fair("expire", lambda w: self._expire(w, index))
        if job.live:
            yield fair("succeed", lambda w: self._succeed(w, index))
            if job.cancel:
                yield fair("beat", lambda w: self._end(w, index, is_bad=True))
            yield from fault("fail", lambda w: self._end(w, index, is_bad=True))
            yield from fault("transient", lambda w: self._retry_later(w, index))
            yield from fault(
                "giveback", lambda w: _put(w, index, state=QUEUED, live=False, **_more(job))
            )
            yield from fault("die", lambda w: _put(w, index, live=False))
            yield from fault("lease", lambda w: self._expire(w, index))
        if job.zombies:
            yield fair("zombie of", lambda w: self._zombie(w, index))
        if job.state is not RUNNING or not job.cancel:
            yield from fault("cancel", lambda w: self._cancel(w, index))

    # what happens

    def _fire(self, world: World, wanted: tuple[int, ...]) -> World:
        wave = self._next_wave(world)
        before = {index: self._blockers(world, index) for index in self._firsts(world)}
        world = world._replace(requests=world.requests - len(wanted))
        order = tiers.firing_order(self.apps, dict.fromkeys(self.apps, 0))
        for app in sorted(wanted, key=order.index):
            placed = tiers.place(app, wave, self._views(world), self.apps)
            if isinstance(placed, Join):
                joined = world.jobs[placed.job_id]
                if joined.state is not HELD or joined.planned:
                    raise Violation(f"a request joined a job that is {joined.state}, or a plan")
                world = _put(world, placed.job_id, last=max(joined.last, wave))
            else:
                world = world._replace(jobs=(*world.jobs, Job(app, wave, wave)))
            unfinished = sum(job.app == app and not job.planned for job in world.jobs)
            if unfinished > 2:
                raise Violation(f"app {app} has {unfinished} unfinished jobs")
        for index, blockers in before.items():
            if not self._blockers(world, index) <= blockers:
                raise Violation(f"job {index} waits for more than it did: it may starve")
        return self._decide(world)

    def _next_wave(self, world: World) -> int:
        wave = 1 + max((job.last for job in world.jobs), default=0)
        return max([wave, *(1 + bad for _, bad in world.bad)])

    def _claim(self, world: World, index: int, *, keeps: bool) -> World:
        job = world.jobs[index]
        world = _put(world, index, messages=job.messages - (not keeps))
        if job.state is not QUEUED:
            return world
        if self.judges_claims:
            verdict = tiers.judge_claim(
                index, self._views(world), self._app_views(world), self._policy(), NOW
            )
            if isinstance(verdict, Skip):
                return self._decide(self._end(world, index))
            if isinstance(verdict, Hold):
                raise Violation(f"job {index} was queued, and the claim finds the gate shut")
        self._check_start(world, index)
        return _put(world, index, state=RUNNING, live=True)

    def _succeed(self, world: World, index: int) -> World:
        return self._end(world, index)

    def _zombie(self, world: World, index: int) -> World:
        job = world.jobs[index]
        world = _put(world, index, zombies=job.zombies - 1)
        if self.is_fenced:
            return _tidy(world)
        raise Violation(f"a worker that lost job {index} commits its effect")

    def _end(self, world: World, index: int, *, is_bad: bool | None = False) -> World:
        job = world.jobs[index]
        bad = dict(world.bad)
        if (job.state is RUNNING or is_bad) and not job.planned:
            bad.pop(job.app, None)
        if is_bad and not job.planned:
            bad[job.app] = job.wave
        ended = job._replace(state=ENDED, live=False, messages=0)
        jobs = (*world.jobs[:index], ended, *world.jobs[index + 1 :])
        return _tidy(world._replace(jobs=jobs, bad=tuple(sorted(bad.items())), event=True))

    def _retry_later(self, world: World, index: int) -> World:
        job = world.jobs[index]
        if job.failures + 1 >= self.max_failures:
            return self._end(world, index, is_bad=True)
        return _put(world, index, state=HELD, live=False, waits=True, failures=job.failures + 1)

    def _expire(self, world: World, index: int) -> World:
        job = world.jobs[index]
        if job.cancel or job.failures + 1 >= self.max_failures:
            return self._decide(self._end(world, index, is_bad=True))
        world = _put(
            world,
            index,
            state=QUEUED,
            failures=job.failures + 1,
            live=False,
            zombies=job.zombies + job.live,
            **_more(job),
        )
        return self._decide(world)

    def _cancel(self, world: World, index: int) -> World:
        if world.jobs[index].state is RUNNING:
            return _put(world, index, cancel=True)
        return self._decide(self._end(world, index, is_bad=True))

    def _pause(self, world: World, app: int) -> World:
        return self._decide(world._replace(paused=world.paused | {app}))

    def _resume(self, world: World, app: int) -> World:
        return self._decide(world._replace(paused=world.paused - {app}))

    def _decide(self, world: World) -> World:
        decided, holds = self._apply(world)
        again, same = self._apply(decided)
        if again != decided or same != holds:
            raise Violation("deciding again decides something else")
        self._check_decided(decided)
        return _tidy(decided)

    def _apply(self, world: World) -> tuple[World, list[tuple[int, object]]]:
        key = (tuple((*job[:4], job.waits) for job in world.jobs), world.bad, world.paused)
        if key not in self._decided:
            self._decided[key] = tiers.decide(
                self._views(world), self._app_views(world), self._policy(), NOW
            )
        holds: list[tuple[int, object]] = []
        for decision in self._decided[key]:
            index = decision.job_id
            job = world.jobs[index]
            match decision:
                case Release():
                    world = _put(world, index, state=QUEUED, **_more(job))
                case Skip():
                    ended = job._replace(state=ENDED, messages=0)
                    jobs = (*world.jobs[:index], ended, *world.jobs[index + 1 :])
                    world = world._replace(jobs=jobs, event=True)
                case Hold():
                    holds.append((index, decision.cause))
        return world, sorted(holds)

    # what the pure functions see

    def _views(self, world: World) -> list[JobView]:
        return [
            JobView(
                id=index,
                app_id=job.app,
                state=job.state,
                wave=job.wave,
                last_wave=job.last,
                not_before=LATER if job.waits else None,
                is_planned=job.planned,
            )
            for index, job in enumerate(world.jobs)
            if job.state is not ENDED
        ]

    def _app_views(self, world: World) -> dict[int, AppView]:
        bad = dict(world.bad)
        return {
            key: AppView(
                id=key,
                name=app.name,
                tier=app.tier,
                after=app.after,
                closed="paused" if key in world.paused else None,
                skips_when_upstream_failed=app.skips_when_upstream_failed,
                last_outcome=JobState.FAILED if key in bad else None,
                last_wave=bad.get(key),
            )
            for key, app in self.apps.items()
        }

    def _policy(self) -> Policy:
        return Policy(max_concurrent=self.max_concurrent)

    # the promises, in words of their own

    def _firsts(self, world: World) -> list[int]:
        """Each app's first job, where that is held."""
        firsts: dict[int, int] = {}
        for index, job in enumerate(world.jobs):
            if job.state is not ENDED:
                firsts.setdefault(job.app, index)
        return [index for index in firsts.values() if world.jobs[index].state is HELD]

    def _blockers(self, world: World, index: int) -> frozenset[int]:
        job = world.jobs[index]
        mine = self.apps[job.app]
        return frozenset(
            at
            for at, other in enumerate(world.jobs)
            if other.state is not ENDED
            and other.wave <= job.last
            and (
                self.apps[other.app].tier.rank < mine.tier.rank
                or (other.app == mine.after and other.app != job.app)
            )
        )

    def _check_start(self, world: World, index: int) -> None:
        job = world.jobs[index]
        if self._blockers(world, index):
            raise Violation(f"job {index} starts before its upstream has ended")
        if job.app in world.paused:
            raise Violation(f"job {index} starts although its app is paused")
        if any(
            other.app == job.app and other.state is RUNNING
            for at, other in enumerate(world.jobs)
            if at != index
        ):
            raise Violation(f"job {index} overlaps its own app")

    def _check_decided(self, world: World) -> None:
        active: dict[str, int] = {}
        for job in world.jobs:
            if job.state in {QUEUED, RUNNING}:
                tier = self.apps[job.app].tier
                active[tier] = active.get(tier, 0) + 1
        for tier, count in active.items():
            if count > self.max_concurrent:
                raise Violation(f"{count} jobs of {tier} are active")
        firsts = set(self._firsts(world))
        for index, job in enumerate(world.jobs):
            if job.state is ENDED:
                continue
            if job.state is QUEUED and self._blockers(world, index):
                raise Violation(f"job {index} is queued beside its upstream")
            if job.state is QUEUED and job.waits:
                raise Violation(f"job {index} is queued before its time")
            may_start = (
                index in firsts
                and not job.waits
                and not self._blockers(world, index)
                and active.get(self.apps[job.app].tier, 0) < self.max_concurrent
            )
            if may_start:
                raise Violation(f"job {index} is held, and nothing holds it")
            if job.state is not RUNNING and job.app in world.paused:
                raise Violation(f"job {index} waits although its app is paused")


def _put(world: World, index: int, **values: object) -> World:
    jobs = world.jobs
    changed = jobs[index]._replace(**values)
    return world._replace(jobs=(*jobs[:index], changed, *jobs[index + 1 :]))


def _more(job: Job) -> dict[str, int]:
    return {"messages": min(2, job.messages + 1)}


def _tidy(world: World) -> World:
    """Drop ended jobs, and number the waves anew: only their order matters."""
    jobs = [job for job in world.jobs if job.state is not ENDED]
    waves = {wave for job in jobs for wave in (job.wave, job.last)} | {w for _, w in world.bad}
    rank = {wave: number for number, wave in enumerate(sorted(waves), start=1)}
    return world._replace(
        jobs=tuple(job._replace(wave=rank[job.wave], last=rank[job.last]) for job in jobs),
        bad=tuple((app, rank[wave]) for app, wave in world.bad),
    )
