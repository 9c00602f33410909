"""What `oneroster_csv` answers to bad input, from the files to the hub: one input a row.

A strict 1.2.1 reader's verdicts, and worse. Each: a job that fails and changes nothing, a record in
quarantine whose last good version stays, removals that wait for a person, or it is accepted.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.sdk import ReadRequest
from shared.db.hub_tables import HUB, LINKS, quarantine
from shared.db.review_tables import approvals
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError
from tests.integration.roster.district import Hub
from tests.integration.roster.oneroster_sets import (
    Change,
    as_it_is,
    bytes_of,
    cut,
    directory_with,
    every_file,
    first_with,
    linked,
    one_more,
    rows_of,
    sync_set,
    with_entries,
    with_entry,
    write_good,
    zipped,
)

SYMLINK = stat.S_IFLNK | 0o777


@dataclass(frozen=True)
class Failed:
    """The job fails for good; the message holds these words."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Again:
    """The job is tried again later."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Quarantined:
    """One record, or one value of it, is left out; nothing is removed."""

    kind: Kind
    field: str
    words: str


@dataclass(frozen=True)
class Accepted:
    """All is taken in."""


Answer = Failed | Again | Quarantined | Accepted


def _crlf_to_lf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n")


def _first_lines(text: bytes, count: int) -> bytes:
    return b"".join(text.splitlines(keepends=True)[:count])


#: The verdicts of the strict reader.
STRICT: dict[str, tuple[Change, Answer]] = {
    "CRLF": (as_it_is, Accepted()),
    "LF": (every_file(_crlf_to_lf), Accepted()),
    "a byte order mark": (every_file(lambda text: b"\xef\xbb\xbf" + text), Accepted()),
    "ext:nurse": (first_with("roles.csv", role="ext:nurse"), Accepted()),
    "metadata at the end": (
        rows_of("users.csv", lambda rows: [{**row, "metadata.homeroom": "1"} for row in rows]),
        Accepted(),
    ),
    "a class in two terms": (first_with("classes.csv", termSourcedIds="term-1,term-2"), Accepted()),
    # changes are for an incremental sync, and say so
    "delta": (
        bytes_of("manifest.csv", lambda t: t.replace(b"file.users,bulk", b"file.users,delta")),
        Failed(("manifest.csv", "this is a delta set", "Sync it incrementally")),
    ),
    "files in a folder": (
        with_entry("set/orgs.csv"),
        Failed(("set/orgs.csv", "lies in a folder", "root of the zip")),
    ),
    "status in bulk": (
        first_with("users.csv", status="active"),
        Quarantined(Kind.USERS, "status", "users.csv:2: it is filled"),
    ),
    "an enrollment of somebody unknown": (
        first_with("enrollments.csv", userSourcedId="nobody"),
        Quarantined(Kind.ENROLLMENTS, "userSourcedId", "names no record of users"),
    ),
    "a header and no rows": (
        bytes_of("classes.csv", lambda text: _first_lines(text, 1)),
        Failed(("classes.csv", "a header and no rows", "manifest.csv")),
    ),
    "swapped columns": (
        bytes_of("orgs.csv", lambda text: text.replace(b"name,type", b"type,name", 1)),
        Failed(("orgs.csv", "column 4 is 'type', not 'name'", "wants sourcedId,status")),
    ),
    "Teacher": (
        first_with("roles.csv", role="Teacher"),
        Quarantined(Kind.ROLES, "role", "'Teacher' is not one of aide"),
    ),
    "an id with a blank": (
        one_more("classes.csv", sourcedId="class 1"),
        Quarantined(Kind.CLASSES, "sourcedId", "0-9 a-z A-Z"),
    ),
    "an id with a #": (
        one_more("classes.csv", sourcedId="class#1"),
        Quarantined(Kind.CLASSES, "sourcedId", "0-9 a-z A-Z"),
    ),
    "an id twice, with other values": (
        one_more("users.csv", givenName="Given 2b"),
        Quarantined(Kind.USERS, "sourcedId", "more than once with different values"),
    ),
    "an id twice, all equal": (one_more("users.csv"), Accepted()),
    "a line break in a value": (
        first_with("courses.csv", title="a\r\nb"),
        Failed(("courses.csv", "line 2: a value holds a line break", "Take it out")),
    ),
    "a date for an instant": (
        first_with("orgs.csv", dateLastModified="2026-11-23"),
        Quarantined(Kind.ORGS, "dateLastModified", "orgs.csv:2: it is filled"),
    ),
    "an instant without milliseconds": (
        first_with("orgs.csv", dateLastModified="2026-11-23T23:00:00Z"),
        Quarantined(Kind.ORGS, "dateLastModified", "orgs.csv:2: it is filled"),
    ),
    "a primary org without a role": (
        first_with("users.csv", primaryOrgSourcedId="district"),
        Quarantined(Kind.USERS, "primaryOrgSourcedId", "no role in it: district"),
    ),
}

#: Files and texts that are worse.
FILES: dict[str, tuple[Change, Answer]] = {
    "an empty file": (
        bytes_of("users.csv", lambda text: b""),
        Failed(("users.csv", "the header is wrong", "0 columns")),
    ),
    "an empty manifest": (
        bytes_of("manifest.csv", lambda text: b""),
        Failed(("manifest.csv", "propertyName,value")),
    ),
    "UTF-16": (
        bytes_of("users.csv", lambda text: text.decode().encode("utf-16")),
        Failed(("users.csv", "it is UTF-16", "Save it as UTF-8")),
    ),
    "Latin-1": (
        bytes_of("orgs.csv", lambda text: text.replace(b"maple", b"Caf\xe9", 1)),
        Failed(("orgs.csv", "line 2: a byte is not UTF-8", "Save it as UTF-8")),
    ),
    "a million columns": (
        bytes_of("orgs.csv", lambda text: text + b"," * 1_000_000 + b"\r\n"),
        Failed(("orgs.csv", "1000001 columns")),
    ),
    "a line without end": (
        bytes_of("orgs.csv", lambda text: text + b"x" * 8_000_000),
        Failed(("orgs.csv", "one of its lines", "4194304 bytes")),
    ),
    "a NUL byte": (
        bytes_of("orgs.csv", lambda text: text.replace(b"school", b"sch\x00ol", 1)),
        Failed(("orgs.csv", "a NUL byte")),
    ),
    "cut inside a row": (
        bytes_of("users.csv", lambda text: text[: text.rindex(b",true,") + 9]),
        Failed(("users.csv", "the file ends inside of it", "cut off")),
    ),
    "cut inside quotes": (
        bytes_of("users.csv", lambda text: text + b'user-x,,,true,"abc'),
        Failed(("users.csv", "line", "unexpected end of data")),
    ),
    "a row that is too short": (
        bytes_of("orgs.csv", lambda text: text + b"school-x,,,School\r\n"),
        Quarantined(Kind.ORGS, "sourcedId", "4 of 7 columns"),
    ),
    "a row that is too long": (
        bytes_of("orgs.csv", lambda text: text + b"school-x,,,School,school,9,,,,\r\n"),
        Quarantined(Kind.ORGS, "sourcedId", "10 of 7 columns"),
    ),
    "a class without a school": (
        one_more("classes.csv", sourcedId="class-x", schoolSourcedId=""),
        Quarantined(Kind.CLASSES, "schoolSourcedId", "it is missing"),
    ),
    "a class of a school that is unknown": (
        one_more("classes.csv", sourcedId="class-x", schoolSourcedId="school-x"),
        Quarantined(Kind.CLASSES, "schoolSourcedId", "names no record of orgs"),
    ),
    "an enrollment of nobody": (
        one_more("enrollments.csv", sourcedId="enrollment-x", userSourcedId=""),
        Quarantined(Kind.ENROLLMENTS, "userSourcedId", "it is missing"),
    ),
    "a day that there is not": (
        first_with("demographics.csv", birthDate="2014-02-30"),
        Quarantined(Kind.DEMOGRAPHICS, "birthDate", "no day of the calendar"),
    ),
    "a link to a file elsewhere": (
        linked("users.csv", "elsewhere.csv"),
        Failed(("users.csv", "a link to a file elsewhere")),
    ),
    "a link to a file beside it": (linked("users.csv", "set/beside"), Accepted()),
    "a part of a file": (
        lambda folder: ((folder / "users.csv.part").touch(), folder)[1],
        Again(("users.csv.part", "still being written")),
    ),
}

#: Offsets in an entry of a zip's directory.
_PACKED, _SIZE, _PLACE = 20, 24, 42

ZIPS: dict[str, tuple[Change, Answer]] = {
    "a whole zip": (zipped, Accepted()),
    "a zip that is cut off": (cut(None, 0.7), Again(("no whole zip",))),
    "an empty zip": (cut(None, 0), Again(("no whole zip",))),
    "no zip": (
        lambda folder: folder / "users.csv",
        Failed(("users.csv", "it is no zip", "Give a folder or a zip")),
    ),
    "a zip within": (with_entry("more.zip", b"PK\x03\x04"), Accepted()),
    "a bomb": (
        with_entry("more.csv", b"0" * 30_000_000),
        Failed(("more.csv", "200-fold")),
    ),
    "many entries": (with_entries(300), Failed(("it holds 3", "files"))),
    "a directory without end": (with_entries(20_000), Failed(("directory is too large",))),
    "entries that share their data": (
        directory_with("users.csv", _PLACE, lambda _: 0),
        Failed(("overlaps another file",)),
    ),
    "an entry beyond the end": (
        directory_with("users.csv", _PACKED, lambda size: size + 1_000_000),
        Failed(("users.csv", "overlaps")),
    ),
    "a size that is told too small": (
        directory_with("users.csv", _SIZE, lambda size: size // 2),
        Failed(("users.csv", "CRC")),
    ),
    "a size that is told too large": (
        directory_with("users.csv", _SIZE, lambda size: size + 1000),
        Failed(("users.csv", "bytes, not")),
    ),
    "a name that climbs": (with_entry("../orgs.csv"), Failed(("../orgs.csv", "in a folder"))),
    "a name of another system": (with_entry("..\\orgs.csv"), Failed(("orgs.csv", "in a folder"))),
    "an absolute name": (with_entry("/etc/orgs.csv"), Failed(("in a folder",))),
    "a link in a zip": (
        with_entry("link.csv", b"../secret", SYMLINK),
        Failed(("link.csv", "symbolic link")),
    ),
}
CASES = STRICT | FILES | ZIPS


@pytest.mark.parametrize("name", CASES)
def test_each_bad_input_has_its_answer(hub: Hub, tmp_path: Path, name: str) -> None:
    change, answer = CASES[name]
    app = hub.app(1)
    sync_set(hub, app, write_good(tmp_path / "set"))
    before, people = hub.everything(), len(hub.records(Kind.USERS))
    path = change(tmp_path / "set")
    match answer:
        case Failed(words) | Again(words):
            error = (
                PermanentConnectorError if isinstance(answer, Failed) else TransientConnectorError
            )
            with pytest.raises(error) as caught:
                sync_set(hub, app, path)
            assert [word for word in words if word not in str(caught.value)] == []
            assert hub.everything() == before
            if isinstance(answer, Failed):
                assert "Nothing was changed" in str(caught.value)
        case Quarantined(kind, field, words):
            sync_set(hub, app, path)
            told = [row for row in hub.table(quarantine) if row["kind"] == kind]
            assert {row["field"] for row in told} == {field}
            assert all(words in row["reason"] and row["source"] for row in told)
        case Accepted():
            sync_set(hub, app, path)
            assert hub.quarantined() == []
    # nobody is lost by any of these
    assert len(hub.records(Kind.USERS)) == people
    for kind in Kind:
        assert not hub.records(kind, status="tobedeleted")
        assert all(row["ended_at"] is None for row in hub.table(LINKS[kind]))


def test_most_of_a_school_gone_waits_for_a_person(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set")
    sync_set(hub, app, folder)
    for name in ("users.csv", "roles.csv", "enrollments.csv", "demographics.csv"):
        rows_of(name, lambda rows: rows[: max(1, len(rows) // 100)])(folder)
    counts = sync_set(hub, app, folder)
    users = hub.table(HUB[Kind.USERS])
    assert counts["users"]["held"] >= 0.9 * len(users) - 4
    assert sum(row["status"] == "tobedeleted" for row in users) <= 4
    waiting = {row["kind"] for row in hub.table(approvals) if row["state"] == "pending"}
    assert {"users", "enrollments", "roles", "demographics"} <= waiting


def test_a_file_cut_between_two_rows_waits_for_a_person(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set")
    sync_set(hub, app, folder)
    users = len(hub.records(Kind.USERS))
    bytes_of("users.csv", lambda text: _first_lines(text, users // 2))(folder)
    counts = sync_set(hub, app, folder)
    assert counts["users"]["held"] > users // 4
    assert len(hub.records(Kind.USERS)) >= users - 4


def test_a_1_1_user_whose_row_is_short_keeps_its_role(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set", "1.1")
    sync_set(hub, app, folder)
    before = hub.everything()
    name = min(row["external_id"] for row in hub.table(LINKS[Kind.USERS]))

    def shorten(text: bytes) -> bytes:
        lines = text.splitlines(keepends=True)
        place = next(n for n, line in enumerate(lines) if line.startswith(f"{name},".encode()))
        lines[place] = f"{name},,,true\r\n".encode()
        return b"".join(lines)

    bytes_of("users.csv", shorten)(folder)
    sync_set(hub, app, folder)
    assert {entry[:2] for entry in hub.quarantined()} == {("users", name), ("roles", name)}
    assert hub.everything() == before


@pytest.mark.parametrize("packed", [False, True])
def test_a_set_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, packed: bool
) -> None:
    folder = write_good(tmp_path / "set")
    path = zipped(folder) if packed else folder
    source = OneRosterCsv(OneRosterCsvConfig(path=path, quiet_s=0))
    reading = source.read(ReadRequest(Mode.FULL))
    next(reading)
    target = path if packed else folder / "users.csv"
    # half of a new file, in one rename: it would look broken, and is not
    (tmp_path / "new").write_bytes(target.read_bytes()[:-7])
    os.replace(tmp_path / "new", target)
    with pytest.raises(TransientConnectorError, match="changed while"):
        list(reading)


def test_a_password_goes_nowhere(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    folder = first_with("users.csv", familyName="", password="generated-password")(
        write_good(tmp_path / "set")
    )
    sync_set(hub, app, folder)
    told = [row["source"] for row in hub.table(quarantine) if row["kind"] == "users"]
    assert len(told) == 1
    assert "generated-password" not in repr([hub.everything(), hub.table(quarantine)])
