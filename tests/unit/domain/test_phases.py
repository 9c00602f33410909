"""A job's life in phases: what it waited for, told afterwards from what was unfinished then."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.phases import Holding, Life, Phase, PhaseKind, Step, phases
from shared.domain.states import JobState, Tier
from shared.domain.tiers import AppView, Cause

ZERO = datetime(2026, 3, 8, tzinfo=UTC)
APPS = {
    1: AppView(id=1, name="sis", tier=Tier.IMPORT),
    2: AppView(id=2, name="facts", tier=Tier.IMPORT),
    3: AppView(id=3, name="ad", tier=Tier.TWO_WAY),
    4: AppView(id=4, name="rooms", tier=Tier.TWO_WAY, after=3),
    5: AppView(id=5, name="mdm", tier=Tier.EXPORT),
}


def at(minute: float) -> datetime:
    return ZERO + timedelta(minutes=minute)


def life(
    job_id: int,
    app_id: int,
    *moves: tuple[JobState, float] | tuple[JobState, float, str],
    wave: int = 1,
    due: float | None = None,
) -> Life:
    steps = [Step(move[0], at(move[1]), move[2] if len(move) > 2 else None) for move in moves]
    return Life(
        id=job_id,
        app_id=app_id,
        wave=wave,
        last_wave=wave,
        due_at=steps[0].at if due is None else at(due),
        created_at=steps[0].at,
        finished_at=steps[-1].at if steps[-1].to.is_ended else None,
        steps=steps,
    )


def run(
    job_id: int, app_id: int, made: float, released: float, end: float | None, wave: int = 1
) -> Life:
    moves = [
        (JobState.HELD, made),
        (JobState.QUEUED, released),
        (JobState.RUNNING, released),
    ]
    ended = [] if end is None else [(JobState.SUCCEEDED, end)]
    return life(job_id, app_id, *moves, *ended, wave=wave)


def told(found: list[Phase]) -> list[tuple[str, float, float, str, int | None]]:
    return [
        (
            phase.kind.value,
            (phase.since - ZERO) / timedelta(minutes=1),
            (phase.until - ZERO) / timedelta(minutes=1),
            phase.words,
            phase.on,
        )
        for phase in found
    ]


def test_a_wait_is_named_by_the_last_upstream_job_to_end() -> None:
    others = [run(10, 1, 0, 0, 5), run(11, 2, 0, 0, 9), run(12, 3, 0, 9, 20)]
    assert told(phases(others[2], others, APPS, at(60))) == [
        ("held", 0, 9, "waited for facts (import), job 11", 11),
        ("running", 9, 20, "ran", None),
    ]


def test_what_is_after_or_of_a_later_wave_is_waited_for_by_the_rule() -> None:
    ad, rooms = run(10, 3, 0, 0, 5), run(11, 4, 0, 5, 6)
    later = run(12, 1, 1, 1, 50, wave=2)
    assert told(phases(rooms, [ad, rooms, later], APPS, at(60)))[0] == (
        "held",
        0,
        5,
        "waited for ad (2-way), job 10",
        10,
    )


def test_a_wait_is_divided_among_what_it_was_for() -> None:
    upstream, own = run(10, 1, 0, 0, 5), run(11, 3, 0, 5, 8)
    same_tier = run(12, 4, 0, 2, 10)
    job = run(13, 3, 0, 10, 12, wave=2)
    assert told(phases(job, [upstream, own, same_tier, job], APPS, at(60))) == [
        ("held", 0, 5, "waited for sis (import), job 10", 10),
        ("held", 5, 8, "waited for the app's earlier run: ad (2-way), job 11", 11),
        (
            "held",
            8,
            10,
            "waited for one of the tenant's 2-way jobs to end: rooms (2-way), job 12",
            12,
        ),
        ("running", 10, 12, "ran", None),
    ]


def test_a_wait_for_nothing_that_is_known_says_so() -> None:
    (wait, _run) = phases(run(10, 1, 0, 7, 9), [], APPS, at(60))
    assert (wait.kind, wait.words, wait.on) == (PhaseKind.HELD, "waited to be released", None)


def test_a_retry_a_worker_and_a_late_scheduler_are_waits_of_their_own() -> None:
    job = life(
        10,
        1,
        (JobState.HELD, 5),
        (JobState.QUEUED, 5),
        (JobState.RUNNING, 6),
        (JobState.HELD, 8, "busy: 429"),
        (JobState.QUEUED, 9),
        (JobState.RUNNING, 9),
        (JobState.QUEUED, 11, "its lease ended"),
        due=0,
    )
    assert told(phases(job, [job], APPS, at(12))) == [
        (
            "late",
            0,
            5,
            "was due, and its job was not made yet: no scheduler ran, or the app was closed",
            None,
        ),
        ("queued", 5, 6, "waited for a free import worker", None),
        ("running", 6, 8, "ran", None),
        ("retry", 8, 9, "waited to try again, since busy: 429", None),
        ("running", 9, 11, "ran", None),
        ("queued", 11, 12, "waits for a free import worker, since its lease ended", None),
    ]


def test_what_is_held_now_says_what_the_gate_says() -> None:
    upstream = run(10, 1, 0, 0, None)
    held = life(11, 5, (JobState.HELD, 0))
    says = Holding("waits for sis (import), job 10, running, 64 %", Cause.UPSTREAM, 10)
    assert told(phases(held, [upstream, held], APPS, at(3), says)) == [
        ("held", 0, 3, says.words, 10)
    ]
    retried = life(
        12, 1, (JobState.HELD, 0), (JobState.QUEUED, 0), (JobState.RUNNING, 0), (JobState.HELD, 1)
    )
    again = Holding("tries again at 00:10 UTC", Cause.NOT_BEFORE)
    assert told(phases(retried, [], APPS, at(3), again))[-1] == ("retry", 1, 3, again.words, None)


def test_a_job_that_was_shut_out_at_once_has_no_phase() -> None:
    assert phases(life(10, 1, (JobState.HELD, 0), (JobState.SKIPPED, 0)), [], APPS, at(3)) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(APPS)),
            st.integers(0, 40),
            st.integers(0, 40),
            st.one_of(st.none(), st.integers(0, 40)),
            st.integers(1, 3),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_phases_fill_a_life_without_gaps(
    drawn: list[tuple[int, int, int, int | None, int]],
) -> None:
    lives = [
        run(
            number,
            app,
            made,
            made + held,
            None if ran is None else made + held + ran,
            wave=wave,
        )
        for number, (app, made, held, ran, wave) in enumerate(drawn, 1)
    ]
    now = at(200)
    for job in lives:
        found = phases(job, lives, APPS, now)
        assert all(phase.since < phase.until for phase in found)
        assert all(one.until == other.since for one, other in itertools.pairwise(found))
        if found:
            assert found[0].since == job.due_at
            assert found[-1].until == (job.finished_at or now)
        assert {phase.on for phase in found} <= {None, *range(1, len(lives) + 1)} - {job.id}
