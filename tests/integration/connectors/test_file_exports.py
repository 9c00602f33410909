"""Exports as jobs of a real worker, on both databases, delivered to a real OpenSSH server."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors import registry
from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from shared.broker.connect import open_broker
from shared.db.apps import NewApp, add_app, set_rules
from shared.db.asking import Ask, ask
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.tables import apps, jobs
from shared.db.tenants import add_tenant
from shared.roster.disclosures import disclosures_of
from shared.secrets import seal_secrets
from shared.settings import load_settings
from tests.clever_checker import read_set as read_clever
from tests.finalsite_checker import read_sheets
from tests.oneroster_checker import read_set as read_oneroster
from tests.sftp_site import SftpSite
from workers.bootstrap import build

STUDENTS = 40
#: By connector, the judge of its set: returns what is wrong.
JUDGES: dict[str, Callable[[Path], list[str]]] = {
    "clever_csv": lambda folder: read_clever(folder).problems,
    "crisisgo": lambda folder: read_clever(folder, one_row_a_teacher=True).problems,
    "finalsite": lambda folder: read_sheets(folder).problems,
    "lightspeed": lambda folder: sorted(
        {path.name for path in folder.iterdir()}
        ^ {"users-v2.csv", "groups-v2.csv", "memberships-v2.csv"}
    ),
    "oneroster_csv_export": lambda folder: read_oneroster(folder).problems,
}


class Office:
    """A tenant with an imported district, and a worker that runs what is asked for."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.gate = Gate(database)
        settings = load_settings(state_dir=folder / "state")
        self._broker = open_broker(settings)
        self._runner = build(settings, database, self._broker, threading.Event())
        self.tenant_id = add_tenant(self.gate, "oak", "UTC")
        self.add("sis", "oneroster_csv", path=str(folder / "drop.zip"), quiet_s=0)
        self.new_day(0)

    def add(self, name: str, connector_name: str, **values: Any) -> None:
        connector = registry.get(connector_name)
        registry.parse_config(connector, values)
        hidden = registry.secret_fields(connector)
        secrets = {key: value for key, value in values.items() if key in hidden}
        add_app(
            self.gate,
            NewApp(
                tenant="oak",
                name=name,
                connector=connector_name,
                tier=connector.tier,
                modes=connector.capabilities.modes,
                config={key: value for key, value in values.items() if key not in hidden},
                secrets=seal_secrets(secrets, None) if secrets else None,
            ),
        )

    def new_day(self, day: int) -> None:
        district = generate("oak", seed=4, students=STUDENTS, day=day)
        write_oneroster(district, self.folder / "drop.zip")
        assert self.run("sis").state == "succeeded"

    def run(self, name: str) -> Any:
        job_id = ask(self.gate, Ask(app=f"oak/{name}", actor="intake")).job_id
        self._runner.run(job_id)
        with self.database.read() as connection:
            return connection.execute(select(jobs).where(jobs.c.id == job_id)).one()

    def change(self, name: str, **config: Any) -> None:
        with self.database.write() as connection:
            there = connection.execute(
                select(apps.c.config).where(apps.c.name == name)
            ).scalar_one()
            connection.execute(
                update(apps).where(apps.c.name == name).values(config={**there, **config})
            )

    def told(self, who: str) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            return disclosures_of(connection, self.tenant_id, who)

    def close(self) -> None:
        self._broker.close()


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Office]:
    made = Office(database, tmp_path)
    yield made
    made.close()


def rows(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))


@pytest.mark.parametrize("connector", JUDGES)
def test_a_set_is_delivered_and_the_same_hub_is_the_same_set(
    office: Office, site: SftpSite, connector: str
) -> None:
    office.add("out", connector, **site.settings)
    first = office.run("out")
    assert first.state == "succeeded", first.reason
    assert JUDGES[connector](site.folder) == []
    before = site.contents()
    assert first.counts["files"].keys() == before.keys()
    assert all(place.startswith("sftp://") for place in first.counts["places"])
    assert first.counts["disclosed"] >= STUDENTS
    secret = site.settings["sftp_private_key"].splitlines()[1]
    assert secret not in str(first)
    times = site.times()
    second = office.run("out")
    assert second.state == "succeeded"
    assert site.contents() == before
    assert not any(file["changed"] for file in second.counts["files"].values())
    # only Finalsite minds that a file is today's
    assert (site.times() == times) == (connector != "finalsite")
    office.new_day(30)
    third = office.run("out")
    assert third.state == "succeeded", third.reason
    assert site.contents() != before
    assert JUDGES[connector](site.folder) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"sftp_host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"},
            "sftp_host_key",
        ),
        ({"sftp_user": "somebody-else"}, "sftp_user"),
        ({"sftp_path": "/nowhere"}, "sftp_path"),
    ],
)  # fmt: skip
def test_a_wrong_setting_fails_the_job_and_is_named(
    office: Office, site: SftpSite, changes: dict[str, str], told: str
) -> None:
    office.add("out", "crisisgo", **site.settings)
    assert office.run("out").state == "succeeded"
    before, times = site.contents(), site.times()
    office.change("out", **changes)
    office.new_day(30)
    failed = office.run("out")
    assert failed.state == "failed"
    assert told in failed.reason
    assert (site.contents(), site.times()) == (before, times)
    # what was not delivered has been disclosed to nobody
    assert failed.counts is None or "disclosed" not in failed.counts


def test_a_server_that_is_down_is_tried_again(office: Office, site: SftpSite) -> None:
    office.add("out", "clever_csv", **{**site.settings, "sftp_port": 1})
    waiting = office.run("out")
    assert (waiting.state, waiting.failures) == ("held", 1)


SENDS = {
    "orgs": "plain",
    "classes": "plain",
    "enrollments": "plain",
    "roles": "plain",
    "users.sourcedId": "hash",
    "users.givenName": "initial",
    "users.familyName": "constant:Student",
    "users.enabledUser": "plain",
}
#: connector → (its file of students, its delimiter, the columns of id, first and last name).
STUDENT_FILES = {
    "clever_csv": ("students.csv", ",", ("Student_id", "First_name", "Last_name")),
    "finalsite": ("fs_student.txt", "\t", ("RECORDID", "FIRST_NAME", "LAST_NAME")),
}


@pytest.mark.parametrize("connector", STUDENT_FILES)
def test_what_is_not_listed_does_not_leave(office: Office, site: SftpSite, connector: str) -> None:
    name, delimiter, columns = STUDENT_FILES[connector]
    # under hashed ids, everybody looks like somebody else
    more = {"off_feed_percent": 100} if connector == "finalsite" else {}
    office.add("out", connector, **site.settings, **more)
    assert office.run("out").state == "succeeded"
    plain = {row[columns[0]]: row for row in rows(site.contents()[name], delimiter)}
    assert len(plain) == STUDENTS
    set_rules(office.gate, "oak/out", {"sends": SENDS})
    masked_job = office.run("out")
    assert masked_job.state == "succeeded", masked_job.reason
    assert JUDGES[connector](site.folder) == []
    masked = rows(site.contents()[name], delimiter)
    assert len(masked) == STUDENTS
    for row in masked:
        assert len(row[columns[0]]) == 32
        assert len(row[columns[1]]) == 1
        assert row[columns[2]] == "Student"
    whole = b"".join(site.contents().values()).decode()
    assert not any(id_ in whole for id_ in plain)
    newest, oldest = office.told(next(iter(plain)))
    assert newest["fields"]["users"]["givenName"] == "initial"
    assert oldest["until_job"] == newest["since_job"]
    # nobody asked for what no column needs
    assert "identifier" not in oldest["fields"]["users"]
    assert "demographics" not in oldest["fields"]


def test_a_filtered_export_holds_those_in_scope_and_tells_of_them_alone(
    office: Office, site: SftpSite
) -> None:
    office.add("out", "clever_csv", **site.settings)
    both = office.run("out")
    set_rules(office.gate, "oak/out", {"filters": {"roles": ["teacher"]}})
    # no student at all is what the guard stops; so the file is one that had none
    refused = office.run("out")
    assert refused.state == "failed"
    assert "no student would be sent" in refused.reason
    (site.folder / "students.csv").unlink()
    alone = office.run("out")
    assert alone.state == "succeeded", alone.reason
    found = read_clever(site.folder)
    assert found.problems == []
    assert found.tables["students"] == found.tables["enrollments"] == []
    teachers = {row["Teacher_id"] for row in found.tables["teachers"]}
    assert alone.counts["disclosed"] == len(teachers) < both.counts["disclosed"]


def test_family_is_disclosed_to_whom_it_is_sent_alone(office: Office, site: SftpSite) -> None:
    office.add("clever", "clever_csv", path=str(office.folder / "clever"))
    office.add("web", "finalsite", path=str(office.folder / "web"))
    clever, web = office.run("clever"), office.run("web")
    assert (clever.state, web.state) == ("succeeded", "succeeded")
    sheets = read_sheets(office.folder / "web")
    assert sheets.problems == []
    contacts = {
        row[f"CNT{place}_ID"] for row in sheets.tables["fs_parent"] for place in (1, 2, 3)
    } - {""}
    assert contacts
    for id_ in contacts:
        assert [period["app"] for period in office.told(id_)] == ["web"]
    people = {
        row["RECORDID"] for name in ("fs_faculty", "fs_student") for row in sheets.tables[name]
    }
    assert web.counts["disclosed"] == len(people | contacts)
