"""Jobs that only show a plan: through the gate like any other, and no run of their app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.db.asking import cancel
from shared.db.claiming import Outcome, fail, finish, retry_later
from shared.db.sweeping import decide_held, fail_overdue_holds, requeue_expired
from shared.db.tables import apps
from shared.domain.states import JobState, Tier


@pytest.fixture
def plan_id(district: Any) -> int:
    """A plan of `sis`, queued; `sis` has failed in a wave before, `ad` is below it."""
    district.app("sis", Tier.IMPORT)
    district.app("ad", Tier.TWO_WAY)
    failed = district.ask("oak/sis")
    fail(district.gate, district.claim(failed.job_id), reason="wrong password")
    asked = district.ask("oak/sis", is_plan=True)
    assert not asked.coalesced
    return int(asked.job_id)


def outcome(district: Any) -> tuple[str, int, str | None]:
    sis = district.rows(apps)[0]
    return sis.last_outcome, sis.last_wave, sis.cursor


def _finish(district: Any, job_id: int) -> None:
    finish(district.gate, district.claim(job_id), lambda _: Outcome(counts={}, plan={"hash": "x"}))


def _fail(district: Any, job_id: int) -> None:
    fail(district.gate, district.claim(job_id), reason="no")


def _retry_too_often(district: Any, job_id: int) -> None:
    for _ in range(3):
        district.clock.turn(minutes=10)
        district.decide()
        mine = district.claim(job_id)
        retry_later(district.gate, mine, reason="503", terms=district.terms, retry_after_s=None)


def _cancel_waiting(district: Any, job_id: int) -> None:
    cancel(district.gate, job_id, actor="cli", by=None)


def _cancel_running(district: Any, job_id: int) -> None:
    mine = district.claim(job_id)
    cancel(district.gate, job_id, actor="cli", by=None)
    retry_later(district.gate, mine, reason="503", terms=district.terms, retry_after_s=None)


def _expire(district: Any, job_id: int) -> None:
    for _ in range(3):
        district.claim(job_id)
        district.clock.turn(seconds=61)
        requeue_expired(district.gate, max_failures=3)


def _overdue(district: Any, job_id: int) -> None:
    mine = district.claim(job_id)
    retry_later(district.gate, mine, reason="503", terms=district.terms, retry_after_s=None)
    district.clock.turn(hours=2)
    fail_overdue_holds(district.gate)


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (_finish, JobState.SUCCEEDED),
        (_fail, JobState.FAILED),
        (_retry_too_often, JobState.FAILED),
        (_cancel_waiting, JobState.CANCELLED),
        (_cancel_running, JobState.CANCELLED),
        (_expire, JobState.FAILED),
        (_overdue, JobState.FAILED),
    ],
)
def test_however_a_plan_ends_the_app_has_not_run(
    district: Any, plan_id: int, end: Callable[[Any, int], None], state: JobState
) -> None:
    before = outcome(district)
    assert before[0] == "failed"
    end(district, plan_id)
    assert district.job(plan_id).state == state
    assert outcome(district) == before
    district.drain()
    assert district.violations() == []


def test_a_plan_waits_for_the_apps_run_and_the_run_behind_it_for_the_plan(
    district: Any, plan_id: int
) -> None:
    run = district.ask("oak/sis")
    assert (run.coalesced, district.states()[run.job_id]) == (False, "held")
    again = district.ask("oak/sis", is_plan=True)
    assert not again.coalesced
    other = district.ask("oak/sis")
    assert (other.job_id, other.coalesced) == (run.job_id, True)
    district.run(plan_id)
    district.decide()
    assert (district.states()[run.job_id], district.states()[again.job_id]) == ("queued", "held")
    decide_held(district.gate, after=0)
    assert sum(state == "queued" for state in district.states().values()) == 1
    district.drain()
    assert district.violations() == []


def test_what_is_downstream_waits_for_a_plan_like_for_any_other(
    district: Any, plan_id: int
) -> None:
    below = district.ask("oak/ad").job_id
    assert district.job(below).reason.startswith("waits for sis (import)")
    district.run(plan_id)
    district.drain()
    # the failure before the plan is not forgotten
    assert district.job(below).reason.endswith("despite the last run of sis (failed)")
