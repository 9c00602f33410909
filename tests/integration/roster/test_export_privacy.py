"""What an export is given: masks, filters, and the record of whom it was told of."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from shared.db.hub_tables import HUB, disclosed_fields, disclosures, mask_keys
from shared.db.tables import apps
from shared.domain.records import Kind, decode_list, encode_list, field_names
from shared.errors import ConfigurationError
from shared.roster.disclosures import HandedOut, disclose, disclosures_of
from shared.roster.privacy import Privacy, load_privacy
from shared.roster.rules import parse_app_rules
from shared.roster.snapshot import Snapshot
from tests.integration.roster.district import Hub, roster, user
from tests.integration.roster.test_filters import district

READS = {kind: field_names(kind) for kind in Kind}


class Export:
    """An export app of a hub with two schools."""

    def __init__(self, hub: Hub, **rules: Any) -> None:
        self.hub = hub
        self.app = hub.app(7, "export", **rules)
        self.source = hub.app(1)
        hub.sync(self.source, district())

    def privacy(self, key: str | None = None) -> Privacy:
        row = next(row for row in self.hub.table(apps) if row["id"] == self.app)
        secret = None if key is None else SecretStr(key)
        return load_privacy(self.hub.database, self.app, parse_app_rules(row["rules"]), secret)

    def rows(self, kind: Kind, *fields: str, order_by: tuple[str, ...] = ("sourcedId",)) -> Any:
        with Snapshot(self.hub.database, self.hub.tenant_id, READS, self.privacy()) as picture:
            return list(picture.rows(kind, fields, order_by))

    def deliver(self, leaves_out: tuple[str, ...] = (), fields: tuple[str, ...] = ()) -> int:
        """Render users and demographics, and do what T4 does; returns how many were disclosed."""
        key, privacy = self.hub.key(self.app), self.privacy()
        handed_out = HandedOut(self.hub.database, key)
        reader = Snapshot(self.hub.database, self.hub.tenant_id, READS, privacy, handed_out)
        with reader as picture:
            for row in picture.rows(Kind.USERS, ("username", *fields)):
                if row[1] in leaves_out:
                    picture.leave_out(Kind.USERS, str(row[0]))
            list(picture.rows(Kind.DEMOGRAPHICS, ("userSourcedId", "sex")))
        handed_out.flush()
        with self.hub.database.write() as connection:
            return disclose(connection, self.hub.database, handed_out, privacy)

    def told(self, who: str) -> list[dict[str, Any]]:
        with self.hub.database.read() as connection:
            return disclosures_of(connection, self.hub.tenant_id, who)


# Masks


def test_each_mask_shows_what_it_should(hub: Hub) -> None:
    export = Export(
        hub,
        sends={
            "users.username": "plain",
            "users.givenName": "initial",
            "users.familyName": "hash",
            "users.email": "constant:none@example.org",
            "users.identifier": "hide",
            "users.grades": "hash",
        },
    )
    fields = ("username", "givenName", "familyName", "email", "identifier", "phone", "grades")
    rows = {row[1]: row for row in export.rows(Kind.USERS, *fields)}
    hashed = export.privacy().hash
    sourced_id = hub.sourced_id(export.source, Kind.USERS, "user-1")
    assert rows["user1"] == (
        sourced_id,
        "user1",
        "G",
        hashed("Family 1"),
        "none@example.org",
        None,
        None,
        encode_list([str(hashed("09"))]),
    )
    assert rows["user4"][7] is None
    # of the kinds that are not listed there is nothing at all
    assert export.rows(Kind.DEMOGRAPHICS, "sex") == []


def test_hashed_ids_are_the_same_everywhere_and_in_their_own_order(hub: Hub) -> None:
    export = Export(hub, sends={"users": "plain", "users.sourcedId": "hash", "roles.role": "plain"})
    users = {row[0]: row[2] for row in export.rows(Kind.USERS, "username", "agentSourcedIds")}
    assert all(len(one) == 32 for one in users)
    assert list(users) == sorted(users)
    roles = export.rows(Kind.ROLES, "userSourcedId", order_by=("userSourcedId",))
    named = [row[1] for row in roles]
    assert set(named) == set(users)
    assert named == sorted(named)
    agents = {agent for listed in users.values() for agent in decode_list(listed)}
    assert agents < set(users)
    plain = {row["sourced_id"] for row in hub.records(Kind.USERS).values()}
    assert not plain & set(users)


def test_the_key_is_the_apps_own_and_stays(hub: Hub) -> None:
    key = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
    export = Export(hub, sends={"users.email": "hash"})
    other = hub.app(8, "export", sends={"users.email": "hash"})
    made = export.privacy(key)
    assert export.privacy(key).key == made.key
    rules = parse_app_rules({"sends": {"users.email": "hash"}})
    assert load_privacy(hub.database, other, rules, SecretStr(key)).key != made.key
    stored = {row["app_id"]: row["key"] for row in hub.table(mask_keys)}
    assert all(sealed.startswith("fernet:") for sealed in stored.values())
    with pytest.raises(ConfigurationError, match="BELLRINGER_SECRET_KEY"):
        export.privacy()


def test_an_order_by_what_is_hidden_tells_nothing(hub: Hub) -> None:
    export = Export(hub, sends={"users.givenName": "plain", "users.username": "hide"})
    rows = export.rows(Kind.USERS, "givenName", order_by=("username",))
    assert rows == sorted(rows)


# Filters


@pytest.mark.parametrize(
    ("filters", "users", "rest"),
    [
        ({"schools": ["S1"]}, "1 2 4 5", (2, 1, 4, 3, 2)),
        ({"schools": ["School 2"]}, "3 4 5 6", (2, 1, 4, 2, 1)),
        ({"grades": ["09"]}, "1 3 4 5 6", (3, 2, 6, 4, 2)),
        ({"roles": ["student"]}, "1 2 3", (3, 2, 3, 3, 3)),
        ({"schools": ["S1"], "grades": ["09"], "roles": ["student"]}, "1", (2, 1, 1, 1, 1)),
    ],
)
def test_an_export_is_given_what_is_in_scope(
    hub: Hub, filters: dict[str, list[str]], users: str, rest: tuple[int, ...]
) -> None:
    export = Export(hub, filters=filters)
    rows = export.rows(Kind.USERS, "username", "agentSourcedIds", "primaryOrgSourcedId")
    assert sorted(row[1] for row in rows) == [f"user{n}" for n in users.split()]
    ids = {row[0] for row in rows}
    kinds = (Kind.ORGS, Kind.CLASSES, Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS)
    assert tuple(len(export.rows(kind)) for kind in kinds) == rest
    # nothing refers to what is out of scope
    assert all(set(decode_list(row[2])) <= ids for row in rows)
    orgs = {row[0] for row in export.rows(Kind.ORGS)}
    assert all(row[3] is None or row[3] in orgs for row in rows)
    for kind in (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
        assert {row[1] for row in export.rows(kind, "userSourcedId")} <= ids


def test_parents_keep_the_children_in_scope(hub: Hub) -> None:
    export = Export(hub, filters={"schools": ["S2"]})
    rows = {row[1]: row[2] for row in export.rows(Kind.USERS, "username", "agentSourcedIds")}
    assert len(decode_list(rows["user3"])) == 2
    assert len(decode_list(rows["user6"])) == 1


def test_a_school_that_the_hub_has_not_fails_the_export(hub: Hub) -> None:
    export = Export(hub, filters={"schools": ["S9"]})
    with pytest.raises(ConfigurationError, match=r"filters\.schools.*'S9'"):
        export.rows(Kind.USERS)


# Disclosures


def test_who_was_rendered_and_delivered_is_disclosed(hub: Hub) -> None:
    export = Export(
        hub, sends={"users.username": "plain", "users.givenName": "initial", "demographics": "hide"}
    )
    assert export.deliver(leaves_out=("user2",), fields=("givenName", "phone")) == 5
    assert export.told("user2") == []
    (row,) = export.told("user1")
    assert (row["app"], row["until"], row["until_job"]) == ("app-7", None, None)
    # what was read, under its mask; what was hidden was not sent
    assert row["fields"] == {
        "users": {"sourcedId": "plain", "username": "plain", "givenName": "initial"}
    }
    assert row["since"].endswith("Z")


def test_an_unchanged_delivery_writes_nothing_and_a_change_ends_a_period(hub: Hub) -> None:
    export = Export(hub)
    export.deliver()
    before = hub.table(disclosures)
    export.deliver()
    assert hub.table(disclosures) == before
    assert len(hub.table(disclosed_fields)) == 1
    export.deliver(leaves_out=("user3",))
    (row,) = export.told("user3")
    assert row["until_job"] > row["since_job"]
    assert len(hub.table(disclosures)) == len(before)
    export.deliver(fields=("email",))
    assert [
        (r["until"] is None, "email" in r["fields"]["users"]) for r in export.told("user1")
    ] == [
        (True, True),
        (False, False),
    ]
    # and who comes back begins a new period, and is told of by other names too
    assert len(export.told("1003")) == 2
    assert export.told(hub.sourced_id(export.source, Kind.USERS, "user-3")) == export.told("user3")


def test_a_hashed_id_is_left_out_by_what_the_target_knows_it_by(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.roster.disclosures.PAGE", 1)
    export = Export(hub, sends={"users": "plain", "users.sourcedId": "hash"})
    assert export.deliver(leaves_out=("user1", "user4")) == 4
    assert export.told("user1") == []
    assert export.told("user5")[0]["fields"]["users"]["sourcedId"] == "hash"


def test_a_target_may_leave_out_whom_it_saw_long_ago(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.roster.disclosures.PAGE", 1)
    export = Export(hub)
    key = hub.key(export.app)
    handed_out = HandedOut(hub.database, key)
    with Snapshot(hub.database, hub.tenant_id, READS, export.privacy(), handed_out) as picture:
        rows = list(picture.rows(Kind.USERS, ("username",)))
        picture.leave_out(Kind.USERS, str(rows[0][0]))
    handed_out.flush()
    with hub.database.write() as connection:
        assert disclose(connection, hub.database, handed_out, export.privacy()) == 5


def test_an_attempt_that_ends_badly_discloses_nothing(hub: Hub) -> None:
    export = Export(hub)
    handed_out = HandedOut(hub.database, hub.key(export.app))
    with Snapshot(hub.database, hub.tenant_id, READS, export.privacy(), handed_out) as picture:
        list(picture.rows(Kind.USERS, ("username",)))
    handed_out.flush()
    assert hub.table(disclosures) == []
    with hub.database.write() as connection:
        connection.execute(
            update(HUB[Kind.USERS])
            .where(HUB[Kind.USERS].c.username == "user1")
            .values(status="tobedeleted")
        )
    # the next attempt counts what it has rendered itself
    assert export.deliver() == 5


def test_a_name_that_is_nobodys_or_several_peoples_is_refused(hub: Hub) -> None:
    export = Export(hub)
    read = roster(users=0)
    read[Kind.USERS] = [user(8, identifier="same"), user(9, identifier="same")]
    hub.sync(hub.app(2), read)
    with pytest.raises(ConfigurationError, match="no user is called 'nobody'"):
        export.told("nobody")
    with pytest.raises(ConfigurationError, match="several users are"):
        export.told("same")
