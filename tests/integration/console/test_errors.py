"""Records that were left out or refused: by the page, as a file, and of whom alone."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import select

from shared.db.account_tables import audit_log
from shared.domain.roles import Role
from tests.console_site import ConsoleSite
from tests.integration.console.seeding import COUNTS, add_job, leave_out, refuse

JSON = {"accept": "application/json"}
ERRORS = "/tenants/oak/apps/sis/errors"


@pytest.fixture
def job(site: ConsoleSite) -> int:
    """A job that has left out three records, and whose vendor has refused three."""
    made = add_job(site, "oak/sis", counts=COUNTS)
    for number in (1, 2, 3):
        leave_out(site, "oak/sis", made, number, kind="roles" if number == 2 else "users")
    refuse(site, "oak/sis", made)
    return made


def test_each_is_told_once_over_all_pages(site: ConsoleSite, job: int) -> None:
    client = site.client(Role.VIEWER)
    headers = {"authorization": f"Bearer {site.token_of(Role.VIEWER)}"}
    found, after = [], None
    while True:
        more = f"&after={after}" if after else ""
        page = client.get(f"/api/v1{ERRORS}?limit=2{more}", headers=headers).json()
        assert len(page["records"]) == 2
        found += page["records"]
        after = page["after"]
        if after is None:
            break
    assert [(one["what"], one["external_id"] or one["sourced_id"]) for one in found] == [
        ("left_out", "user-1"),
        ("left_out", "user-2"),
        ("left_out", "user-3"),
        ("not_written", "user-8"),
        ("not_created", "class-1"),
        ("not_ended", "e-1"),
    ]
    assert page["job"] == {
        "id": job, "state": "succeeded", "mode": "full", "quarantined": 2, "left_out": {},
        "finished_at": page["job"]["finished_at"],
    }  # fmt: skip
    of_roles = client.get(f"{ERRORS}?kind=roles", headers=JSON).json()["records"]
    assert [one["external_id"] for one in of_roles] == ["user-2"]
    html = client.get(ERRORS).text
    assert "it is full" in html
    assert "canary" not in html


def test_what_an_earlier_try_was_refused_is_told_no_more(site: ConsoleSite, job: int) -> None:
    refuse(site, "oak/sis", job, attempt=2)
    found = site.client(Role.VIEWER).get(ERRORS, headers=JSON).json()["records"]
    assert len(found) == 6


def test_the_file_has_all_of_them_and_runs_nothing(site: ConsoleSite, job: int) -> None:
    answer = site.client(Role.VIEWER).get(f"{ERRORS}.csv?job={job}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = f"oak-sis-errors-{job}.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 6
    assert {row["givenName"] for row in rows} == {"'=1+1", ""}
    assert "canary" not in answer.text
    only = site.client(Role.VIEWER).get(f"{ERRORS}.csv?kind=classes").text
    assert [row["reason"] for row in csv.DictReader(io.StringIO(only))] == ["it is full"]


def test_a_download_is_written_into_the_audit_log(site: ConsoleSite, job: int) -> None:
    site.client(Role.VIEWER).get(f"{ERRORS}.csv")
    with site.database.read() as connection:
        done = connection.execute(select(audit_log.c.action)).scalars().all()
    assert "download_errors" in done


def test_a_job_of_another_app_or_district_is_none(site: ConsoleSite, job: int) -> None:
    client = site.client(Role.ADMINISTRATOR)
    for path in (
        f"/tenants/oak/apps/ls/errors?job={job}",
        f"/tenants/elm/apps/sis/errors?job={job}",
        f"/tenants/elm/apps/sis/errors.csv?job={job}",
        f"/tenants/elm/jobs/{job}/errors",
        f"{ERRORS}?job=999999",
    ):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "user-1" not in answer.text
    answer = client.get(f"/tenants/oak/jobs/{job}/errors")
    assert answer.headers["location"] == f"{ERRORS}?job={job}"
    for wrong in ("after=odd", "after=quarantine:x", "kind=odd", "job=0"):
        assert client.get(f"{ERRORS}?{wrong}").status_code == 422, wrong


def test_an_app_that_has_not_run_has_no_errors(site: ConsoleSite) -> None:
    client = site.client(Role.VIEWER)
    assert "has not synced yet" in client.get(ERRORS).text
    assert len(client.get(f"{ERRORS}.csv").text.splitlines()) == 1


def test_what_is_left_out_now_is_listed_by_the_page(site: ConsoleSite, job: int) -> None:
    other = add_job(site, "elm/sis")
    leave_out(site, "elm/sis", other, 4)

    def seen(name: str, path: str) -> list[str]:
        headers = {"authorization": f"Bearer {site.token_of(name)}"}
        found, after = [], None
        while True:
            more = f"&after={after}" if after else ""
            url = f"/api/v1/{path}?limit=1{more}"
            page = site.client().get(url, headers=headers).json()
            found += [f"{one['app']} {one['external_id']}" for one in page["records"]]
            after = page["after"]
            if after is None:
                assert page["count"] == len(found)
                return found

    # by app and kind
    oak = ["oak/sis user-2", "oak/sis user-1", "oak/sis user-3"]
    assert seen(Role.ADMINISTRATOR, "quarantine") == ["elm/sis user-4", *oak]
    assert seen(Role.VIEWER, "quarantine") == oak
    assert seen("stranger", "quarantine") == ["elm/sis user-4"]
    assert seen(Role.VIEWER, "tenants/oak/quarantine") == oak
