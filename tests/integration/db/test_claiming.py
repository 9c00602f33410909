"""T3 and T4: a job is claimed once, its effect commits once, and every bad end has its rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from shared.db.apps import pause_app
from shared.db.claiming import (
    Assignment,
    Outcome,
    Refusal,
    beat,
    check_fence,
    claim,
    fail,
    finish,
    give_back,
    retry_later,
)
from shared.db.sweeping import decide_held, fail_overdue_holds, requeue_expired
from shared.db.tables import apps, job_events, outbox
from shared.domain.states import Tier
from shared.errors import ConflictError


@pytest.fixture(autouse=True)
def _apps(district: Any) -> None:
    district.three_tiers()


@pytest.fixture
def job_id(district: Any) -> int:
    return district.ask("oak/sis", cascade=True).job_id


def retry(district: Any, mine: Assignment, retry_after_s: float | None = None) -> None:
    retry_later(
        district.gate, mine, reason="503", terms=district.terms, retry_after_s=retry_after_s
    )


def steal(district: Any, clock: Any, job_id: int) -> tuple[Assignment, Assignment]:
    """Let a worker lose its lease and another one claim the job; returns both assignments."""
    first = district.claim(job_id, "host:1:1")
    clock.turn(seconds=61)
    requeue_expired(district.gate, max_failures=9)
    return first, district.claim(job_id, "host:2:2")


def test_a_claim_takes_a_lease_and_hands_over_all_that_is_needed(
    district: Any, clock: Any, job_id: int
) -> None:
    mine = district.claim(job_id)
    job = district.job(job_id)
    assert (job.state, job.attempt, job.worker) == ("running", 1, "host:1:1")
    assert job.lease_until == clock.now() + timedelta(seconds=60)
    assert (
        job.deadline_at
        == mine.deadline_at
        == clock.now() + timedelta(seconds=district.terms.deadline_s)
    )
    assert (mine.tenant, mine.app, mine.tier, mine.attempt) == ("oak", "sis", Tier.IMPORT, 1)


def test_a_doubled_message_is_refused(district: Any, job_id: int) -> None:
    district.claim(job_id)
    assert district.refuse(job_id) == "it is running"
    assert district.refuse(2) == "it is held"
    assert district.refuse(99) == "there is no such job"
    assert district.events(job_id) == [(None, "held"), ("held", "queued"), ("queued", "running")]


def test_two_claims_at_the_same_moment_make_one(
    district: Any, job_id: int, together: Callable[..., list[Any]]
) -> None:
    def one(worker: str) -> Any:
        return claim(district.gate, job_id, worker=worker, terms=district.terms)[0]

    claimed = together(*[lambda n=n: one(f"host:{n}:1") for n in range(4)])
    assert sum(isinstance(answer, Assignment) for answer in claimed) == 1
    assert sum(isinstance(answer, Refusal) for answer in claimed) == 3


def test_a_finish_commits_everything_together(district: Any, job_id: int) -> None:
    mine = district.claim(job_id)
    counts = {"users": {"added": 3}}
    outcome = Outcome(counts=counts, cursor="c1", certificate={"is_complete": True})
    publications = finish(district.gate, mine, lambda _: outcome)
    job = district.job(job_id)
    assert (job.state, job.counts, job.lease_until, job.worker) == ("succeeded", counts, None, None)
    app = district.rows(apps)[0]
    assert (app.cursor, app.last_outcome, app.last_wave) == ("c1", "succeeded", 1)
    assert [publication.routing_key for publication in publications] == ["job.import.succeeded"]
    assert district.job(2).state == "held"  # the event releases it, not the finish
    district.drain()
    assert district.violations() == []


def test_the_first_of_two_workers_commits_nothing(district: Any, clock: Any, job_id: int) -> None:
    first, second = steal(district, clock, job_id)
    before = district.rows(outbox), district.rows(job_events), district.job(job_id)

    def apply(connection: Connection) -> Outcome:
        connection.execute(update(apps).where(apps.c.id == first.app_id).values(connector="stolen"))
        return Outcome(counts={"users": {"added": 1}}, cursor="stolen")

    with pytest.raises(ConflictError):
        finish(district.gate, first, apply)
    app = district.rows(apps)[0]
    assert (app.connector, app.cursor, app.last_outcome) == ("test", None, None)
    assert (district.rows(outbox), district.rows(job_events), district.job(job_id)) == before
    district.finish(second)
    district.drain()
    assert district.violations() == []


def test_the_first_of_two_workers_can_do_nothing_else_either(
    district: Any, clock: Any, job_id: int
) -> None:
    first, second = steal(district, clock, job_id)
    for act in (
        lambda: retry(district, first),
        lambda: give_back(district.gate, first),
        lambda: fail(district.gate, first, reason="late"),
    ):
        with pytest.raises(ConflictError):
            act()
    with district.database.read() as connection:
        check_fence(connection, second)
        with pytest.raises(ConflictError):
            check_fence(connection, first)
    assert not beat(district.gate, first, lease_s=60, progress=None).is_mine
    assert beat(district.gate, second, lease_s=60, progress=None).is_mine


def test_two_workers_that_finish_at_the_same_moment_commit_once(
    district: Any, job_id: int, together: Callable[..., list[Any]]
) -> None:
    mine = district.claim(job_id)
    ends = together(*[lambda: district.finish(mine)] * 3)
    assert sum(isinstance(end, ConflictError) for end in ends) == 2
    district.drain()
    assert district.violations() == []


def test_a_beat_extends_the_lease_and_tells_the_progress(
    district: Any, clock: Any, job_id: int
) -> None:
    mine = district.claim(job_id)
    clock.turn(seconds=50)
    beat(district.gate, mine, lease_s=60, progress={"step": "read", "done": 64, "total": 100})
    clock.turn(seconds=50)
    assert requeue_expired(district.gate, max_failures=9) == []
    assert district.job(job_id).progress["done"] == 64
    clock.turn(hours=1)
    assert beat(district.gate, mine, lease_s=60, progress=None).is_overdue


def test_a_transient_failure_is_held_until_its_time(district: Any, clock: Any, job_id: int) -> None:
    behind = district.ask("oak/sis")  # while it is queued: a second one, behind it
    retry(district, district.claim(job_id))
    job = district.job(job_id)
    assert (job.state, job.reason, job.attempt, job.failures) == ("held", "503", 1, 1)
    assert job.not_before >= clock.now() + timedelta(seconds=30)
    decide_held(district.gate, after=0)
    states = district.states()
    assert (states[job_id], states[2], states[behind.job_id]) == ("held", "held", "held")
    assert district.job(job_id).reason == "503"
    clock.turn(seconds=60)
    decide_held(district.gate, after=0)
    assert district.states()[job_id] == "queued"
    assert district.job(job_id).not_before is None
    assert district.claim(job_id).attempt == 2


def test_a_retry_leaves_its_place_in_the_fair_share(district: Any, clock: Any) -> None:
    district.app("hr", Tier.IMPORT)
    district.set_max_concurrent(1)
    first, second = district.ask("oak/sis").job_id, district.ask("oak/hr").job_id
    assert district.job(second).state == "held"
    retry(district, district.claim(first))
    district.decide()
    assert district.job(second).state == "queued"


def test_a_vendor_that_asks_for_time_gets_it(district: Any, clock: Any, job_id: int) -> None:
    retry(district, district.claim(job_id), retry_after_s=600)
    assert district.job(job_id).not_before >= clock.now() + timedelta(seconds=600)


def test_failures_alone_end_a_job_not_its_attempts(district: Any, clock: Any, job_id: int) -> None:
    for _ in range(10):
        give_back(district.gate, district.claim(job_id))
    assert (district.job(job_id).attempt, district.job(job_id).failures) == (10, 0)
    for _ in range(2):
        retry(district, district.claim(job_id))
        clock.turn(minutes=10)
        district.decide()
    mine = district.claim(job_id)
    retry(district, mine)
    job = district.job(job_id)
    assert (job.state, job.attempt, job.failures) == ("failed", 13, 3)
    assert job.reason == "503 (failure 3 of 3)"
    assert district.rows(apps)[0].last_outcome == "failed"
    district.drain()
    assert district.violations() == []


def test_a_job_that_is_given_back_gets_a_new_message(district: Any, job_id: int) -> None:
    mine = district.claim(job_id)
    district.clear_outbox()
    give_back(district.gate, mine)
    assert district.messages() == ["sync.import"]
    assert district.job(job_id).state == "queued"


def test_a_retry_past_the_deadline_fails(district: Any, clock: Any, job_id: int) -> None:
    retry(district, district.claim(job_id), retry_after_s=3600)
    assert district.job(job_id).state == "failed"


def test_the_deadline_covers_all_attempts(district: Any, clock: Any, job_id: int) -> None:
    deadline = district.claim(job_id).deadline_at
    clock.turn(seconds=61)
    requeue_expired(district.gate, max_failures=9)
    assert district.claim(job_id).deadline_at == deadline


def test_a_held_retry_past_its_deadline_fails(district: Any, clock: Any, job_id: int) -> None:
    retry(district, district.claim(job_id))
    clock.turn(hours=2)
    fail_overdue_holds(district.gate)
    job = district.job(job_id)
    assert (job.state, job.reason) == ("failed", "its deadline passed after 1 attempts: 503")
    assert district.job(2).state == "queued"
    district.drain()
    assert district.violations() == []


def test_a_claim_past_the_deadline_fails_the_job(district: Any, clock: Any, job_id: int) -> None:
    give_back(district.gate, district.claim(job_id))
    clock.turn(hours=2)
    assert district.refuse(job_id) == "its deadline has passed"
    assert district.job(job_id).state == "failed"
    assert district.job(2).state == "queued"
    district.drain()
    assert district.violations() == []


def test_a_pause_skips_what_is_queued_and_spares_what_runs(district: Any, job_id: int) -> None:
    mine = district.claim(job_id)
    other = district.ask("oak/sis").job_id
    pause_app(district.gate, "oak/sis", "summer")
    assert district.states()[other] == "skipped"
    assert district.job(other).reason == "sis is paused: summer"
    district.finish(mine)
    district.drain()
    assert district.violations() == []


def test_a_claim_skips_a_job_whose_app_was_paused(district: Any, job_id: int) -> None:
    mine = district.claim(job_id)
    pause_app(district.gate, "oak/sis", None)
    give_back(district.gate, mine)
    assert district.refuse(job_id) == "sis is paused"
    assert (district.job(job_id).state, district.job(job_id).attempt) == ("skipped", 1)
    assert district.job(2).state == "queued"
    district.drain()
    assert district.violations() == []


def test_a_run_despite_a_failure_upstream_says_so(district: Any, job_id: int) -> None:
    fail(district.gate, district.claim(job_id), reason="wrong password")
    district.decide()
    district.run(2)
    expected = "runs on the last good hub, despite the last run of sis (failed)"
    assert district.job(2).reason == expected


def test_an_app_may_be_skipped_after_a_failure_upstream(district: Any) -> None:
    district.app("google", Tier.EXPORT, upstream_failed="skip")
    failed = district.ask("oak/sis", cascade=True).job_id
    fail(district.gate, district.claim(failed), reason="wrong password")
    district.drain()
    google = district.rows()[-1]
    assert (google.state, google.reason) == (
        "skipped",
        "the last upstream run did not succeed: sis (failed)",
    )
    assert district.violations() == []
