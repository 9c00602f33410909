"""Jobs, approvals, conflicts, duplicates, quarantine and the roster, as a browser is answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from console.cli.waiting import wait_for_jobs
from console.remote import RemoteDesk
from console.service import approvals, jobs, plans, roster
from shared.db.account_tables import audit_log
from shared.db.hub_tables import HUB
from shared.db.review_tables import approvals as approvals_table
from shared.db.tables import apps
from shared.domain.records import Kind
from shared.domain.roles import Role
from tests.console_site import Browser, ConsoleSite
from tests.integration.console.reviewed import Made, copied, make

JSON = {"accept": "application/json"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("reviewed"))


@pytest.fixture
def reviewed(made: Made, tmp_path: Path) -> Iterator[ConsoleSite]:
    site = copied(made, tmp_path)
    yield site
    site.database.dispose()


@pytest.fixture
def operator(reviewed: ConsoleSite) -> Browser:
    return reviewed.client(Role.OPERATOR)


def data(client: Browser, path: str) -> dict[str, Any]:
    answer = client.get(path, headers=JSON)
    assert answer.status_code == 200, answer.text
    assert client.get(path).status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_a_job_tells_its_history_its_counts_and_its_certificate(
    operator: Browser, made: Made
) -> None:
    text = operator.get(f"/tenants/oak/jobs/{made.first}").text
    for told in ("Certificate of the read", "every page was followed", "succeeded", "by worker"):
        assert told in text
    found = data(operator, f"/tenants/oak/jobs/{made.first}")
    assert found["job"]["totals"]["added"] > 60
    assert found["can_undo"]
    assert operator.get(f"/tenants/elm/jobs/{made.first}").status_code == 404
    assert operator.get(f"/tenants/district/jobs/{made.first}").status_code == 404


def test_a_plan_is_filtered_searched_and_paged(operator: Browser, made: Made) -> None:
    base = f"/tenants/oak/jobs/{made.plan}"
    whole = data(operator, base)["plan"]
    assert whole["rows"]
    held = data(operator, f"{base}?op=held&kind=users")["plan"]
    assert {(row["op"], row["kind"]) for row in held["rows"]} == {("held", "users")}
    name = held["rows"][0]["name"]
    found = data(operator, f"{base}?search={name}")["plan"]["rows"]
    assert name in {row["name"] for row in found}
    school = held["rows"][0]["school"]
    of_school = data(operator, f"{base}?school={school}")["plan"]["rows"]
    assert {row["school"] for row in of_school} == {school}
    assert data(operator, f"{base}?after={whole['rows'][0]['n']}")["plan"]["rows"] != whole["rows"]
    assert operator.get(f"{base}?op=nonsense").status_code == 422


def test_an_export_tells_its_files(operator: Browser, made: Made) -> None:
    plan = f"/tenants/oak/jobs/{made.export_plan}"
    assert data(operator, plan)["job"]["plan"]["files"]
    assert "Files that would be sent" in operator.get(plan).text
    sent = f"/tenants/oak/jobs/{made.first + 1}"
    assert not data(operator, sent)["can_undo"]
    assert "What it sent" in operator.get(sent).text


def test_what_waits_is_approved_by_school_and_done(
    reviewed: ConsoleSite, operator: Browser, made: Made
) -> None:
    page = "/tenants/oak/review/approvals"
    (school,) = data(operator, page)["schools"]
    (people,) = (one for one in school["approvals"] if one["kind"] == "users")
    assert people["proposed_by_job"] == made.second
    rows = data(operator, f"{page}/{people['id']}")["rows"]["rows"]
    assert len(rows) == people["counts"]["proposed"]
    assert all(row["name"] for row in rows)
    assert "What hangs on a record alone" in operator.get(f"{page}/{people['id']}").text
    nothing = operator.submit(page, decision="approve")
    assert nothing.status_code == 422
    assert "nothing is ticked" in nothing.text
    answer = operator.submit(page, approval=people["id"], decision="approve")
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    shown = data(operator, f"{page}/{people['id']}")["approval"]
    assert (shown["state"], shown["decided_by"]) == ("approved", "operator")
    wait_for_jobs(reviewed.desk, [("oak", shown["job"])])
    done = data(operator, f"{page}/{people['id']}")["approval"]
    assert (done["job_state"], done["counts"]["done"]) == ("succeeded", len(rows))
    with reviewed.database.read() as connection:
        users = HUB[Kind.USERS].c
        removed = connection.execute(
            select(users.status).where(users.sourced_id == rows[0]["sourced_id"])
        ).scalar_one()
    assert removed == "tobedeleted"
    again = operator.submit(page, approval=people["id"], decision="reject")
    assert again.status_code == 422
    assert "approved by operator before" in again.text


def test_a_school_is_decided_at_once(operator: Browser) -> None:
    page = "/tenants/oak/review/approvals"
    text = operator.get(page).text
    shown = data(operator, page)["schools"][0]["approvals"]
    form = re.search(r'<form id="school-1".*?</form>', text, re.DOTALL)
    assert form
    assert re.findall(r'name="approval" value="(\d+)"', form[0]) == [
        str(one["id"]) for one in shown
    ]
    assert text.count('form="school-1" name="decision"') == 2


def test_an_approval_is_its_tenants_alone(reviewed: ConsoleSite, operator: Browser) -> None:
    with reviewed.database.read() as connection:
        id_ = connection.execute(
            select(approvals_table.c.id).where(approvals_table.c.state == "pending").limit(1)
        ).scalar_one()
    assert operator.get(f"/tenants/district/review/approvals/{id_}").status_code == 404
    page = "/tenants/district/review/approvals"
    assert operator.submit(page, approval=id_, decision="approve").status_code == 404
    viewer = reviewed.client(Role.VIEWER)
    assert 'value="approve"' not in viewer.get("/tenants/oak/review/approvals").text
    page = "/tenants/oak/review/approvals"
    assert viewer.submit(page, approval=id_, decision="approve").status_code == 403


def test_an_undo_is_shown_with_what_it_cannot_undo_and_then_done(
    operator: Browser, made: Made
) -> None:
    page = f"/tenants/oak/jobs/{made.first}/undo"
    text = operator.get(page).text
    assert "What cannot be undone" in text
    before = data(operator, page)["undo"]
    assert before["sent"]
    assert all(row["name"] for row in before["left_rows"])
    assert before["restored"]["users"]["gone"] > 60
    answer = operator.submit(page)
    assert answer.status_code == 303
    assert data(operator, page)["undo"]["records"] == 0
    job = f"/tenants/oak/jobs/{made.first}"
    assert "Undone " in operator.get(job).text
    assert data(operator, job)["job"]["events"][-1]["actor"] == "operator"
    assert operator.get("/tenants/oak/timeline").status_code == 200
    plan = operator.get(f"/tenants/oak/jobs/{made.plan}/undo")
    assert plan.status_code == 422


def test_a_job_is_run_again_planned_and_cancelled(operator: Browser, made: Made) -> None:
    page = f"/tenants/oak/jobs/{made.first}"
    again = operator.submit(f"{page}/retry").headers["location"]
    text = operator.get(again).text
    assert "sse-connect" in text
    found = data(operator, again)
    assert found["is_unfinished"]
    assert found["why"]["reason"]
    assert operator.submit(f"{again}/cancel").status_code == 303
    assert data(operator, again)["job"]["state"] == "cancelled"
    planned = operator.submit(f"{page}/plan").headers["location"]
    assert data(operator, planned)["is_plan"]


def test_a_conflict_is_resolved_and_becomes_a_rule(
    reviewed: ConsoleSite, operator: Browser
) -> None:
    page = "/tenants/district/review/conflicts"
    (one,) = data(operator, page)["conflicts"]
    path = f"{page}/{one['id']}"
    text = operator.get(path).text
    for value in ("a@example.org", "mine@example.org", "other@example.org"):
        assert value in text
    wrong = operator.submit(path, take="neither")
    assert wrong.status_code == 422
    assert 'id="f-take-error"' in wrong.text
    # a rule is not for whoever may only review
    assert operator.submit(path, take="app", is_rule="true").status_code == 403
    admin = reviewed.client(Role.DISTRICT_ADMIN)
    assert admin.submit(path, take="app", is_rule="true").status_code == 303
    shown = data(operator, path)["conflict"]
    assert (shown["state"], shown["value"], shown["resolved_by"]) == (
        "resolved", "mine@example.org", "district_admin",
    )  # fmt: skip
    with reviewed.database.read() as connection:
        rules = connection.execute(
            select(apps.c.rules).where(apps.c.name == one["app"].partition("/")[2])
        ).scalar_one()
    assert rules["fields"] == {"users.email": "owner"}
    assert operator.get(f"/tenants/oak/review/conflicts/{one['id']}").status_code == 404


def test_two_users_are_compared_told_apart_or_merged(operator: Browser) -> None:
    page = "/tenants/district/review/duplicates"
    pairs = data(operator, page)["pairs"]
    assert pairs
    first, second = pairs[0]["first"], pairs[0]["second"]
    query = f"?one={first}&other={second}"
    assert data(operator, f"{page}/pair{query}")["ids"] == [first, second]
    wrong = operator.submit(f"{page}/pair", keep=first, other=second, verdict="?")
    assert wrong.status_code == 422
    apart = operator.submit(f"{page}/pair", keep=first, other=second, verdict="distinct")
    assert apart.status_code == 303
    assert len(data(operator, page)["pairs"]) == len(pairs) - 1
    merged = operator.submit(f"{page}/pair", keep=first, other=second, verdict="merge")
    assert merged.status_code == 303
    assert operator.get(f"{page}/pair{query}").status_code == 422


def test_the_roster_is_searched_filtered_and_read(reviewed: ConsoleSite, operator: Browser) -> None:
    people = "/tenants/oak/roster/users"
    first = data(operator, people)
    assert len(first["records"]) == 50
    second = data(operator, f"{people}?after={first['next']}")
    assert not {r["sourcedId"] for r in first["records"]} & {
        r["sourcedId"] for r in second["records"]
    }
    one = first["records"][0]
    found = data(operator, f"{people}?search={one['familyName'][:3].lower()}")["records"]
    assert one["sourcedId"] in {row["sourcedId"] for row in found}
    shown = data(operator, f"{people}/{one['sourcedId']}")
    assert {field["app"] for field in shown["fields"]} == {"sis"}
    assert {group["title"] for group in shown["related"]} >= {"roles"}
    assert [told["app"] for told in shown["disclosures"]] in ([], ["ls"])
    why = data(operator, f"{people}/{one['sourcedId']}/why?field=familyName")
    assert why["sources"][0]["is_decisive"]
    for kind in Kind:
        listed = data(operator, f"/tenants/oak/roster/{kind}")["records"]
        assert listed, kind
        data(operator, f"/tenants/oak/roster/{kind}/{listed[0]['sourcedId']}")
    assert operator.get(f"/tenants/district/roster/users/{one['sourcedId']}").status_code == 404
    assert operator.get("/tenants/oak/roster/nonsense").status_code == 404
    with reviewed.database.read() as connection:
        rows = connection.execute(select(audit_log.c.action, audit_log.c.target)).all()
    assert ("show_roster_record", f"/tenants/oak/roster/users/{one['sourcedId']}") in rows
    assert not [row for row in rows if one["familyName"].lower() in str(row).lower()]


def test_the_roster_is_shown_as_it_was(operator: Browser) -> None:
    people = "/tenants/oak/roster/users"
    assert data(operator, f"{people}?as_of=2020-01-01")["records"] == []
    for told in ("yesterday", "9999-12-31", "0001-01-01T00:00+23:00"):
        wrong = operator.get(f"{people}?as_of={told.replace('+', '%2B')}")
        assert wrong.status_code == 422, told
        assert 'id="f-as_of-error"' in wrong.text
    id_ = data(operator, people)["records"][0]["sourcedId"]
    early = operator.get(f"{people}/{id_}?as_of=2020-01-01")
    assert early.status_code == 422
    assert "was added at" in early.text
    later = data(operator, f"{people}/{id_}?as_of=2099-01-01")
    assert later["as_of"]


def test_what_no_database_can_hold_is_refused(operator: Browser) -> None:
    for path in ("review/conflicts", "review/quarantine", "review/approvals"):
        far = operator.get(f"/tenants/oak/{path}?after={10**30}&before={10**30}")
        assert far.status_code == 422, path


def test_the_overview_and_the_quarantine(operator: Browser) -> None:
    found = data(operator, "/tenants/oak/review")
    assert found["counts"]["approvals"] >= 1
    assert found["records"] >= 5
    assert re.search(
        r"Approvals\s*<span class=\"tally\">", operator.get("/tenants/oak/review").text
    )
    assert data(operator, "/tenants/oak/review/quarantine?kind=users&app=sis")["records"] == []
    left_out = "/tenants/district/review/quarantine"
    assert {row["kind"] for row in data(operator, f"{left_out}?app=app-4")["records"]} >= {
        "roles", "enrollments", "demographics",
    }  # fmt: skip
    (row,) = data(operator, f"{left_out}?kind=enrollments")["records"][:1]
    assert row["reason"] in operator.get(f"{left_out}?kind=enrollments").text


def test_the_api_has_the_same(reviewed: ConsoleSite, made: Made) -> None:
    headers = {"authorization": f"Bearer {reviewed.token_of(Role.OPERATOR)}"}
    client = reviewed.client()
    waiting = client.get("/api/v1/approvals?state=pending", headers=headers).json()["approvals"]
    assert waiting
    assert all(one["tenant"] == "oak" for one in waiting)
    stranger = {"authorization": f"Bearer {reviewed.token_of('stranger')}"}
    assert client.get("/api/v1/approvals", headers=stranger).json()["approvals"] == []
    assert client.get("/api/v1/conflicts", headers=stranger).json() == []
    id_ = waiting[0]["id"]
    assert client.get(f"/api/v1/approvals/{id_}", headers=stranger).status_code == 404
    rows = client.get(f"/api/v1/tenants/oak/jobs/{made.plan}/plan-rows", headers=headers).json()
    assert rows["rows"]
    assert reviewed.desk.call(jobs.find_job, job=made.plan)["tenant"] == "oak"


def test_a_server_is_asked_for_the_same(reviewed: ConsoleSite, made: Made) -> None:
    token = SecretStr(reviewed.token_of(Role.OPERATOR))
    here = reviewed.desk
    with reviewed.served(with_workers=False) as url, RemoteDesk(url, token) as there:
        for function, wanted in (
            (roster.list_roster, {"kind": Kind.USERS, "limit": 5}),
            (roster.find_roster_record, {"record": "username=lele.100010", "kind": "users"}),
            (roster.list_disclosures, {"record": "username=lele.100010"}),
            (approvals.list_approvals, {"state": "pending"}),
            (plans.list_plan_rows, {"job": made.plan, "ops": "held", "limit": 3}),
        ):
            told = there.call(function, tenant="oak", **wanted)
            assert told
            assert told == here.call(function, tenant="oak", **wanted)
        named = there.call(
            roster.find_roster_record, tenant="oak", record="username=lele.100010", field="email"
        )
        of = {"tenant": "oak", "kind": named["kind"], "record": named["sourcedId"]}
        assert there.call(roster.explain_value, **of, field="email")["value"]
        assert there.call(roster.show_roster_record, **of, as_of="2099-01-01")["fields"]
