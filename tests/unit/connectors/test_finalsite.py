"""`finalsite`: the five sheets, byte for byte, and who may go off the feed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.sdk import Target
from connectors.vendors.finalsite.config import FinalsiteConfig
from connectors.vendors.finalsite.target import Finalsite, reads
from shared.domain.records import Kind, encode_list
from shared.errors import ConfigurationError, PermanentConnectorError
from tests.finalsite_checker import read_sheets
from tests.unit.connectors.roster_in_memory import MemoryRoster, role_of, small_roster, user

CONTACT = ["ID", "FNAME", "LNAME", "REL", "CPHONE", "EMAIL"]


@pytest.fixture
def roster() -> MemoryRoster:
    made = small_roster()
    put = made.put
    lesson = {"title": "Class", "courseSourcedId": "co", "classType": "scheduled"}
    more = {"classCode": "7", "location": "R 12", "periods": encode_list(["2", "1"])}
    put(
        Kind.CLASSES,
        "cl",
        {**lesson, **more, "schoolSourcedId": "s", "termSourcedIds": encode_list(["t", "y"])},
    )
    put(Kind.USERS, "u1", user("u1", givenName="Teo", familyName="Rasu", email="t@x.example"))
    agents = encode_list(["g1", "g2", "g3", "g4"])
    names = {"givenName": 'Ana "A"', "familyName": "Vél\tZo"}
    put(Kind.USERS, "u2", user("u2", **names, grades='["09"]', agentSourcedIds=agents))
    put(Kind.USERS, "g1", user("g1", givenName="Gina", familyName="Vél", sms="555-1"))
    put(Kind.ROLES, "r-g1", role_of("g1", "parent"))
    put(Kind.USERS, "g2", user("g2", givenName="Gus", familyName="Vél", email="g@x.example"))
    put(Kind.ROLES, "r-g2", role_of("g2", "guardian"))
    put(Kind.USERS, "g3", user("g3", enabledUser="false"))
    put(Kind.ROLES, "r-g3", role_of("g3", "relative"))
    put(Kind.USERS, "g5", user("g5"))
    put(Kind.ROLES, "r-g5", role_of("g5", "parent"))
    return made


def target(tmp_path: Path, **config: Any) -> Finalsite:
    return Finalsite(FinalsiteConfig(path=tmp_path / "out", **config))


def render(made: Finalsite, roster: MemoryRoster, tmp_path: Path) -> Any:
    folder = tmp_path / f"work-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    return made.render(roster, folder)


def texts(rendering: Any) -> dict[str, str]:
    return {file.path.name: file.path.read_bytes().decode() for file in rendering.files}


def test_the_five_sheets(roster: MemoryRoster, tmp_path: Path) -> None:
    made = target(tmp_path)
    rendering = render(made, roster, tmp_path)
    assert not (tmp_path / "out").exists()  # what is only shown leaves nothing there
    contacts = "\t".join(f"CNT{place}_{word}" for place in (1, 2, 3) for word in CONTACT)
    assert texts(rendering) == {
        "fs_faculty.txt": "RECORDID\tFIRST_NAME\tLAST_NAME\tEMAIL_ADDR\tPREFERREDNAME\r\n"
        "u1\tTeo\tRasu\tt@x.example\t\r\n",
        "fs_student.txt": "RECORDID\tGRADE_LEVEL\tFIRST_NAME\tLAST_NAME\tEMAIL\r\n"
        'u2\t09\tAna "A"\tVél Zo\t\r\n',
        "fs_parent.txt": f"STUDENT_NUMBER\t{contacts}\r\n"
        "u2\tg1\tGina\tVél\tparent\t555-1\t\tg2\tGus\tVél\tguardian\t\tg@x.example"
        "\t\t\t\t\t\t\r\n",
        "fs_classes.txt": "RECORDID\tCOURSE_NUMBER\tCOURSE_NAME\tSECTION_NUMBER\tTEACHER\t"
        "COTEACHER\tSCHOOLYEAR\tROOM\tEXPRESSION\r\ncl\t\tCourse\t7\tu1\t\t2027\tR 12\t1, 2\r\n",
        "fs_enrollment.txt": "STUDENT_NUMBER\tSECTIONID\r\nu2\tcl\r\n",
    }
    assert rendering.left_out == {"users that are not enabled": 1}
    assert rendering.altered == {"rows without the line breaks or tabs of their values": 1}
    # a parent of nobody who is sent, and who is not enabled, are told of to nobody
    assert sorted(id_ for _, id_ in roster.not_sent) == ["g3", "g5"]
    made.deliver(rendering)
    assert read_sheets(tmp_path / "out").problems == []


def test_the_tenants_own_columns(roster: MemoryRoster, tmp_path: Path) -> None:
    roster.put(Kind.USERS, "u3", user("u3", givenName="Co", familyName="Teach"))
    roster.put(Kind.ROLES, "r3", role_of("u3", "principal"))
    enrolled = {"classSourcedId": "cl", "schoolSourcedId": "s", "userSourcedId": "u3"}
    roster.put(Kind.ENROLLMENTS, "e3", {**enrolled, "role": "teacher"})
    made = target(
        tmp_path,
        faculty="importID=import_id,First Name=givenName,Role=role,Location1=location_1",
        parents="importID=student_id,Mail=contact_1_email",
        classes="importID=import_id,T=teacher_name,C=coteacher_name",
        students_file="people.txt",
        grade_words="09=Freshman",
        bom=True,
        line_end="lf",
    )
    found = texts(render(made, roster, tmp_path))
    assert found["fs_faculty.txt"] == (
        "\ufeffimportID\tFirst Name\tRole\tLocation1\n"
        "u1\tTeo\tteacher\tSchool\nu3\tCo\tprincipal\tSchool\n"
    )
    assert found["people.txt"].split("\n")[1].startswith("u2\tFreshman\t")
    assert found["fs_parent.txt"] == "\ufeffimportID\tMail\nu2\t\n"
    assert found["fs_classes.txt"].split("\n")[1] == "cl\tTeo Rasu\tCo Teach"
    # without a column for a second contact, nobody is told of one
    assert (Kind.USERS, "g2") in roster.not_sent
    assert "phone" not in made.reads[Kind.USERS]


def test_only_what_the_columns_need_is_read(tmp_path: Path) -> None:
    needed = reads(FinalsiteConfig(path=tmp_path, parents="STUDENT_NUMBER"))
    assert needed[Kind.USERS] == (
        "enabledUser", "givenName", "familyName", "email", "grades", "preferredGivenName",
    )  # fmt: skip
    assert needed[Kind.ORGS] == ()
    assert Kind.DEMOGRAPHICS not in needed


def test_an_import_id_is_ones_own(roster: MemoryRoster, tmp_path: Path) -> None:
    roster.put(Kind.USERS, "u1", user("u1", identifier="1"))
    roster.put(Kind.USERS, "u2", user("u2", identifier="1"))
    rendering = render(target(tmp_path, import_id="identifier"), roster, tmp_path)
    assert texts(rendering)["fs_faculty.txt"].split("\r\n")[1].startswith("1\t")
    assert rendering.left_out["users whose ImportID another has"] == 1
    assert rendering.left_out["users without an ImportID"] == 3
    assert rendering.left_out["enrollments of a class or student that is not sent"] == 1


def test_a_parent_who_teaches_is_faculty_still(roster: MemoryRoster, tmp_path: Path) -> None:
    roster.put(Kind.ROLES, "r-g5b", role_of("g5", "teacher"))
    rendering = render(target(tmp_path), roster, tmp_path)
    assert "\r\ng5\t" in texts(rendering)["fs_faculty.txt"]
    assert (Kind.USERS, "g5") not in roster.not_sent


def add_students(roster: MemoryRoster, count: int) -> list[str]:
    ids = [f"x{number:02d}" for number in range(count)]
    for id_ in ids:
        roster.put(Kind.USERS, id_, user(id_))
        roster.put(Kind.ROLES, f"r-{id_}", role_of(id_, "student"))
    return ids


def test_few_may_go_off_the_feed_and_it_is_told(roster: MemoryRoster, tmp_path: Path) -> None:
    made = target(tmp_path)
    ids = add_students(roster, 30)
    made.deliver(render(made, roster, tmp_path))
    for id_ in ids[:4]:
        roster.remove(Kind.USERS, id_)
    rendering = render(made, roster, tmp_path)
    assert rendering.altered["students no longer sent (off the feed 48 hours after)"] == 4
    roster.remove(Kind.USERS, ids[4])
    with pytest.raises(PermanentConnectorError, match=r"off_feed_percent: 5 of 31 students"):
        render(made, roster, tmp_path)
    render(target(tmp_path, off_feed_percent=20), roster, tmp_path)


def test_nobody_left_is_never_let_go(roster: MemoryRoster, tmp_path: Path) -> None:
    made = target(tmp_path, off_feed_percent=100)
    made.deliver(render(made, roster, tmp_path))
    roster.remove(Kind.USERS, "u2")
    with pytest.raises(PermanentConnectorError, match="no students would be left of 1"):
        render(made, roster, tmp_path)


def test_other_columns_than_agreed_are_told(roster: MemoryRoster, tmp_path: Path) -> None:
    made = target(tmp_path)
    made.deliver(render(made, roster, tmp_path))
    other = target(tmp_path, students="RECORDID,EMAIL,FIRST_NAME")
    assert render(other, roster, tmp_path).altered[
        "sheets of people with other columns than before"
    ]


def test_every_run_refreshes_the_feed(roster: MemoryRoster, tmp_path: Path) -> None:
    made = target(tmp_path)
    made.deliver(render(made, roster, tmp_path))
    before = {path.name: path.stat().st_ino for path in (tmp_path / "out").iterdir()}
    assert made.deliver(render(made, roster, tmp_path)).changed == frozenset()
    after = {path.name: path.stat().st_ino for path in (tmp_path / "out").iterdir()}
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("students", "FIRST_NAME,RECORDID", "first column must hold import_id"),
        ("parents", "CNT1_ID", "first column must hold student_id"),
        ("classes", "RECORDID,SHOE", "SHOE cannot hold"),
        ("students_file", "../etc", "pattern"),
        ("students_file", "fs_faculty.txt", "another sheet has this file name"),
        ("off_feed_percent", "101", "less than or equal to 100"),
    ],
)
def test_what_cannot_be_is_refused(setting: str, value: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=told):
        registry.parse_config(registry.get("finalsite"), {"path": tmp_path, setting: value})


def test_it_is_registered_and_a_target(tmp_path: Path) -> None:
    connector = registry.get("finalsite")
    assert isinstance(connector.open(FinalsiteConfig(path=tmp_path)), Target)
