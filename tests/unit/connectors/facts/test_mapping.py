from __future__ import annotations

from datetime import date

import pytest

from connectors.vendors.facts import mapping, values
from connectors.vendors.facts.values import BadItemError
from connectors.vendors.facts.years import year_of
from shared.domain.records import Kind

PERSON = {"personId": 7, "firstName": "Ro", "lastName": "Li", "email": "", "username": ""}


def named(kind, row):
    return dict(zip(("id", *mapping.FIELDS[kind]), row, strict=True))


def test_a_date_is_a_day_in_no_zone():
    assert values.day({"d": "2016-05-26T00:00:00Z"}, "d") == "2016-05-26"
    assert values.day({"d": ""}, "d") is None
    assert values.day({}, "d") is None
    with pytest.raises(BadItemError, match="not a date"):
        values.day({"d": "5/26/2016"}, "d")


@pytest.mark.parametrize(
    ("given", "username"),
    [
        ({"username": "ro", "email": "r@x.example"}, "ro"),
        ({"email": "r@x.example"}, "r@x.example"),
        ({}, "7"),
    ],
)
def test_who_has_no_login_is_known_by_something_else(given, username):
    row = mapping.guardian_row({**PERSON, **given}, "1")
    assert named(Kind.USERS, row)["username"] == username


@pytest.mark.parametrize(
    ("level", "grade"),
    [
        ("08", "08"), ("8", "08"), ("12", "12"), ("K", "KG"), ("0", "KG"), ("PK3", "PK"),
        ("Pre-K", "PK"), ("TK", "TK"), ("Toddler", "Toddler"), ("", ""), (None, ""),
    ],
)  # fmt: skip
def test_grades(level, grade):
    assert mapping.grade_of(level) == grade


@pytest.mark.parametrize(
    ("item", "teaches", "roles"),
    [
        ({"faculty": True}, False, ["teacher"]),
        ({"faculty": True, "administrator": True}, False, ["teacher", "siteAdministrator"]),
        ({"administrator": True}, False, ["siteAdministrator"]),
        ({"substitute": True}, False, ["teacher"]),
        ({}, True, ["teacher"]),
        ({}, False, ["aide"]),
    ],
)
def test_what_staff_is(item, teaches, roles):
    assert mapping.roles_of_staff(item, teaches=teaches) == roles


@pytest.mark.parametrize(
    ("link", "role"),
    [
        ({"relationship": "Mother"}, "parent"),
        ({"relationship": "Step-Mother"}, "parent"),
        ({"relationship": "Aunt"}, "relative"),
        ({"relationship": "Foster Parent"}, "guardian"),
        ({"relationship": ""}, "guardian"),
        ({"relationship": "Grandmother", "grandparent": True}, "relative"),
    ],
)
def test_what_somebody_is_to_a_student(link, role):
    assert mapping.role_of_guardian(link) == role


def test_staff_have_their_names_in_both_lists_and_their_address_in_one():
    staff = {"staffId": 7, "firstName": "Ro", "lastName": "Li"}
    row = named(
        Kind.USERS, mapping.staff_row(staff, {"email": "r@x.example", "firstName": ""}, "1")
    )
    assert (row["id"], row["givenName"], row["email"]) == ("person:7", "Ro", "r@x.example")
    assert named(Kind.USERS, mapping.staff_row(staff, {}, None))["primaryOrgSourcedId"] is None


@pytest.mark.parametrize(
    ("item", "teachers"),
    [
        ({"staffId": 5, "secondaryStaffId": 6, "aideId": 9}, ["5", "6"]),
        ({"staffId": 5, "instructor2Id": 6}, ["5", "6"]),
        ({"staffId": 5, "secondaryStaffId": 5}, ["5"]),
        ({"staffId": 0, "secondaryStaffId": 6}, ["6"]),
        ({}, []),
    ],
)
def test_who_teaches(item, teachers):
    assert mapping.teachers_of(item) == teachers


@pytest.mark.parametrize(
    ("item", "terms"),
    [
        ({"term1": True, "term2": False}, '["term:14/1@3"]'),
        ({"term1": True, "term2": True}, '["term:14/1@3","term:14/2@3"]'),
        # a term that the school has not told, and none at all, are the year
        ({"term5": True}, '["year:14@3"]'),
        ({}, '["year:14@3"]'),
    ],
)
def test_the_terms_of_a_class(item, terms):
    given = {"classId": 1, "courseID": 2, "yearId": 14, **item}
    row = mapping.class_row(given, {"title": "Art", "homeRoom": True}, "3", {1, 2})
    told = named(Kind.CLASSES, row)
    assert told["termSourcedIds"] == terms
    assert (told["title"], told["classType"]) == ("Art", "homeroom")


@pytest.mark.parametrize(
    ("item", "is_in"),
    [
        ({"enrolled": True}, True),
        ({"enrolled": False, "enrolled1": True}, False),
        ({"enrolled2": True}, True),
        ({}, False),
    ],
)
def test_who_is_in_a_class(item, is_in):
    assert mapping.is_enrolled(item) is is_in


def year(key, first, last, code="A"):
    return {"yearId": key, "firstDay": first, "lastDay": last, "schoolCode": code}


YEARS = [
    year(31, "2025-08-20T00:00:00Z", "2026-06-09T00:00:00Z"),
    year(9, "2027-08-20T00:00:00Z", "2028-06-09T00:00:00Z"),
    year(14, "2026-08-20T00:00:00Z", "2027-06-09T00:00:00Z"),
    year(3, "2026-07-01T00:00:00Z", "2026-07-30T00:00:00Z"),
    year(5, "2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z", "B"),
    {"yearId": 6, "firstDay": "someday", "lastDay": "2030-01-01", "schoolCode": "A"},
]


@pytest.mark.parametrize(
    ("start", "today", "key"),
    [
        (None, date(2026, 11, 24), 14),
        (None, date(2026, 3, 1), 31),
        (None, date(2026, 6, 20), 31),
        (None, date(2026, 8, 10), 3),
        (None, date(2020, 1, 1), 31),
        (None, date(2030, 1, 1), 9),
        (2026, date(2020, 1, 1), 14),
        (2031, date(2026, 11, 24), None),
    ],
)
def test_which_year(start, today, key):
    assert year_of(YEARS, "A", start, today).get("yearId") == key


def test_a_year_of_no_school_is_everybodys():
    shared = [{**YEARS[2], "schoolCode": ""}]
    assert year_of(shared, "A", None, date(2026, 11, 24))["yearId"] == 14
    assert year_of(YEARS, "C", None, date(2026, 11, 24)) == {}
