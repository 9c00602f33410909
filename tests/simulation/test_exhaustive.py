"""Every interleaving of one small tenant: safe in each state, and from each state it ends.

Mutants that leave a rule out must be caught, or the search would prove nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from unittest.mock import patch

import pytest

from shared.domain import tiers
from shared.domain.states import JobState, Tier
from shared.domain.tiers import AppView, Join, New
from tests.simulation.tenant import Machine, Violation, World

IMPORT = AppView(id=1, name="sis", tier=Tier.IMPORT)
TWO_WAY = AppView(id=2, name="ad", tier=Tier.TWO_WAY)
EXPORT = AppView(id=3, name="mdm", tier=Tier.EXPORT)
ONE_A_TIER = {app.id: app for app in (IMPORT, TWO_WAY, EXPORT)}
SKIPPING = ONE_A_TIER | {3: replace(EXPORT, skips_when_upstream_failed=True)}
CHAIN = {
    1: replace(IMPORT, id=1),
    2: replace(IMPORT, id=2, after=1),
    3: replace(EXPORT, id=3),
}


def search(machine: Machine, *, requests: int, faults: int) -> int:
    """Visit every state that can be reached; returns how many there are.

    Raises:
        Violation: a promise is broken, or some state never ends although nothing more goes wrong.
    """
    start = World(requests=requests, faults=faults)
    known: dict[World, None] = {start: None}
    queue = deque([start])
    # by state, those from which a fair step leads to it
    behind: dict[World, list[World]] = {}
    while queue:
        world = queue.popleft()
        for step in machine.steps(world):
            try:
                following = step.make()
            except Violation as error:
                raise Violation(f"{error}, by {step.name!r} in {world}") from None
            if step.is_fair:
                behind.setdefault(following, []).append(world)
            if following not in known:
                known[following] = None
                queue.append(following)
    ending = [world for world in known if world.is_done]
    ends = set(ending)
    while ending:
        for world in behind.get(ending.pop(), ()):
            if world not in ends:
                ends.add(world)
                ending.append(world)
    stuck = next((world for world in known if world not in ends), None)
    if stuck is not None:
        raise Violation(f"it never ends: {stuck}")
    return len(known)


@pytest.mark.parametrize(
    ("machine", "requests", "faults", "at_least"),
    [
        (Machine(ONE_A_TIER), 4, 1, 20_000),
        (Machine(ONE_A_TIER), 3, 2, 20_000),
        (Machine(SKIPPING), 2, 3, 10_000),
        (Machine(CHAIN), 3, 2, 20_000),
        (Machine(CHAIN, max_concurrent=2), 4, 1, 20_000),
        (Machine(ONE_A_TIER, plans=True), 3, 1, 15_000),
    ],
    ids=["four requests", "three requests", "two requests", "after", "after, two at once", "plans"],
)
def test_it_is_safe_and_live_in_every_state(
    machine: Machine, requests: int, faults: int, at_least: int
) -> None:
    assert search(machine, requests=requests, faults=faults) >= at_least


BOARD = tiers._Board
_upstream_of = tiers._is_upstream
_place = tiers.place


def _joins_whatever_waits(app_id: int, wave: int, jobs: Sequence, apps: object) -> object:
    """Every request joins the app's held job: it may wait for ever more."""
    held = [job for job in jobs if job.app_id == app_id and job.state is JobState.HELD]
    return Join(held[-1].id) if held else New()


def _joins_a_queued_job(app_id: int, wave: int, jobs: Sequence, apps: object) -> object:
    queued = [job for job in jobs if job.app_id == app_id and job.state is JobState.QUEUED]
    return Join(queued[0].id) if queued else _place(app_id, wave, jobs, apps)


def _joins_a_running_job(app_id: int, wave: int, jobs: Sequence, apps: object) -> object:
    running = [job for job in jobs if job.app_id == app_id and job.state is JobState.RUNNING]
    return Join(running[0].id) if running else _place(app_id, wave, jobs, apps)


def _waits_whatever_the_wave(board: tiers._Board, job: tiers.JobView) -> object:
    blockers = [other for other in board.jobs.values() if _upstream_of(other, job, board.apps)]
    return tiers.Hold(job.id, tiers.Cause.UPSTREAM, on=blockers[0].id) if blockers else None


def _waits_by_the_last_wave(board: tiers._Board, job: tiers.JobView) -> object:
    """Downstream looks at an upstream job's last request instead of its first."""
    blockers = [
        other
        for other in board.jobs.values()
        if other.last_wave <= job.last_wave and _upstream_of(other, job, board.apps)
    ]
    return tiers.Hold(job.id, tiers.Cause.UPSTREAM, on=blockers[0].id) if blockers else None


def _waits_up_to_its_first_wave(board: tiers._Board, job: tiers.JobView) -> object:
    blockers = [
        other
        for other in board.jobs.values()
        if other.wave <= job.wave and _upstream_of(other, job, board.apps)
    ]
    return tiers.Hold(job.id, tiers.Cause.UPSTREAM, on=blockers[0].id) if blockers else None


def _shares_over_all_tiers(board: tiers._Board, job: tiers.JobView) -> object:
    active = [other for other in board.jobs.values() if other.state in tiers._ACTIVE]
    if len(active) < board.policy.max_concurrent:
        return None
    return tiers.Hold(job.id, tiers.Cause.FAIR_SHARE, on=active[0].id)


def _judges_once(jobs: object, apps: object, policy: object, now: object) -> list:
    """A skip opens no gate in the same decision."""
    board = BOARD(jobs, apps, policy, now)
    decisions = []
    for job in board.in_order():
        verdict = board.judge(job)
        if verdict is not None:
            decisions.append(verdict)
        if isinstance(verdict, tiers.Release):
            board.queue(job)
    return decisions


def _never(*args: object) -> None:
    return None


#: By name: what is patched in the pure functions, and by what.
RULES_LEFT_OUT: dict[str, tuple[object, str, Callable]] = {
    "no upstream": (BOARD, "_waits_for_upstream", _never),
    "no waves": (BOARD, "_waits_for_upstream", _waits_whatever_the_wave),
    "the upstream's last wave": (BOARD, "_waits_for_upstream", _waits_by_the_last_wave),
    "up to the first wave": (BOARD, "_waits_for_upstream", _waits_up_to_its_first_wave),
    "no overlap rule": (BOARD, "_waits_for_own", _never),
    "no time of retry": (BOARD, "_waits_for_time", _never),
    "no fair share": (BOARD, "_fair_share", _never),
    "fair share over all tiers": (BOARD, "_fair_share", _shares_over_all_tiers),
    "nothing is ever closed": (BOARD, "_closed", _never),
    "a skip opens no gate": (tiers, "decide", _judges_once),
    "joins whatever is held": (tiers, "place", _joins_whatever_waits),
    "joins a queued job": (tiers, "place", _joins_a_queued_job),
    "joins a running job": (tiers, "place", _joins_a_running_job),
    "joins nothing": (tiers, "place", lambda *_: New()),
}


@pytest.mark.parametrize("name", RULES_LEFT_OUT)
def test_a_rule_left_out_is_caught(name: str) -> None:
    target, function, mutant = RULES_LEFT_OUT[name]
    # where apps stand alone in their tiers, no overlap is a fair share of one
    apps = CHAIN if name == "no fair share" else SKIPPING
    with patch.object(target, function, mutant), pytest.raises(Violation):
        search(Machine(apps), requests=4, faults=1)


@pytest.mark.parametrize(
    ("switch", "faults"),
    [("judges_claims", 2), ("is_fenced", 1), ("republishes", 1), ("sweeps", 1)],
)
def test_a_step_left_out_is_caught(switch: str, faults: int) -> None:
    with pytest.raises(Violation):
        search(replace(Machine(ONE_A_TIER), **{switch: False}), requests=3, faults=faults)


def test_a_plan_that_takes_requests_in_is_caught() -> None:
    def joins_a_plan(
        app_id: int, wave: int, jobs: Sequence, apps: object, *, is_planned: bool = False
    ) -> object:
        ordinary = [replace(job, is_planned=False) for job in jobs]
        return _place(app_id, wave, ordinary, apps, is_planned=is_planned)

    with patch.object(tiers, "place", joins_a_plan), pytest.raises(Violation):
        search(Machine(ONE_A_TIER, plans=True), requests=3, faults=0)
