"""The hub as a OneRoster set and back, and a set of changes against the truth."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from connectors.oneroster.csv_export import OneRosterCsvExport, OneRosterCsvExportConfig, reads
from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.oneroster.feeds import BulkFeed, ChangesFeed
from connectors.oneroster.set_writer import SetWriter
from connectors.sdk import ReadRequest
from shared.db.hub_tables import HUB, LINKS
from shared.domain.reading import Batch
from shared.domain.records import FIELDS, Kind, decode_list, field_names
from shared.domain.states import Mode
from shared.roster.attempt import JobKey
from shared.roster.snapshot import Snapshot
from tests.integration.roster.district import Hub, record, roster, user
from tests.oneroster_checker import apply_delta, read_set

EVERYTHING = {kind: field_names(kind) for kind in Kind}


@pytest.fixture(params=["1.1", "1.2"])
def version(request) -> str:
    return str(request.param)


def _import(hub: Hub, app: int | JobKey, path: Path) -> None:
    read, fields = {}, {}
    for item in OneRosterCsv(OneRosterCsvConfig(path=path, quiet_s=0)).read(ReadRequest(Mode.FULL)):
        if isinstance(item, Batch):
            read.setdefault(item.kind, []).extend(item.rows)
            fields[item.kind] = item.fields
    hub.sync(app, read, fields=fields)


def _import_day(hub: Hub, app: int, folder: Path, version: str, day: int) -> None:
    path = folder / "drop.zip"
    write_oneroster(generate("elm", seed=9, students=60, day=day), path, version=version)
    _import(hub, app, path)


def _export(hub: Hub, version: str, folder: Path, since=None):
    """Write and judge a set; returns it with the instant that it tells of."""
    folder.mkdir()
    with Snapshot(hub.database, hub.tenant_id, reads(version)) as picture:
        feed = ChangesFeed(picture, version, since) if since else BulkFeed(picture, version)
        writer = SetWriter(feed, version)
        writer.write(folder)
        latest = picture.latest()
    made = read_set(folder)
    assert made.problems == []
    return made, latest, writer.left_out


def _values(hub: Hub, tenant_id: int, names: dict[str, str]) -> dict[Kind, list[tuple]]:
    """All active records, the ids that they name translated."""
    found: dict[Kind, list[tuple]] = {}
    with Snapshot(hub.database, tenant_id, EVERYTHING) as picture:
        for kind in Kind:
            rows = []
            for _, *values in picture.rows(kind, field_names(kind)):
                told = []
                for field, value in zip(FIELDS[kind], values, strict=True):
                    if field.ref is None or value is None:
                        told.append(value)
                    elif field.many:
                        told.append(sorted(names.get(id_, id_) for id_ in decode_list(value)))
                    else:
                        told.append(names.get(value, value))
                rows.append(tuple(map(str, told)))
            found[kind] = sorted(rows)
    return found


def test_exported_and_imported_a_hub_is_the_same(hub: Hub, version: str, tmp_path: Path) -> None:
    _import_day(hub, hub.app(1), tmp_path, version, 0)
    made, _, left_out = _export(hub, version, tmp_path / "set")
    assert left_out == {}
    assert len(made.tables["users"]) > 100
    other = hub.key_of_another_tenant()
    _import(hub, other, tmp_path / "set")
    names = {
        row["sourced_id"]: row["external_id"]
        for kind in Kind
        for row in hub.table(LINKS[kind])
        if row["app_id"] == other.app_id
    }
    copied = _values(hub, other.tenant_id, names)
    assert copied == _values(hub, hub.tenant_id, {})
    assert all(copied.values())


def test_the_old_set_and_the_changes_are_the_new_set(
    hub: Hub, version: str, tmp_path: Path
) -> None:
    app = hub.app(1)
    _import_day(hub, app, tmp_path, version, 0)
    old, latest, _ = _export(hub, version, tmp_path / "set-0")
    # people come, go and change their names; then those who went come back, others go, and so on;
    # at last the vendor names some as deleted: their enrollments, of which it says nothing, go along
    left_out = {}
    for turn, day in enumerate((12, 0, 12, None), start=1):
        if day is None:
            enrolled = {
                row["user_sourced_id"]
                for row in hub.table(HUB[Kind.ENROLLMENTS])
                if row["status"] == "active"
            }
            gone = sorted(
                row["external_id"]
                for row in hub.table(LINKS[Kind.USERS])
                if row["sourced_id"] in enrolled
            )[:4]
            hub.sync(app, {Kind.USERS: []}, deleted={Kind.USERS: gone}, mode=Mode.INCREMENTAL)
        else:
            _import_day(hub, app, tmp_path, version, day)
        since = latest + timedelta(microseconds=1)
        changes, _, _ = _export(hub, version, tmp_path / f"changes-{turn}", since)
        new, latest, left_out = _export(hub, version, tmp_path / f"set-{turn}")
        assert apply_delta(old.tables, changes) == new.tables
        states = {row["status"] for rows in changes.tables.values() for row in rows.values()}
        assert "tobedeleted" in states
        assert len(changes.tables.get("users", ())) < len(new.tables["users"]) / 2
        old = new
    assert left_out == {}


def test_a_role_that_moves_is_told_of_both_its_users(
    hub: Hub, version: str, tmp_path: Path
) -> None:
    app = hub.app(1)
    for turn, owner in enumerate(("user-1", "user-2")):
        read = roster(users=3)
        admin = record(
            Kind.ROLES,
            "admin",
            userSourcedId=owner,
            roleType="primary",
            role="districtAdministrator",
            orgSourcedId="district",
        )
        hub.sync(app, {**read, Kind.ROLES: [*read[Kind.ROLES], admin]})
        if turn == 0:
            old, latest, _ = _export(hub, version, tmp_path / "before")
    changes, _, _ = _export(hub, version, tmp_path / "changes", latest + timedelta(microseconds=1))
    new, _, _ = _export(hub, version, tmp_path / "after")
    assert apply_delta(old.tables, changes) == new.tables
    assert len(changes.tables.get("users", ())) == 2


def test_a_snapshot_tells_what_has_changed(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=4))
    with Snapshot(hub.database, hub.tenant_id, EVERYTHING) as picture:
        before = picture.latest()
        assert before is not None
    read = roster(users=5)
    read[Kind.USERS][0] = user(1, givenName="Given 1b")
    removed = {kind: rows.pop(1) for kind, rows in read.items() if len(rows) == 5}
    hub.sync(app, read)
    since = before + timedelta(microseconds=1)
    with Snapshot(hub.database, hub.tenant_id, EVERYTHING) as picture:
        found = {row[4]: row[1:4] for row in picture.changes(Kind.USERS, ("username",), since)}
        assert {name: (row[0], row[2]) for name, row in found.items()} == {
            "user1": ("active", None),
            "user2": ("tobedeleted", None),
            "user5": ("active", "new"),
        }
        assert all(row[1].endswith("Z") and len(row[1]) == 24 for row in found.values())
        last = picture.latest()
        assert last is not None
        assert last > before
        # at this very instant is among it
        assert len(list(picture.changes(Kind.USERS, (), last))) == 3
    for kind, row in removed.items():
        read[kind].append(row)
    hub.sync(app, read)
    with Snapshot(hub.database, hub.tenant_id, EVERYTHING) as picture:
        since = last + timedelta(microseconds=1)
        back = [row[3:] for row in picture.changes(Kind.USERS, ("username",), since)]
    assert back == [("back", "user2")]


def test_the_connector_goes_on_where_its_last_set_ended(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    config = OneRosterCsvExportConfig(path=tmp_path / "out", mode="delta")
    target = OneRosterCsvExport(config)

    def run(name: str, cursor: str | None):
        (tmp_path / name).mkdir()
        with Snapshot(hub.database, hub.tenant_id, target.reads) as picture:
            rendering = target.render_changes(picture, tmp_path / name, cursor)
        return rendering, target.deliver(rendering)

    first, _ = run("a", None)
    assert read_set(tmp_path / "out").modes["users"] == "bulk"
    nothing, delivery = run("b", first.cursor)
    assert (nothing.files, nothing.cursor, delivery.changed) == ((), None, frozenset())
    read = roster(users=3)
    read[Kind.USERS][2] = user(3, givenName="Given 3b")
    hub.sync(app, read)
    second, delivery = run("c", first.cursor)
    made = read_set(tmp_path / "out")
    assert made.problems == []
    assert {name: len(rows) for name, rows in made.tables.items()} == {"users": 1}
    assert "orgs.csv" in delivery.changed  # of the bulk set, which is no part of this one
    assert second.cursor not in {None, first.cursor}
    # a job that failed after its delivery does it again, to the same bytes
    again, delivery = run("d", first.cursor)
    assert delivery.changed == frozenset()
    assert [file.sha256 for file in again.files] == [file.sha256 for file in second.files]
