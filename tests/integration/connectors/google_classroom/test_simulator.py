"""The simulated services' own rules, as an administrator in a browser meets them."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.vendors.google_classroom.simulator.answers import GoogleError
from connectors.vendors.google_classroom.simulator.queries import parsed
from tests.integration.connectors.google_classroom.conftest import Workspace

USERS = "/admin/directory/v1/users"
UNITS = "/admin/directory/v1/customer/my_customer/orgunits"


def found(google: Workspace, **params: Any) -> set[str]:
    wanted = {"customer": "my_customer", "maxResults": 500, **params}
    return {user["primaryEmail"] for user in google.api("GET", USERS, **wanted).get("users", [])}


def add(google: Workspace, email: str, given: str, family: str, **more: Any) -> str:
    name = {"givenName": given, "familyName": family}
    body = {"primaryEmail": email, "name": name, "password": "a long one", **more}
    return str(google.api("POST", USERS, body)["id"])


def test_users_are_searched_by_clauses(google: Workspace) -> None:
    for email, given, family, more in (
        ("q1@oak.example", "Querya", "Oneword", {"orgUnitPath": "/Left"}),
        ("q2@oak.example", "Queryb", "Two Words", {"orgUnitPath": "/Left", "suspended": True}),
    ):
        add(google, email, given, family, **more)
    first, second = "q1@oak.example", "q2@oak.example"
    for query, wanted in {
        "orgUnitPath='/Left'": {first, second},
        "orgUnitPath='/Left' isSuspended=false": {first},
        "isSuspended=true": {second},
        "email=Q1@oak.example": {first},
        "email:q* orgUnitPath=/Left": {first, second},
        "givenName:query*": {first, second},
        "familyName='Two Words'": {second},
        "familyName:words": {second},
        "familyName=words": set(),
        "name='Querya Oneword'": {first},
    }.items():
        assert found(google, query=query) == wanted, query
    assert found(google, domain="elsewhere.example", customer="") == set()
    assert found(google, domain="OAK.example", customer="") == found(google)


@pytest.mark.parametrize(
    "query", ["name", "isSuspended=maybe", "isSuspended:true", "shoe=1", "name='a", "name=a*"]
)
def test_a_query_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(GoogleError, match="query"):
        parsed(query)


def test_deleted_users_are_told_apart_and_come_back(google: Workspace) -> None:
    asked = {"customer": "my_customer", "showDeleted": "true"}
    assert "users" not in google.api("GET", USERS, **asked)
    key = add(google, "q1@oak.example", "Querya", "Oneword")
    google.api("DELETE", f"{USERS}/{key}")
    (gone,) = google.api("GET", USERS, **asked)["users"]
    assert (gone["id"], bool(gone["deletionTime"])) == (key, True)
    assert "q1@oak.example" not in found(google)
    assert google.account("q1@oak.example")["status"] == 404
    google.api("POST", f"{USERS}/{key}/undelete")
    assert "deletionTime" not in google.account("q1@oak.example")


def test_units_are_moved_with_all_that_is_in_them_and_end_empty(google: Workspace) -> None:
    google.api("POST", UNITS, {"name": "Grade 9", "parentOrgUnitPath": "/Left"})
    key = add(google, "q1@oak.example", "Querya", "Oneword", orgUnitPath="/Left/Grade 9")
    assert google.api("DELETE", f"{UNITS}/Left/Grade%209")["status"] == 400
    google.api("PATCH", f"{UNITS}/Left", {"name": "Gone"})
    assert google.account(key)["orgUnitPath"] == "/Gone/Grade 9"
    assert google.api("GET", f"{UNITS}/Left")["status"] == 404
    below_itself = {"parentOrgUnitPath": "/Gone/Grade 9"}
    assert google.api("PATCH", f"{UNITS}/Gone", below_itself)["status"] == 400
    google.api("PUT", f"{USERS}/{key}", {"orgUnitPath": "/"})
    google.api("DELETE", f"{UNITS}/Gone/Grade%209")
    assert google.api("GET", f"{UNITS}/Gone")["name"] == "Gone"
    assert google.api("GET", f"{UNITS}/Gone/Grade%209")["status"] == 404


def test_courses_are_replaced_and_deleted_and_lose_aliases(google: Workspace) -> None:
    owner = google.district.teachers[0].person.email
    nobody = google.api("POST", "/v1/courses", {"name": "Art"})
    assert nobody["error"]["status"] == "INVALID_ARGUMENT"
    body = {"id": "d:art", "name": "Art", "room": "7", "ownerId": owner, "courseState": "ACTIVE"}
    key = google.api("POST", "/v1/courses", body)["id"]
    told = google.api("PUT", f"/v1/courses/{key}", {"name": "Arts"})
    assert (told["name"], told.get("room"), told["courseState"]) == ("Arts", None, "ACTIVE")
    google.api("PUT", f"/v1/courses/{key}", {"name": "Arts", "courseState": "ARCHIVED"})
    refused = google.api("PUT", f"/v1/courses/{key}", {"name": "Art"})["error"]
    assert refused["status"] == "FAILED_PRECONDITION"
    assert refused["message"].startswith("CourseNotModifiable ")
    google.api("DELETE", f"/v1/courses/{key}/aliases/d:art")
    assert google.api("GET", "/v1/courses/d:art")["status"] == 404
    google.api("DELETE", f"/v1/courses/{key}")
    assert google.api("GET", f"/v1/courses/{key}")["status"] == 404


def test_a_profile_has_its_address_for_those_who_may_see_it(google: Workspace) -> None:
    email = google.district.teachers[0].person.email
    assert google.api("GET", f"/v1/userProfiles/{email}")["emailAddress"] == email
    with google.source()._client() as client:
        told = client.get(f"/v1/userProfiles/{email}", {})
    assert set(told) == {"id", "name"}


def test_guardians_and_their_invitations_are_told_one_by_one(google: Workspace) -> None:
    student = next(s.person.email for s in google.district.students if s.person.email)
    base = f"/v1/userProfiles/{student}"
    body = {"invitedEmailAddress": "a@home.example"}
    asked = google.api("POST", f"{base}/guardianInvitations", body)
    one = f"{base}/guardianInvitations/{asked['invitationId']}"
    assert google.api("GET", one) == asked
    google._control("POST", f"guardians/{asked['invitationId']}")
    (guardian,) = google.api("GET", f"{base}/guardians")["guardians"]
    assert google.api("GET", f"{base}/guardians/{guardian['guardianId']}") == guardian
    assert google.api("GET", f"{base}/guardians/none")["status"] == 404
