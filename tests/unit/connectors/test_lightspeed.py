"""`lightspeed`: the three files, byte for byte, and their delivery."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.vendors.lightspeed import CONNECTOR
from connectors.vendors.lightspeed.config import LightspeedConfig
from connectors.vendors.lightspeed.mapping import grade_of, name_of
from shared.domain.records import Kind
from shared.errors import PermanentConnectorError
from tests.oneroster_checker import read_set
from tests.unit.connectors.roster_in_memory import small_roster

ORGS = [("d", "district", None), ("s1", "school", "100"), ("s2", "school", None)]
#: sourcedId → enabledUser, username, givenName, familyName, identifier, email, grades.
USERS = [
    ("u1", "true", "ana.1", "Ana, Jr", "Vel3", "1", "ana@x.example", '["09"]'),
    ("u2", "true", "teo.2", "Teo", "Rasu", "2", None, None),
    ("u3", "true", "par.3", "Par", "Ent", "3", None, None),
    ("u4", "false", "off.4", "Off", "Line", "4", None, '["10"]'),
    ("u5", "true", "far.5", "Far", "Away", "5", None, '["KG"]'),
    ("u6", "true", "un.6", "Un", "Known", "6", None, None),
]
ROLES = [
    ("r1", "u1", "primary", "student", "s1"),
    ("r2", "u2", "primary", "teacher", "s1"),
    ("r3", "u3", "primary", "guardian", "s1"),
    ("r4", "u4", "primary", "student", "s1"),
    ("r5", "u5", "primary", "student", "s2"),
    ("r6", "u6", "primary", "visitor", "s1"),
]
CLASSES = [("c1", "Algebra, 1", "s1")]
ENROLLMENTS = [
    ("e1", "c1", "u1", "student", "false"),
    ("e2", "c1", "u2", "teacher", "true"),
    ("e3", "c1", "u5", "student", "false"),
]


#: Generated, of no server.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


class Roster:
    """A roster of a few rows; the hub's own reader is tested with the hub."""

    def __init__(self, **tables) -> None:
        self.left_out = []
        self.tables = {
            Kind.ORGS: (("type", "identifier"), ORGS),
            Kind.USERS: (CONNECTOR.open(LightspeedConfig(path="/x")).reads[Kind.USERS], USERS),
            Kind.ROLES: (("userSourcedId", "roleType", "role", "orgSourcedId"), ROLES),
            Kind.CLASSES: (("title", "schoolSourcedId"), CLASSES),
            Kind.ENROLLMENTS: (
                ("classSourcedId", "userSourcedId", "role", "primary"),
                ENROLLMENTS,
            ),
        }
        for kind, rows in tables.items():
            self.tables[Kind(kind)] = (self.tables[Kind(kind)][0], rows)

    def rows(self, kind, fields, order_by=("sourcedId",)):
        names, rows = self.tables[kind]
        places = {"sourcedId": 0, **{name: i for i, name in enumerate(names, start=1)}}
        ordered = sorted(
            rows, key=lambda row: [str(row[places[name]]) for name in (*order_by, "sourcedId")]
        )
        for row in ordered:
            yield tuple(row[places[name]] for name in ("sourcedId", *fields))

    def leave_out(self, kind, sourced_id):
        assert kind is Kind.USERS
        self.left_out.append(sourced_id)


def _target(tmp_path: Path, **config):
    return CONNECTOR.open(LightspeedConfig(path=tmp_path / "out", **config))


def _render(target, tmp_path: Path, name: str = "work", **tables):
    folder = tmp_path / name
    folder.mkdir()
    return target.render(Roster(**tables), folder)


def test_the_three_files(tmp_path):
    rendering = _render(_target(tmp_path), tmp_path)
    texts = {file.path.name: file.path.read_text(encoding="utf-8") for file in rendering.files}
    assert list(texts) == ["users-v2.csv", "groups-v2.csv", "memberships-v2.csv"]
    assert texts["users-v2.csv"] == (
        "unique_sis_user_id,username,first_name,last_name,unique_sis_school_id,grade,email,"
        "user_type,password,authentication\n"
        "u1,ana.1,Ana Jr,Vel,100,9,ana@x.example,1,,0\n"
        "u2,teo.2,Teo,Rasu,100,,,2,,0\n"
    )
    assert texts["groups-v2.csv"].splitlines()[1:] == [
        'c1,"Algebra, 1",u2,100,,',
        "without-class-100,Without a class,,100,,",
    ]
    assert texts["memberships-v2.csv"].splitlines()[1:] == ["c1,u1,100,0", "c1,u2,100,1"]
    assert rendering.left_out == {
        "users without a role that Lightspeed knows": 1,
        "users that are not enabled": 1,
        "users without the school's id": 1,
        "memberships of a class or user that is not sent": 1,
    }
    assert rendering.altered == {"users sent without the commas and digits of their name": 1}


def test_who_is_in_no_class_is_taken_out_of_those_before(tmp_path):
    members = ENROLLMENTS[1:]  # u1, a student, has left their only class
    rendering = _render(_target(tmp_path), tmp_path, "a", enrollments=members)
    rows = rendering.files[2].path.read_text(encoding="utf-8").splitlines()[1:]
    assert rows == ["c1,u2,100,1", "without-class-100,u1,100,0"]
    plain = _target(tmp_path, without_class="nothing")
    rendering = _render(plain, tmp_path, "b", enrollments=members)
    assert rendering.files[1].rows == 1
    rows = rendering.files[2].path.read_text(encoding="utf-8").splitlines()[1:]
    assert rows == ["c1,u2,100,1"]


def test_ids_by_setting(tmp_path):
    target = _target(tmp_path, user_id="identifier", school_id="sourcedId")
    rendering = _render(target, tmp_path)
    rows = list(csv.reader(rendering.files[0].path.read_text(encoding="utf-8").splitlines()))
    assert [row[0] for row in rows[1:]] == ["1", "2", "5"]
    assert [row[4] for row in rows[1:]] == ["s1", "s1", "s2"]


def test_an_unchanged_hub_leaves_the_files_alone(tmp_path):
    target = _target(tmp_path)
    first = target.deliver(_render(target, tmp_path, "a"))
    assert len(first.changed) == 3
    stamps = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    second = target.deliver(_render(target, tmp_path, "b"))
    assert second.changed == frozenset()
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()} == stamps
    third = target.deliver(_render(target, tmp_path, "c", users=USERS[1:]))
    assert third.changed == {"users-v2.csv", "memberships-v2.csv"}
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(stamps)


def test_an_empty_hub_does_not_empty_the_vendor(tmp_path):
    target = _target(tmp_path)
    target.deliver(_render(target, tmp_path, "a"))
    before = (tmp_path / "out" / "users-v2.csv").read_bytes()
    with pytest.raises(PermanentConnectorError, match="no user would be sent"):
        _render(target, tmp_path, "b", users=[], roles=[])
    assert (tmp_path / "out" / "users-v2.csv").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    target = CONNECTOR.open(LightspeedConfig(path=tmp_path / "file" / "out"))
    with pytest.raises(PermanentConnectorError, match="path:"):
        target.check()


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ('["KG"]', "0"),
        ('["PK"]', "-1"),
        ('["12"]', "12"),
        ('["13"]', ""),
        (None, ""),
        ('["TK"]', "0"),
    ],
)
def test_grades(grades, expected):
    assert grade_of(grades, tk_grade="0") == expected


def test_names():
    assert name_of("De, la 3rd") == "De la III"
    assert name_of("Vo 13th") == "Vo th"
    assert name_of("José-María") == "José-María"


def test_a_record_is_a_line(tmp_path):
    classes = [("c1", "Algebra\r\n1", "s1")]
    rendering = _render(_target(tmp_path), tmp_path, classes=classes)
    rows = rendering.files[1].path.read_text(encoding="utf-8").split("\n")
    assert rows[1] == "c1,Algebra 1,u2,100,,"
    assert rendering.altered["rows sent without the line breaks of a value"] == 1


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_oneroster_zip_is_the_alternative_and_tells_no_demographics(version, tmp_path):
    config = LightspeedConfig(path=tmp_path / "out", format=f"oneroster-{version}")
    target = CONNECTOR.open(config)
    assert Kind.DEMOGRAPHICS not in target.reads
    folder = tmp_path / "made"
    folder.mkdir()
    rendering = target.render(small_roster(), folder)
    assert [file.path.name for file in rendering.files] == ["oneroster.zip"]
    assert target.deliver(rendering).changed == {"oneroster.zip"}
    assert target.deliver(rendering).changed == frozenset()
    made = read_set(tmp_path / "out" / "oneroster.zip")
    assert made.problems == []
    assert made.version == version
    assert made.modes["demographics"] == "absent"
    assert set(made.tables["users"]) == {"u1", "u2"}
    assert config.served() == {"oneroster.zip"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"path": "/out", "http_token": "short"}, "too short"),
        ({"path": "/out", "http_token": "a/b" * 20}, "fits into no address"),
        (
            {"sftp_host": "h", "sftp_user": "u", "sftp_host_key": KEY, "sftp_password": "p",
             "http_token": "t" * 32},
            "there is no path",
        ),
    ],
)  # fmt: skip
def test_a_token_is_long_and_of_a_folder_here(values, told):
    with pytest.raises(ValidationError, match=told):
        LightspeedConfig(**values)
