"""The gate under random lives of random tenants: the promises hold, and everything ends."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.states import JobState, Tier
from shared.domain.tiers import AppView, JobView, Join, New, Policy, Release, decide, place
from tests.simulation.tenant import NOW, Machine, World

TIERS = list(Tier)
#: More than any drain takes: each fair step ends a job, a message, an event, a wait or a zombie.
DRAIN_LIMIT = 2000

pytestmark = pytest.mark.timeout(240)
ordinary = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def tenants(draw: st.DrawFn) -> dict[int, AppView]:
    """Up to six apps over the tiers, some after another one of their tier."""
    apps: dict[int, AppView] = {}
    for id_ in range(1, draw(st.integers(2, 6)) + 1):
        tier = draw(st.sampled_from(TIERS))
        beside = [None, *(other.id for other in apps.values() if other.tier is tier)]
        apps[id_] = AppView(
            id=id_,
            name=f"app{id_}",
            tier=tier,
            after=draw(st.sampled_from(beside)),
            skips_when_upstream_failed=draw(st.booleans()),
        )
    return apps


@st.composite
def boards(draw: st.DrawFn) -> tuple[dict[int, AppView], list[JobView], Policy]:
    """Any unfinished jobs of a tenant, whether or not a life leads there."""
    apps = draw(tenants())
    closed = draw(st.sets(st.sampled_from(sorted(apps)), max_size=2))
    outcomes = st.sampled_from([None, JobState.FAILED, JobState.SUCCEEDED])
    apps = {
        id_: AppView(
            id=id_,
            name=app.name,
            tier=app.tier,
            after=app.after,
            closed="paused" if id_ in closed else None,
            skips_when_upstream_failed=app.skips_when_upstream_failed,
            last_outcome=draw(outcomes),
            last_wave=draw(st.integers(0, 6)),
        )
        for id_, app in apps.items()
    }
    jobs = []
    active: set[int] = set()
    for id_ in range(1, draw(st.integers(1, 9)) + 1):
        app_id = draw(st.sampled_from(sorted(apps)))
        state = draw(st.sampled_from([JobState.HELD, JobState.QUEUED, JobState.RUNNING]))
        if state is not JobState.HELD and app_id in active:
            state = JobState.HELD
        if state is not JobState.HELD:
            active.add(app_id)
        wave = draw(st.integers(1, 6))
        last = wave + draw(st.integers(0, 2))
        planned = draw(st.booleans())
        jobs.append(
            JobView(
                id=id_, app_id=app_id, state=state, wave=wave, last_wave=last, is_planned=planned
            )
        )
    return apps, jobs, Policy(draw(st.integers(1, 3)))


@given(
    tenants(),
    st.integers(1, 3),
    st.lists(st.integers(0, 10**6), min_size=20, max_size=120),
    st.booleans(),
)
@ordinary
def test_every_life_keeps_the_promises_and_ends(
    apps: dict[int, AppView], max_concurrent: int, choices: list[int], plans: bool
) -> None:
    machine = Machine(apps, max_concurrent=max_concurrent, max_failures=3, plans=plans)
    world = World(requests=20, faults=8)
    for choice in choices:
        steps = list(machine.steps(world))
        # wishes are many: half of the time something else happens
        others = [step for step in steps if not step.name.startswith(("fire", "plan"))]
        chosen = others if choice % 2 and others else steps
        if not chosen:
            break
        world = chosen[choice // 2 % len(chosen)].make()
    drain(machine, world)


def drain(machine: Machine, world: World) -> None:
    """Let everything end that must, in turns."""
    for turn in range(DRAIN_LIMIT):
        if world.is_done:
            return
        fair = [step for step in machine.steps(world) if step.is_fair]
        assert fair, f"nothing can happen any more: {world}"
        world = fair[turn % len(fair)].make()
    raise AssertionError(f"it does not end: {world}")


@given(tenants(), st.integers(1, 2), st.lists(st.integers(1, 3), min_size=6, max_size=6))
@settings(ordinary, max_examples=25)
def test_an_endless_stream_of_requests_starves_nobody(
    apps: dict[int, AppView], max_concurrent: int, durations: list[int]
) -> None:
    """Every round asks for every app anew; each app runs again within a time that is known before."""
    machine = Machine(apps, max_concurrent=max_concurrent)
    world = World(requests=10**9)
    bounds = {app: longest_wait(app, apps, durations) for app in apps}
    ages = dict.fromkeys(apps, 0)
    waits = dict.fromkeys(apps, 0)
    for _ in range(2 * max(bounds.values())):
        world = step_named(machine, world, f"fire {tuple(sorted(apps))}")
        for index in reversed(range(len(world.jobs))):
            job = world.jobs[index]
            if job.live and ages[job.app] >= durations[job.app - 1]:
                world = step_named(machine, world, f"succeed {index}")
        if world.event:
            world = step_named(machine, world, "event")
        for index, job in enumerate(world.jobs):
            if job.messages:
                world = step_named(machine, world, f"claim {index}")
                ages[job.app] = waits[job.app] = 0
        ages = {app: age + 1 for app, age in ages.items()}
        waits = {app: wait + 1 for app, wait in waits.items()}
        assert {app: waits[app] for app in apps if waits[app] > bounds[app]} == {}


def longest_wait(app: int, apps: dict[int, AppView], durations: list[int]) -> int:
    """Rounds within which an app runs again, in the worst case.

    Its first job waits for what stands upstream by then: at most two jobs an app, the second of
    which may have to wait in turn. Then it waits for its turn among the jobs of its tier.
    """
    mine = apps[app]
    upstream = [
        longest_wait(other.id, apps, durations)
        for other in apps.values()
        if other.tier.rank < mine.tier.rank or other.id == mine.after
    ]
    tier = [durations[other.id - 1] + 1 for other in apps.values() if other.tier is mine.tier]
    return 2 * max(upstream, default=0) + 2 * sum(tier)


def step_named(machine: Machine, world: World, name: str) -> World:
    return next(step for step in machine.steps(world) if step.name == name).make()


@given(boards())
@ordinary
def test_the_order_of_the_jobs_does_not_matter(
    board: tuple[dict[int, AppView], list[JobView], Policy],
) -> None:
    apps, jobs, policy = board
    expected = decide(jobs, apps, policy, NOW)
    assert decide(jobs[::-1], apps, policy, NOW) == expected
    assert decide(sorted(jobs, key=lambda job: job.id % 3), apps, policy, NOW) == expected


@given(boards())
@ordinary
def test_each_held_job_gets_one_decision_and_running_ones_none(
    board: tuple[dict[int, AppView], list[JobView], Policy],
) -> None:
    apps, jobs, policy = board
    decided = [decision.job_id for decision in decide(jobs, apps, policy, NOW)]
    assert len(decided) == len(set(decided))
    states = {job.id: job.state for job in jobs}
    held = {id_ for id_, state in states.items() if state is JobState.HELD}
    assert held <= set(decided)
    assert all(states[id_] is not JobState.RUNNING for id_ in decided)


@given(boards())
@ordinary
def test_an_app_is_never_active_twice(
    board: tuple[dict[int, AppView], list[JobView], Policy],
) -> None:
    apps, jobs, policy = board
    released = {d.job_id for d in decide(jobs, apps, policy, NOW) if isinstance(d, Release)}
    active = [job.app_id for job in jobs if job.state is not JobState.HELD or job.id in released]
    assert len(active) == len(set(active))


@given(boards(), st.integers(7, 9))
@ordinary
def test_nothing_joins_a_plan_and_a_plan_joins_nothing(
    board: tuple[dict[int, AppView], list[JobView], Policy], wave: int
) -> None:
    apps, jobs, _ = board
    planned = {job.id for job in jobs if job.is_planned}
    others = [job for job in jobs if not job.is_planned]
    for app_id in apps:
        assert place(app_id, wave, jobs, apps, is_planned=True) == New()
        placed = place(app_id, wave, jobs, apps)
        assert not (isinstance(placed, Join) and placed.job_id in planned)
        if not any(job.app_id == app_id for job in others):
            assert placed == New()


@given(boards(), st.integers(7, 9))
@ordinary
def test_a_place_does_not_depend_on_the_order_of_the_jobs(
    board: tuple[dict[int, AppView], list[JobView], Policy], wave: int
) -> None:
    apps, jobs, _ = board
    for app_id in apps:
        assert place(app_id, wave, jobs, apps) == place(app_id, wave, jobs[::-1], apps)
