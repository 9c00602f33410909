"""Records shown and listed: by page, by school, as of an instant, with where each value is from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, update

from shared.db.hub_tables import disclosed_fields, disclosures
from shared.db.review_tables import conflicts
from shared.db.tables import apps
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import ConfigurationError
from shared.roster.browsing import Wanted, find_record, list_records
from shared.roster.provenance import show_record
from shared.roster.resolutions import Choice, resolve_conflict
from shared.roster.undo import undo_job
from shared.roster.why_value import why_value
from tests.integration.roster.district import Hub, record, roster, user
from tests.integration.roster.past_jobs import end_job

ORGS = {Kind.ORGS: roster(0)[Kind.ORGS]}


def listed(hub: Hub, kind: Kind = Kind.USERS, **wanted: Any) -> list[str]:
    rows = list_records(hub.database, hub.tenant_id, Wanted(kind=kind, **wanted))
    return [row.get("username") or row["sourcedId"] for row in rows]


def shown(hub: Hub, sourced_id: str, as_of: datetime | None = None) -> dict[str, Any]:
    with hub.database.read() as connection:
        return show_record(connection, hub.tenant_id, Kind.USERS, sourced_id, as_of)


def why(hub: Hub, sourced_id: str, field: str, kind: Kind = Kind.USERS) -> dict[str, Any]:
    with hub.database.read() as connection:
        return why_value(connection, hub.tenant_id, kind, sourced_id, field)


def set_rules(hub: Hub, app: int, rules: dict[str, Any]) -> None:
    with hub.database.write() as connection:
        connection.execute(update(apps).where(apps.c.id == app).values(rules=rules))


def now(hub: Hub) -> datetime:
    with hub.database.read() as connection:
        return hub.database.now(connection)


def test_pages_follow_each_other_and_hold_everybody_once(hub: Hub) -> None:
    hub.sync(hub.app(1), roster(users=7))
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["sourcedId"] if found else None
        page = list_records(
            hub.database, hub.tenant_id, Wanted(kind=Kind.USERS, limit=3, after=after)
        )
        if not page:
            break
        found += page
    ids = [row["sourcedId"] for row in found]
    assert len(set(ids)) == len(ids) == 7
    assert {row["username"] for row in found} == {f"user{n}" for n in range(1, 8)}


def test_a_list_is_narrowed_by_status_text_and_school(hub: Hub) -> None:
    app, read = hub.app(1), roster(users=4)
    read[Kind.ORGS].append(
        record(Kind.ORGS, "other", name="School 2", type="school", identifier="S2")
    )
    read[Kind.USERS][1] = user(2, primaryOrgSourcedId="other", email="Second_One@example.org")
    # without a role there the primary org would be left out
    read[Kind.ROLES].insert(
        0,
        record(
            Kind.ROLES, "user-2/other", userSourcedId="user-2", roleType="primary",
            role="student", orgSourcedId="other",
        ),
    )  # fmt: skip
    hub.sync(app, read)
    for kind in (Kind.USERS, Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
        read[kind] = read[kind][:-1]
    hub.sync(app, read)
    # and the primary org alone is enough
    role = {Kind.ROLES: ["user-2/other"]}
    hub.sync(app, {Kind.ROLES: []}, deleted=role, mode=Mode.INCREMENTAL)
    assert sorted(listed(hub)) == ["user1", "user2", "user3"]
    assert listed(hub, status="tobedeleted") == ["user4"]
    assert len(listed(hub, status=None)) == 4
    assert listed(hub, search="second_one@") == ["user2"]
    assert listed(hub, search="second%one@") == []
    assert listed(hub, search="FAMILY 3") == ["user3"]
    assert listed(hub, search="family given") == ["user1", "user2", "user3"]
    assert listed(hub, search="1003") == ["user3"]
    assert listed(hub, search="amily 3") == []
    assert listed(hub, search="user", school="School 2") == ["user2"]
    # user 2 has a role at the first school too, whatever the primary one is
    assert sorted(listed(hub, school="S1")) == ["user1", "user2", "user3"]
    assert listed(hub, school="School 2") == ["user2"]
    assert len(listed(hub, Kind.DEMOGRAPHICS, school="School 2")) == 1
    assert len(listed(hub, Kind.ENROLLMENTS, school="S1")) == 3
    assert listed(hub, Kind.CLASSES, school="S2") == []
    with pytest.raises(ConfigurationError, match="there is no org"):
        listed(hub, school="S3")
    with pytest.raises(ConfigurationError, match="belong to no school"):
        listed(hub, Kind.ACADEMIC_SESSIONS, school="S1")


def test_a_schools_people_come_by_the_page(hub: Hub) -> None:
    app, read = hub.app(1), roster(users=5)
    read[Kind.ORGS].append(record(Kind.ORGS, "other", name="School 2", type="school"))
    # user 1 belongs to the other school by primary org and role, user 2 by two roles alone
    read[Kind.USERS][0] = user(1, primaryOrgSourcedId="other")
    read[Kind.ROLES] += [
        record(
            Kind.ROLES, f"user-{number}/{role}", userSourcedId=f"user-{number}",
            roleType="secondary", role=role, orgSourcedId="other",
        )
        for number, role in ((1, "aide"), (2, "aide"), (2, "proctor"))
    ]  # fmt: skip
    hub.sync(app, read)
    found: list[str] = []
    after = None
    while page := list_records(
        hub.database,
        hub.tenant_id,
        Wanted(kind=Kind.USERS, school="School 2", after=after, limit=1),
    ):
        assert len(page) == 1
        found += [row["username"] for row in page]
        after = page[-1]["sourcedId"]
    assert sorted(found) == ["user1", "user2"]


def test_a_list_of_the_past_is_as_it_was(hub: Hub) -> None:
    app, read = hub.app(1), roster(users=3)
    hub.sync(app, read)
    then = now(hub)
    read[Kind.USERS][0] = user(1, username="renamed")
    for kind in (Kind.USERS, Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
        read[kind] = read[kind][:2]
    hub.sync(app, read)
    assert sorted(listed(hub)) == ["renamed", "user2"]
    assert sorted(listed(hub, as_of=then)) == ["user1", "user2", "user3"]
    assert sorted(listed(hub, as_of=then, school="S1", search="user")) == [
        "user1", "user2", "user3"
    ]  # fmt: skip


def test_a_record_is_found_by_its_id_or_by_a_value(hub: Hub) -> None:
    app, read = hub.app(1), roster(users=3)
    read[Kind.USERS][2] = user(3, familyName="Family 2")
    hub.sync(app, read)
    first = hub.sourced_id(app, Kind.USERS, "user-1")

    def find(told: str, kinds: tuple[Kind, ...] = (Kind.USERS,)) -> tuple[Kind, str]:
        with hub.database.read() as connection:
            return find_record(connection, hub.tenant_id, told, kinds)

    assert find(first, tuple(Kind)) == (Kind.USERS, first)
    assert find("username=user1") == (Kind.USERS, first)
    with pytest.raises(ConfigurationError, match="names several"):
        find("familyName=Family 2")
    for wrong in ("nobody", "username=nobody", "colour=red"):
        with pytest.raises(ConfigurationError, match="there is no record"):
            find(wrong)


def test_each_field_says_who_brought_it_and_the_past_says_what_it_was(hub: Hub) -> None:
    sis, directory = hub.app(1), hub.app(2)
    read = roster(users=1)
    hub.sync(sis, read)
    then = now(hub)
    hub.sync(directory, {**ORGS, Kind.USERS: [user(1, email="one@example.org")]})
    read[Kind.USERS][0] = user(1, givenName="Changed")
    hub.sync(sis, read)
    one = hub.sourced_id(sis, Kind.USERS, "user-1")
    found = shown(hub, one)
    told = {row["field"]: (row["value"], row["app"], row["job"]) for row in found["fields"]}
    assert told["familyName"] == ("Family 1", "app-1", 1)
    assert told["email"] == ("one@example.org", "app-2", 2)
    assert told["givenName"] == ("Changed", "app-1", 3)
    assert [row["op"] for row in found["history"]] == ["add", "update", "update"]
    assert [link["app"] for link in found["links"]] == ["app-1", "app-2"]
    assert found["links"][1]["base"]["givenName"] == "Given 1"
    past = shown(hub, one, then)
    told = {row["field"]: (row["value"], row["app"], row["job"]) for row in past["fields"]}
    assert told["givenName"] == ("Given 1", "app-1", 1)
    assert "email" not in told
    assert len(past["history"]) == 1
    assert found["links_note"] is None
    assert "is not kept" in past["links_note"]
    with pytest.raises(ConfigurationError, match="was added at"):
        shown(hub, one, datetime.fromisoformat("2001-01-01T00:00:00+00:00"))


def test_the_links_of_the_past_are_those_that_had_begun_and_not_ended(hub: Hub) -> None:
    sis, directory = hub.app(1), hub.app(2)
    key = hub.key(sis)
    hub.sync(key, roster(users=1))
    end_job(hub, sis, key.job_id)
    one, first = hub.sourced_id(sis, Kind.USERS, "user-1"), now(hub)
    key = hub.key(directory)
    hub.sync(key, {**ORGS, Kind.USERS: [user(1)]})
    end_job(hub, directory, key.job_id)
    second = now(hub)
    hub.sync(sis, {Kind.USERS: []}, deleted={Kind.USERS: ["user-1"]}, mode=Mode.INCREMENTAL)
    third = now(hub)

    def links(as_of: datetime | None) -> dict[str, str | None]:
        return {link["app"]: link["ended_why"] for link in shown(hub, one, as_of)["links"]}

    assert links(first) == {"app-1": None}
    assert links(second) == {"app-1": None, "app-2": None}
    assert links(third) == links(None) == {"app-1": "removed", "app-2": None}


def test_why_names_the_rule_that_decided(hub: Hub) -> None:
    sis, directory = hub.app(1), hub.app(2)
    read = roster(users=1)
    hub.sync(sis, read)
    one = hub.sourced_id(sis, Kind.USERS, "user-1")
    assert why(hub, one, "givenName")["rule"] == "app-1 added the record with it"
    assert why(hub, one, "sms")["rule"] == "no app has supplied it"
    hub.sync(directory, {**ORGS, Kind.USERS: [user(1, email="one@example.org")]})
    assert why(hub, one, "email")["rule"] == "the hub had no value, and app-2 filled it"
    read[Kind.USERS][0] = user(1, givenName="Changed")
    hub.sync(sis, read)
    told = why(hub, one, "givenName")
    assert (
        told["rule"] == "app-1 is the first of the tenant's apps, in their order, that supplies it"
    )
    assert (told["replaced"], told["value"]) == ("Given 1", "Changed")
    assert [(s["app"], s["value"], s["is_decisive"]) for s in told["sources"]] == [
        ("app-1", "Changed", True),
        ("app-2", "Given 1", False),
    ]
    set_rules(hub, directory, {"fields": {"users.givenName": "owner"}})
    hub.sync(directory, {**ORGS, Kind.USERS: [user(1, givenName="Ruled")]})
    assert why(hub, one, "givenName")["rule"] == "app-2 owns users.givenName by its rule"
    with pytest.raises(ConfigurationError, match="has no 'colour'"):
        why(hub, one, "colour")


def test_why_names_the_person_who_decided(hub: Hub) -> None:
    sis, first, second = hub.app(1), hub.app(2, "two_way"), hub.app(3, "two_way")
    read = roster(users=1)
    read[Kind.USERS][0] = user(1, phone="0")
    hub.sync(sis, read)
    for app in (first, second):
        hub.sync(app, {**ORGS, Kind.USERS: [user(1, phone="0")]})
    one = hub.sourced_id(sis, Kind.USERS, "user-1")
    # both have moved it, and the owner's is neither
    hub.sync(second, {**ORGS, Kind.USERS: [user(1, phone="1")]})
    counts = hub.sync(first, {**ORGS, Kind.USERS: [user(1, phone="3")]})
    assert counts["users"]["conflicts"] == 1
    (conflict,) = (row["id"] for row in hub.table(conflicts))
    resolve_conflict(hub.database, conflict, Choice("value", "2", "a person"))
    told = why(hub, one, "phone")
    assert (told["rule"], told["value"]) == (f"conflict {conflict} resolved by a person", "2")
    read[Kind.USERS][0] = user(1, phone="0", sms="3")
    key = hub.key(sis)
    hub.sync(key, read)
    undo_job(hub.database, end_job(hub, sis, key.job_id), by="bob")
    told = why(hub, one, "sms")
    assert (told["rule"], told["value"]) == (f"undo of job {key.job_id} by bob", None)


def disclose(hub: Hub, app: int, job: int, user_id: str, fields: str, **more: Any) -> None:
    """Write what an export's job leaves behind of a user."""
    with hub.database.write() as connection:
        fields_id = connection.execute(
            insert(disclosed_fields)
            .values(app_id=app, fields=fields)
            .returning(disclosed_fields.c.id)
        ).scalar_one()
        connection.execute(
            insert(disclosures).values(
                app_id=app, sourced_id=user_id, since_job=job, tenant_id=hub.tenant_id,
                fields_id=fields_id, since_at=hub.database.now(connection), **more,
            )
        )  # fmt: skip


def carried(told: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(row["app"], row["job"], row["mask"]) for row in told["carried_by"]]


def test_why_names_the_exports_that_carried_it_since(hub: Hub) -> None:
    sis, target, shy = hub.app(1), hub.app(2, "export"), hub.app(3, "export")
    end_job(hub, target, hub.key(target).job_id)
    key = hub.key(sis)
    hub.sync(key, roster(users=2))
    end_job(hub, sis, key.job_id)
    since = end_job(hub, target, hub.key(target).job_id)
    end_job(hub, target, hub.key(target).job_id, state="failed")
    end_job(hub, target, hub.key(target).job_id, trigger="plan")
    masked = end_job(hub, shy, hub.key(shy).job_id)
    later = end_job(hub, shy, hub.key(shy).job_id)
    one, two = (hub.sourced_id(sis, Kind.USERS, name) for name in ("user-1", "user-2"))
    disclose(hub, target, since, one, '{"users":{"givenName":"plain"},"roles":{"role":"plain"}}')
    # after one delivery it was left out
    more = {"until_job": later, "until_at": datetime.now(UTC)}
    disclose(hub, shy, masked, one, '{"users":{"givenName":"initial"}}', **more)
    told = why(hub, one, "givenName")
    assert carried(told) == [("app-3", masked, "initial"), ("app-2", since, "plain")]
    assert told["carried_by"][1]["disclosed"]["since_job"] == since
    assert told["job"]["id"] == key.job_id
    # what was not asked for, or is hidden, has not left; nor has what is another's
    assert carried(why(hub, one, "username")) == []
    assert carried(why(hub, two, "givenName")) == []
    assert [row[0] for row in carried(why(hub, one, "status"))] == ["app-3", "app-2"]
    role = hub.sourced_id(sis, Kind.ROLES, "user-1/school")
    assert carried(why(hub, role, "role", Kind.ROLES)) == [("app-2", since, "plain")]
    assert carried(why(hub, role, "roleType", Kind.ROLES)) == []


def test_why_says_of_a_school_what_an_export_asked_for_and_may_have(hub: Hub) -> None:
    sis, target, shy = hub.app(1), hub.app(2, "export"), hub.app(3, "export")
    set_rules(hub, shy, {"sends": {"orgs": "plain", "orgs.identifier": "hide"}})
    key = hub.key(sis)
    hub.sync(key, roster(users=1))
    end_job(hub, sis, key.job_id)
    asked = {"fields": {"orgs": ["name"]}}
    first = end_job(hub, target, hub.key(target).job_id, counts=asked)
    second = end_job(hub, shy, hub.key(shy).job_id)
    school = hub.sourced_id(sis, Kind.ORGS, "school")
    told = why(hub, school, "name", Kind.ORGS)
    # an org has a name of its own, which is not the app's
    assert [source["app"] for source in told["sources"]] == ["app-1"]
    assert carried(told) == [("app-3", second, "plain"), ("app-2", first, "plain")]
    assert carried(why(hub, school, "type", Kind.ORGS)) == [("app-3", second, "plain")]
    assert carried(why(hub, school, "identifier", Kind.ORGS)) == []
    course = hub.sourced_id(sis, Kind.COURSES, "course")
    assert carried(why(hub, course, "title", Kind.COURSES)) == []
