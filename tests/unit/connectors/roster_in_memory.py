"""A small hub in memory, for what a target renders."""

from __future__ import annotations

from connectors.conformance.hub import MemoryHub as MemoryRoster
from connectors.conformance.hub import at
from shared.domain.records import Kind, encode_list

__all__ = ["MemoryRoster", "at", "role_of", "small_roster", "user"]


def small_roster() -> MemoryRoster:
    """A district, a school with a class, a teacher and a student: each of them sound."""
    roster = MemoryRoster()
    put = roster.put
    put(Kind.ORGS, "d", {"name": "District", "type": "district"})
    put(Kind.ORGS, "s", {"name": "School", "type": "school", "parentSourcedId": "d"})
    session = {"startDate": "2026-08-20", "endDate": "2027-06-10", "schoolYear": "2027"}
    put(Kind.ACADEMIC_SESSIONS, "y", {"title": "Year", "type": "schoolYear", **session})
    term = {"title": "Term", "type": "term", "parentSourcedId": "y"}
    put(Kind.ACADEMIC_SESSIONS, "t", {**term, **session})
    course = {"title": "Course", "orgSourcedId": "s", "schoolYearSourcedId": "y"}
    put(Kind.COURSES, "co", course)
    lesson = {"title": "Class", "courseSourcedId": "co", "classType": "scheduled"}
    put(
        Kind.CLASSES,
        "cl",
        {**lesson, "schoolSourcedId": "s", "termSourcedIds": encode_list(["t"])},
    )
    for id_, role in (("u1", "teacher"), ("u2", "student")):
        put(Kind.USERS, id_, user(id_))
        put(Kind.ROLES, f"r-{id_}", role_of(id_, role))
        enrolled = {"classSourcedId": "cl", "schoolSourcedId": "s", "userSourcedId": id_}
        put(Kind.ENROLLMENTS, f"e-{id_}", {**enrolled, "role": role})
    put(
        Kind.DEMOGRAPHICS, "dm", {"userSourcedId": "u2", "birthDate": "2012-02-29", "sex": "female"}
    )
    return roster


def user(id_: str, **values: str | None) -> dict[str, str | None]:
    made = {"enabledUser": "true", "username": id_, "givenName": "Given", "familyName": "Family"}
    return {**made, **values}


def role_of(user_id: str, role: str, org: str = "s", role_type: str = "primary") -> dict[str, str]:
    return {"userSourcedId": user_id, "roleType": role_type, "role": role, "orgSourcedId": org}
