"""What the setting of a schedule asks of the tenant's others, on both databases."""

from __future__ import annotations

from shared.db.apps import pause_app
from shared.db.claiming import Outcome, finish
from shared.db.schedule_order import next_without_schedule, upstream_schedules
from shared.db.schedules import remove_schedule, set_schedule
from shared.db.tenants import add_tenant
from shared.domain.recurrence import Recurrence
from shared.domain.states import Mode, Tier
from tests.integration.db.conftest import District

NIGHTLY = Recurrence.parse(zone="UTC", frequency="daily", at=["02:00"])


def scheduled(district: District, app: str, mode: Mode = Mode.FULL) -> None:
    set_schedule(district.gate, app, mode, NIGHTLY)


def before(district: District, app_id: int) -> list[tuple[str, float | None]]:
    with district.database.read() as connection:
        found = upstream_schedules(connection, app_id)
    return [(one.app, one.typical_s) for one in found]


def following(district: District, app_id: int) -> str | None:
    with district.database.read() as connection:
        return next_without_schedule(connection, app_id)


def test_before_an_app_are_earlier_tiers_and_those_that_it_comes_after(district: District) -> None:
    district.app("sis", Tier.IMPORT)
    district.app("hr", Tier.IMPORT)
    district.app("first", Tier.TWO_WAY)
    middle = district.app("middle", Tier.TWO_WAY, after="first")
    last = district.app("last", Tier.TWO_WAY, after="middle")
    district.app("out", Tier.EXPORT)
    for app in ("sis", "hr", "first", "middle", "last", "out"):
        scheduled(district, f"oak/{app}")
    add_tenant(district.gate, "elm", "UTC")
    district.app("other", Tier.IMPORT, tenant="elm")
    scheduled(district, "elm/other")
    assert [app for app, _ in before(district, middle)] == ["sis", "hr", "first"]
    assert [app for app, _ in before(district, last)] == ["sis", "hr", "middle", "first"]
    pause_app(district.gate, "oak/hr", None)
    remove_schedule(district.gate, "oak/sis", Mode.FULL)
    assert before(district, middle) == [("first", None)]


def test_how_long_an_app_takes_is_known_by_its_last_runs(district: District) -> None:
    district.app("sis", Tier.IMPORT)
    out = district.app("out", Tier.EXPORT)
    scheduled(district, "oak/sis")
    for seconds in (60, 600, 120):
        claimed = district.claim(district.ask("oak/sis").job_id)
        district.clock.turn(seconds=seconds)
        finish(district.gate, claimed, lambda _: Outcome(counts={}))
    assert before(district, out) == [("sis", 120)]


def test_the_next_to_be_scheduled_is_the_next_in_order(district: District) -> None:
    sis = district.app("sis", Tier.IMPORT)
    out = district.app("out", Tier.EXPORT)
    district.app("ps", Tier.TWO_WAY)
    scheduled(district, "oak/sis")
    assert following(district, sis) == "ps"
    scheduled(district, "oak/ps", Mode.INCREMENTAL)
    assert following(district, sis) == "out"
    scheduled(district, "oak/out")
    assert following(district, sis) is None
    remove_schedule(district.gate, "oak/sis", Mode.FULL)
    # after the last comes the first
    assert following(district, out) == "sis"
