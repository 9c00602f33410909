"""One picture of the hub, from which an export is rendered."""

from __future__ import annotations

import pytest

from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.snapshot import Snapshot
from tests.integration.roster.district import Hub, roster, user

ALLOWED = {Kind.USERS: ("username", "givenName")}


def test_active_records_come_by_code_point_with_what_was_asked_for(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=4)
    for place, name in enumerate(("é", "a", "Z", "z")):
        read[Kind.USERS][place] = user(place + 1, username=name)
    hub.sync(app, read)
    read[Kind.USERS].pop()
    hub.sync(app, read)
    with Snapshot(hub.database, hub.tenant_id, ALLOWED) as picture:
        found = list(picture.rows(Kind.USERS, ("username",), order_by=("username",)))
    assert [row[1] for row in found] == ["Z", "a", "é"]
    assert found[0][0] == hub.sourced_id(app, Kind.USERS, "user-3")


def test_what_is_not_listed_does_not_leave(hub: Hub) -> None:
    with Snapshot(hub.database, hub.tenant_id, ALLOWED) as picture:
        for kind, fields, order in (
            (Kind.USERS, ("email",), ("sourcedId",)),
            (Kind.USERS, ("username",), ("email",)),
            (Kind.DEMOGRAPHICS, (), ("sourcedId",)),
        ):
            with pytest.raises(ConfigurationError, match="is not listed"):
                list(picture.rows(kind, fields, order_by=order))


def test_an_import_that_ends_meanwhile_is_not_seen(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=2))
    with Snapshot(hub.database, hub.tenant_id, ALLOWED) as picture:
        before = list(picture.rows(Kind.USERS, ("givenName",)))
        read = roster(users=3)
        read[Kind.USERS][0] = user(1, givenName="Given 1b")
        hub.sync(app, read)
        assert list(picture.rows(Kind.USERS, ("givenName",))) == before
    with Snapshot(hub.database, hub.tenant_id, ALLOWED) as picture:
        assert len(list(picture.rows(Kind.USERS, ()))) == 3


def test_two_kinds_are_read_at_once(hub: Hub) -> None:
    hub.sync(hub.app(1), roster(users=3))
    allowed = {**ALLOWED, Kind.ROLES: ("role",)}
    with Snapshot(hub.database, hub.tenant_id, allowed) as picture:
        pairs = zip(picture.rows(Kind.USERS, ()), picture.rows(Kind.ROLES, ("role",)), strict=True)
        assert [role[1] for _, role in pairs] == ["student"] * 3


def test_a_closed_snapshot_reads_nothing(hub: Hub) -> None:
    picture = Snapshot(hub.database, hub.tenant_id, ALLOWED)
    with pytest.raises(ValueError, match="not open"):
        list(picture.rows(Kind.USERS, ()))
