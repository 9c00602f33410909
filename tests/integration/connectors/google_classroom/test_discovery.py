"""The simulated services against Google's own description of them, and under Google's own client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_auth_httplib2
import googleapiclient
import httplib2
import pytest
from google.oauth2 import service_account
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from connectors.district.generate import generate
from connectors.sdk import ReadRequest
from connectors.vendors.google_classroom.simulator.answers import GoogleError
from connectors.vendors.google_classroom.simulator.batch import parts_of
from connectors.vendors.google_classroom.simulator.classroom import MASK, STATES
from connectors.vendors.google_classroom.simulator.server import Server
from shared.domain.provisioning import EndedRecord, NewRecord
from shared.domain.records import Kind
from shared.domain.states import Mode
from tests.integration.connectors.google_classroom.conftest import Workspace
from tests.integration.connectors.google_classroom.test_wire import ALL, course, member

DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
Item = dict[str, Any]


@pytest.fixture(scope="module")
def documents() -> dict[str, Item]:
    return {
        name: json.loads((DOCUMENTS / f"{name}.json").read_text())
        for name in ("classroom.v1", "admin.directory_v1")
    }


def methods(found: Item) -> Iterator[Item]:
    yield from found.get("methods", {}).values()
    for resource in found.get("resources", {}).values():
        yield from methods(resource)


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{\+?\w+\}", "{}", path)


def known(documents: dict[str, Item]) -> dict[tuple[str, str], Item]:
    return {
        (one["httpMethod"], shape(one.get("flatPath", one["path"]))): one
        for document in documents.values()
        for one in methods(document)
    }


def test_each_path_is_one_of_googles_and_asks_for_one_of_its_scopes(
    documents: dict[str, Item],
) -> None:
    described = known(documents)
    server = Server(generate("oak", seed=1, students=4), "http://localhost")
    for method in server.methods:
        one = described[method.verb, shape(method.path)]
        base = "https://www.googleapis.com/auth/"
        assert {f"{base}{scope}" for scope in method.scopes} <= set(one["scopes"]), method.path


def test_what_is_known_of_google_is_served_all_but_what_nobody_here_asks(
    documents: dict[str, Item],
) -> None:
    described = known(documents)
    server = Server(generate("oak", seed=1, students=4), "http://localhost")
    served = {described[one.verb, shape(one.path)]["id"] for one in server.methods}
    course, profile = "classroom.courses", "classroom.userProfiles"
    wanted = {
        *(f"{course}.{verb}" for verb in ("list", "create", "get", "patch", "update", "delete")),
        *(f"{course}.aliases.{verb}" for verb in ("list", "create", "delete")),
        *(
            f"{course}.{listed}.{verb}"
            for listed in ("teachers", "students")
            for verb in ("list", "get", "create", "delete")
        ),
        *(
            f"classroom.invitations.{verb}"
            for verb in ("create", "list", "get", "delete", "accept")
        ),
        f"{profile}.get",
        *(f"{profile}.guardians.{verb}" for verb in ("list", "get", "delete")),
        *(f"{profile}.guardianInvitations.{verb}" for verb in ("create", "list", "get", "patch")),
        *(
            f"directory.users.{verb}"
            for verb in ("list", "get", "insert", "patch", "update", "delete", "undelete")
        ),
        *(
            f"directory.orgunits.{verb}"
            for verb in ("list", "get", "insert", "patch", "update", "delete")
        ),
    }
    assert wanted == served


def test_states_masks_and_answers_are_of_googles_fields(documents: dict[str, Item]) -> None:
    classroom, directory = (d["schemas"] for d in documents.values())
    fields = classroom["Course"]["properties"]
    assert set(fields["courseState"]["enum"]) - {"COURSE_STATE_UNSPECIFIED"} == STATES
    assert set(fields) >= MASK
    district = generate("oak", seed=1, students=4)
    store = Server(district, "http://localhost").store
    store.teach(district, 3)
    made = next(iter(store.courses.values()))
    student = next(iter(store.users))
    asked = store.invite_guardian(student, "a@home.example")
    answers = {
        "Course": [one.fields for one in store.courses.values()],
        "Teacher": list(made.members["teachers"].values()),
        "Student": [s for one in store.courses.values() for s in one.members["students"].values()],
        "Invitation": [store.invite(made.fields["id"], student, "TEACHER")],
        "GuardianInvitation": [asked],
        "Guardian": [store.accept_guardian(asked)],
    }
    for schema, found in answers.items():
        assert found, schema
        for one in found:
            assert set(one) <= set(classroom[schema]["properties"]), schema
    for user in store.users.values():
        assert set(user) <= set(directory["User"]["properties"])


def test_what_the_connector_asks_is_described(
    google: Workspace, documents: dict[str, Item]
) -> None:
    district = google.district
    source = google.source(
        manage_users=True,
        domains="oak.example",
        staff_org_unit="/Staff",
        suspended_org_unit="/Left",
        membership="invite",
        guardians=True,
        pull_unknown_courses=True,
        unknown_courses_school="1",
        unknown_courses_year=2027,
    )
    google.set(courses=2)
    source.check()
    list(source.read(ReadRequest(Mode.FULL)))
    list(source.read(ReadRequest(Mode.FULL, linked=ALL)))
    (made,) = source.create(Kind.CLASSES, [course("a/b")], ALL)
    key = made.external_id or ""
    teacher = google.account(district.teachers[0].person.email or "")["id"]
    source.create(Kind.ENROLLMENTS, [member(key, "teacher", teacher)] * 2, ALL)
    values = {"email": "new@oak.example", "givenName": "N", "familyName": "W", "identifier": "9"}
    (account,) = source.create(Kind.USERS, [NewRecord("u", values)], ALL)
    source.create(Kind.USERS, [NewRecord("u", values)], ALL)
    source.end(Kind.USERS, [EndedRecord("u", account.external_id or "")], ALL)
    source.end(Kind.ENROLLMENTS, [EndedRecord("m", f"{key}:teacher:{teacher}")], ALL)
    source.end(Kind.CLASSES, [EndedRecord("a/b", key)], ALL)

    described = known(documents)
    patterns = [
        (verb, re.compile(re.sub(r"\{\}(?=[:/]|$)", "[^/]+", path) + "$"), one)
        for (verb, path), one in described.items()
    ]
    asked = set()
    for told in google.requests():
        verb, _, address = told.partition(" ")
        found = urlsplit(address)
        fitting = [
            one
            for wanted, pattern, one in patterns
            if wanted == verb and pattern.match(found.path.removeprefix("/"))
        ]
        assert fitting, told
        assert set(parse_qs(found.query)) <= set(fitting[0].get("parameters", {})), told
        asked.add(fitting[0]["id"])
        assert "%2F" in found.path or "a/b" not in unquote(found.path)
    assert {"classroom.courses.create", "directory.users.insert", "directory.users.patch"} <= asked
    assert "classroom.invitations.create" in asked


@pytest.fixture
def client(google: Workspace, documents: dict[str, Item]) -> Iterator[Any]:
    """Google's own client for one of the services, pointed at the simulated ones."""
    key = json.loads(google.settings["service_account"])
    base = "https://www.googleapis.com/auth/"
    scopes = ("classroom.courses", "classroom.rosters", "admin.directory.user")
    credentials = service_account.Credentials.from_service_account_info(
        {**key, "token_uri": google.settings["token_url"]},
        scopes=[base + name for name in scopes],
        subject=google.settings["admin"],
    )

    opened = []

    def made(name: str) -> Any:
        root = f"{google.url}/"
        document = {**documents[name], "rootUrl": root, "baseUrl": root}
        document.pop("mtlsRootUrl", None)
        http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(timeout=30))
        opened.append(http)
        return build_from_document(document, http=http)

    yield made
    for http in opened:
        http.close()


def test_googles_own_client_makes_and_reads_courses(google: Workspace, client: Any) -> None:
    classroom = client("classroom.v1")
    courses = classroom.courses()
    teacher = google.district.teachers[0].person.email
    body = {"id": "d:math 101", "name": "Mathematics", "ownerId": teacher, "courseState": "ACTIVE"}
    made = courses.create(body=body).execute()
    assert courses.get(id="d:math 101").execute()["id"] == made["id"]
    with pytest.raises(HttpError) as refused:
        courses.create(body=body).execute()
    assert refused.value.status_code == 409
    students = [s.person.email for s in google.district.students if s.person.email]
    for email in students[:32]:
        courses.students().create(courseId=made["id"], body={"userId": email}).execute()
    # the default page has thirty
    first = courses.students().list(courseId=made["id"]).execute()
    rest = courses.students().list(courseId=made["id"], pageToken=first["nextPageToken"]).execute()
    assert (len(first["students"]), len(rest["students"])) == (30, 2)
    assert "nextPageToken" not in rest
    with pytest.raises(HttpError, match="CannotRemoveCourseOwner"):
        courses.teachers().delete(courseId=made["id"], userId=teacher).execute()
    patched = courses.patch(
        id=made["id"], updateMask="courseState", body={"courseState": "ARCHIVED"}
    )
    assert patched.execute()["courseState"] == "ARCHIVED"
    found = courses.list(courseStates=["ARCHIVED"]).execute()["courses"]
    assert [one["id"] for one in found] == [made["id"]]
    # a list of nothing has no key
    assert courses.list(courseStates=["DECLINED"]).execute() == {}
    aliases = courses.aliases().list(courseId=made["id"]).execute()["aliases"]
    assert aliases == [{"alias": "d:math 101"}]


def test_googles_own_client_makes_and_reads_accounts(google: Workspace, client: Any) -> None:
    users = client("admin.directory_v1").users()
    body = {
        "primaryEmail": "new@oak.example",
        "name": {"givenName": "N", "familyName": "W"},
        "password": "unguessable",
    }
    made = users.insert(body=body).execute()
    assert users.get(userKey="new@oak.example").execute()["id"] == made["id"]
    changed = users.patch(userKey=made["id"], body={"suspended": True, "orgUnitPath": "/Left"})
    assert changed.execute()["orgUnitPath"] == "/Left"
    asked, found = users.list(customer="my_customer", maxResults=7, orderBy="email"), []
    while asked is not None:
        page = asked.execute()
        found += page["users"]
        asked = users.list_next(asked, page)
    accounts = [p for p in google.district.teachers + google.district.students if p.person.email]
    assert len(found) == len(accounts) + 2
    emails = [one["primaryEmail"] for one in found]
    assert emails == sorted(emails)


def test_googles_own_client_asks_for_several_things_at_once(google: Workspace, client: Any) -> None:
    courses = client("classroom.v1").courses()
    teacher = google.district.teachers[0].person.email
    told: dict[str, Any] = {}
    # signed in before: for a batch Google's client signs in by a connection that it does not close
    assert "courses" not in courses.list().execute()

    def note(key: str, answer: Any, error: Exception | None) -> None:
        told[key] = error or answer

    made = courses.create(body={"id": "d:math 101", "name": "Math\u00e9", "ownerId": teacher})
    for batch, requests in (
        ("first", {"made": made, "nobody's": courses.create(body={"name": "Art"})}),
        ("then", {"there": courses.get(id="d:math 101"), "gone": courses.get(id="d:art")}),
    ):
        asked = client("classroom.v1").new_batch_http_request(callback=note)
        for key, one in requests.items():
            asked.add(one, request_id=f"{batch} {key}")
        asked.execute()
    assert told["first made"]["id"] == told["then there"]["id"]
    assert told["then there"]["name"] == "Math\u00e9"
    assert told["first nobody's"].status_code == 400
    assert told["then gone"].status_code == 404
    assert google.requests().count("POST /batch") == 2


def test_a_batch_has_fifty_calls_at_most() -> None:
    part = b"--b\r\nContent-Type: application/http\r\n\r\nGET /v1/courses HTTP/1.1\r\n\r\n\r\n"
    assert len(parts_of("multipart/mixed; boundary=b", part * 50 + b"--b--")) == 50
    with pytest.raises(GoogleError, match="more than 50"):
        parts_of("multipart/mixed; boundary=b", part * 51 + b"--b--")
    with pytest.raises(GoogleError, match="no parts"):
        parts_of("application/json", b"{}")
