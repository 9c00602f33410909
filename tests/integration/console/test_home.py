"""Home and an app's page over HTTP: what they tell, what they do, and to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from console.service import apps, schedules
from shared.db import tables
from shared.db.account_tables import sessions
from shared.domain.roles import Permission, Role
from shared.domain.states import Mode
from tests.console_site import Browser, ConsoleSite
from tests.integration.console.seeding import COUNTS, add_job, leave_out

#: What asks nothing of the database that other tests have not asked of both.
on_sqlite = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
JSON = {"accept": "application/json"}
DAILY = schedules.NewSchedule(frequency="daily", at=("02:00",))


def told(client: Browser, path: str) -> dict[str, Any]:
    answer = client.get(path, headers=JSON)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def jobs_of(site: ConsoleSite, app: str) -> list[Any]:
    with site.database.read() as connection:
        query = select(tables.jobs).where(tables.jobs.c.app_id == site.app_id(app))
        return list(connection.execute(query.order_by(tables.jobs.c.id)))


def end_schedule(site: ConsoleSite, app: str) -> None:
    mine = tables.schedules.c.app_id == site.app_id(app)
    with site.database.write() as connection:
        row = connection.execute(select(tables.schedules).where(mine)).one()
        ended = {"next_run_at": None, "next_wall": None}
        ended |= {"ended_at": site.database.now(connection)}
        ended |= {"recurrence": {**row.recurrence, "until": "2025-06-30"}}
        connection.execute(update(tables.schedules).where(mine).values(ended))


def test_home_tells_apps_by_tier_what_is_next_and_what_needs_somebody(site: ConsoleSite) -> None:
    site.desk.call(schedules.set_schedule, tenant="oak", app="sis", mode=Mode.FULL, wish=DAILY)
    site.desk.call(schedules.set_schedule, tenant="oak", app="ls", mode=Mode.FULL, wish=DAILY)
    end_schedule(site, "oak/ls")
    job = add_job(site, "oak/sis", counts=COUNTS)
    leave_out(site, "oak/sis", job, 2)
    shown = told(site.client(Role.VIEWER), "/tenants/oak")
    assert [tier["tier"] for tier in shown["tiers"]] == ["import", "export"]
    (sis,), (ls,) = (tier["apps"] for tier in shown["tiers"])
    assert sis["last_job"]["totals"]["added"] == 3
    assert sis["next_run"]["at"].endswith(("06:00:00.000Z", "07:00:00.000Z"))
    assert ls["ended_on"] == "2025-06-30"
    (item,) = shown["attention"]
    assert (item["kind"], item["href"]) == ("quarantine", "/tenants/oak/apps/sis/errors")

    page = site.client(Role.VIEWER).get("/tenants/oak").text
    assert "ended on 30 Jun 2025" in page
    assert ", 02:00 E" in page, "in the tenant's zone"
    assert "Run Sync" not in page, "a viewer may not"
    assert page.count("Run Sync") == 0
    assert site.client(Role.OPERATOR).get("/tenants/oak").text.count("Run Sync") == 2


@on_sqlite
def test_an_app_without_a_schedule_leads_to_it_who_may_set_one(site: ConsoleSite) -> None:
    link = "/tenants/oak/apps/sis/settings/schedule"
    assert link in site.client(Role.DISTRICT_ADMIN).get("/tenants/oak").text
    viewed = site.client(Role.VIEWER).get("/tenants/oak").text
    assert link not in viewed
    assert "no schedule" in viewed


@on_sqlite
def test_an_empty_district_leads_to_the_gallery(site: ConsoleSite) -> None:
    for app in ("ls", "sis"):
        site.desk.call(apps.remove_app, tenant="elm", app=app)
    page = site.client("stranger").get("/tenants/elm").text
    assert "No app yet" in page
    assert 'href="/tenants/elm/gallery"' in page


def test_tokens_that_end_soon_are_told_to_whom_they_concern(site: ConsoleSite) -> None:
    site.token_of(Role.VIEWER, days=3)
    site.token_of(Role.OPERATOR, days=90)
    site.token_of("stranger", days=3)

    def seen(name: str) -> list[tuple[str, str]]:
        shown = told(site.client(name), "/tenants/oak")["attention"]
        return [(one["what"], one["href"]) for one in shown if one["kind"] == "token"]

    ends = 'the API token "a test\'s" of viewer ends soon'
    assert seen(Role.VIEWER) == [(ends, "/account")]
    assert seen(Role.OPERATOR) == []
    assert seen(Role.DISTRICT_ADMIN) == [(ends, "/tenants/oak/accounts")]


def test_a_running_sync_tells_its_rate_and_how_long_it_takes_still(site: ConsoleSite) -> None:
    add_job(site, "oak/sis", counts=COUNTS)
    running = add_job(
        site,
        "oak/sis",
        "running",
        progress={"step": "reading users", "done": 48, "total": None, "elapsed_s": 4.0},
    )
    (job,) = told(site.client(Role.VIEWER), "/tenants/oak/apps/sis")["app"]["jobs"]
    assert job["id"] == running
    assert job["progress"]["rate"] == 12.0
    assert job["progress"]["left_s"] is None, "nobody knows how much there is"
    assert (job["progress"]["last_read"], job["progress"]["left_if_as_last_s"]) == (97, 4.1)
    page = site.client(Role.VIEWER).get("/tenants/oak/apps/sis").text
    assert "about 4 s left if it is as much as last time" in page
    with site.database.write() as connection:
        progress = {"step": "writing users", "done": 40, "total": 100, "elapsed_s": 4.0}
        mine = tables.jobs.c.id == running
        connection.execute(update(tables.jobs).where(mine).values(progress=progress))
    page = site.client(Role.VIEWER).get("/tenants/oak/apps/sis").text
    assert "10 a second, about 6 s left" in page
    # who waits for it says so, with a link
    site.client(Role.OPERATOR).submit("/tenants/oak/apps/ls/run", page="/tenants/oak")
    page = site.client(Role.VIEWER).get("/tenants/oak/apps/ls").text
    assert f'<a href="/tenants/oak/jobs/{running}">Waits for sis' in page


@on_sqlite
def test_run_sync_asks_for_a_job_its_cascade_or_a_preview(site: ConsoleSite) -> None:
    client = site.client(Role.OPERATOR)
    answer = client.submit("/tenants/oak/apps/sis/run", page="/tenants/oak", cascade="true")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tenants/oak/apps/sis")
    (job,), (below,) = jobs_of(site, "oak/sis"), jobs_of(site, "oak/ls")
    assert (job.mode, job.trigger, job.asked_by) == ("full", "run_now", "operator")
    assert below.trigger == "cascade"
    assert f"job {job.id}. After it: ls." in client.get("/tenants/oak/apps/sis").text
    assert site.published, "it was handed to the broker"

    client.submit("/tenants/oak/apps/sis/run", page="/tenants/oak", mode="incremental", back="home")
    answer = client.submit("/tenants/oak/apps/sis/run", page="/tenants/oak", is_plan="true")
    plan = jobs_of(site, "oak/sis")[-1]
    assert plan.trigger == "plan"
    assert answer.headers["location"] == f"/tenants/oak/jobs/{plan.id}"


@on_sqlite
@pytest.mark.parametrize("fields", [{"mode": "odd"}, {"cascade": "perhaps"}, {"mode": "full"}])
def test_what_cannot_run_is_refused_on_the_page(site: ConsoleSite, fields: dict[str, str]) -> None:
    if fields == {"mode": "full"}:
        site.desk.call(apps.pause_app, tenant="oak", app="sis", wish=apps.Because(reason="snow"))
    client = site.client(Role.OPERATOR)
    answer = client.submit("/tenants/oak/apps/sis/run", page="/tenants/oak", **fields)
    assert answer.status_code == 422
    assert "This could not be done" in answer.text
    assert jobs_of(site, "oak/sis") == []


@on_sqlite
def test_an_app_is_paused_for_a_reason_and_resumed(site: ConsoleSite) -> None:
    client = site.client(Role.OPERATOR)
    client.submit("/tenants/oak/apps/sis/pause", page="/tenants/oak", reason="  new server ")
    page = client.get("/tenants/oak/apps/sis").text
    assert "none while it is paused" in page
    assert ": new server" in page
    (item,) = told(client, "/tenants/oak")["attention"]
    assert (item["kind"], item["href"]) == ("paused", "/tenants/oak/apps/sis")
    client.submit("/tenants/oak/apps/sis/resume", page="/tenants/oak")
    assert told(client, "/tenants/oak/apps/sis")["app"]["paused_at"] is None
    answer = client.submit("/tenants/oak/apps/sis/pause", page="/tenants/oak", reason="x" * 501)
    assert answer.status_code == 422
    assert 'aria-describedby="f-reason-hint f-reason-error"' in answer.text


def test_an_app_is_renamed_with_its_history(site: ConsoleSite) -> None:
    job = add_job(site, "oak/sis")
    client = site.client(Role.DISTRICT_ADMIN)
    for wrong in ("ls", "A b", ""):
        answer = client.submit("/tenants/oak/apps/sis/rename", page="/tenants/oak", name=wrong)
        assert answer.status_code == 422, wrong
    answer = client.submit("/tenants/oak/apps/sis/rename", page="/tenants/oak", name="people")
    assert answer.headers["location"] == "/tenants/oak/apps/people"
    shown = told(client, "/tenants/oak/apps/people")["history"]["jobs"]
    assert [(one["id"], one["app"]) for one in shown] == [(job, "oak/people")]
    assert client.get("/tenants/oak/apps/sis").status_code == 404


@on_sqlite
def test_an_app_that_runs_is_not_removed(site: ConsoleSite) -> None:
    job = add_job(site, "oak/sis", "running")
    client = site.client(Role.DISTRICT_ADMIN)
    assert "Remove sis" in client.get("/tenants/oak/apps/sis/remove").text
    answer = client.submit("/tenants/oak/apps/sis/remove", page="/tenants/oak")
    assert answer.status_code == 422
    assert "is running" in answer.text
    with site.database.write() as connection:
        now = site.database.now(connection)
        ended = {"state": "succeeded", "finished_at": now, "lease_until": None}
        connection.execute(update(tables.jobs).where(tables.jobs.c.id == job).values(ended))
    answer = client.submit("/tenants/oak/apps/sis/remove", page="/tenants/oak")
    assert answer.headers["location"] == "/tenants/oak"
    assert client.get("/tenants/oak/apps/sis").status_code == 404


def test_history_goes_by_the_page_and_is_filtered(site: ConsoleSite) -> None:
    for number in range(1, 24):
        state = "failed" if number == 5 else "succeeded"
        mode = "incremental" if number % 2 else "full"
        add_job(site, "oak/sis", state, wave=number, mode=mode, counts=COUNTS)
    add_job(site, "oak/ls", tier="export", wave=30)
    client = site.client(Role.VIEWER)
    first = told(client, "/tenants/oak/apps/sis")["history"]
    assert len(first["jobs"]) == 20
    rest = told(client, f"/tenants/oak/apps/sis?before={first['before']}")["history"]
    assert len(rest["jobs"]) == 3
    assert rest["before"] is None
    ids = [job["id"] for job in (*first["jobs"], *rest["jobs"])]
    assert ids == sorted(ids, reverse=True)
    page = client.get("/tenants/oak/apps/sis").text
    assert f'href="?before={first["before"]}"' in page

    def found(query: str) -> int:
        return len(told(client, f"/tenants/oak/jobs{query}")["jobs"])

    assert found("") == 24
    assert found("?app=ls") == 1
    assert found("?state=failed") == 1
    assert found("?app=sis&mode=full") == 11
    assert found("?state=unfinished") == 0
    assert client.get("/tenants/oak/jobs?app=ls").text.count("<tr>") == 2
    for wrong in ("state=odd", "mode=odd", "before=0", f"before={2**63}"):
        assert client.get(f"/tenants/oak/jobs?{wrong}").status_code == 422, wrong
    assert client.get("/tenants/oak/jobs?app=nobody").status_code == 404


def test_districts_are_those_that_one_may_see(site: ConsoleSite) -> None:
    add_job(site, "oak/sis", "failed")
    assert site.client("stranger").get("/").headers["location"] == "/tenants/elm"
    assert site.client(Role.ADMINISTRATOR).get("/").headers["location"] == "/tenants"
    shown = told(site.client(Role.ADMINISTRATOR), "/tenants")["tenants"]
    assert [(one["tenant"], one["apps"], one["failed"]) for one in shown] == [
        ("elm", 2, 0),
        ("oak", 2, 1),
    ]
    for name, seen in ((Role.ADMINISTRATOR, ["oak"]), ("stranger", []), ("nobody", [])):
        found = told(site.client(name), "/tenants?search=oa")["tenants"]
        assert [one["tenant"] for one in found] == seen, name
    assert "No district yet" in site.client("nobody").get("/tenants").text


@on_sqlite
def test_a_page_that_asks_for_itself_keeps_nobody_signed_in(site: ConsoleSite) -> None:
    client = site.client(Role.VIEWER)
    with site.database.write() as connection:
        long_ago = site.database.now(connection) - timedelta(minutes=20)
        connection.execute(update(sessions).values(last_seen_at=long_ago))

    def seen() -> Any:
        with site.database.read() as connection:
            return connection.execute(select(sessions.c.last_seen_at)).scalar_one()

    assert client.get("/tenants/oak", headers={"x-live": "1"}).status_code == 200
    assert seen() == long_ago
    client.get("/tenants/oak")
    assert seen() > long_ago


@on_sqlite
def test_integrations_have_the_same_from_the_api(site: ConsoleSite) -> None:
    add_job(site, "oak/sis", counts=COUNTS)
    headers = {"authorization": f"Bearer {site.token_of(Role.VIEWER, Permission.VIEW)}"}
    client = site.client()
    home = client.get("/api/v1/tenants/oak/home", headers=headers).json()
    now = client.get("/api/v1/tenants/oak/apps/sis/now", headers=headers).json()
    assert home["tiers"][0]["apps"][0] == now
    history = client.get("/api/v1/tenants/oak/history?app=sis", headers=headers).json()
    assert [job["totals"]["updated"] for job in history["jobs"]] == [2]
    (oak,) = client.get("/api/v1/overview", headers=headers).json()["tenants"]
    assert oak["tenant"] == "oak"
