"""Settings > Schedule over HTTP: what is saved, refused, previewed and offered next."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from console.service import schedules
from shared.db.account_tables import audit_log
from shared.domain.roles import Role
from shared.domain.states import Mode
from tests.console_site import ConsoleSite

PAGE = "/tenants/oak/apps/sis/settings/schedule"
NIGHTLY = {"frequency": "daily", "at": "02:00", "zone": "America/New_York", "action": "save"}
JSON = {"accept": "application/json"}

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)


def stored(site: ConsoleSite, app: str = "sis", mode: str = "full"):
    rows = site.desk.call(schedules.show_schedules, tenant="oak", app=app)
    return next((row for row in rows if row["mode"] == mode), None)


def test_an_app_that_reads_in_two_ways_has_two_schedules_and_an_export_one(
    site: ConsoleSite,
) -> None:
    client = site.client(Role.DISTRICT_ADMIN)
    of_sis, of_ls = client.get(PAGE).text, client.get(PAGE.replace("sis", "ls")).text
    assert "Full Sync Schedule" in of_sis
    assert "Incremental Sync Schedule" in of_sis
    assert "Sync Schedule" in of_ls
    assert "Full Sync Schedule" not in of_ls


def test_a_schedule_is_saved_and_the_next_app_offered(site: ConsoleSite) -> None:
    client = site.client(Role.DISTRICT_ADMIN)
    answer = client.submit(f"{PAGE}/full", **NIGHTLY, more="13:30", until="2040-06-30")
    assert answer.status_code == 303
    assert answer.headers["location"] == PAGE
    assert stored(site)["recurrence"] == {
        "zone": "America/New_York", "frequency": "daily", "times": ["02:00", "13:30"], "days": [],
        "until": "2040-06-30",
    }  # fmt: skip
    shown = client.get(PAGE, headers=JSON).json()
    assert shown["next_app"] == "ls"
    page = client.get(PAGE).text
    assert '/tenants/oak/apps/ls/settings/schedule">schedule ls</a>' in page
    assert "The Full Sync Schedule is saved." in page
    client.submit("/tenants/oak/apps/ls/settings/schedule/full", **NIGHTLY)
    assert client.get(PAGE, headers=JSON).json()["next_app"] is None


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        (
            {"frequency": "weekly", "weekdays": ["fri", "mon"], "at": "01:15", "days": "99"},
            {"frequency": "weekly", "times": ["01:15"], "days": ["mon", "fri"]},
        ),
        (
            {"frequency": "monthly", "days": "15, Last day", "at": "01:15", "cron": "x"},
            {"frequency": "monthly", "times": ["01:15"], "days": ["15", "last"]},
        ),
        ({"frequency": "cron", "cron": "0 2 * * 1-5", "at": "09:00"}, {"cron": "0 2 * * 1-5"}),
    ],
)
def test_what_belongs_to_another_frequency_counts_for_nothing(
    site: ConsoleSite, fields: dict[str, object], wanted: dict[str, object]
) -> None:
    client = site.client(Role.DISTRICT_ADMIN)
    answer = client.submit(f"{PAGE}/full", **fields, action="save")
    assert answer.status_code == 303, answer.text
    assert stored(site)["recurrence"] == {"zone": "America/New_York", **wanted}
    # the form shows what was saved
    values = client.get(f"{PAGE}/full", headers=JSON).json()["values"]
    assert values["frequency"] == fields["frequency"]


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"at": "25:00"}, "at", "is not a time of day"),
        ({"at": ""}, "at", "None is given"),
        ({"zone": "America/NewYork"}, "zone", "Did you mean America/New_York?"),
        ({"until": "2020-01-01"}, "until", "No run is left"),
        ({"frequency": ""}, "frequency", "None is given"),
        ({"frequency": "weekly"}, "weekdays", "A weekly schedule needs some"),
        ({"frequency": "cron", "cron": "61 * * * *"}, "cron", ""),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_rest_is_kept(
    site: ConsoleSite, fields: dict[str, str], field: str, told: str
) -> None:
    client = site.client(Role.DISTRICT_ADMIN)
    answer = client.submit(f"{PAGE}/full", **{**NIGHTLY, "start": "2031-02-03", **fields})
    assert answer.status_code == 422
    problems = client.post(
        f"{PAGE}/full",
        data={"csrf_token": client.csrf("/tenants"), **NIGHTLY, **fields},
        headers=JSON,
    ).json()["problems"]
    assert list(problems) == [field]
    assert told in problems[field]
    assert f'href="#f-{field}"' in answer.text
    assert 'value="2031-02-03"' in answer.text
    assert stored(site) is None


def test_a_preview_changes_nothing_and_marks_what_is_special(site: ConsoleSite) -> None:
    client = site.client(Role.DISTRICT_ADMIN)
    answer = client.submit(
        f"{PAGE}/full", **{**NIGHTLY, "at": "02:30", "action": "preview", "start": "2031-03-05"}
    )
    assert answer.status_code == 200
    assert "clocks go forward" in answer.text
    assert "clocks go back" not in answer.text
    monthly = {"frequency": "monthly", "days": "31", "at": "02:30", "action": "preview"}
    assert "short month" in client.submit(f"{PAGE}/full", **monthly).text
    late = {**NIGHTLY, "at": "01:30", "start": "2031-06-01", "action": "preview"}
    assert "clocks go back" in client.submit(f"{PAGE}/full", **late).text
    assert stored(site) is None


def test_a_preview_is_no_deed_that_the_audit_log_would_tell(site: ConsoleSite) -> None:
    client = site.client(Role.DISTRICT_ADMIN)
    client.submit(f"{PAGE}/full", **{**NIGHTLY, "action": "preview"})
    client.submit(f"{PAGE}/full", **NIGHTLY)
    with site.database.read() as connection:
        actions = set(connection.execute(select(audit_log.c.action)).scalars())
    assert "set_schedule" in actions
    assert "show_outlook" not in actions


def test_an_app_that_must_wait_is_warned_of(site: ConsoleSite) -> None:
    client = site.client(Role.DISTRICT_ADMIN)
    client.submit(f"{PAGE}/full", **NIGHTLY)
    of_ls = "/tenants/oak/apps/ls/settings/schedule/full"
    told = "sis (import) is due at 02:00 too: this app will start when it has ended."
    assert told in client.get(of_ls).text
    other = client.submit(of_ls, **{**NIGHTLY, "at": "04:00", "action": "preview"})
    assert "sis (import)" not in other.text
    # nothing upstream of the import itself
    assert "is due at" not in client.get(f"{PAGE}/full").text


def test_a_schedule_is_removed(site: ConsoleSite) -> None:
    client = site.client(Role.DISTRICT_ADMIN)
    client.submit(f"{PAGE}/full", **NIGHTLY)
    assert client.submit(f"{PAGE}/full/remove").status_code == 303
    assert stored(site) is None
    assert client.submit(f"{PAGE}/full/remove").status_code == 422


def test_a_mode_that_the_app_has_not_is_not_there(site: ConsoleSite) -> None:
    client = site.client(Role.DISTRICT_ADMIN)
    page = "/tenants/oak/apps/ls/settings/schedule/"
    assert client.get(page + Mode.INCREMENTAL).status_code == 404
    assert client.get(page + "sometimes").status_code == 422
    assert client.get("/tenants/oak/apps/none/settings/schedule/full").status_code == 404
