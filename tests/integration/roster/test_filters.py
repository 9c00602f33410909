"""Filters: what of an app's records is in scope, by school, grade and role."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.reading import Row
from shared.domain.records import Kind, encode_list
from shared.domain.states import Mode
from shared.errors import ConfigurationError
from tests.integration.roster.district import Hub, Roster, record, roster, user

STUDENT, TEACHER, PARENT = "student", "teacher", "parent"


def role(who: str, school: str, name: str) -> Row:
    return record(
        Kind.ROLES,
        f"{who}/{school}/{name}",
        userSourcedId=who,
        roleType="primary",
        role=name,
        orgSourcedId=school,
    )


def enrolled(who: str, school: str, name: str = STUDENT) -> Row:
    return record(
        Kind.ENROLLMENTS,
        f"{who}/class-{school}",
        classSourcedId=f"class-{school}",
        schoolSourcedId=school,
        userSourcedId=who,
        role=name,
    )


def person(number: int, school: str, grade: str | None = None, **more: str | None) -> Row:
    grades = encode_list([grade] if grade else [])
    return user(number, primaryOrgSourcedId=school, grades=grades, **more)


def district() -> Roster:
    """Two schools: students 1 (09) and 2 (10) at S1, 3 (09) at S2; teacher 4 at both.

    Parent 5 has students 1 and 3, parent 6 has 3 alone.
    """
    read = roster(users=1)
    read[Kind.ORGS].append(
        record(
            Kind.ORGS,
            "second",
            name="School 2",
            type="school",
            identifier="S2",
            parentSourcedId="district",
        )
    )
    read[Kind.CLASSES] = [
        record(
            Kind.CLASSES,
            f"class-{school}",
            title=f"Class {school}",
            classCode=f"K-{school}",
            classType="scheduled",
            courseSourcedId="course",
            schoolSourcedId=school,
            termSourcedIds=encode_list(["term-1"]),
        )
        for school in ("school", "second")
    ]
    read[Kind.USERS] = [
        person(1, "school", "09", agentSourcedIds=encode_list(["user-5"])),
        person(2, "school", "10"),
        person(3, "second", "09", agentSourcedIds=encode_list(["user-5", "user-6"])),
        person(4, "second"),
        # one direction is enough, whichever it is
        person(5, "second"),
        person(6, "second", agentSourcedIds=encode_list(["user-3"])),
    ]
    read[Kind.ROLES] = [
        role("user-1", "school", STUDENT),
        role("user-2", "school", STUDENT),
        role("user-3", "second", STUDENT),
        role("user-4", "school", TEACHER),
        role("user-4", "second", TEACHER),
        role("user-5", "second", PARENT),
        role("user-6", "second", PARENT),
    ]
    read[Kind.ENROLLMENTS] = [
        enrolled("user-1", "school"),
        enrolled("user-2", "school"),
        enrolled("user-3", "second"),
        enrolled("user-4", "school", TEACHER),
        enrolled("user-4", "second", TEACHER),
    ]
    read[Kind.DEMOGRAPHICS] = [
        record(Kind.DEMOGRAPHICS, f"user-{n}", userSourcedId=f"user-{n}", sex="other")
        for n in (1, 2, 3)
    ]
    return read


def found(hub: Hub) -> dict[str, Any]:
    return {
        "users": sorted(hub.records(Kind.USERS)),
        "classes": sorted(hub.records(Kind.CLASSES)),
        "roles": len(hub.records(Kind.ROLES)),
        "enrollments": len(hub.records(Kind.ENROLLMENTS)),
        "demographics": len(hub.records(Kind.DEMOGRAPHICS)),
    }


@pytest.mark.parametrize(
    ("filters", "users", "classes", "rest"),
    [
        ({"schools": ["S1"]}, "1 2 4 5", "school", (4, 3, 2)),
        ({"schools": ["second"]}, "3 4 5 6", "second", (4, 2, 1)),
        ({"grades": ["09"]}, "1 3 4 5 6", "school second", (6, 4, 2)),
        ({"grades": ["10"]}, "2 4", "school second", (3, 3, 1)),
        ({"roles": [STUDENT]}, "1 2 3", "school second", (3, 3, 3)),
        ({"roles": [STUDENT, PARENT]}, "1 2 3 5 6", "school second", (5, 3, 3)),
        ({"schools": ["S1"], "grades": ["09"], "roles": [STUDENT]}, "1", "school", (1, 1, 1)),
        ({"schools": ["S2"], "roles": [TEACHER]}, "4", "second", (1, 1, 0)),
        ({"schools": ["S1", "S2"]}, "1 2 3 4 5 6", "school second", (7, 5, 3)),
    ],
)
def test_what_is_in_scope(
    hub: Hub,
    filters: dict[str, list[str]],
    users: str,
    classes: str,
    rest: tuple[int, int, int],
) -> None:
    app = hub.app(1, filters=filters)
    counts = hub.sync(app, district())
    assert found(hub) == {
        "users": [f"user{n}" for n in users.split()],
        "classes": [f"Class {name}" for name in classes.split()],
        **dict(zip(("roles", "enrollments", "demographics"), rest, strict=True)),
    }
    assert counts["users"].get("filtered", 0) == 6 - len(users.split())
    # who is out of scope is no dangling reference, and no school leaves the hub
    assert hub.quarantined() == []
    assert len(hub.records(Kind.ORGS)) == 3
    again = hub.sync(app, district())
    assert again["users"]["unchanged"] == len(users.split())
    assert not {"added", "updated", "removed", "out_of_scope"} & set(again["users"])


def test_a_filter_that_narrows_takes_out_of_scope_and_removes_nobody(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, district())
    whole = found(hub)
    hub.set_rules(app, filters={"schools": ["S1"]})
    counts = hub.sync(app, district())
    assert counts["users"] == {"unchanged": 4, "out_of_scope": 2, "filtered": 2}
    assert counts["enrollments"] == {"unchanged": 3, "out_of_scope": 2, "filtered": 2}
    assert counts["classes"] == {"unchanged": 1, "out_of_scope": 1, "filtered": 1}
    assert found(hub) == whole
    assert hub.link(app, Kind.USERS, "user-3")["ended_why"] == "out_of_scope"
    # and what comes into scope again is who it was
    hub.set_rules(app)
    before = hub.link(app, Kind.USERS, "user-3")["sourced_id"]
    assert "added" not in hub.sync(app, district())["users"]
    assert hub.link(app, Kind.USERS, "user-3")["sourced_id"] == before
    assert hub.link(app, Kind.USERS, "user-3")["ended_at"] is None
    assert hub.quarantined() == []


def test_a_student_who_moves_out_of_scope_is_not_removed(hub: Hub) -> None:
    app = hub.app(1, filters={"grades": ["09"]})
    read = district()
    hub.sync(app, read)
    read[Kind.USERS][0] = person(1, "school", "10", agentSourcedIds=encode_list(["user-5"]))
    counts = hub.sync(app, read)
    assert counts["users"]["out_of_scope"] == 1
    assert "removed" not in counts["users"]
    assert "user1" in hub.records(Kind.USERS)


def test_a_filter_that_leaves_nothing_is_no_empty_read(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, district())
    hub.set_rules(app, filters={"grades": ["01"], "roles": [STUDENT]})
    counts = hub.sync(app, district())
    assert counts["users"] == {"out_of_scope": 6, "filtered": 6}
    assert counts["enrollments"] == {"out_of_scope": 5, "filtered": 5}
    assert len(hub.records(Kind.USERS)) == 6


def test_parents_come_into_scope_with_their_references(hub: Hub) -> None:
    app = hub.app(1, filters={"roles": [STUDENT]})
    hub.sync(app, district())
    assert hub.records(Kind.USERS)["user1"]["agent_sourced_ids"] is None
    hub.set_rules(app, filters={"roles": [STUDENT, PARENT]})
    hub.sync(app, district())
    parent = hub.sourced_id(app, Kind.USERS, "user-5")
    assert hub.records(Kind.USERS)["user1"]["agent_sourced_ids"] == encode_list([parent])
    assert hub.quarantined() == []


def test_an_incremental_read_knows_people_by_their_links(hub: Hub) -> None:
    app = hub.app(1, filters={"schools": ["S1"]})
    read = district()
    hub.sync(app, read)
    changed = [
        person(1, "school", "09", givenName="Given 1b", agentSourcedIds=encode_list(["user-5"])),
        person(3, "second", "09", givenName="Given 3b"),
        person(5, "second", givenName="Given 5b"),
    ]
    counts = hub.sync(
        app,
        {
            Kind.USERS: changed,
            Kind.ENROLLMENTS: [enrolled("user-2", "school"), enrolled("user-3", "second")],
        },
        mode=Mode.INCREMENTAL,
    )
    assert counts["users"] == {"updated": 2, "filtered": 1}
    assert counts["enrollments"] == {"unchanged": 1, "filtered": 1}
    assert hub.records(Kind.USERS)["user5"]["given_name"] == "Given 5b"
    assert hub.quarantined() == []


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({"schools": ["S9"]}, r"filters\.schools.*no school S9"),
        ({"roles": ["studnt"]}, r"filters\.roles.*studnt"),
    ],
)
def test_a_filter_that_can_mean_nothing_is_refused(
    hub: Hub, filters: dict[str, list[str]], told: str
) -> None:
    app = hub.app(1)
    hub.sync(app, district())
    hub.set_rules(app, filters=filters)
    before = hub.everything()
    with pytest.raises(ConfigurationError, match=told):
        hub.sync(app, district())
    assert hub.everything() == before
