"""The rollover: a period in which a tenant's imports are closed, or nothing is removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.db.tenants import removals_suspended, set_rollover
from shared.db.why import why_app
from shared.domain.rollover import Rollover, parse_rollover
from shared.domain.states import Tier
from shared.errors import ConfigurationError
from tests.integration.db.conftest import MIDNIGHT


@pytest.fixture
def imports_closed(district: Any) -> Any:
    """The district, whose imports are closed from one hour after midnight for two."""
    district.three_tiers()
    since = MIDNIGHT + timedelta(hours=1)
    set_rollover(
        district.gate, "oak", Rollover("imports", since, since + timedelta(hours=2), "UTC")
    )
    return district


REASON = "rollover: imports are suspended until 2026-01-05 03:00 (UTC)"


def test_the_period_closes_imports_alone(imports_closed: Any, clock: Any) -> None:
    district = imports_closed
    assert district.ask("oak/sis").coalesced is False  # before the period
    clock.turn(hours=1)
    with pytest.raises(ConfigurationError, match="imports are suspended") as refused:
        district.ask("oak/sis", is_plan=True)
    assert "tenants rollover oak --clear" in refused.value.fix
    # what was queued before is skipped when a worker asks for it, and holds nothing back
    assert district.refuse(1) == REASON
    assert (district.job(1).state, district.job(1).reason) == ("skipped", REASON)
    below = district.ask("oak/ad", cascade=True).job_id
    district.drain()
    assert {district.states()[below], district.states()[below + 1]} == {"succeeded"}
    clock.turn(hours=2)
    district.ask("oak/sis")
    district.drain()
    assert district.states()[4] == "succeeded"
    assert district.violations() == []


def test_a_slot_in_the_period_is_a_skipped_job(imports_closed: Any, clock: Any) -> None:
    district = imports_closed
    district.schedule("oak/sis", at="02:00")
    clock.turn(hours=2)
    assert district.fire() == 1
    assert (district.job(1).state, district.job(1).reason) == ("skipped", REASON)
    district.clear_outbox()
    assert district.violations() == []


def test_what_waits_when_a_period_is_set_is_skipped_and_resumes_when_it_is_cleared(
    district: Any,
) -> None:
    district.three_tiers()
    first = district.ask("oak/sis").job_id
    period = Rollover("imports", MIDNIGHT, MIDNIGHT + timedelta(days=1), "UTC")
    set_rollover(district.gate, "oak", period)
    assert district.states()[first] == "skipped"
    why = why_app(district.database, district.tenant_id, 1).reason
    told = "takes no jobs: rollover: imports are suspended until 2026-01-06 00:00 (UTC)"
    assert why.startswith(told)
    set_rollover(district.gate, "oak", None)
    assert district.job(district.ask("oak/sis").job_id).state == "queued"


def test_removals_alone_are_suspended_and_why_says_so(district: Any, clock: Any) -> None:
    district.three_tiers()
    period = Rollover("removals", MIDNIGHT, MIDNIGHT + timedelta(days=1), "UTC")
    set_rollover(district.gate, "oak", period)
    assert district.job(district.ask("oak/sis").job_id).state == "queued"
    district.drain()
    told = "it removes nothing now: rollover: removals are suspended"
    assert told in why_app(district.database, district.tenant_id, 1).reason
    assert told not in why_app(district.database, district.tenant_id, 3).reason
    with district.database.read() as connection:
        end = MIDNIGHT + timedelta(days=1)
        just_before = end - timedelta(seconds=1)
        assert removals_suspended(connection, district.tenant_id, just_before) is not None
        assert removals_suspended(connection, district.tenant_id, end) is None


def test_a_period_that_is_over_is_refused(district: Any) -> None:
    period = Rollover("imports", MIDNIGHT - timedelta(days=2), MIDNIGHT, "UTC")
    with pytest.raises(ConfigurationError, match="over already"):
        set_rollover(district.gate, "oak", period)
    with pytest.raises(ConfigurationError, match="no tenant"):
        set_rollover(district.gate, "elm", None)
    assert district.app("sis", Tier.IMPORT)


def test_dates_are_the_tenants_and_the_last_day_counts() -> None:
    made = parse_rollover("imports", "2026-08-01", "2026-08-02T06:30", "America/Chicago")
    assert made.since.astimezone(UTC) == datetime(2026, 8, 1, 5, tzinfo=UTC)
    assert made.until.astimezone(UTC) == datetime(2026, 8, 2, 11, 30, tzinfo=UTC)
    whole = parse_rollover("removals", "2026-08-01", "2026-08-01", "America/Chicago")
    assert whole.until.astimezone(UTC) - whole.since.astimezone(UTC) == timedelta(days=1)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("everything", "2026-08-01", "2026-08-02"), "--suspend"),
        (("imports", "1 August", "2026-08-02"), "--from"),
        (("imports", "2026-08-01", "2026-02-30"), "--until"),
        (("imports", "2026-08-01", "2026-08-01T25:00"), "--until"),
        (("imports", "2026-08-01", "2026-08-01T06:00Z"), "--until"),
        (("imports", "2026-08-02", "2026-08-01"), "--until"),
        (("imports", "2026-08-01", "9999-12-31"), "--until"),
    ],
)
def test_a_wrong_word_is_named(words: tuple[str, str, str], field: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rollover(*words, "UTC")
    assert refused.value.field == field
