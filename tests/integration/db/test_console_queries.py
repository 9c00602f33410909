"""What the console's pages ask: right on both databases, by the page, and of the tenant alone."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from shared.db.apps import pause_app
from shared.db.asking import Ask, ask
from shared.db.attention import list_attention, page_attention
from shared.db.claiming import Outcome, fail, finish
from shared.db.home import show_home
from shared.db.hub_tables import HUB, hubs
from shared.db.job_pages import last_ended, page_jobs
from shared.db.plan_pages import page_plan_rows
from shared.db.review_pages import page_approval_rows, page_approvals, pending_by_school
from shared.db.review_tables import (
    approval_rows,
    approvals,
    conflicts,
    duplicate_counts,
    plan_rows,
)
from shared.db.tables import apps as app_table
from shared.db.tables import jobs, schedules
from shared.db.tenant_pages import page_tenants
from shared.db.tenants import add_tenant
from shared.db.views import list_apps
from shared.domain.records import Kind
from shared.domain.states import JobState, Mode, Tier
from shared.errors import ConfigurationError
from tests.integration.db.conftest import District

COUNTS = {"users": {"added": 3, "quarantined": 2}, "orgs": {"unchanged": 4}}


def ended(district: District, app: str, *, counts: dict[str, Any] | None = None) -> int:
    """Run an app to its end; returns the job."""
    job_id = district.ask(app).job_id
    claimed = district.claim(job_id)
    district.clock.turn(seconds=90)
    read = Outcome(counts=counts or {}, certificate={"is_complete": True})
    finish(district.gate, claimed, lambda _: read)
    return job_id


def failed(district: District, app: str) -> int:
    job_id = district.ask(app).job_id
    fail(district.gate, district.claim(job_id), reason="the vendor says no")
    return job_id


def home(district: District) -> dict[str, Any]:
    with district.database.read() as connection:
        return show_home(connection, district.tenant_id, district.clock.now())


def apps_of(shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {app["name"]: app for tier in shown["tiers"] for app in tier["apps"]}


def approve_later(district: District, app_id: int, school: str | None, *, days: int = 7) -> int:
    now = district.clock.now()
    with district.database.write() as connection:
        made: int = connection.execute(
            insert(approvals)
            .values(
                tenant_id=district.tenant_id,
                app_id=app_id,
                job_id=1,
                op="remove",
                kind="users",
                school=school,
                state="pending",
                fingerprint="x",
                counts={"proposed": 12, "of": 40},
                created_at=now,
                deadline_at=now + timedelta(days=days),
            )
            .returning(approvals.c.id)
        ).scalar_one()
    return made


def conflict(district: District, app_id: int, number: int) -> None:
    with district.database.write() as connection:
        connection.execute(
            insert(conflicts).values(
                tenant_id=district.tenant_id,
                app_id=app_id,
                kind="users",
                external_id=f"u{number}",
                sourced_id=f"u{number}",
                field="email",
                state="open",
                job_id=1,
                at=district.clock.now(),
            )
        )


def record(district: District, kind: Kind, sourced_id: str, **values: str) -> None:
    now = district.clock.now()
    with district.database.write() as connection:
        connection.execute(
            insert(HUB[kind]).values(
                tenant_id=district.tenant_id,
                sourced_id=sourced_id,
                created_at=now,
                date_last_modified=now,
                first_job=1,
                last_job=1,
                last_app=1,
                **values,
            )
        )


def test_home_shows_each_app_by_tier_with_what_it_does_did_and_does_next(
    district: District,
) -> None:
    district.three_tiers()
    district.schedule("oak/sis")
    done = ended(district, "oak/sis", counts=COUNTS)
    running = district.ask("oak/sis", cascade=True).job_id
    district.claim(running)
    shown = home(district)
    assert [tier["tier"] for tier in shown["tiers"]] == ["import", "two_way", "export"]
    apps = apps_of(shown)
    sis, ad = apps["sis"], apps["ad"]
    assert (sis["state"], sis["jobs"][0]["id"]) == ("running", running)
    assert sis["last_job"]["id"] == done
    assert sis["last_job"]["duration_s"] == 90
    assert sis["last_job"]["totals"]["added"] == 3
    assert sis["quarantined"] == 2
    assert sis["next_run"] == {"at": "2026-01-05T02:00:00.000Z", "mode": "full"}
    assert sis["ended_on"] is None
    assert ad["state"] == "waiting"
    assert ad["jobs"][0]["waits_for"] == running
    assert ad["jobs"][0]["reason"].startswith("waits for sis (import), job")
    assert ad["last_job"] is None
    assert ad["next_run"] is None


def test_home_shows_an_app_that_never_ran_one_that_is_paused_and_one_that_has_ended(
    district: District,
) -> None:
    district.three_tiers()
    district.schedule("oak/ad", until="2026-01-05")
    with district.database.write() as connection:
        connection.execute(
            update(schedules).values(next_run_at=None, ended_at=district.clock.now())
        )
    pause_app(district.gate, "oak/mdm", "the vendor moves")
    apps = apps_of(home(district))
    assert apps["sis"]["state"] == "never_run"
    assert apps["ad"]["ended_on"] == "2026-01-05"
    assert apps["ad"]["next_run"] is None
    assert apps["mdm"]["state"] == "paused"
    assert apps["mdm"]["closed"] == "mdm is paused: the vendor moves"


def test_the_last_job_is_the_one_that_ended_and_no_plan(district: District) -> None:
    sis = district.app("sis", Tier.IMPORT)
    idle = district.app("idle", Tier.IMPORT)
    first = ended(district, "oak/sis", counts=COUNTS)
    plan = ask(district.gate, Ask(app="oak/sis", is_plan=True)).job_id
    finish(district.gate, district.claim(plan), lambda _: Outcome(counts={}, plan={"hash": "x"}))
    district.ask("oak/sis")
    with district.database.read() as connection:
        last = last_ended(connection, [sis, idle])
    assert set(last) == {sis}
    assert last[sis]["id"] == first
    assert last[sis]["totals"]["quarantined"] == 2


def test_what_needs_a_person_comes_in_its_order_and_by_the_page(district: District) -> None:
    district.three_tiers()
    ids = {row.name: row.id for row in district.rows(app_table)}
    with district.database.write() as connection:
        connection.execute(insert(hubs).values(tenant_id=district.tenant_id, version=3))
        connection.execute(
            insert(duplicate_counts).values(
                tenant_id=district.tenant_id, hub_version=2, pairs=4, at=district.clock.now()
            )
        )
    late, soon = (approve_later(district, ids["sis"], None, days=days) for days in (9, 2))
    for number in range(3):
        conflict(district, ids["ad"], number)
    ended(district, "oak/ad", counts=COUNTS)
    bad = failed(district, "oak/sis")
    pause_app(district.gate, "oak/mdm", None)
    with district.database.read() as connection:
        mine = list_attention(connection, district.tenant_id)
        pages: list[list[str]] = []
        after = None
        while True:
            page = page_attention(connection, after=after, limit=2)
            pages.append([item["kind"] for item in page["items"]])
            after = page["after"]
            if after is None:
                break
    assert [(item["kind"], item["app"], item["count"]) for item in mine] == [
        ("removals", "oak/sis", 12),
        ("removals", "oak/sis", 12),
        ("failed", "oak/sis", None),
        ("conflicts", "oak/ad", 3),
        ("duplicates", None, 4),
        ("quarantine", "oak/ad", 2),
        ("paused", "oak/mdm", None),
    ]
    assert [item["approval"] for item in mine[:2]] == [soon, late]
    assert mine[2]["job"] == bad
    assert mine[2]["what"] == "the last run failed: the vendor says no"
    assert [kind for page in pages for kind in page] == [item["kind"] for item in mine]
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    shown = home(district)
    assert shown["pending_approvals"] == 2
    assert shown["open_conflicts"] == 3
    assert shown["duplicates"]["is_current"] is False
    assert apps_of(shown)["ad"]["open_conflicts"] == 3


def test_what_needs_a_person_elsewhere_is_not_told(district: District) -> None:
    other = add_tenant(district.gate, "elm", "UTC")
    district.app("sis", Tier.IMPORT)
    failed(district, "oak/sis")
    with district.database.read() as connection:
        assert list_attention(connection, other) == []
        with pytest.raises(ConfigurationError, match="is no cursor"):
            page_attention(connection, after="rubbish:x")


@pytest.fixture
def busy(district: District) -> District:
    """Two apps with a history of eight jobs: by turns, the second one's fail."""
    district.app("sis", Tier.IMPORT)
    district.app("other", Tier.IMPORT)
    for _ in range(4):
        ended(district, "oak/sis")
        failed(district, "oak/other")
    return district


def all_pages(district: District, **wanted: Any) -> list[int]:
    found: list[int] = []
    before = None
    with district.database.read() as connection:
        while True:
            page = page_jobs(connection, before=before, **wanted)
            assert len(page["jobs"]) <= wanted.get("limit", 50)
            found += [job["id"] for job in page["jobs"]]
            before = page["before"]
            if before is None:
                return found


def test_jobs_are_paged_newest_first_by_any_filter(
    busy: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = busy.ask("oak/sis", mode=Mode.INCREMENTAL).job_id
    everything = sorted((row.id for row in busy.rows(jobs)), reverse=True)
    by_state: dict[JobState, list[int]] = {state: [] for state in JobState}
    for row in reversed(busy.rows(jobs)):
        by_state[JobState(row.state)].append(row.id)
    sis = busy.rows(app_table)[0].id
    assert all_pages(busy, limit=3) == everything
    assert all_pages(busy, limit=9, tenant_id=busy.tenant_id) == everything
    assert all_pages(busy, limit=2, state="failed") == by_state[JobState.FAILED]
    assert all_pages(busy, limit=2, state="unfinished") == [waits]
    assert all_pages(busy, state="queued", tenant_id=busy.tenant_id, app_id=sis) == [waits]
    assert all_pages(busy, state="failed", tenant_id=busy.tenant_id, app_id=sis) == []
    monkeypatch.setattr("shared.db.job_pages.WINDOW", 3)
    assert all_pages(busy, limit=2, state="succeeded") == by_state[JobState.SUCCEEDED]
    assert all_pages(busy, limit=2, mode=Mode.INCREMENTAL) == [waits]
    assert all_pages(busy, tenant_id=busy.tenant_id + 1) == []


def test_tenants_are_paged_by_name_and_found_by_its_beginning(busy: District) -> None:
    for name in ("elm", "oakdale", "ash"):
        add_tenant(busy.gate, name, "UTC")
    busy.app("sis", Tier.IMPORT, tenant="elm")
    busy.claim(busy.ask("oak/sis").job_id)
    approve_later(busy, 1, None)
    conflict(busy, 1, 1)
    with busy.database.read() as connection:
        first = page_tenants(connection, limit=2)
        second = page_tenants(connection, limit=2, after=first["after"])
        found = page_tenants(connection, search="OAK")
        nothing = page_tenants(connection, search="o%")
    names = [row["tenant"] for page in (first, second) for row in page["tenants"]]
    assert names == ["ash", "elm", "oak", "oakdale"]
    assert second["after"] is None
    assert [row["tenant"] for row in found["tenants"]] == ["oak", "oakdale"]
    assert nothing["tenants"] == []
    oak = found["tenants"][0]
    assert {name: oak[name] for name in ("apps", "failed", "running", "waiting", "paused")} == {
        "apps": 2, "failed": 1, "running": 1, "waiting": 0, "paused": 0,
    }  # fmt: skip
    assert (oak["pending_approvals"], oak["open_conflicts"]) == (1, 1)


def test_apps_of_a_tenant_are_listed_with_their_next_runs(district: District) -> None:
    district.three_tiers()
    add_tenant(district.gate, "elm", "UTC")
    district.app("sis", Tier.IMPORT, tenant="elm")
    district.schedule("oak/sis")
    district.schedule("oak/sis", "01:00", Mode.INCREMENTAL)
    district.schedule("elm/sis", "00:30")
    with district.database.read() as connection:
        mine = {app["app"]: app["next_run_at"] for app in list_apps(connection, "oak")}
        everybodys = {app["app"]: app["next_run_at"] for app in list_apps(connection)}
    assert mine == {"oak/sis": "2026-01-05T01:00:00.000Z", "oak/ad": None, "oak/mdm": None}
    assert everybodys == {**mine, "elm/sis": "2026-01-05T00:30:00.000Z"}


def plan_of(district: District, rows: list[dict[str, Any]]) -> int:
    """Make a plan job with rows; returns it."""
    job_id = ask(district.gate, Ask(app="oak/sis", is_plan=True)).job_id
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        ops = counts.setdefault(row["kind"], {})
        ops[row["op"]] = ops.get(row["op"], 0) + 1
    made = Outcome(counts={}, plan={"hash": "x", "counts": counts})
    finish(district.gate, district.claim(job_id), lambda _: made)
    blank = dict.fromkeys(("sourced_id", "school", "before", "after", "reason"))
    with district.database.write() as connection:
        connection.execute(
            insert(plan_rows),
            [
                {**blank, **row, "job_id": job_id, "app_id": 1, "n": n}
                for n, row in enumerate(rows, 1)
            ],
        )
    return job_id


@pytest.fixture
def planned(district: District) -> tuple[District, int]:
    """A plan of 2 schools, 6 users that are new, and 2 that go."""
    district.app("sis", Tier.IMPORT)
    record(district, Kind.ORGS, "school", name="School 1")
    record(district, Kind.USERS, "u7", given_name="Given", family_name="Family 7")
    rows: list[dict[str, Any]] = [
        {"op": "adds", "kind": "orgs", "external_id": f"o{n}", "after": json.dumps({"name": "N"})}
        for n in (1, 2)
    ]
    rows += [
        {
            "op": "adds",
            "kind": "users",
            "external_id": f"x{n}",
            "school": "school" if n % 2 else None,
            "after": json.dumps({"givenName": "New", "familyName": f"Number {n}"}),
        }
        for n in range(6)
    ]
    rows += [
        {"op": "removals", "kind": "users", "external_id": f"x{n}", "sourced_id": f"u{n}"}
        for n in (7, 8)
    ]
    return district, plan_of(district, rows)


def plan_pages(planned: tuple[District, int], **wanted: Any) -> list[str]:
    district, job_id = planned
    found: list[str] = []
    after = 0
    with district.database.read() as connection:
        while True:
            page = page_plan_rows(connection, job_id, after=after, limit=2, **wanted)
            assert len(page["rows"]) <= 2
            found += [row["external_id"] for row in page["rows"]]
            if page["after"] is None:
                return found
            after = page["after"]


@pytest.mark.parametrize("window", [3, 1000])
def test_plan_rows_are_paged_filtered_and_searched(
    planned: tuple[District, int], window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.db.plan_pages.WINDOW", window)
    users = [f"x{n}" for n in range(6)]
    assert plan_pages(planned) == ["o1", "o2", *users, "x7", "x8"]
    assert plan_pages(planned, ops=["adds"]) == ["o1", "o2", *users]
    assert plan_pages(planned, ops=["adds", "removals"], kind=Kind.USERS) == [*users, "x7", "x8"]
    assert plan_pages(planned, ops=["held"]) == []
    assert plan_pages(planned, school="school") == ["x1", "x3", "x5"]
    assert plan_pages(planned, search="number 4") == ["x4"]
    assert plan_pages(planned, search="family 7") == ["x7"]
    assert plan_pages(planned, search="u8", ops=["removals"]) == ["x8"]
    assert plan_pages(planned, search="%") == []


def test_a_plan_row_says_who_it_is_about(planned: tuple[District, int]) -> None:
    district, job_id = planned
    with district.database.read() as connection:
        rows = page_plan_rows(connection, job_id, kind=Kind.USERS)["rows"]
    named = {row["external_id"]: (row["name"], row["school_name"]) for row in rows}
    assert named["x1"] == ("New Number 1", "School 1")
    assert named["x7"] == ("Given Family 7", None)
    assert named["x8"] == (None, None)


def test_approvals_are_paged_and_told_by_school(district: District) -> None:
    app_id = district.app("sis", Tier.IMPORT)
    record(district, Kind.ORGS, "school", name="School 1")
    record(district, Kind.USERS, "u2", given_name="Given", family_name="Family 2")
    ids = [
        approve_later(district, app_id, school, days=days)
        for school, days in (("school", 9), (None, 3), ("school", 5))
    ]
    with district.database.write() as connection:
        connection.execute(
            insert(approval_rows),
            [
                {
                    "approval_id": ids[0],
                    "external_id": f"x{n}",
                    "sourced_id": f"u{n}",
                    "fingerprint": "x",
                    "state": "proposed",
                }
                for n in range(5)
            ],
        )
    with district.database.read() as connection:
        first = page_approvals(connection, district.tenant_id, limit=2)
        second = page_approvals(connection, district.tenant_id, limit=2, before=first["before"])
        decided = page_approvals(connection, district.tenant_id, state="approved")
        schools = pending_by_school(connection, district.tenant_id)
        rows = page_approval_rows(connection, ids[0], limit=3)
        rest = page_approval_rows(connection, ids[0], limit=3, after=rows["after"])
    assert [one["id"] for page in (first, second) for one in page["approvals"]] == ids[::-1]
    assert second["before"] is None
    assert decided["approvals"] == []
    assert [(one["school_name"], one["count"]) for one in schools] == [(None, 12), ("School 1", 24)]
    assert [one["id"] for one in schools[1]["approvals"]] == [ids[2], ids[0]]
    assert [row["external_id"] for row in rows["rows"] + rest["rows"]] == [
        f"x{n}" for n in range(5)
    ]
    assert rest["after"] is None
    assert rows["rows"][2]["name"] == "Given Family 2"


def test_the_job_that_carries_an_approval_out_stands_with_it(district: District) -> None:
    app_id = district.app("sis", Tier.IMPORT)
    job_id = ended(district, "oak/sis")
    approval_id = approve_later(district, app_id, None)
    with district.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(approval_id=approval_id))
    with district.database.read() as connection:
        (shown,) = page_approvals(connection, district.tenant_id)["approvals"]
        assert connection.execute(select(approvals.c.id)).scalar_one() == approval_id
    assert (shown["job"], shown["job_state"]) == (job_id, "succeeded")
