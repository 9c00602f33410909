"""A hold in the words that a person reads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.domain.states import JobState, Tier
from shared.domain.tiers import AppView, Cause, Hold, JobView, Release
from shared.domain.waiting import describe_hold, describe_release

AT = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
ZONE = "America/New_York"
APPS = {1: AppView(id=1, name="sis", tier=Tier.IMPORT)}


def told(state: JobState, cause: Cause, *, with_progress: bool = False) -> str:
    job = JobView(id=7, app_id=1, state=state, wave=1, last_wave=1, since=AT, percent=64)
    hold = Hold(9, cause, on=7)
    return describe_hold(hold, {7: job}, APPS, ZONE, with_progress=with_progress)


@pytest.mark.parametrize(
    ("state", "cause", "words"),
    [
        (
            JobState.RUNNING,
            Cause.UPSTREAM,
            "waits for sis (import), job 7, running since 02:00 EST",
        ),
        (JobState.QUEUED, Cause.UPSTREAM, "waits for sis (import), job 7, queued"),
        (JobState.HELD, Cause.UPSTREAM, "waits for sis (import), job 7, which waits itself"),
        (
            JobState.RUNNING,
            Cause.OVERLAP,
            "waits for the app's earlier run: sis (import), job 7, running since 02:00 EST",
        ),
        (
            JobState.QUEUED,
            Cause.FAIR_SHARE,
            "waits for one of the tenant's import jobs to end: sis (import), job 7, queued",
        ),
    ],
)
def test_a_hold_names_the_one_job_that_it_waits_for(
    state: JobState, cause: Cause, words: str
) -> None:
    assert told(state, cause) == words


def test_progress_is_told_when_asked_for() -> None:
    words = told(JobState.RUNNING, Cause.UPSTREAM, with_progress=True)
    assert words.endswith("running since 02:00 EST, 64 %")
    assert "%" not in told(JobState.QUEUED, Cause.UPSTREAM, with_progress=True)


def test_a_retry_tells_its_time_in_the_tenants_zone() -> None:
    assert describe_hold(Hold(9, Cause.NOT_BEFORE, until=AT), {}, APPS, ZONE) == (
        "tries again at 02:00 EST"
    )


def test_a_zone_without_an_abbreviation_tells_its_offset() -> None:
    words = describe_hold(Hold(9, Cause.NOT_BEFORE, until=AT), {}, APPS, "America/Sao_Paulo")
    assert words == "tries again at 04:00 UTC-03"


def test_a_hold_whose_other_job_has_ended_meanwhile_still_says_something() -> None:
    assert describe_hold(Hold(9, Cause.UPSTREAM, on=7), {}, APPS, ZONE) == "waits for its turn"


def test_a_release_speaks_only_of_a_failure_upstream() -> None:
    assert describe_release(Release(9)) is None
    assert describe_release(Release(9, despite="sis (failed)")) == (
        "runs on the last good hub, despite the last run of sis (failed)"
    )
