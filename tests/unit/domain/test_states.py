"""The states of a job and the moves between them."""

from __future__ import annotations

from shared.domain.states import TRANSITIONS, UNFINISHED, JobState, Tier


def test_every_state_says_what_may_follow() -> None:
    assert set(TRANSITIONS) == set(JobState)


def test_nothing_follows_an_end_and_something_follows_all_else() -> None:
    for state in JobState:
        assert state.is_ended == (not TRANSITIONS[state]) == (state not in UNFINISHED)


def test_every_state_can_be_reached_from_held_and_can_end() -> None:
    def reached(start: JobState) -> set[JobState]:
        found, todo = {start}, [start]
        while todo:
            following = TRANSITIONS[todo.pop()] - found
            found |= following
            todo += following
        return found

    assert reached(JobState.HELD) == set(JobState)
    assert all(any(end.is_ended for end in reached(state)) for state in JobState)


def test_only_a_running_job_succeeds_and_only_a_queued_one_starts() -> None:
    def leading_to(state: JobState) -> set[JobState]:
        return {from_ for from_, to in TRANSITIONS.items() if state in to}

    assert leading_to(JobState.SUCCEEDED) == {JobState.RUNNING}
    assert leading_to(JobState.RUNNING) == {JobState.QUEUED}


def test_tiers_stand_in_their_order() -> None:
    assert [tier.rank for tier in (Tier.IMPORT, Tier.TWO_WAY, Tier.EXPORT)] == [0, 1, 2]
