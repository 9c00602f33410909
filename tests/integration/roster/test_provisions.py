"""Links that come and go by what a vendor made and ended, and kinds that only join the hub's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import insert

from shared.db.hub_tables import HUB, LINKS, vendor_provisions
from shared.domain.reading import ReadCertificate
from shared.domain.records import Kind, field_names
from shared.domain.states import Mode
from shared.errors import ConfigurationError
from shared.roster.attempt import JobKey
from shared.roster.plan import Plan, make_plan
from tests.integration.roster.district import Hub, enrollment, record, roster, user

FIELDS = ("username", "enabledUser", "givenName", "familyName", "identifier")
PLAIN = {Kind.USERS: FIELDS}


def made(hub: Hub, key: JobKey, sourced_id: str, external_id: str, **more: Any) -> None:
    """Let a job have made a user at its vendor, and died before its T4."""
    values = {"username": "user1", "givenName": "Given 1"}
    row = {
        "app_id": key.app_id,
        "job_id": key.job_id,
        "attempt": 0,
        "action": "create",
        "turn": 0,
        "kind": "users",
        "sourced_id": sourced_id,
        "external_id": external_id,
        "values": json.dumps(values),
        "state": "confirmed",
        **more,
    }
    with hub.database.write() as connection:
        connection.execute(insert(vendor_provisions).values(at=hub.database.now(connection), **row))


def plain(number: int, prefix: str) -> Any:
    """A user as a directory knows them: without a school."""
    row = dict(zip(("", *field_names(Kind.USERS)), user(number, prefix), strict=True))
    return (row[""], *(row[name] for name in FIELDS))


def joined(hub: Hub, app: int, read: dict[Kind, Any], **more: Any) -> Plan:
    fields = {**PLAIN, Kind.ENROLLMENTS: ("classSourcedId", "userSourcedId", "role")}
    staging = hub.stage(app, read, fields=fields)
    counts = {kind: len(rows) for kind, rows in read.items()}
    certificate = ReadCertificate(
        Mode.FULL, frozenset(read), counts, joins=frozenset({Kind.USERS}), **more
    )
    return make_plan(hub.database, staging, certificate)


def test_what_a_dead_attempt_made_is_linked_and_need_not_be_in_this_read(hub: Hub) -> None:
    sis, app = hub.app(1), hub.app(2, "two_way")
    hub.sync(sis, roster(users=3))
    hub.sync(app, {Kind.USERS: [plain(2, "v-")]}, fields=PLAIN)
    key = hub.key(app)
    made(hub, key, hub.sourced_id(sis, Kind.USERS, "user-1"), "v-user-1")
    # the vendor's list is a little behind
    counts = hub.sync(key, {Kind.USERS: [plain(2, "v-")]}, fields=PLAIN)
    link = hub.link(app, Kind.USERS, "v-user-1")
    assert (link["ended_at"], link["username"]) == (None, "user1")
    assert "removed" not in counts["users"]
    # from the next job on it is judged as any other
    hub.sync(app, {Kind.USERS: [plain(2, "v-")]}, fields=PLAIN)
    assert hub.link(app, Kind.USERS, "v-user-1")["ended_why"] == "removed"
    assert len(hub.records(Kind.USERS)) == 3


def test_what_was_made_and_is_read_changes_nothing(hub: Hub) -> None:
    sis, app = hub.app(1), hub.app(2, "two_way")
    hub.sync(sis, roster(users=1))
    made(hub, hub.key(app), hub.sourced_id(sis, Kind.USERS, "user-1"), "v-user-1")
    counts = hub.sync(app, {Kind.USERS: [plain(1, "v-")]}, fields=PLAIN)
    assert counts["users"] == {"unchanged": 1}
    before = hub.everything()
    hub.sync(app, {Kind.USERS: [plain(1, "v-")]}, fields=PLAIN)
    assert hub.everything() == before


def test_what_was_ended_loses_its_link(hub: Hub) -> None:
    sis, app = hub.app(1), hub.app(2, "two_way")
    hub.sync(sis, roster(users=2))
    read = {Kind.USERS: [plain(1, "v-"), plain(2, "v-")]}
    hub.sync(app, read, fields=PLAIN)
    key = hub.key(app)
    values = json.dumps({"why": "out_of_scope"})
    made(hub, key, "", "v-user-1", action="end", values=values)
    hub.sync(key, {Kind.USERS: [plain(2, "v-")]}, fields=PLAIN)
    assert hub.link(app, Kind.USERS, "v-user-1")["ended_why"] == "out_of_scope"
    assert hub.link(app, Kind.USERS, "v-user-2")["ended_at"] is None


def test_a_kind_that_only_joins_adds_nobody_and_brings_nobody_back(hub: Hub) -> None:
    sis, app = hub.app(1), hub.app(2, "two_way")
    hub.sync(sis, roster(users=4))
    members = [(f"m-{n}", "v-class", f"v-user-{n}", "student") for n in (1, 2, 9)]
    hub.sync(sis, roster(users=3))
    assert len(hub.records(Kind.USERS)) == 3
    # two are known, one has left, one was never known; and a fourth is linked when she leaves
    read = {Kind.USERS: [plain(n, "v-") for n in (1, 2, 4, 9)]}
    counts = hub.apply(joined(hub, app, read))
    assert (counts["users"]["filtered"], counts["users"]["added"]) == (2, 0)
    assert counts["users"]["restored"] == 0
    hub.sync(sis, roster(users=1))
    counts = hub.apply(joined(hub, app, {Kind.USERS: [plain(n, "v-") for n in (1, 2, 4, 9)]}))
    assert counts["users"]["restored"] == 0
    assert len(hub.records(Kind.USERS)) == 1
    # she stays linked, so that a later step may end her at the vendor
    assert hub.link(app, Kind.USERS, "v-user-2")["ended_at"] is None
    # what names somebody who was set aside goes along, and is no bad record
    counts = hub.apply(joined(hub, app, {**read, Kind.ENROLLMENTS: members[2:]}))
    assert counts["enrollments"]["filtered"] == 1
    assert hub.quarantined() == []


def test_a_new_enrollment_gets_the_school_of_its_class(hub: Hub) -> None:
    sis, app = hub.app(1), hub.app(2, "two_way")
    whole = roster(users=2)
    hub.sync(sis, {**whole, Kind.ENROLLMENTS: [enrollment(1)]})
    class_id = hub.sourced_id(sis, Kind.CLASSES, "class")
    key = hub.key(app)
    made(hub, key, class_id, "v-class", kind="classes", values=json.dumps({"title": "Class 1"}))
    read = {
        Kind.USERS: [plain(1, "v-"), plain(2, "v-")],
        Kind.ENROLLMENTS: [(f"m-{n}", "v-class", f"v-user-{n}", "student") for n in (1, 2)],
    }
    counts = hub.apply(joined(hub, app, read))
    assert (counts["enrollments"]["added"], counts["enrollments"]["unchanged"]) == (1, 1)
    schools = {row["school_sourced_id"] for row in hub.table(HUB[Kind.ENROLLMENTS])}
    assert schools == {hub.sourced_id(sis, Kind.ORGS, "school")}


def test_a_default_that_names_nobody_stops_the_job(hub: Hub) -> None:
    app = hub.app(1, "two_way")
    read = {Kind.CLASSES: [record(Kind.CLASSES, "c", title="T")[:2]]}
    staging = hub.stage(app, read, fields={Kind.CLASSES: ("title",)})
    defaults = {Kind.CLASSES: {"schoolSourcedId": "nowhere", "classType": "scheduled"}}
    certificate = ReadCertificate(Mode.FULL, frozenset(read), {Kind.CLASSES: 1}, defaults=defaults)
    plan = make_plan(hub.database, staging, certificate)
    with pytest.raises(ConfigurationError, match=r"classes\.schoolSourcedId.*'nowhere'"):
        hub.apply(plan)
    assert hub.table(LINKS[Kind.CLASSES]) == []
