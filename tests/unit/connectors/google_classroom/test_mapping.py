"""Google's records as rows, and the other way round; no wire, no database."""

from __future__ import annotations

import json

import pytest

from connectors import registry
from connectors.vendors.google_classroom import mapping
from connectors.vendors.google_classroom.client import Refusal, path_told, segment
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from connectors.vendors.google_classroom.guardians import MOST, There, changes
from connectors.vendors.google_classroom.refusals import refused
from connectors.vendors.google_classroom.simulator.requests import named
from shared.domain.provisioning import Answer
from shared.errors import ConfigurationError

KEY = json.dumps(
    {"client_email": "a@b.example", "private_key": "k", "token_uri": "https://t.example"}
)


def config(**values: object) -> GoogleClassroomConfig:
    given = {"service_account": KEY, "admin": "admin@oak.example", **values}
    made = registry.parse_config(registry.get("google_classroom"), given)
    assert isinstance(made, GoogleClassroomConfig)
    return made


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"service_account": "not json"}, "whole JSON of the key file"),
        ({"service_account": "{}"}, "whole JSON of the key file"),
        ({"admin": "admin"}, "admin"),
        ({"classroom_url": "https://user:secret@host.example"}, "scheme, host and path alone"),
        ({"manage_users": True}, "domains: it is missing"),
        ({"pull_unknown_courses": True}, "unknown_courses_school"),
        ({"student_org_unit": "Students"}, "student_org_unit"),
        ({"suspended_org_unit": "/Left"}, "suspended_org_unit needs manage_users"),
        ({"membership": "mail"}, "membership"),
        ({"page_size": 501}, "page_size"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        config(**values)


def test_only_what_is_needed_is_asked_of_the_administrator() -> None:
    def asked(**values: object) -> set[str]:
        return {scope.rpartition("/")[2] for scope in config(**values).scopes}

    usual = {"classroom.courses", "classroom.rosters"}
    assert asked() == {*usual, "admin.directory.user.readonly"}
    managed = {"manage_users": True, "domains": "oak.example"}
    assert asked(**managed) == {*usual, "admin.directory.user"}
    assert "admin.directory.orgunit.readonly" in asked(**managed, staff_org_unit="/Staff")
    assert "classroom.guardianlinks.students" in asked(guardians=True)


def test_an_account_is_known_by_the_organisations_own_id() -> None:
    user = {
        "id": "1",
        "primaryEmail": "a@oak.example",
        "name": {"givenName": "A", "familyName": "B"},
        "externalIds": [{"type": "account", "value": "x"}, {"type": "organization", "value": "7"}],
    }
    assert mapping.user_row(user, config()) == ("1", "7", "a@oak.example")
    managed = config(manage_users=True, domains="oak.example")
    assert mapping.user_row(user, managed) == ("1", "7", "a@oak.example", "A", "B")
    assert mapping.user_row({"id": "1"}, managed) == ("1", None, None, None, None)


@pytest.mark.parametrize("out", ["suspended", "archived", "isGuestUser"])
def test_who_is_out_of_use(out: str) -> None:
    assert mapping.is_active({"id": "1"})
    assert not mapping.is_active({"id": "1", out: True})


def test_a_course_and_its_membership() -> None:
    course = {"id": "17", "name": " Mathematics ", "section": "", "room": "R1"}
    assert mapping.course_row(course) == ("17", "Mathematics", None, "R1")
    assert mapping.parts_of(mapping.member_id("17", "teacher", "42")) == ("17", "teacher", "42")
    assert mapping.member_row("17", "student", "42") == ("17:student:42", "17", "42", "student")
    assert mapping.course_body({"title": "t" * 800, "location": None}) == {
        "name": "t" * 750,
        "room": "",
    }


def test_who_gets_no_account_is_told_why() -> None:
    domains = frozenset({"oak.example"})
    why = mapping.why_no_account
    assert why({"email": "a@OAK.example"}, domains) is None
    family = {"roles": '["guardian","parent"]', "email": "a@oak.example"}
    assert "family of students alone" in (why(family, domains) or "")
    assert why({**family, "roles": '["parent","teacher"]'}, domains) is None
    assert "no e-mail" in (why({"email": None}, domains) or "")
    assert "another domain" in (why({"email": "a@home.example"}, domains) or "")
    assert "not enabled" in (why({"email": "a@oak.example", "enabledUser": "false"}, domains) or "")


def test_a_new_account_goes_to_the_unit_of_its_kind() -> None:
    managed = config(
        manage_users=True, domains="oak.example", student_org_unit="/S", staff_org_unit="/T"
    )
    student = {"email": "a@oak.example", "grades": '["09"]', "identifier": "7"}
    made = mapping.account_body(student, managed, "secret")
    assert (made["orgUnitPath"], made["externalIds"]) == (
        "/S",
        [{"type": "organization", "value": "7"}],
    )
    assert mapping.account_body({"email": "b@oak.example"}, managed, "s")["orgUnitPath"] == "/T"
    assert mapping.org_unit({"roles": '["aide"]', "grades": '["09"]'}, managed) == "/T"
    assert mapping.org_unit({"roles": '["aide","student"]'}, managed) == "/S"


def test_a_unit_within_the_other_is_the_one_that_is_meant() -> None:
    units = {"student_org_unit": "/School", "staff_org_unit": "/School/Staff"}
    managed = config(manage_users=True, domains="oak.example", **units)
    found = [
        mapping.unit_of(path, managed)
        for path in ("/School", "/School/9", "/school/staff/x", "/School/Staffers", "/Other", "/")
    ]
    assert found == ["/School", "/School", "/School/Staff", "/School", None, None]


@pytest.mark.parametrize(
    ("refusal", "answer", "words"),
    [
        (Refusal(400, "CourseMemberLimitReached", ""), Answer.REJECTED, "as many members"),
        (Refusal(400, "CannotRemoveCourseFolderOwner", ""), Answer.LATER, "handing it over"),
        (Refusal(404, "NOT_FOUND", ""), Answer.LATER, "takes minutes"),
        (Refusal(403, "PERMISSION_DENIED", "No."), Answer.REJECTED, "Google refused it: No."),
    ],
)
def test_refusals_in_plain_words(refusal: Refusal, answer: Answer, words: str) -> None:
    said = refused("x", refusal)
    assert said.answer is answer
    assert words in (said.reason or "")


def test_paths_carry_any_id_and_logs_carry_none() -> None:
    assert segment("d:math 101/ä") == "d%3Amath%20101%2F%C3%A4"
    assert path_told("/admin/directory/v1/users/a%40oak.example") == "/admin/directory/v1/users/…"
    found = named(
        "v1/courses/{id}/students/{user}", ["v1", "courses", "d%3Aa%2Fb", "students", "1"]
    )
    assert found == {"id": "d:a/b", "user": "1"}
    assert named("v1/invitations/{id}:accept", ["v1", "invitations", "7:accept"]) == {"id": "7"}
    assert named("v1/invitations/{id}:accept", ["v1", "invitations", "7"]) is None


def test_guardians_are_compared_by_student() -> None:
    there = {
        "s1": There({"kept@x": "g1", "gone@x": "g2"}, {"late@x": "i1"}, {"no@x"}),
        "s2": There({"stays@x": "g3"}),
        "s3": There({f"g{n}@x": f"{n}" for n in range(MOST)}),
    }
    wanted = {
        "s1": {"kept@x", "new@x", "no@x"},
        "s2": set[str](),
        "s3": {"one@x", *(f"g{n}@x" for n in range(MOST))},
    }
    found = changes(wanted, there)
    assert found.invite == [("s1", "new@x")]
    assert found.remove == [("s1", "g2")]
    assert found.withdraw == [("s1", "i1")]
    assert found.full == 1
