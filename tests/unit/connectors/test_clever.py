"""`clever_csv` and `crisisgo`: the five files, byte for byte, and what does not go into them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors import registry
from connectors.clever.csv_export import CleverCsvConfig
from connectors.clever.reads import reads
from connectors.clever.set_writer import SetWriter
from connectors.clever.settings import CleverSettings
from connectors.sdk import Target
from connectors.vendors.crisisgo import CONNECTOR as CRISISGO
from shared.domain.records import Kind, encode_list
from shared.errors import ConfigurationError, PermanentConnectorError
from tests.clever_checker import read_set
from tests.unit.connectors.roster_in_memory import MemoryRoster, role_of, small_roster, user
from tests.unit.connectors.transport.test_drop import SFTP


@pytest.fixture
def roster() -> MemoryRoster:
    made = small_roster()
    made.put(
        Kind.ORGS,
        "s",
        {"name": "School, One", "type": "school", "identifier": "100", "parentSourcedId": "d"},
    )
    made.put(Kind.ORGS, "s2", {"name": "Two", "type": "school", "identifier": "200"})
    made.put(Kind.USERS, "u1", user("u1", givenName="Teo", familyName="Rasu", identifier="T1"))
    made.put(
        Kind.USERS,
        "u2",
        user("u2", givenName='Ana "A"', familyName="Vél", identifier="S2", grades='["KG"]'),
    )
    made.put(Kind.ROLES, "r-u1b", role_of("u1", "teacher", "s2", "secondary"))
    return made


def write(roster: MemoryRoster, folder: Path, settings: CleverSettings | None = None) -> SetWriter:
    folder.mkdir()
    writer = SetWriter(settings or CleverSettings(), roster)
    writer.write(folder)
    return writer


def texts(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_bytes().decode() for path in folder.iterdir()}


def test_the_five_files(roster: MemoryRoster, tmp_path: Path) -> None:
    writer = write(roster, tmp_path / "set")
    assert texts(tmp_path / "set") == {
        "schools": 'School_id,School_name,School_number\r\ns,"School, One",100\r\ns2,Two,200\r\n',
        "students": 'School_id,Student_id,Last_name,First_name\r\ns,u2,Vél,"Ana ""A"""\r\n',
        "teachers": "School_id,Teacher_id,Last_name,First_name\r\n"
        "s,u1,Rasu,Teo\r\ns2,u1,Rasu,Teo\r\n",
        "sections": "School_id,Section_id,Teacher_id,Name,Term_name,Term_start,Term_end\r\n"
        "s,cl,u1,Class,Term,08/20/2026,06/10/2027\r\n",
        "enrollments": "School_id,Section_id,Student_id\r\ns,cl,u2\r\n",
    }
    assert (writer.left_out, writer.altered) == ({}, {})
    assert read_set(tmp_path / "set").problems == []


def test_crisisgo_has_its_own_columns_and_one_row_a_teacher(
    roster: MemoryRoster, tmp_path: Path
) -> None:
    config = registry.parse_config(CRISISGO, SFTP)
    write(roster, tmp_path / "set", config)
    found = texts(tmp_path / "set")
    assert {name: text.split("\r\n")[0] for name, text in found.items()} == {
        "schools": "School_id,School_name",
        "students": "School_id,Student_id,Last_name,First_name",
        "teachers": "School_id,Teacher_id,Last_name,First_name",
        "sections": "School_id,Section_id,Teacher_id,Name,Term_start,Term_end",
        "enrollments": "School_id,Student_id,Section_id",
    }
    # the staff id is the student system's number
    assert found["teachers"].split("\r\n")[1:] == ["s,T1,Rasu,Teo", ""]
    assert found["sections"].split("\r\n")[1] == "s,cl,T1,Class,08/20/2026,06/10/2027"
    assert read_set(tmp_path / "set", one_row_a_teacher=True).problems == []
    assert isinstance(CRISISGO.open(config), Target)


def test_further_columns_by_setting(roster: MemoryRoster, tmp_path: Path) -> None:
    roster.put(Kind.USERS, "u3", user("u3", identifier="T3"))
    roster.put(Kind.ROLES, "r3", role_of("u3", "teacher"))
    enrolled = {"classSourcedId": "cl", "schoolSourcedId": "s", "userSourcedId": "u3"}
    roster.put(Kind.ENROLLMENTS, "e3", {**enrolled, "role": "teacher", "primary": "true"})
    settings = CleverSettings(
        students="Student_id,School_id,First_name,Last_name,Student_number,Grade,Gender,DOB,"
        "Email_address,ext.name=username",
        sections="Section_id,School_id,Teacher_id,Teacher_2_id,Name=course_title,Term_end",
        school_id="identifier",
        student_id="identifier",
        teacher_id="identifier",
        grade_words="KG=Kindergarten",
        dates="YYYY-MM-DD",
        term_end="day_before",
        line_end="lf",
    )
    write(roster, tmp_path / "set", settings)
    found = texts(tmp_path / "set")
    assert found["students"].split("\n")[1] == (
        'S2,100,"Ana ""A""",Vél,S2,Kindergarten,F,2012-02-29,,u2'
    )
    # a primary teacher comes first
    assert found["sections"].split("\n")[1] == "cl,100,T3,T1,Course,2027-06-09"


def test_only_what_the_columns_need_is_read() -> None:
    needed = reads(CleverSettings())
    assert needed[Kind.USERS] == ("enabledUser", "givenName", "familyName")
    assert Kind.DEMOGRAPHICS not in needed
    assert Kind.COURSES not in needed
    more = reads(
        CleverSettings(
            students="School_id,Student_id,Last_name,First_name,DOB", student_id="identifier"
        )
    )
    assert more[Kind.DEMOGRAPHICS] == ("userSourcedId", "birthDate")
    assert "identifier" in more[Kind.USERS]
    assert "email" not in more[Kind.USERS]


def test_what_is_not_whole_does_not_go_and_is_told(roster: MemoryRoster, tmp_path: Path) -> None:
    put = roster.put
    put(Kind.ORGS, "s3", {"name": "Three", "type": "school"})  # without a number
    for id_, role, org, values in (
        ("x1", "student", "s3", {}),
        ("x2", "student", "s", {"enabledUser": "false"}),
        ("x3", "aide", "s", {}),
        ("x4", "guardian", "s", {}),
        ("x5", "student", "s", {"givenName": " "}),
        ("x6", "student", "s", {"identifier": "S2"}),
    ):
        put(Kind.USERS, id_, user(id_, **values))
        put(Kind.ROLES, f"r-{id_}", role_of(id_, role, org))
        enrolled = {"classSourcedId": "cl", "schoolSourcedId": "s", "userSourcedId": id_}
        put(Kind.ENROLLMENTS, f"e-{id_}", {**enrolled, "role": "student"})
    lesson = {"title": "No teacher", "courseSourcedId": "co", "classType": "scheduled"}
    put(
        Kind.CLASSES, "c2", {**lesson, "schoolSourcedId": "s", "termSourcedIds": encode_list(["t"])}
    )
    put(Kind.CLASSES, "c3", {**lesson, "schoolSourcedId": "s3", "termSourcedIds": '["t"]'})
    writer = write(roster, tmp_path / "set", CleverSettings(student_id="identifier"))
    assert writer.left_out == {
        "schools without School_number": 1,
        "students without a school that is sent": 1,
        "users that are not enabled": 1,
        "users who are neither student nor teacher": 1,
        "students without Student_id": 1,  # x5 has neither
        "students whose id another has": 1,
        "sections without a teacher who is sent": 1,
        "sections without a school that is sent": 1,
        "enrollments of a section or student that is not sent": 6,
    }
    assert read_set(tmp_path / "set").problems == []
    # nobody of whom there is no row counts as disclosed
    assert sorted(id_ for _, id_ in roster.not_sent) == ["x1", "x2", "x3", "x4", "x5", "x6"]


def test_line_breaks_are_written_as_spaces(roster: MemoryRoster, tmp_path: Path) -> None:
    roster.put(Kind.ORGS, "s2", {"name": "Two\r\nLines\tone", "type": "school", "identifier": "2"})
    writer = write(roster, tmp_path / "set")
    assert "s2,Two Lines one,2\r\n" in texts(tmp_path / "set")["schools"]
    assert writer.altered == {"rows without the line breaks or tabs of their values": 1}


def test_whoever_teaches_and_learns_is_in_both_files(roster: MemoryRoster, tmp_path: Path) -> None:
    roster.put(Kind.ROLES, "r-u2b", role_of("u2", "teacher", "s2", "secondary"))
    write(roster, tmp_path / "set")
    found = read_set(tmp_path / "set")
    assert [row["School_id"] for row in found.tables["students"]] == ["s"]
    assert {"School_id": "s2", "Teacher_id": "u2", "Last_name": "Vél", "First_name": 'Ana "A"'} in (
        found.tables["teachers"]
    )


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("students", "School_id,Last_name,First_name", "Student_id is missing"),
        ("students", "School_id,Student_id,Last_name,First_name,Shoe", "Shoe cannot hold 'Shoe'"),
        ("sections", "School_id,Section_id,Teacher_id,Name=email", "Name cannot hold 'email'"),
        ("schools", "School_id,School_id,School_name", "twice"),
        ("teachers", "School_id,,Teacher_id", "no HEADER"),
        ("grade_words", "KG", "no GRADE=WORD"),
    ],
)
def test_columns_that_cannot_be_are_refused(setting: str, value: str, told: str, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=f"--set {setting}: .*{told}"):
        registry.parse_config(registry.get("clever_csv"), {"path": tmp_path, setting: value})


def test_an_empty_hub_does_not_empty_the_vendor(roster: MemoryRoster, tmp_path: Path) -> None:
    target: Any = registry.get("clever_csv").open(CleverCsvConfig(path=tmp_path / "out"))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = target.deliver(target.render(roster, tmp_path / "a"))
    assert len(first.changed) == 5
    before = texts(tmp_path / "out")
    roster.remove(Kind.USERS, "u2")
    with pytest.raises(
        PermanentConnectorError, match="no student would be sent, where there were 1"
    ):
        target.render(roster, tmp_path / "b")
    assert texts(tmp_path / "out") == before


def test_crisisgo_goes_by_sftp_alone(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="path"):
        CRISISGO.config(**SFTP, path=tmp_path)
    with pytest.raises(ConfigurationError, match="--set sftp_host"):
        registry.parse_config(CRISISGO, {})
