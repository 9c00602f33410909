"""T6: every lost step is repaired, and where nothing was lost nothing happens."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from shared.db.asking import cancel
from shared.db.claiming import retry_later
from shared.db.sweeping import (
    REPUBLISH_CAP_S,
    count_queued,
    decide_held,
    fail_overdue_holds,
    find_overdue,
    forget_inbox,
    republish,
    requeue_expired,
)
from shared.db.tables import inbox, job_events, outbox
from shared.db.tenants import add_tenant
from shared.domain.states import Tier


@pytest.fixture(autouse=True)
def _apps(district: Any) -> None:
    district.three_tiers()


def sweep_messages(district: Any, missing: int = 10, tier: Tier = Tier.IMPORT) -> int:
    made = republish(district.gate, {tier: missing}, after_s=60, relay_after_s=2)
    assert [publication.routing_key for publication in made] == [f"sync.{tier}"] * len(made)
    return len(made)


def test_a_lost_lease_queues_the_job_again(district: Any, clock: Any) -> None:
    job_id = district.ask("oak/sis").job_id
    district.claim(job_id)
    clock.turn(seconds=60)
    assert requeue_expired(district.gate, max_failures=3) == []
    clock.turn(seconds=1)
    published = requeue_expired(district.gate, max_failures=3)
    assert [publication.routing_key for publication in published] == ["sync.import"]
    job = district.job(job_id)
    assert (job.state, job.failures, job.attempt) == ("queued", 1, 1)
    assert job.reason == "its lease ended: worker host:1:1 was lost"
    assert district.claim(job_id).attempt == 2


def test_a_job_whose_workers_are_lost_again_and_again_fails(district: Any, clock: Any) -> None:
    job_id = district.ask("oak/sis", cascade=True).job_id
    for _ in range(3):
        district.claim(job_id)
        clock.turn(seconds=61)
        requeue_expired(district.gate, max_failures=3)
    job = district.job(job_id)
    assert (job.state, job.reason) == ("failed", "its worker was lost 3 times")
    assert district.job(2).state == "queued"
    district.drain()
    assert district.violations() == []


def test_a_lost_job_past_its_deadline_fails(district: Any, clock: Any) -> None:
    job_id = district.ask("oak/sis").job_id
    district.claim(job_id)
    clock.turn(hours=2)
    requeue_expired(district.gate, max_failures=3)
    assert district.job(job_id).state == "failed"


def test_a_lost_job_that_shall_end_is_cancelled(district: Any, clock: Any) -> None:
    job_id = district.ask("oak/sis").job_id
    district.claim(job_id)
    cancel(district.gate, job_id, actor="cli", by=None)
    clock.turn(seconds=61)
    requeue_expired(district.gate, max_failures=3)
    assert district.job(job_id).state == "cancelled"


def test_leases_of_many_districts_are_judged_in_one_round(district: Any, clock: Any) -> None:
    for number in range(3):
        add_tenant(district.gate, f"elm{number}", "UTC")
        district.app("sis", Tier.IMPORT, tenant=f"elm{number}")
        district.claim(district.ask(f"elm{number}/sis").job_id)
    clock.turn(seconds=61)
    requeue_expired(district.gate, max_failures=3, limit=2)
    assert sorted(district.states().values()) == ["queued", "queued", "running"]
    requeue_expired(district.gate, max_failures=3, limit=2)
    assert set(district.states().values()) == {"queued"}


def test_a_lost_message_is_published_again_ever_more_rarely(district: Any, clock: Any) -> None:
    job_id = district.ask("oak/sis").job_id
    published_after = []
    start = clock.now()
    for _ in range(60):
        clock.turn(seconds=60)
        if sweep_messages(district):
            published_after.append(int((clock.now() - start).total_seconds()) // 60)
    assert published_after[:4] == [1, 3, 7, 15]
    gaps = [b - a for a, b in pairwise(published_after)]
    assert max(gaps) == REPUBLISH_CAP_S // 60
    assert district.job(job_id).republished == len(published_after)
    ids = [row.message_id for row in district.rows(outbox)]
    assert len(set(ids)) == len(ids)


def test_no_more_are_published_than_are_missing(district: Any, clock: Any) -> None:
    for name in ("hr", "fin", "lms"):
        district.app(name, Tier.IMPORT)
        district.ask(f"oak/{name}")
    clock.turn(seconds=120)
    assert sweep_messages(district, missing=0) == 0
    assert sweep_messages(district, missing=-2) == 0
    assert sweep_messages(district, tier=Tier.EXPORT) == 0
    assert sweep_messages(district, missing=2) == 2
    assert sweep_messages(district, missing=2) == 1
    assert count_queued(district.gate) == {Tier.IMPORT: 3}


def test_a_job_that_is_queued_anew_waits_its_full_time_again(district: Any, clock: Any) -> None:
    job_id = district.ask("oak/sis").job_id
    clock.turn(seconds=61)
    assert sweep_messages(district) == 1
    district.claim(job_id)
    clock.turn(seconds=61)
    requeue_expired(district.gate, max_failures=9)
    assert district.job(job_id).republished == 0
    assert sweep_messages(district) == 0


def test_what_runs_or_is_held_is_never_published_again(district: Any, clock: Any) -> None:
    district.claim(district.ask("oak/sis", cascade=True).job_id)
    clock.turn(hours=1)
    for tier in Tier:
        assert sweep_messages(district, tier=tier) == 0


def test_the_sweep_alone_drains_a_district(district: Any, clock: Any) -> None:
    district.ask("oak/sis", cascade=True)
    for _ in range(3):
        (job_id,) = (id_ for id_, state in district.states().items() if state == "queued")
        district.finish(district.claim(job_id))
        assert "queued" not in district.states().values()
        decide_held(district.gate, after=0)
    district.clear_outbox()
    assert district.violations() == []


def test_held_districts_are_decided_in_turns(district: Any) -> None:
    for number in range(5):
        add_tenant(district.gate, f"elm{number}", "UTC")
        for name, tier in (("sis", Tier.IMPORT), ("mdm", Tier.EXPORT)):
            district.app(name, tier, tenant=f"elm{number}")
        district.finish(district.claim(district.ask(f"elm{number}/sis", cascade=True).job_id))
    turns, after = [], 0
    for _ in range(3):
        published, after = decide_held(district.gate, after=after, limit=2)
        turns.append(len(published))
    assert (turns, after) == ([2, 2, 1], 0)


def test_a_sweep_of_a_healthy_district_changes_nothing(district: Any) -> None:
    district.claim(district.ask("oak/sis", cascade=True).job_id)
    before = [district.rows(), district.rows(job_events), district.rows(outbox)]
    requeue_expired(district.gate, max_failures=3)
    fail_overdue_holds(district.gate)
    decide_held(district.gate, after=0)
    decide_held(district.gate, after=0)
    after = [district.rows(), district.rows(job_events), district.rows(outbox)]
    # the first one may tell that the import runs by now: a reason alone
    assert [row[:7] for row in before[0]] == [row[:7] for row in after[0]]
    assert before[1:] == after[1:]


def test_a_first_wait_has_no_deadline_and_is_told_when_it_is_long(
    district: Any, clock: Any
) -> None:
    district.claim(district.ask("oak/sis", cascade=True).job_id)
    clock.turn(hours=5)
    assert fail_overdue_holds(district.gate) == []
    overdue = find_overdue(district.gate, longer_than_s=3600)
    assert [(job.job_id, job.reason) for job in overdue] == [
        (2, "waits for sis (import), job 1, queued"),
        (3, "waits for sis (import), job 1, queued"),
    ]
    assert find_overdue(district.gate, longer_than_s=6 * 3600) == []


def test_a_retry_that_never_gets_its_turn_fails_at_its_deadline(district: Any, clock: Any) -> None:
    job_id = district.ask("oak/sis", cascade=True).job_id
    mine = district.claim(job_id)
    retry_later(district.gate, mine, reason="503", terms=district.terms, retry_after_s=None)
    clock.turn(minutes=59)
    assert fail_overdue_holds(district.gate) == []
    clock.turn(minutes=1)
    fail_overdue_holds(district.gate)
    assert district.states() == {1: "failed", 2: "queued", 3: "held"}


def test_message_ids_are_forgotten_after_their_days(district: Any, clock: Any) -> None:
    district.ask("oak/sis", message_id="m1")
    clock.turn(days=20)
    district.ask("oak/sis", message_id="m2")
    clock.turn(days=11)
    assert forget_inbox(district.gate, days=30) == 1
    assert [row.message_id for row in district.rows(inbox)] == ["m2"]
