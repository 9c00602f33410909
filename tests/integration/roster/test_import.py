"""What one import does to the hub: first, again, with changes, removals and bad reads."""

from __future__ import annotations

import json

import pytest

from shared.db.hub_tables import HUB, LINKS, STAGES, change_log, hubs
from shared.domain.records import Kind, decode_list
from shared.domain.states import Mode
from shared.errors import ContractError, PermanentConnectorError, TransientConnectorError
from shared.roster.attempt import JobKey
from tests.integration.roster.district import Hub, enrollment, record, roster, user


def test_a_first_import_adds_everything_and_resolves_every_reference(hub: Hub) -> None:
    app = hub.app(1)
    counts = hub.sync(app, roster(users=3))
    assert counts == {
        "orgs": {"added": 2},
        "academicSessions": {"added": 2},
        "courses": {"added": 1},
        "classes": {"added": 1},
        "users": {"added": 3},
        "roles": {"added": 3},
        "enrollments": {"added": 3},
        "demographics": {"added": 3},
    }
    school = hub.records(Kind.ORGS)["School 1"]
    district = hub.records(Kind.ORGS)["District 1"]
    klass = hub.records(Kind.CLASSES)["Class 1"]
    assert school["parent_sourced_id"] == district["sourced_id"]
    assert klass["school_sourced_id"] == school["sourced_id"]
    terms = [row["sourced_id"] for row in hub.records(Kind.ACADEMIC_SESSIONS).values()]
    assert decode_list(klass["term_sourced_ids"]) == sorted(terms)
    people = hub.records(Kind.USERS)
    for row in hub.records(Kind.ENROLLMENTS).values():
        assert row["class_sourced_id"] == klass["sourced_id"]
        assert row["user_sourced_id"] in {person["sourced_id"] for person in people.values()}
    assert hub.count(change_log) == 0
    assert {row["first_job"] for row in people.values()} == {1}
    assert len(school["sourced_id"]) == 36


def test_the_same_again_writes_nothing_at_all(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster())
    before = hub.everything()
    counts = hub.sync(app, roster())
    assert hub.everything() == before
    assert counts["users"] == {"unchanged": 3}
    assert {name for counted in counts.values() for name in counted} == {"unchanged"}
    assert hub.table(hubs) == [{"tenant_id": hub.tenant_id, "version": 1}]


def test_one_change_is_one_update_and_its_log_names_the_field_alone(hub: Hub) -> None:
    app = hub.app(1)
    read = roster()
    hub.sync(app, read)
    read[Kind.USERS][1] = user(2, givenName="Given 2b")
    counts = hub.sync(app, read)
    assert counts["users"] == {"updated": 1, "unchanged": 2}
    assert hub.records(Kind.USERS)["user2"]["given_name"] == "Given 2b"
    (logged,) = hub.table(change_log)
    assert (logged["op"], logged["kind"]) == ("update", "users")
    assert json.loads(logged["before"]) == {"givenName": "Given 2"}
    assert json.loads(logged["after"]) == {"givenName": "Given 2b"}


def test_a_cleared_value_and_a_moved_reference_are_changes(hub: Hub) -> None:
    app = hub.app(1)
    read = roster()
    hub.sync(app, read)
    read[Kind.USERS][0] = user(1, identifier=None, primaryOrgSourcedId="district")
    read[Kind.ROLES].append(
        record(
            Kind.ROLES,
            "user-1/district",
            userSourcedId="user-1",
            roleType="secondary",
            role="student",
            orgSourcedId="district",
        )
    )
    assert hub.sync(app, read)["users"] == {"updated": 1, "unchanged": 2}
    found = hub.records(Kind.USERS)["user1"]
    assert found["identifier"] is None
    assert found["primary_org_sourced_id"] == hub.sourced_id(app, Kind.ORGS, "district")


def test_who_is_absent_from_a_complete_read_is_removed_and_comes_back_as_the_same(
    hub: Hub,
) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    gone = hub.sourced_id(app, Kind.USERS, "user-3")
    counts = hub.sync(app, roster(users=2))
    assert counts["users"] == {"removed": 1, "unchanged": 2}
    assert counts["enrollments"] == {"removed": 1, "unchanged": 2}
    assert list(hub.records(Kind.USERS, status="tobedeleted")) == ["user3"]
    removed = [row for row in hub.table(change_log) if row["sourced_id"] == gone]
    assert [row["op"] for row in removed] == ["remove"]

    counts = hub.sync(app, roster(users=3))
    assert counts["users"] == {"restored": 1, "unchanged": 2}
    assert hub.records(Kind.USERS)["user3"]["sourced_id"] == gone
    restored = [row for row in hub.table(change_log) if row["sourced_id"] == gone]
    assert json.loads(restored[-1]["before"]) == {"status": "tobedeleted"}
    assert [row["op"] for row in restored] == ["remove", "restore"]
    before = hub.everything()
    hub.sync(app, roster(users=3))
    assert hub.everything() == before


def test_a_kind_that_was_not_read_completely_loses_nobody(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    counts = hub.sync(app, roster(users=1), complete=[Kind.ORGS, Kind.ENROLLMENTS])
    assert counts["users"] == {"unchanged": 1}
    assert counts["enrollments"] == {"removed": 2, "unchanged": 1}
    assert len(hub.records(Kind.USERS)) == 3


def test_an_incremental_read_loses_only_whom_the_vendor_names(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    changed = {Kind.USERS: [user(1, email="user1@example.org")]}
    counts = hub.sync(app, changed, mode=Mode.INCREMENTAL)
    assert counts["users"] == {"updated": 1}
    assert len(hub.records(Kind.USERS)) == 3

    counts = hub.sync(app, {}, mode=Mode.INCREMENTAL, deleted={Kind.USERS: ["user-2", "user-9"]})
    assert counts["users"] == {"removed": 1}
    assert set(hub.records(Kind.USERS)) == {"user1", "user3"}


def test_who_is_named_as_deleted_and_was_read_too_stays(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=2))
    read = {Kind.USERS: [user(2, email="user2@example.org")]}
    hub.sync(app, read, mode=Mode.INCREMENTAL, deleted={Kind.USERS: ["user-2"]})
    assert hub.records(Kind.USERS)["user2"]["email"] == "user2@example.org"


@pytest.mark.parametrize("kind", [Kind.USERS, Kind.ENROLLMENTS])
def test_a_kind_that_comes_back_empty_is_not_believed(hub: Hub, kind: Kind) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    before = hub.everything()
    read = roster(users=3) | {kind: []}
    with pytest.raises(PermanentConnectorError, match=f"brought no {kind}, but 3 are linked"):
        hub.plan(app, read)
    del read[kind]
    with pytest.raises(PermanentConnectorError, match="nothing was changed"):
        hub.plan(app, read, complete=Kind)
    assert hub.everything() == before


def test_fields_that_an_app_does_not_supply_are_left_alone(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=1) | {Kind.USERS: [user(1, phone="555-0101")]})
    names = ("enabledUser", "username", "givenName", "familyName")
    rows = [("user-1", "true", "user1", "Given 1b", "Family 1")]
    counts = hub.sync(app, {Kind.USERS: rows}, fields={Kind.USERS: names})
    assert counts["users"] == {"updated": 1}
    found = hub.records(Kind.USERS)["user1"]
    assert (found["given_name"], found["phone"]) == ("Given 1b", "555-0101")


def test_other_fields_with_the_same_values_are_another_source_row(hub: Hub) -> None:
    app = hub.app(1)
    must = ("enabledUser", "username", "givenName", "familyName")
    rows = [("user-1", "true", "user1", "Given 1", "Family 1", "555-0101")]
    hub.sync(app, {Kind.USERS: rows}, fields={Kind.USERS: (*must, "phone")})
    counts = hub.sync(app, {Kind.USERS: rows}, fields={Kind.USERS: (*must, "sms")})
    assert counts["users"] == {"updated": 1}
    assert hub.records(Kind.USERS)["user1"]["sms"] == "555-0101"


def test_a_plan_is_made_anew_when_the_hub_has_moved(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(first, roster(users=1))
    read = roster(users=2, prefix="b-")
    plan = hub.plan(second, read)
    hub.sync(first, roster(users=2))
    counts = hub.apply(plan)
    assert counts["users"]["added"] == 0
    assert counts["users"]["unchanged"] == 2
    assert len(hub.records(Kind.USERS)) == 2
    assert hub.sourced_id(second, Kind.USERS, "b-user-2") == hub.sourced_id(
        first, Kind.USERS, "user-2"
    )


def test_staging_that_was_lost_is_read_again_and_not_taken_for_the_truth(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    before = hub.everything()
    plan = hub.plan(app, roster(users=3))
    with hub.database.write() as connection:
        connection.execute(STAGES[Kind.USERS].delete())
    with pytest.raises(TransientConnectorError, match="staging holds 0 of 3 users"):
        hub.apply(plan)
    assert hub.everything() == before


def test_what_an_attempt_that_died_has_staged_goes(hub: Hub) -> None:
    app = hub.app(1)
    hub.stage(JobKey(7, 1, hub.tenant_id, app), roster(users=9))
    counts = hub.sync(JobKey(7, 2, hub.tenant_id, app), roster(users=2))
    assert counts["users"] == {"added": 2}
    assert {row["attempt"] for row in hub.table(STAGES[Kind.USERS])} == {2}


def test_tenants_do_not_see_each_other(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=2))
    counts = hub.sync(hub.key_of_another_tenant(), roster(users=2))
    assert counts["users"] == {"added": 2}
    assert len(hub.table(HUB[Kind.USERS])) == 4
    assert len(hub.table(LINKS[Kind.USERS])) == 4


def test_a_batch_that_breaks_its_contract_is_a_bug_of_the_connector(hub: Hub) -> None:
    app = hub.app(1)
    with pytest.raises(ContractError, match="no field shoeSize"):
        hub.stage(app, {Kind.USERS: []}, fields={Kind.USERS: ("shoeSize",)})
    with pytest.raises(ContractError, match="not 19 values"):
        hub.stage(app, {Kind.USERS: [("user-1", "true")]})
    with pytest.raises(ContractError, match="no id"):
        hub.stage(app, {Kind.USERS: [("", *user(1)[1:])]})


def test_an_enrollment_moves_to_another_class_by_its_id(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=1)
    again = list(read[Kind.CLASSES][0])
    again[0], again[4] = "class-b", "K2"
    again[1] = "Class 2"
    read[Kind.CLASSES].append(tuple(again))
    hub.sync(app, read)
    read[Kind.ENROLLMENTS] = [enrollment(1, classSourcedId="class-b")]
    assert hub.sync(app, read)["enrollments"] == {"updated": 1}
    (row,) = hub.records(Kind.ENROLLMENTS).values()
    assert row["class_sourced_id"] == hub.records(Kind.CLASSES)["Class 2"]["sourced_id"]
