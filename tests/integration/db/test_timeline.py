"""The timeline's queries: what overlaps a period, told with its waits; and a page of tenants."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, update

from shared.db.asking import cancel
from shared.db.claiming import retry_later
from shared.db.engine import Database
from shared.db.tables import apps, job_events, jobs
from shared.db.tenants import add_tenant
from shared.db.timeline import tenant_timeline, timeline_of_all
from shared.domain.states import Tier
from tests.integration.db.conftest import MIDNIGHT, District, HandClock

HOUR = timedelta(hours=1)


def timeline(
    district: District, since: datetime = MIDNIGHT, until: datetime | None = None, **how: Any
) -> dict[str, Any]:
    with district.database.read() as connection:
        return tenant_timeline(
            connection,
            district.tenant_id,
            since,
            until or since + 6 * HOUR,
            now=district.clock.now(),
            **how,
        )


def overview(district: District, since: datetime = MIDNIGHT, **how: Any) -> dict[str, Any]:
    with district.database.read() as connection:
        return timeline_of_all(connection, since, since + 6 * HOUR, now=district.clock.now(), **how)


def phases(shown: dict[str, Any], job_id: int) -> list[tuple[str, str, str, str, int | None]]:
    (job,) = (job for job in shown["jobs"] if job["id"] == job_id)
    return [
        (phase["kind"], phase["from"][11:16], phase["to"][11:16], phase["words"], phase["on"])
        for phase in job["phases"]
    ]


def past_job(
    district: District, app_id: int, due: datetime, finished: datetime, state: str = "succeeded"
) -> int:
    """Insert a job that ended, with its history: it started when it was due."""
    with district.database.write() as connection:
        job_id = connection.execute(
            insert(jobs)
            .values(
                tenant_id=district.tenant_id,
                app_id=app_id,
                tier="import",
                mode="full",
                trigger="schedule",
                state=state,
                wave=1,
                last_wave=1,
                due_at=due,
                created_at=due,
                queued_at=due,
                started_at=due,
                finished_at=finished,
            )
            .returning(jobs.c.id)
        ).scalar_one()
        moves = [(None, "held", due), ("held", "queued", due), ("queued", "running", due)]
        connection.execute(
            insert(job_events),
            [
                {
                    "job_id": job_id,
                    "from_state": before,
                    "to_state": after,
                    "attempt": 1,
                    "actor": "worker",
                    "at": at,
                }
                for before, after, at in [*moves, ("running", state, finished)]
            ],
        )
    return int(job_id)


def test_a_night_is_told_with_its_waits(district: District, clock: HandClock) -> None:
    district.three_tiers()
    for app in ("sis", "ad", "mdm"):
        district.schedule(f"oak/{app}", "02:00")
    clock.turn(hours=2, seconds=1)
    district.fire()
    clock.turn(minutes=2)
    claimed = district.claim(1)
    clock.turn(minutes=10)
    district.finish(claimed)
    district.decide()
    clock.turn(minutes=1)
    claimed = district.claim(2)
    clock.turn(minutes=5)
    retry_later(district.gate, claimed, reason="busy: 429", terms=district.terms, retry_after_s=600)
    clock.turn(minutes=3)
    shown = timeline(district)
    assert [(app["app"], app["tier"]) for app in shown["apps"]] == [
        ("oak/sis", "import"),
        ("oak/ad", "two_way"),
        ("oak/mdm", "export"),
    ]
    assert phases(shown, 1) == [
        ("queued", "02:00", "02:02", "waited for a free import worker", None),
        ("running", "02:02", "02:12", "ran", None),
    ]
    ad = phases(shown, 2)
    assert ad[0] == ("held", "02:00", "02:12", "waited for sis (import), job 1", 1)
    assert [phase[0] for phase in ad] == ["held", "queued", "running", "retry"]
    assert ad[3][3].startswith("tries again at ")
    assert ad[3][3].endswith(", since busy: 429")
    # the gate holds exports for what it retries, and says so now
    ((kind, since, until, words, on),) = phases(shown, 3)
    assert (kind, since, until, on) == ("held", "02:00", "02:21", 2)
    assert words.startswith("waits for ad (two_way), job 2, which waits itself")
    assert (shown["tenant"], shown["zone"], shown["is_cut"]) == ("oak", "UTC", False)


def test_what_overlaps_is_shown_and_nothing_else(district: District, clock: HandClock) -> None:
    app = district.app("sis", Tier.IMPORT)
    clock.turn(days=20)
    since = MIDNIGHT + 10 * 24 * HOUR
    until = since + 6 * HOUR
    second = timedelta(seconds=1)
    inside = [
        past_job(district, app, since + HOUR, since + 2 * HOUR),
        past_job(district, app, since - HOUR, since + second),
        past_job(district, app, until - second, until + HOUR),
        past_job(district, app, since - HOUR, until + HOUR),
        # longer than a day: it is found by the index of those
        past_job(district, app, since - HOUR, until + 30 * HOUR),
        past_job(district, app, since - 100 * HOUR, until + 200 * HOUR),
        past_job(district, app, since + HOUR, since + HOUR, state="skipped"),
    ]
    past_job(district, app, since - 2 * HOUR, since - second)
    past_job(district, app, until, until + HOUR)
    shown = timeline(district, since, until)
    assert sorted(job["id"] for job in shown["jobs"]) == inside
    assert shown["jobs"] == sorted(shown["jobs"], key=lambda job: (job["due_at"], job["id"]))
    cut = timeline(district, since, until, limit=3)
    assert cut["is_cut"]
    assert sorted(job["id"] for job in cut["jobs"]) == inside[3:6]


def test_removed_apps_are_shown_with_what_they_did(district: District, clock: HandClock) -> None:
    app = district.app("sis", Tier.IMPORT)
    job_id = past_job(district, app, MIDNIGHT, MIDNIGHT + HOUR)
    with district.database.write() as connection:
        connection.execute(update(apps).values(removed_at=clock.now()))
    assert [app["app"] for app in timeline(district)["apps"]] == ["oak/sis"]
    assert [job["id"] for job in timeline(district)["jobs"]] == [job_id]
    assert timeline(district, MIDNIGHT + 5 * HOUR)["apps"] == []


def test_the_overview_has_a_span_a_tier_with_the_state_to_look_at(
    district: District, clock: HandClock
) -> None:
    district.three_tiers()
    district.app("facts", Tier.IMPORT)
    district.ask("oak/facts")
    district.ask("oak/sis", cascade=True)
    clock.turn(minutes=2)
    first = district.claim(1)
    clock.turn(minutes=3)
    district.finish(first)
    cancel(district.gate, 2, actor="console", by="someone")
    district.decide()
    (oak,) = overview(district)["tenants"]
    import_, two_way, export = oak["tiers"]
    assert import_ == {
        "tier": "import",
        "due_at": "2026-01-05T00:00:00.000Z",
        "started_at": "2026-01-05T00:02:00.000Z",
        "until": "2026-01-05T00:05:00.000Z",
        "counts": {"cancelled": 1, "succeeded": 1},
        "worst": "cancelled",
    }
    assert (two_way["started_at"], two_way["counts"], two_way["worst"]) == (
        None,
        {"queued": 1},
        "queued",
    )
    assert (export["counts"], export["until"]) == ({"held": 1}, "2026-01-05T00:05:00.000Z")


def test_the_overview_is_paged_by_name_and_shows_what_one_may_see(district: District) -> None:
    others = [add_tenant(district.gate, name, "UTC") for name in ("birch", "pine", "elm")]
    first = overview(district, limit=2)
    assert [tenant["tenant"] for tenant in first["tenants"]] == ["birch", "elm"]
    second = overview(district, limit=2, after=first["next"])
    assert [tenant["tenant"] for tenant in second["tenants"]] == ["oak", "pine"]
    assert second["next"] is None
    assert second["tenants"][0] == {"tenant": "oak", "zone": "UTC", "tiers": []}
    seen = overview(district, only=others[:2])
    assert [tenant["tenant"] for tenant in seen["tenants"]] == ["birch", "pine"]
    assert overview(district, only=[])["tenants"] == []


@pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
def test_sqlite_finds_each_kind_of_job_by_the_index_made_for_it(database: Database) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with database.read() as connection:
        event.listen(connection, "before_cursor_execute", note)
        timeline_of_all(connection, MIDNIGHT, MIDNIGHT + HOUR, now=MIDNIGHT)
        event.remove(connection, "before_cursor_execute", note)
        statement, parameters = next(one for one in asked if "FROM jobs" in one[0])
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        told = " ".join(row.detail for row in plan)
    assert re.findall(r"jobs USING INDEX (\w+)", told) == [
        "ix_jobs_unfinished",
        "ix_jobs_ended",
        "ix_jobs_long",
    ]
