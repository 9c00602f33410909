"""A set of changes under masks and a filter, against the whole sets before and after it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from connectors.oneroster.csv_export import OneRosterCsvExport, OneRosterCsvExportConfig, reads
from connectors.oneroster.feeds import BulkFeed, ChangesFeed
from connectors.oneroster.set_writer import SetWriter
from shared.db.hub_tables import HUB, disclosures
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.roster.disclosures import HandedOut, disclose, disclosures_of
from shared.roster.privacy import Privacy, load_privacy
from shared.roster.rules import parse_app_rules
from shared.roster.snapshot import Snapshot
from tests.integration.roster.district import Hub, roster, user
from tests.integration.roster.reviewing import schools, without_students
from tests.integration.roster.test_oneroster_export import _import_day
from tests.oneroster_checker import apply_delta, read_set

PLAIN = {str(kind): "plain" for kind in Kind if kind not in {Kind.USERS, Kind.DEMOGRAPHICS}}
MASKED = {**PLAIN, "users": "plain", "users.sourcedId": "hash", "users.familyName": "initial",
          "users.username": "hash", "users.email": "hide"}  # fmt: skip


def privacy_of(hub: Hub, app: int, rules: dict[str, Any]) -> Privacy:
    return load_privacy(hub.database, app, parse_app_rules(rules), None)


def export(
    hub: Hub, version: str, folder: Path, privacy: Privacy, since: datetime | None = None
) -> tuple[Any, datetime]:
    folder.mkdir()
    with Snapshot(hub.database, hub.tenant_id, reads(version), privacy) as picture:
        feed = ChangesFeed(picture, version, since) if since else BulkFeed(picture, version)
        SetWriter(feed, version).write(folder)
        latest = picture.latest()
    made = read_set(folder)
    assert made.problems == []
    assert latest is not None
    return made, latest


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize(
    "rules",
    [
        {"sends": MASKED},
        {"filters": {"grades": ["09", "10"]}},
        {"sends": MASKED, "filters": {"roles": ["student", "guardian"]}},
        {"filters": {"schools": ["?"]}},
    ],
    ids=["masks", "grades", "masks and roles", "school"],
)
def test_the_old_set_and_the_changes_are_the_new_set(
    hub: Hub, version: str, rules: dict[str, Any], tmp_path: Path
) -> None:
    source, app = hub.app(1), hub.app(2, "export")
    _import_day(hub, source, tmp_path, version, 0)
    if "schools" in rules.get("filters", {}):
        some = min(row["identifier"] for row in hub.records(Kind.ORGS).values()
                   if row["type"] == "school")  # fmt: skip
        rules = {"filters": {"schools": [some]}}
    privacy = privacy_of(hub, app, rules)
    old, latest = export(hub, version, tmp_path / "set-0", privacy)
    for turn, day in enumerate((12, 0), start=1):
        _import_day(hub, source, tmp_path, version, day)
        since = latest + timedelta(microseconds=1)
        changes, _ = export(hub, version, tmp_path / f"changes-{turn}", privacy, since)
        new, latest = export(hub, version, tmp_path / f"set-{turn}", privacy)
        assert apply_delta(old.tables, changes) == new.tables
        told = {(kind, id_) for kind, rows in changes.tables.items() for id_ in rows}
        known = {(kind, id_) for made in (old, new) for kind, rows in made.tables.items()
                 for id_ in rows}  # fmt: skip
        if rules.get("filters"):
            assert told <= known  # of nobody else, not even that they are gone
        old = new


def moved(hub: Hub, app: int, number: int, school: int) -> None:
    """Let a student be at another school now, with all they have there."""
    read = schools(3, 3)
    others = without_students(read, [number])
    for kind in (Kind.USERS, Kind.ROLES, Kind.ENROLLMENTS):
        (row,) = (row for row in read[kind] if row not in others[kind])
        at = "class-{}-1", "school-{}"
        old = 1 if number < 4 else 2
        swap = {name.format(old): name.format(school) for name in at}
        others[kind] = [*others[kind], tuple(swap.get(value or "", value) for value in row)]
    others[Kind.DEMOGRAPHICS] = read[Kind.DEMOGRAPHICS]
    hub.sync(app, others)


def test_who_leaves_the_scope_goes_as_they_were_and_who_enters_comes_whole(
    hub: Hub, tmp_path: Path
) -> None:
    source, app = hub.app(1), hub.app(2, "export")
    hub.sync(source, schools(3, 3))
    privacy = privacy_of(hub, app, {"filters": {"schools": ["S1"]}})
    old, latest = export(hub, "1.2", tmp_path / "old", privacy)
    one, five = (hub.sourced_id(source, Kind.USERS, f"user-{n}") for n in (1, 5))
    assert (one in old.tables["users"], five in old.tables["users"]) == (True, False)
    moved(hub, source, 1, 2)
    since = latest + timedelta(microseconds=1)
    changes, latest = export(hub, "1.2", tmp_path / "left", privacy, since)
    row = changes.tables["users"][one]
    assert row["status"] == "tobedeleted"
    # where they have gone to is none of the receiver's business
    assert row["primaryOrgSourcedId"] in {"", old.tables["users"][one]["primaryOrgSourcedId"]}
    second = hub.sourced_id(source, Kind.ORGS, "school-2")
    assert second not in str(changes.tables)
    moved(hub, source, 5, 1)
    since = latest + timedelta(microseconds=1)
    changes, _ = export(hub, "1.2", tmp_path / "came", privacy, since)
    assert {id_: row["status"] for id_, row in changes.tables["users"].items()} == {
        one: "active",
        five: "active",
    }
    assert len(changes.tables["demographics"]) == 2


class Run:
    """One export of changes after another, with what it discloses."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.app, self.folder = hub, hub.app(7, "export"), folder
        self.cursor: str | None = None

    def __call__(self, **rules: Any) -> str | None:
        """Returns the mode of the set; None: nothing was written."""
        hub = self.hub
        config = OneRosterCsvExportConfig(path=self.folder / "out", mode="delta")
        target = OneRosterCsvExport(config)
        key = hub.key(self.app)
        privacy, handed_out = privacy_of(hub, self.app, rules), HandedOut(hub.database, key)
        made = self.folder / str(key.job_id)
        made.mkdir()
        with Snapshot(hub.database, hub.tenant_id, target.reads, privacy, handed_out) as picture:
            rendering = target.render_changes(picture, made, self.cursor)
        handed_out.flush()
        target.deliver(rendering)
        with hub.database.write() as connection:
            disclose(connection, hub.database, handed_out, privacy)
        self.cursor = rendering.cursor or self.cursor
        if not rendering.files:
            return None
        (mode,) = set(read_set(self.folder / "out").modes.values()) - {"absent"}
        return mode

    def told(self, who: str) -> list[bool]:
        """For each period, whether it runs still."""
        with self.hub.database.read() as connection:
            found = disclosures_of(connection, self.hub.tenant_id, who)
        return [row["until"] is None for row in found]


def test_a_period_ends_with_the_changes_that_say_so(hub: Hub, tmp_path: Path) -> None:
    source, run = hub.app(1), Run(hub, tmp_path)
    read = roster(users=4)
    read[Kind.ROLES].pop(3)  # whoever has no role is in no set
    hub.sync(source, read)
    assert run() == "bulk"
    assert (run.told("user1"), run.told("user4")) == ([True], [])
    before = hub.table(disclosures)
    assert run() is None
    assert hub.table(disclosures) == before
    read[Kind.USERS][3] = user(4, givenName="Other")
    read[Kind.USERS][0] = user(1, givenName="Other")
    hub.sync(source, read)
    run()
    assert hub.table(disclosures) == before
    assert run.told("user4") == []
    hub.sync(source, {Kind.USERS: []}, deleted={Kind.USERS: ["user-2"]}, mode=Mode.INCREMENTAL)
    run()
    assert (run.told("user1"), run.told("user2"), run.told("user3")) == ([True], [False], [True])


def test_other_masks_or_another_filter_begin_anew(hub: Hub, tmp_path: Path) -> None:
    source, run = hub.app(1), Run(hub, tmp_path)
    hub.sync(source, roster(users=3))
    assert run() == "bulk"
    assert run(sends=MASKED) == "bulk"
    assert run(sends=MASKED) is None
    assert run(sends=MASKED, filters={"roles": ["student"]}) == "bulk"
    with hub.database.write() as connection:
        connection.execute(
            update(HUB[Kind.ORGS]).values(
                name="Other", date_last_modified=hub.database.now(connection)
            )
        )
    assert run(sends=MASKED, filters={"roles": ["student"]}) == "delta"
