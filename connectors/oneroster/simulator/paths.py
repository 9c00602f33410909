"""The standard's lists: collections, their parts, and what hangs together.

Source: OneRoster 1.1 (2017-04-17) §3.1, the endpoints of the rostering service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.oneroster.simulator.records import Record

Params = Mapping[str, Any]
Records = Mapping[str, Mapping[str, Record]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list.

    Attributes:
        path: below the service's root.
        collection: whose records, which also names the envelope.
        test: says of a record, the path's parameters and `links` whether it is in the list; None:
            all are.
        links: finds what else the test goes by.
    """

    path: str
    collection: str
    test: Callable[[Record, Params, Any], bool] | None = None
    links: Callable[[Records, Params], set[str]] | None = None


def _of_type(*types: str) -> Callable[[Record, Params, Any], bool]:
    return lambda record, _params, _links: record.get("type") in types


def _of_role(role: str) -> Callable[[Record, Params, Any], bool]:
    return lambda record, _params, _links: role in _roles(record)


def _roles(record: Record) -> set[str]:
    return {record.get("role", ""), *(role["role"] for role in record.get("roles", ()))}


def _orgs(record: Record) -> set[str]:
    orgs = [*record.get("orgs", ()), *(role["org"] for role in record.get("roles", ()))]
    return {org["sourcedId"] for org in orgs}


def _at(key: str) -> Callable[[Record, Params, Any], bool]:
    return lambda record, params, _: (record.get(key) or {}).get("sourcedId") == params["of"]


def _linked(record: Record, _params: Params, links: set[str]) -> bool:
    return record["sourcedId"] in links


def _members(role: str) -> Callable[[Records, Params], set[str]]:
    return lambda records, params: {
        one["user"]["sourcedId"]
        for one in records["enrollments"].values()
        if one["class"]["sourcedId"] == params["of"] and one["role"] == role
    }


def _classes_of_user(records: Records, params: Params) -> set[str]:
    return {
        one["class"]["sourcedId"]
        for one in records["enrollments"].values()
        if one["user"]["sourcedId"] == params["of"]
    }


def _at_school(role: str) -> Callable[[Record, Params, Any], bool]:
    return lambda one, params, _: role in _roles(one) and params["of"] in _orgs(one)


def _in_class_of_school(record: Record, params: Params, _links: Any) -> bool:
    found = (record["class"]["sourcedId"], record["school"]["sourcedId"])
    return found == (params["class"], params["of"])


def _members_at_school(role: str) -> Callable[[Records, Params], set[str]]:
    return lambda records, params: {
        one["user"]["sourcedId"]
        for one in records["enrollments"].values()
        if _in_class_of_school(one, params, None) and one["role"] == role
    }


def _in_term(record: Record, params: Params, _links: Any) -> bool:
    return params["of"] in {term["sourcedId"] for term in record.get("terms", ())}


def _grading_period_of(record: Record, params: Params, links: Any) -> bool:
    return record.get("type") == "gradingPeriod" and _at("parent")(record, params, links)


def parent_of(path: str) -> str | None:
    """Return the collection of the record that a list hangs on, by its path; None: on none."""
    first, _, rest = path.strip("/").partition("/")
    kinds = {single: collection for single, collection, _ in SINGLES}
    return kinds[first] if rest.startswith("{of}") else None


LISTS = (
    Listing("/orgs", "orgs"),
    Listing("/schools", "orgs", _of_type("school")),
    Listing("/academicSessions", "academicSessions"),
    Listing("/terms", "academicSessions", _of_type("term", "semester")),
    Listing("/gradingPeriods", "academicSessions", _of_type("gradingPeriod")),
    Listing("/courses", "courses"),
    Listing("/classes", "classes"),
    Listing("/users", "users"),
    Listing("/students", "users", _of_role("student")),
    Listing("/teachers", "users", _of_role("teacher")),
    Listing("/enrollments", "enrollments"),
    Listing("/demographics", "demographics"),
    Listing("/schools/{of}/classes", "classes", _at("school")),
    Listing("/schools/{of}/courses", "courses", _at("org")),
    Listing("/schools/{of}/enrollments", "enrollments", _at("school")),
    Listing("/schools/{of}/students", "users", _at_school("student")),
    Listing("/schools/{of}/teachers", "users", _at_school("teacher")),
    Listing("/schools/{of}/classes/{class}/enrollments", "enrollments", _in_class_of_school),
    Listing(
        "/schools/{of}/classes/{class}/students",
        "users",
        _linked,
        _members_at_school("student"),
    ),
    Listing(
        "/schools/{of}/classes/{class}/teachers",
        "users",
        _linked,
        _members_at_school("teacher"),
    ),
    # terms are the district's, and so every school's
    Listing("/schools/{of}/terms", "academicSessions", _of_type("term", "semester")),
    Listing("/terms/{of}/classes", "classes", _in_term),
    Listing("/terms/{of}/gradingPeriods", "academicSessions", _grading_period_of),
    Listing("/courses/{of}/classes", "classes", _at("course")),
    Listing("/classes/{of}/students", "users", _linked, _members("student")),
    Listing("/classes/{of}/teachers", "users", _linked, _members("teacher")),
    Listing("/users/{of}/classes", "classes", _linked, _classes_of_user),
    Listing("/students/{of}/classes", "classes", _linked, _classes_of_user),
    Listing("/teachers/{of}/classes", "classes", _linked, _classes_of_user),
)

#: Single records: path, collection, envelope.
SINGLES = (
    ("orgs", "orgs", "org"),
    ("schools", "orgs", "org"),
    ("academicSessions", "academicSessions", "academicSession"),
    ("terms", "academicSessions", "academicSession"),
    ("gradingPeriods", "academicSessions", "academicSession"),
    ("courses", "courses", "course"),
    ("classes", "classes", "class"),
    ("users", "users", "user"),
    ("students", "users", "user"),
    ("teachers", "users", "user"),
    ("enrollments", "enrollments", "enrollment"),
    ("demographics", "demographics", "demographics"),
)
