"""Attribute and school mapping: what an app calls things becomes what the hub calls them."""

from __future__ import annotations

import json

import pytest

from shared.db.hub_tables import quarantine
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import ConfigurationError, TransientConnectorError
from tests.integration.roster.district import Hub, Roster, record, roster, user

EMAIL = {"users.email": "username.lowerAscii() + '@example.org'"}


def names(hub: Hub) -> dict[str, str | None]:
    return {name: row["email"] for name, row in hub.records(Kind.USERS).items()}


def school(prefix: str, name: str, identifier: str) -> Roster:
    """A district like any other whose one school is told apart."""
    read = roster(users=2, prefix=prefix)
    read[Kind.ORGS][0] = record(
        Kind.ORGS, f"{prefix}school", name=name, type="school", identifier=identifier
    )
    return read


# Attributes


def test_a_mapped_field_has_the_value_of_its_expression(hub: Hub) -> None:
    app = hub.app(1, attributes=EMAIL)
    hub.sync(app, roster(users=2))
    assert names(hub) == {"user1": "user1@example.org", "user2": "user2@example.org"}
    assert "users" in hub.sync(app, roster(users=2))
    assert hub.sync(app, roster(users=2))["users"] == {"unchanged": 2}


def test_a_field_that_the_app_does_not_supply_becomes_supplied(hub: Hub) -> None:
    app = hub.app(1, attributes=EMAIL)
    fields = ("enabledUser", "username", "givenName", "familyName")
    hub.sync(
        app,
        {Kind.USERS: [("user-1", "true", "Pat", "Given", "Family")]},
        fields={Kind.USERS: fields},
    )
    assert names(hub) == {"Pat": "pat@example.org"}


def test_a_changed_mapping_changes_the_records_and_removes_nobody(hub: Hub) -> None:
    app = hub.app(1, attributes=EMAIL)
    hub.sync(app, roster(users=2))
    hub.set_rules(app, attributes={"users.email": "username + '@example.net'"})
    assert hub.sync(app, roster(users=1))["users"] == {"updated": 1, "out_of_scope": 1}
    assert names(hub) == {"user1": "user1@example.net", "user2": "user2@example.org"}


def test_every_expression_sees_the_record_as_the_app_gave_it(hub: Hub) -> None:
    app = hub.app(1, attributes={"users.givenName": "familyName", "users.familyName": "givenName"})
    hub.sync(app, roster(users=1))
    found = hub.records(Kind.USERS)["user1"]
    assert (found["given_name"], found["family_name"]) == ("Family 1", "Given 1")


def test_a_record_over_which_it_fails_goes_to_quarantine_and_its_last_version_stays(
    hub: Hub,
) -> None:
    app = hub.app(1)
    read = roster(users=2)
    read[Kind.USERS] = [user(n, email=f"u{n}@example.org") for n in (1, 2)]
    hub.sync(app, read)
    hub.set_rules(app, attributes={"users.sms": "email.split('@')[1]"})
    read[Kind.USERS][1] = user(2, email="nobody")
    counts = hub.sync(app, read)
    assert counts["users"] == {"updated": 1, "quarantined": 1}
    assert hub.quarantined() == [("users", "user-2", "sms")]
    (row,) = hub.table(quarantine)
    assert "its mapping fails" in row["reason"]
    assert json.loads(row["source"])["email"] == "nobody"
    assert set(hub.records(Kind.USERS)) == {"user1", "user2"}


def test_a_wrong_expression_that_was_stored_fails_the_job_clearly(hub: Hub) -> None:
    app = hub.app(1, attributes={"users.email": "shoeSize"})
    with pytest.raises(ConfigurationError, match=r"attributes\.users\.email"):
        hub.sync(app, roster(users=1))


def test_rules_that_change_while_it_reads_make_it_read_again(hub: Hub) -> None:
    app = hub.app(1, attributes=EMAIL)

    def rows():
        yield user(1)
        hub.set_rules(app)

    with pytest.raises(TransientConnectorError, match="attributes were changed"):
        hub.sync(app, {Kind.USERS: rows()})


def test_an_incremental_read_that_only_names_the_deleted_is_left_alone(hub: Hub) -> None:
    app = hub.app(1, attributes=EMAIL)
    hub.sync(app, roster(users=2))
    counts = hub.sync(app, {}, deleted={Kind.USERS: ["user-2"]}, mode=Mode.INCREMENTAL)
    assert counts["users"] == {"removed": 1}


# Schools


def test_a_mapped_school_is_linked_instead_of_added(hub: Hub) -> None:
    first = hub.app(1)
    hub.sync(first, roster(users=2))
    second = hub.app(2, schools={"b-school": "School 1"})
    read = school("b-", "Lincoln High", "L-9")
    counts = hub.sync(second, read)
    assert counts["orgs"] == {"unchanged": 2}
    assert set(hub.records(Kind.ORGS)) == {"School 1", "District 1"}
    assert hub.sourced_id(second, Kind.ORGS, "b-school") == hub.sourced_id(
        first, Kind.ORGS, "school"
    )
    # its identifier names it too, and the records at it refer to the hub's school
    assert hub.sync(second, read)["orgs"] == {"unchanged": 2}
    assert len(hub.records(Kind.CLASSES)) == 1
    third = hub.app(3, schools={"L-9": "S1"})
    hub.sync(third, school("c-", "Lincoln", "L-9"))
    assert len(hub.records(Kind.ORGS)) == 2


def test_a_mapping_that_comes_later_moves_the_school_and_all_that_hangs_on_it(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(first, roster(users=2))
    read = school("b-", "Lincoln High", "L-9")
    hub.sync(second, read)
    assert set(hub.records(Kind.ORGS)) == {"School 1", "District 1", "Lincoln High"}
    hub.set_rules(second, schools={"L-9": "S1"})
    # what an incremental read brings meanwhile must not be forgotten
    changed = user(2, "b-", givenName="Given 2b")
    hub.sync(second, {Kind.USERS: [changed]}, mode=Mode.INCREMENTAL)
    read[Kind.USERS][1] = changed
    counts = hub.sync(second, read)
    assert counts["orgs"]["removed"] == 1
    assert set(hub.records(Kind.ORGS)) == {"School 1", "District 1"}
    target = hub.sourced_id(first, Kind.ORGS, "school")
    for kind, column in (
        (Kind.CLASSES, "school_sourced_id"),
        (Kind.ROLES, "org_sourced_id"),
        (Kind.ENROLLMENTS, "school_sourced_id"),
    ):
        assert {row[column] for row in hub.records(kind).values()} == {target}
    for number in (1, 2):
        link = hub.link(second, Kind.USERS, f"b-user-{number}")
        assert link["primary_org_sourced_id"] == target
    assert hub.sync(second, read)["users"] == {"unchanged": 2}


def test_two_of_the_apps_schools_may_be_one_of_the_hubs(hub: Hub) -> None:
    first = hub.app(1)
    hub.sync(first, roster(users=1))
    second = hub.app(2, schools={"day": "S1", "night": "S1"})
    read = {
        Kind.ORGS: [
            record(Kind.ORGS, name, name=name, type="school", identifier=f"X-{name}")
            for name in ("day", "night", "other")
        ]
    }
    hub.sync(second, read)
    hub.sync(second, read)
    target = hub.sourced_id(first, Kind.ORGS, "school")
    assert {hub.sourced_id(second, Kind.ORGS, name) for name in ("day", "night")} == {target}
    assert set(hub.records(Kind.ORGS)) == {"School 1", "District 1", "other"}


@pytest.mark.parametrize(("named", "told"), [("S9", "no active orgs"), ("Twin", "2 active orgs")])
def test_a_school_that_the_hub_has_not_is_refused(hub: Hub, named: str, told: str) -> None:
    first = hub.app(1)
    read = roster(users=1)
    read[Kind.ORGS] += [
        record(Kind.ORGS, f"twin-{n}", name="Twin", type="school", identifier=f"T{n}")
        for n in (1, 2)
    ]
    hub.sync(first, read)
    second = hub.app(2, schools={"b-school": named})
    with pytest.raises(ConfigurationError, match=told):
        hub.sync(second, school("b-", "Lincoln High", "L-9"))
    assert hub.quarantined() == []
