"""What `oneroster_csv` makes of a delta set: a bulk set and the changes are the next bulk set."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.oneroster.feeds import BulkFeed, ChangesFeed
from connectors.oneroster.set_writer import SetWriter
from connectors.sdk import ReadRequest
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError
from tests.unit.connectors.roster_in_memory import (
    MemoryRoster,
    at,
    role_of,
    small_roster,
    user,
)

Rows = list[dict[str, str]]


def _write(folder: Path, roster: MemoryRoster, version: str, since: int | None = None) -> Path:
    folder.mkdir()
    feed = BulkFeed(roster, version) if since is None else ChangesFeed(roster, version, at(since))
    SetWriter(feed, version).write(folder)
    return folder


def _read(folder: Path, mode: Mode, cursor: str | None = None):
    source = OneRosterCsv(OneRosterCsvConfig(path=folder, quiet_s=0))
    return list(source.read(ReadRequest(mode, cursor)))


def _apply(held: dict[tuple[Kind, str], dict], items: list) -> ReadCertificate:
    for item in items:
        if isinstance(item, Batch):
            for row in item.rows:
                held[item.kind, row[0]] = dict(
                    zip(item.fields, (v or None for v in row[1:]), strict=True)
                )
            for id_ in item.deleted:
                del held[item.kind, id_]
    return items[-1]


def _edit(path: Path, change: Callable[[Rows], object]) -> None:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    change(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _changed_roster() -> MemoryRoster:
    """The small roster after a joiner, a leaver, a change and a move."""
    roster = small_roster()
    roster.put(Kind.ORGS, "s2", {"name": "School 2", "type": "school", "parentSourcedId": "d"})
    roster.now = 1
    roster.put(Kind.USERS, "u3", user("u3", givenName="Ünï"))
    roster.put(Kind.ROLES, "r-u3", role_of("u3", "student"))
    roster.put(Kind.USERS, "u1", user("u1", familyName="Other"))
    roster.put(Kind.ROLES, "r-u1", role_of("u1", "teacher", "s2"))
    roster.remove(Kind.ENROLLMENTS, "e-u2")
    roster.remove(Kind.DEMOGRAPHICS, "dm")
    roster.remove(Kind.ROLES, "r-u2")
    roster.remove(Kind.USERS, "u2")
    return roster


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_bulk_set_and_the_changes_are_the_next_bulk_set(version: str, tmp_path: Path) -> None:
    before = small_roster()
    before.put(Kind.ORGS, "s2", {"name": "School 2", "type": "school", "parentSourcedId": "d"})
    held: dict[tuple[Kind, str], dict] = {}
    first = _apply(held, _read(_write(tmp_path / "bulk", before, version), Mode.FULL))
    changes = _read(
        _write(tmp_path / "delta", _changed_roster(), version, since=1),
        Mode.INCREMENTAL,
        first.cursor,
    )
    assert not [item for item in changes if isinstance(item, Refused)]
    certificate = _apply(held, changes)
    wanted: dict[tuple[Kind, str], dict] = {}
    _apply(wanted, _read(_write(tmp_path / "next", _changed_roster(), version), Mode.FULL))
    if version == "1.1":
        # the roles of a user who is gone go along in the hub
        del held[Kind.ROLES, "u2/primary"]
    assert held == wanted
    assert certificate.mode is Mode.INCREMENTAL
    assert certificate.complete == frozenset()
    assert certificate.evidence["users tobedeleted"] == "1"
    assert certificate.cursor is not None
    assert certificate.cursor != first.cursor


def test_a_bulk_set_is_read_whole_in_either_mode(tmp_path: Path) -> None:
    folder = _write(tmp_path / "bulk", small_roster(), "1.2")
    for cursor in (None, "1.2 of-before"):
        certificate = _read(folder, Mode.INCREMENTAL, cursor)[-1]
        assert certificate.mode is Mode.FULL
        assert Kind.USERS in certificate.complete


@pytest.mark.parametrize(
    ("mode", "cursor", "told"),
    [
        (Mode.FULL, None, "this is a delta set. Sync it incrementally, or export a bulk set"),
        (Mode.INCREMENTAL, None, "no bulk set was read before. Export a bulk set first"),
        (Mode.INCREMENTAL, "1.1 x", "of OneRoster 1.2, and the last bulk set was 1.1"),
    ],
)
def test_changes_that_follow_on_nothing_are_refused(
    mode: Mode, cursor: str | None, told: str, tmp_path: Path
) -> None:
    folder = _write(tmp_path / "delta", _changed_roster(), "1.2", since=1)
    with pytest.raises(PermanentConnectorError, match=told):
        _read(folder, mode, cursor)


def test_a_manifest_alone_changes_nothing(tmp_path: Path) -> None:
    folder = _write(tmp_path / "delta", small_roster(), "1.2", since=5)
    assert [path.name for path in folder.iterdir()] == ["manifest.csv"]
    (certificate,) = _read(folder, Mode.INCREMENTAL, "1.2 x")
    assert certificate.counts == {}
    with pytest.raises(PermanentConnectorError, match="it names no file"):
        _read(folder, Mode.FULL)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"status": ""}, "status"),
        ({"status": "inactive"}, "status"),
        ({"dateLastModified": ""}, "dateLastModified"),
        ({"dateLastModified": "2026-11-25"}, "dateLastModified"),
        ({"givenName": ""}, "givenName"),
        ({"sourcedId": "u 3"}, "sourcedId"),
    ],
)
def test_a_wrong_row_is_kept_and_the_others_go_on(
    values: dict[str, str], field: str, tmp_path: Path
) -> None:
    folder = _write(tmp_path / "delta", _changed_roster(), "1.2", since=1)
    _edit(
        folder / "users.csv",
        lambda rows: next(row for row in rows if row["sourcedId"] == "u3").update(values),
    )
    items = _read(folder, Mode.INCREMENTAL, "1.2 x")
    (refused,) = [item for item in items if isinstance(item, Refused)]
    assert (refused.kind, refused.field) == (Kind.USERS, field)
    assert items[-1].counts[Kind.USERS] == 1


def test_of_what_is_gone_the_id_is_enough(tmp_path: Path) -> None:
    folder = _write(tmp_path / "delta", _changed_roster(), "1.2", since=1)

    def blank(rows: Rows) -> None:
        gone = next(row for row in rows if row["status"] == "tobedeleted")
        gone.update({name: "" for name in list(gone)[3:]})

    _edit(folder / "users.csv", blank)
    items = _read(folder, Mode.INCREMENTAL, "1.2 x")
    assert [
        item.deleted for item in items if isinstance(item, Batch) and item.kind is Kind.USERS
    ] == [("u2",)]


def test_a_bulk_file_among_changes_removes_nobody(tmp_path: Path) -> None:
    folder = _write(tmp_path / "delta", _changed_roster(), "1.2", since=1)
    bulk = _write(tmp_path / "bulk", _changed_roster(), "1.2")
    (folder / "orgs.csv").write_bytes((bulk / "orgs.csv").read_bytes())
    manifest = folder / "manifest.csv"
    manifest.write_bytes(manifest.read_bytes().replace(b"file.orgs,absent", b"file.orgs,bulk"))
    certificate = _read(folder, Mode.INCREMENTAL, "1.2 x")[-1]
    assert certificate.counts[Kind.ORGS] == 3
    assert certificate.complete == frozenset()
    assert certificate.evidence["file.orgs"] == "bulk"


@pytest.mark.parametrize("has_orgs", [True, False])
def test_an_administrators_role_needs_the_org(has_orgs: bool, tmp_path: Path) -> None:
    roster = small_roster()
    roster.now = 1
    roster.put(Kind.ROLES, "r-u1", role_of("u1", "siteAdministrator"))
    if has_orgs:
        roster.put(Kind.ORGS, "s", {"name": "S", "type": "school", "parentSourcedId": "d"})
    items = _read(_write(tmp_path / "delta", roster, "1.1", since=1), Mode.INCREMENTAL, "1.1 x")
    refused = [item for item in items if isinstance(item, Refused)]
    roles = [
        row
        for item in items
        if isinstance(item, Batch) and item.kind is Kind.ROLES
        for row in item.rows
    ]
    if has_orgs:
        assert refused == []
        assert roles == [("u1/primary", "u1", "primary", "siteAdministrator", None, None, "s")]
    else:
        assert [one.kind for one in refused] == [Kind.ROLES]
        assert "a bulk set tells" in refused[0].reason
        assert roles == []
