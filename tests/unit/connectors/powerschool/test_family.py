from __future__ import annotations

import pytest

from connectors.oneroster.family import family_role
from connectors.vendors.powerschool.family import tie_of_row, ties_of

DETAIL = {"relationship": "Mother", "custodial": True, "active": True}
CONTACT = {
    "contactId": 7,
    "firstName": "Ro",
    "middleName": None,
    "lastName": "Li",
    "active": True,
    "emails": [{"primary": False, "address": "b@x.example"}, {"primary": True, "address": "a@x.example"}],
    "contactAccount": {"enabled": True, "userName": "roli"},
    "contactStudents": [
        {"dcid": 4, "studentDetails": []},
        {"dcid": 5, "studentDetails": [DETAIL]},
    ],
}  # fmt: skip


def told(**changes):
    return list(ties_of([{**CONTACT, **changes}], "5"))


def tied(**changes):
    return [{"dcid": 5, "studentDetails": [{**DETAIL, **changes}]}]


def test_a_contact_of_a_student():
    (tie,) = told()
    assert (tie.contact, tie.role, tie.has_custody) == ("contact:7", "parent", True)
    assert tie.values == {
        "enabledUser": "true",
        "username": "roli",
        "givenName": "Ro",
        "familyName": "Li",
        "middleName": None,
        "email": "a@x.example",
    }


@pytest.mark.parametrize(
    ("changes", "username", "email"),
    [
        ({"contactAccount": None}, "a@x.example", "a@x.example"),
        ({"contactAccount": None, "emails": []}, "contact:7", None),
        ({"contactAccount": None, "emails": None}, "contact:7", None),
        ({"emails": [{"primary": False, "address": "b@x.example"}]}, "roli", "b@x.example"),
        ({"emails": [{"primary": True, "address": None}]}, "roli", None),
    ],
)
def test_who_has_no_account_is_known_by_something_else(changes, username, email):
    (tie,) = told(**changes)
    assert (tie.values["username"], tie.values["email"]) == (username, email)


@pytest.mark.parametrize(
    "changes",
    [
        {"active": False},
        {"contactId": None},
        {"contactStudents": None},
        {"contactStudents": [{"dcid": 6, "studentDetails": [DETAIL]}]},
        {"contactStudents": tied(active=False)},
    ],
)
def test_who_is_none_of_this_student(changes):
    assert told(**changes) == []


def test_custody_in_one_of_several_details_is_custody():
    details = [{**DETAIL, "custodial": False}, DETAIL, {**DETAIL, "active": False}]
    (tie,) = told(contactStudents=[{"dcid": 5, "studentDetails": details}])
    assert tie.has_custody


@pytest.mark.parametrize(("value", "has"), [("1", True), (1, True), ("0", False), (None, False)])
def test_a_row_of_the_query(value, has):
    row = {"contact_id": "7", "first_name": "Ro", "relationship": "Aunt", "is_custodial": value}
    tie = tie_of_row(row)
    assert (tie.contact, tie.role, tie.has_custody) == ("contact:7", "relative", has)
    assert tie.values["username"] == "contact:7"
    assert tie_of_row({"first_name": "Ro"}) is None


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("Mother", "parent"), ("step father", "parent"), ("Grandmother", "relative"),
        ("Uncle", "relative"), ("Guardian", "guardian"), ("Not Set", "guardian"), ("", "guardian"),
        (None, "guardian"),
    ],
)  # fmt: skip
def test_words_of_kinship(word, role):
    assert family_role(word) == role
