"""T1: due slots become jobs, each recorded exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from scheduler.sweeper import Sweeper
from shared.broker.memory import EmbeddedBroker
from shared.broker.relay import Relay
from shared.clock import SystemClock
from shared.db.apps import pause_app, remove_app
from shared.db.asking import Ask, ask
from shared.db.firing import fire_due
from shared.db.gate import Gate
from shared.db.outbox import Outbox
from shared.db.schedules import remove_schedule, set_schedule, zone_version
from shared.db.tables import schedules
from shared.db.tenants import add_tenant
from shared.domain.recurrence import Recurrence
from shared.domain.states import Mode, Tier
from shared.settings import Settings

DAY_AT_TWO = timedelta(hours=2)


def test_a_due_slot_becomes_one_job(district: Any, clock: Any) -> None:
    district.three_tiers()
    schedule = district.schedule("oak/sis")
    assert district.fire() == 0
    at = clock.turn(hours=2)
    assert district.fire() == 1
    assert district.fire() == 0
    assert district.slots() == [("05 02:00", "fired", 1)]
    job = district.job(1)
    assert (job.state, job.trigger, job.mode, job.due_at) == ("queued", "schedule", "full", at)
    assert district.rows(schedules)[0].next_run_at == at + timedelta(days=1)
    assert district.messages() == ["sync.import"]
    district.drain()
    assert district.violations(expected_slots={schedule: [at]}) == []


def test_slots_of_one_instant_share_a_wave_and_later_ones_follow(district: Any, clock: Any) -> None:
    district.three_tiers()
    district.schedule("oak/mdm", "02:00")
    district.schedule("oak/ad", "02:05")
    district.schedule("oak/sis", "02:00")
    clock.turn(hours=3)
    assert district.fire() == 3
    waves = {row.tier: row.wave for row in district.rows()}
    assert waves == {"import": 1, "export": 1, "two_way": 2}
    assert {row.tier: row.state for row in district.rows()} == {
        "import": "queued",
        "export": "held",
        "two_way": "held",
    }
    export = next(row for row in district.rows() if row.tier == "export")
    assert export.reason == "waits for sis (import), job 1, queued"
    district.drain()
    assert district.violations() == []


def test_misfires_coalesce_to_the_latest_slot(district: Any, clock: Any) -> None:
    district.three_tiers()
    schedule = district.schedule("oak/sis")
    first = clock.now() + DAY_AT_TWO
    clock.turn(days=2, hours=3)
    assert district.fire() == 3
    assert district.slots() == [
        ("05 02:00", "skipped", None),
        ("06 02:00", "skipped", None),
        ("07 02:00", "fired", 1),
    ]
    district.drain()
    expected = {schedule: [first + timedelta(days=day) for day in range(3)]}
    assert district.violations(expected_slots=expected) == []


def test_full_and_incremental_of_one_instant_are_one_full_job(district: Any, clock: Any) -> None:
    district.three_tiers()
    district.schedule("oak/sis", mode=Mode.INCREMENTAL)
    district.schedule("oak/sis", mode=Mode.FULL)
    clock.turn(hours=2)
    district.fire()
    assert sorted(outcome for _, outcome, _ in district.slots()) == ["coalesced", "fired"]
    assert [row.mode for row in district.rows()] == ["full"]
    district.drain()
    assert district.violations() == []


def test_a_slot_joins_the_job_that_is_held(district: Any, clock: Any) -> None:
    district.three_tiers()
    district.schedule("oak/mdm")
    running = district.ask("oak/sis", mode=Mode.FULL).job_id
    district.claim(running)
    for _ in range(3):
        clock.turn(days=1)
        district.fire()
    assert [outcome for _, outcome, _ in district.slots()] == ["fired", "coalesced", "coalesced"]
    assert (district.job(2).wave, district.job(2).last_wave) == (2, 4)


def test_an_app_has_at_most_two_unfinished_jobs(district: Any, clock: Any) -> None:
    district.three_tiers()
    district.schedule("oak/sis")
    clock.turn(hours=2)
    district.fire()
    first = district.claim(1)
    for _ in range(3):
        clock.turn(days=1)
        district.fire()
    assert [job_id for _, _, job_id in district.slots()] == [1, 2, 2, 2]
    assert district.job(2).reason.startswith("waits for the app's earlier run: sis (import), job 1")
    district.finish(first)
    district.drain()
    assert district.violations() == []


def test_a_schedule_ends_after_its_last_day(district: Any, clock: Any) -> None:
    district.three_tiers()
    schedule = district.schedule("oak/sis", until="2026-01-06")
    first = clock.now() + DAY_AT_TWO
    clock.turn(hours=2)
    district.fire()
    clock.turn(days=1)
    district.fire()
    row = district.rows(schedules)[0]
    assert (row.next_run_at, row.next_wall, row.ended_at) == (None, None, clock.now())
    clock.turn(days=5)
    assert district.fire() == 0
    district.drain()
    expected = {schedule: [first, first + timedelta(days=1)]}
    assert district.violations(expected_slots=expected) == []


def test_a_slot_of_a_paused_app_is_a_skipped_job(district: Any, clock: Any) -> None:
    district.three_tiers()
    district.schedule("oak/sis")
    district.schedule("oak/mdm")
    pause_app(district.gate, "oak/sis", "summer")
    clock.turn(hours=2)
    district.fire()
    jobs = {row.tier: (row.state, row.reason) for row in district.rows()}
    assert jobs == {"import": ("skipped", "sis is paused: summer"), "export": ("queued", None)}
    district.drain()
    assert district.violations() == []


@pytest.mark.parametrize("change", ["edit", "remove the schedule", "remove the app"])
def test_a_slot_that_is_due_is_recorded_before_its_schedule_changes(
    district: Any, clock: Any, change: str
) -> None:
    district.three_tiers()
    schedule = district.schedule("oak/sis")
    at = clock.turn(hours=2)
    match change:
        case "edit":
            district.schedule("oak/sis", "05:00")
        case "remove the schedule":
            remove_schedule(district.gate, "oak/sis", Mode.FULL)
        case _:
            remove_app(district.gate, "oak/sis")
    assert district.slots() == [("05 02:00", "fired", 1)]
    district.drain()
    assert district.violations(expected_slots={schedule: [at]}) == []


def test_a_slot_is_not_recorded_again_after_an_edit_into_the_past(
    district: Any, clock: Any
) -> None:
    district.three_tiers()
    schedule = district.schedule("oak/sis")
    before = clock.now()
    at = clock.turn(hours=2)
    district.fire()
    again = Recurrence.parse(zone="UTC", frequency="daily", at=["02:00"])
    set_schedule(district.gate, "oak/sis", Mode.FULL, again, after=before)
    district.fire()
    district.drain()
    assert district.violations(expected_slots={schedule: [at]}) == []
    assert district.rows(schedules)[0].next_run_at == at + timedelta(days=1)


def test_an_edited_schedule_runs_at_its_new_times_alone(district: Any, clock: Any) -> None:
    district.three_tiers()
    district.schedule("oak/sis", "02:00")
    district.schedule("oak/sis", "04:30")
    clock.turn(hours=4)
    assert district.fire() == 0
    clock.turn(minutes=30)
    assert district.fire() == 1
    assert district.slots() == [("05 04:30", "fired", 1)]


def test_a_tick_takes_the_tenants_that_have_waited_longest(district: Any, clock: Any) -> None:
    for number in range(4):
        add_tenant(district.gate, f"elm{number}", "UTC")
        district.app("sis", Tier.IMPORT, tenant=f"elm{number}")
        district.schedule(f"elm{number}/sis", f"02:0{3 - number}")
    clock.turn(hours=3)
    assert fire_due(district.gate, limit=2).tenants == 2
    assert {slot for slot, _, _ in district.slots()} == {"05 02:00", "05 02:01"}


def test_two_tickers_at_once_record_each_slot_once(
    district: Any, clock: Any, together: Callable[..., list[Any]]
) -> None:
    expected = {}
    for number in range(12):
        tenant = f"elm{number:02}"
        add_tenant(district.gate, tenant, "UTC")
        for name, tier in (("sis", Tier.IMPORT), ("mdm", Tier.EXPORT)):
            district.app(name, tier, tenant=tenant)
            expected[district.schedule(f"{tenant}/{name}")] = [clock.now() + DAY_AT_TWO]
    clock.turn(hours=2)

    def tick() -> int:
        recorded = 0
        # who finds a tenant locked leaves it to the other
        for _ in range(50):
            recorded += fire_due(Gate(district.database), limit=3).slots
        return recorded

    assert sum(together(tick, tick)) == 24
    assert district.violations(is_drained=False, expected_slots=expected) == []


def test_a_wish_beside_a_tick_loses_neither(
    district: Any, clock: Any, together: Callable[..., list[Any]]
) -> None:
    district.three_tiers()
    schedules_of = [district.schedule("oak/sis"), district.schedule("oak/mdm")]
    at = clock.turn(hours=2)
    wish = Ask(app="oak/mdm", message_id="m1")
    together(district.fire, lambda: ask(district.gate, wish), district.fire)
    district.fire()
    district.drain()
    expected = {schedule: [at] for schedule in schedules_of}
    assert district.violations(expected_slots=expected) == []


def test_after_a_long_outage_every_slot_is_recorded_and_the_newest_is_run(
    district: Any, clock: Any
) -> None:
    district.three_tiers()
    hourly = Recurrence.parse(zone="UTC", cron="0 * * * *")
    set_schedule(district.gate, "oak/sis", Mode.FULL, hourly)
    district.schedule("oak/mdm", "02:00")
    clock.turn(hours=24 * 104)
    assert [district.fire() for _ in range(4)] == [1000 + 104, 1000, 496, 0]
    outcomes = Counter(outcome for _, outcome, _ in district.slots())
    assert outcomes == {"skipped": 2495 + 103, "fired": 2}
    assert len(district.states()) == 2


def test_another_zone_database_moves_the_instant_and_keeps_the_wall_time(district: Any) -> None:
    district.three_tiers()
    district.schedule("oak/sis", "02:00")
    [before] = district.rows(schedules)
    with district.database.write() as connection:
        moved = before.next_run_at + timedelta(hours=1)
        connection.execute(update(schedules).values(zone_version="1999a", next_run_at=moved))
    relay = Relay(EmbeddedBroker().publisher, Outbox(district.database))
    Sweeper(district.gate, relay, lambda _: None, SystemClock(), Settings()).run_once()
    [after] = district.rows(schedules)
    assert (after.next_run_at, after.next_wall) == (before.next_run_at, before.next_wall)
    assert after.zone_version == zone_version()
