"""What a record names and what names it, on both databases."""

from __future__ import annotations

from typing import Any

from shared.domain.records import Kind, encode_list
from shared.roster.related import MOST, related_records
from tests.integration.roster.district import Hub, record, roster, user


def told(hub: Hub, kind: Kind, sourced_id: str) -> dict[str, list[tuple[Any, ...]]]:
    with hub.database.read() as connection:
        groups = related_records(connection, hub.tenant_id, kind, sourced_id)
    return {
        group["title"]: [(one["kind"], one["name"], *one["told"]) for one in group["records"]]
        for group in groups
    }


def test_a_person_leads_to_schools_classes_and_guardians(hub: Hub) -> None:
    app, read = hub.app(1), roster(users=2)
    read[Kind.USERS] = [user(1, agentSourcedIds=encode_list(["user-2"])), user(2)]
    hub.sync(app, read)
    found = told(hub, Kind.USERS, hub.sourced_id(app, Kind.USERS, "user-1"))
    assert found == {
        "names": [
            ("users", "Given 2 Family 2", "agentSourcedIds"),
            ("orgs", "School 1", "primaryOrgSourcedId"),
        ],
        "roles": [("orgs", "School 1", "student", "primary")],
        "classes": [("classes", "Class 1", "student")],
        "demographics": [("demographics", "Given 1 Family 1")],
    }


def test_a_class_leads_to_its_people_teachers_first(hub: Hub) -> None:
    app, read = hub.app(1), roster(users=MOST + 1)
    read[Kind.ENROLLMENTS].append(
        record(
            Kind.ENROLLMENTS,
            "enrollment-0",
            classSourcedId="class",
            schoolSourcedId="school",
            userSourcedId="user-7",
            role="teacher",
        )
    )
    hub.sync(app, read)
    class_id = hub.sourced_id(app, Kind.CLASSES, "class")
    with hub.database.read() as connection:
        groups = related_records(connection, hub.tenant_id, Kind.CLASSES, class_id)
    (people,) = (group for group in groups if group["title"] == "people")
    assert people["is_cut"]
    assert len(people["records"]) == MOST
    assert people["records"][0]["name"] == "Given 7 Family 7"
    assert people["records"][0]["told"] == ["teacher"]
    found = told(hub, Kind.COURSES, hub.sourced_id(app, Kind.COURSES, "course"))
    assert found["classes"] == [("classes", "Class 1", "K1")]
    found = told(hub, Kind.ORGS, hub.sourced_id(app, Kind.ORGS, "district"))
    assert found["organisations below"] == [("orgs", "School 1", "school")]
