"""The simulated server by a bare client: what the standard says, whoever asks."""

from __future__ import annotations

import base64

import pytest

ROOT_1_1, ROOT_1_2 = "/ims/oneroster/v1p1", "/ims/oneroster/rostering/v1p2"


@pytest.fixture
def get(vendor):
    settings = vendor.settings
    pair = base64.b64encode(
        f"{settings['client_id']}:{settings['client_secret']}".encode()
    ).decode()
    answer = vendor.http.post(
        settings["token_url"],
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {pair}"},
    )
    assert answer.json()["token_type"] == "bearer"
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return lambda path, **params: vendor.http.get(
        f"{settings['url']}{path}", params=params, headers=headers
    )


def test_pages_totals_and_links(get):
    first = get(f"{ROOT_1_2}/users", limit=10)
    total = int(first.headers["x-total-count"])
    links = {name: link["url"] for name, link in first.links.items()}
    assert set(links) == {"first", "last", "next"}
    assert "offset=10" in links["next"]
    assert len(first.json()["users"]) == 10
    last = get(f"{ROOT_1_2}/users", limit=10, offset=total // 10 * 10)
    assert "next" not in last.links
    assert len(get(f"{ROOT_1_2}/enrollments").json()["enrollments"]) == 100 or total < 100


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("role='student'", 26),
        ("role='student' AND grades='09'", None),
        ("username~'ZZZZZZ'", 0),
        ("dateLastModified>'2999-01-01'", 0),
        ("dateLastModified>='2020-01-01T00:00:00.000Z'", None),
        ("orgs.sourcedId='school-100'", None),
        ("identifier!='100000' AND role='student'", 25),
        ("role='student' OR role='teacher'", None),
    ],
)
def test_filters(get, filter_, found):
    answer = get(f"{ROOT_1_1}/users", filter=filter_, limit=1000)
    assert answer.status_code == 200
    count = int(answer.headers["x-total-count"])
    assert count == len(answer.json()["users"])
    assert count == found if found is not None else count > 0


@pytest.mark.parametrize("root", [ROOT_1_1, ROOT_1_2])
@pytest.mark.parametrize(
    ("params", "minor"),
    [
        ({"filter": "colour='red'"}, "invalid_filter_field"),
        ({"filter": "role=student"}, "invalid_filter_field"),
        ({"sort": "colour"}, "invalid_sort_field"),
        ({"limit": "0"}, "invaliddata"),
        ({"offset": "x"}, "invaliddata"),
    ],
)
def test_what_is_asked_wrongly(get, root, params, minor):
    answer = get(f"{root}/users", **params)
    assert answer.status_code == 400
    assert minor in answer.text
    assert ("imsx_StatusInfo" in answer.json()) == (root == ROOT_1_2)


def test_parts_joins_and_single_records(get):
    school = f"{ROOT_1_1}/schools/school-100"
    assert get(school).json()["org"]["sourcedId"] == "school-100"
    students = get(f"{school}/students", limit=1000).json()["users"]
    assert students
    assert {user["role"] for user in students} == {"student"}
    classes = get(f"{school}/classes").json()["classes"]
    members = get(f"{ROOT_1_1}/classes/{classes[0]['sourcedId']}/students").json()["users"]
    assert {user["sourcedId"] for user in members} <= {user["sourcedId"] for user in students}
    own = get(f"{ROOT_1_1}/students/{members[0]['sourcedId']}/classes").json()["classes"]
    assert classes[0]["sourcedId"] in {one["sourcedId"] for one in own}
    fields = get(f"{ROOT_1_1}/users", fields="sourcedId,role", limit=1).json()["users"][0]
    assert set(fields) == {"sourcedId", "role"}
    ordered = get(f"{ROOT_1_1}/users", sort="username", orderBy="desc", limit=1000).json()["users"]
    names = [user["username"] for user in ordered]
    assert names == sorted(names, reverse=True)
    assert get(f"{ROOT_1_1}/users/nobody").status_code == 404


def test_no_token_no_answer(vendor):
    answer = vendor.http.get(f"{vendor.settings['url']}{ROOT_1_1}/users")
    assert answer.status_code == 401


@pytest.mark.parametrize("root", [ROOT_1_1, ROOT_1_2])
def test_what_hangs_together(get, root):
    section = get(f"{root}/classes", limit=1).json()["classes"][0]
    school, key = section["school"]["sourcedId"], section["sourcedId"]
    for role in ("students", "teachers"):
        at_school = get(f"{root}/schools/{school}/classes/{key}/{role}").json()["users"]
        assert at_school == get(f"{root}/classes/{key}/{role}").json()["users"] != []
    terms = get(f"{root}/schools/{school}/terms").json()["academicSessions"]
    held = {term["sourcedId"] for term in section["terms"]}
    assert {term["type"] for term in terms} <= {"term", "semester"}
    of_term = get(f"{root}/terms/{next(iter(held))}/classes", limit=1000).json()["classes"]
    assert key in {one["sourcedId"] for one in of_term}
    assert get(f"{root}/terms/{next(iter(held))}/gradingPeriods").json() == {"academicSessions": []}


@pytest.mark.parametrize("path", ["schools/none/classes", "classes/none/students", "nothing"])
def test_what_is_not_there_is_told_in_the_standards_words(get, path):
    answer = get(f"{ROOT_1_2}/{path}")
    assert answer.status_code == 404
    assert "unknownobject" in answer.text
