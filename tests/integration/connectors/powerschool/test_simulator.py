"""The simulated server against the vendor's facts, by a client that knows nothing of ours."""

from __future__ import annotations

import base64
import re
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest


class Raw:
    """Asks a server as its documents say."""

    def __init__(self, vendor, http: httpx.Client) -> None:
        self.url = vendor.settings["url"]
        self.http = http
        pair = f"{vendor.settings['client_id']}:{vendor.settings['client_secret']}"
        self.basic = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        self.headers = {"Accept": "application/json"}

    def sign_in(self) -> httpx.Response:
        answer = self.http.post(
            f"{self.url}/oauth/access_token/",
            headers=self.basic,
            data={"grant_type": "client_credentials"},
        )
        self.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def ask(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(f"{self.url}{path}", headers={**self.headers, **headers})

    def get(self, path: str) -> Any:
        answer = self.ask(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, students: Any) -> Any:
        answer = self.http.post(
            f"{self.url}/ws/v1/student",
            headers=self.headers,
            json={"students": {"student": students}},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["results"]


@pytest.fixture
def raw(vendor, http) -> Raw:
    found = Raw(vendor, http)
    found.sign_in()
    return found


def test_a_token(vendor, http):
    raw = Raw(vendor, http)
    answer = raw.sign_in().json()
    assert answer["token_type"] == "Bearer"
    assert isinstance(answer["expires_in"], str)
    assert answer["expires_in"].isdigit()


def test_a_wrong_client(vendor, http):
    raw = Raw(vendor, http)
    for headers in ({}, {"Authorization": "Basic !"}, {"Authorization": "Basic YTpi"}):
        raw.basic = headers
        answer = http.post(f"{raw.url}/oauth/access_token", headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_an_expired_token(raw):
    answer = raw.ask("/ws/v1/district/school", Authorization="Bearer old")
    assert answer.status_code == 401
    assert answer.content == b""
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_metadata_is_for_everybody_and_tells_the_plugin_to_itself(raw, vendor):
    vendor.set(page_sizes={"student": 7})
    signed = raw.get("/ws/v1/metadata")["metadata"]
    assert signed["student_max_page_size"] == 7
    assert signed["section_enrollment_max_page_size"] == 100
    assert "plugin_id" in signed
    del raw.headers["Authorization"]
    assert "plugin_id" not in raw.get("/ws/v1/metadata")["metadata"]
    assert set(raw.get("/ws/v1/time")["time"]) == {"date", "time", "timestamp"}


def test_xml_is_the_native_form(raw):
    answer = raw.ask("/ws/v1/district/school", Accept="*/*")
    assert "xml" in answer.headers["content-type"]
    root = ElementTree.fromstring(answer.text)  # noqa: S314 - our own server's
    assert [element.tag for element in root] == ["school"] * 3
    assert {school.findtext("school_number") for school in root} == {"100", "110", "120"}


@pytest.mark.parametrize(
    ("path", "plural", "singular"),
    [
        ("/ws/v1/district/school", "schools", "school"),
        ("/ws/v1/school", "schools", "school"),
        ("/ws/v1/district/student", "students", "student"),
        ("/ws/v1/school/3/student", "students", "student"),
        ("/ws/v1/school/3/staff", "staffs", "staff"),
        ("/ws/v1/school/3/course", "courses", "course"),
        ("/ws/v1/school/3/term", "terms", "term"),
        ("/ws/v1/school/3/section", "sections", "section"),
        ("/ws/v1/section/4000/section_enrollment", "section_enrollments", "section_enrollment"),
    ],
)
def test_a_list_and_its_count_and_its_records(raw, path, plural, singular):
    listed = raw.get(path)[plural][singular]
    listed = listed if isinstance(listed, list) else [listed]
    assert raw.get(f"{path}/count") == {"resource": {"count": len(listed)}}
    for item in listed:
        single = raw.get(f"/ws/v1/{singular}/{item['id']}")[singular]
        assert item.items() <= single.items()
    halves = [raw.get(f"{path}?pagesize=2&page={page}")[plural] for page in range(1, 20)]
    paged: list[Any] = []
    for holder in halves:
        found = holder.get(singular, [])
        paged += found if isinstance(found, list) else [found]
    assert paged == listed


def test_one_record_is_an_object_and_none_is_no_key(raw):
    page = "/ws/v1/district/student?pagesize=25"
    assert isinstance(raw.get(f"{page}&page=2")["students"]["student"], dict)
    assert "student" not in raw.get(f"{page}&page=3")["students"]


def test_expansions_are_sent_when_asked_for(raw, vendor):
    vendor.edit("students", 5001, student_username="0123")
    plain = raw.get("/ws/v1/student/5001")["student"]
    assert not {"contact_info", "demographics", "addresses"} & set(plain)
    asked = "addresses,%20contact_info,school_enrollment"
    full = raw.get(f"/ws/v1/student/5001?expansions={asked}&extensions=u_unknown")["student"]
    assert full["addresses"] == full["contact_info"] == ""
    assert full["school_enrollment"]["enroll_status_code"] == 0
    assert "contact_info" in full["@expansions"].split(", ")
    # text that looks like a number is one, and has lost its zeros
    assert full["student_username"] == 123
    assert isinstance(full["local_id"], int)


def test_nulls_are_left_out(raw, vendor):
    vendor.edit("students", 5001, student_username=None, name={"middle_name": None})
    found = raw.get("/ws/v1/student/5001")["student"]
    assert "student_username" not in found
    assert "middle_name" not in found["name"]


def test_one_affiliation_is_an_object(raw):
    found = raw.get("/ws/v1/staff/60?expansions=school_affiliations")["staff"]
    assert found["school_affiliations"]["school_affiliation"]["school_id"] == 3


def test_the_order_of_lists(raw):
    names = [school["name"] for school in raw.get("/ws/v1/district/school")["schools"]["school"]]
    assert names == sorted(names)
    terms = raw.get("/ws/v1/school/3/term")["terms"]["term"]
    assert [term["portion"] for term in terms] == [1, 2, 2]
    assert terms[1]["start_date"] < terms[2]["start_date"]


@pytest.mark.parametrize(
    ("path", "q", "count"),
    [
        ("district/student", "school_enrollment.enroll_status_code==0", 26),
        ("district/student", "school_enrollment.enroll_status_code%3D%3D-1", 0),
        ("district/student", "school_enrollment.enroll_status==A", 26),
        ("district/student", "local_id==100003", 1),
        ("district/student", "local_id==10000*", 10),
        ("district/student", "local_id=ge=100020", 6),
        ("district/student", "local_id=gt=100020;local_id=lt=100023", 2),
        ("district/student", "school_enrollment.entry_date=le=2026-08-20", 26),
        ("district/student", "school_enrollment.entry_date=gt=2026-08-20", 0),
        ("school/3/term", "start_year==2026", 3),
        ("school/3/term", "start_year==2027", 0),
        ("school/3/section", "term.start_year==(2027)", 0),
    ],
)
def test_queries(raw, path, q, count):
    assert raw.get(f"/ws/v1/{path}/count?q={q}") == {"resource": {"count": count}}
    holder = next(iter(raw.get(f"/ws/v1/{path}?q={q}").values()))
    found = [value for key, value in holder.items() if not key.startswith("@")]
    listed = found[0] if found else []
    assert len(listed if isinstance(listed, list) else [listed]) == count


@pytest.mark.parametrize(
    "path",
    [
        "/ws/v1/district/student?q=last_modified=ge=2026-01-01",
        "/ws/v1/district/student?q=local_id",
        "/ws/v1/district/student?pagesize=101",
        "/ws/v1/district/student?pagesize=0",
        "/ws/v1/district/student?page=0",
        "/ws/v1/district/student?page=x",
        "/ws/dataversion/bellringer/x",
    ],
)
def test_what_is_wrong_is_refused(raw, path):
    assert raw.ask(path).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/ws/v1/student/1", "/ws/v1/school/1/staff", "/ws/v1/section/1/section_enrollment", "/ws/v2"],
)
def test_what_is_not_there(raw, path):
    assert raw.ask(path).status_code == 404


def test_data_versions(raw, vendor):
    first = raw.get("/ws/dataversion/bellringer/0")
    assert isinstance(first["$dataversion"], str)
    assert first["tables"] == {}
    vendor.edit("students", 5001, student_username="a")
    vendor.edit("students", 5001, student_username="b")
    vendor.edit("staff", 60, local_id="c")
    vendor.edit("enrollments", 90_000, dropped=True)
    second = raw.get(f"/ws/dataversion/bellringer/{first['$dataversion']}")
    assert second["tables"] == {
        "students": [5001], "schoolstaff": [60], "users": [30], "cc": [90_000]
    }  # fmt: skip
    assert int(second["$dataversion"]) > int(first["$dataversion"])
    assert raw.get(f"/ws/dataversion/bellringer/{second['$dataversion']}")["tables"] == {}


INSERT = {
    "client_uid": "125",
    "action": "INSERT",
    "local_id": "555807",
    "name": {"first_name": "Novu", "last_name": "Novu"},
    "school_enrollment": {
        "enroll_status": "A",
        "grade_level": 5,
        "entry_date": "2026-08-20",
        "exit_date": "2027-06-09",
        "school_number": 100,
    },
}


def test_an_insert_of_one(raw):
    results = raw.post(INSERT)
    assert (results["insert_count"], results["update_count"]) == (1, 0)
    result = results["result"]  # an object, since it is one
    assert (result["client_uid"], result["status"]) == (125, "SUCCESS")
    dcid = result["success_message"]["id"]
    found = raw.get(f"/ws/v1/student/{dcid}?expansions=school_enrollment")["student"]
    assert found["local_id"] == 555807
    assert found["school_enrollment"]["school_id"] == 3
    assert raw.get("/ws/v1/district/student/count") == {"resource": {"count": 27}}
    tables = raw.get("/ws/dataversion/bellringer/0")["tables"]
    assert tables == {"students": [dcid]}


def test_records_that_fail_do_so_one_by_one_in_an_answer_of_200(raw):
    empty = {"client_uid": "1", "action": "INSERT", "name": {"last_name": "Novu"}}
    results = raw.post(
        [
            empty,
            {"client_uid": "b", "action": "UPDATE", "id": "5000", "student_username": "ok"},
            {"client_uid": "3", "action": "UPDATE", "id": "5000", "local_id": "1"},
            {"client_uid": "4", "action": "DELETE", "id": "5000"},
            {"action": "UPDATE", "id": "5000"},
            "nonsense",
        ]
    )
    status = [result["status"] for result in results["result"]]
    assert status == ["ERROR", "SUCCESS", "ERROR", "ERROR", "ERROR", "ERROR"]
    assert [result["client_uid"] for result in results["result"]][:4] == [1, "b", 3, 4]
    assert (results["insert_count"], results["update_count"]) == (0, 1)
    errors = results["result"][0]["error_message"]["error"]
    assert {error["field"] for error in errors} == {
        "student/name/first_name",
        *(f"student/school_enrollment/{name}"
          for name in ("grade_level", "entry_date", "exit_date", "school_number")),
    }  # fmt: skip
    assert isinstance(results["result"][2]["error_message"]["error"], dict)


BLOCKS = {
    "demographics": {"gender": "F", "projected_graduation_year": 2031},
    "phones": {"main": {"number": "555-0101"}},
    "addresses": {
        "physical": {
            "street": "1 Kuja", "city": "Kuja", "state_province": "CA", "postal_code": "85250-1",
        }
    },
    "contact": {"guardian_email": "p@example.org"},
}  # fmt: skip


def test_an_update_keeps_what_it_is_given(raw):
    born = raw.get("/ws/v1/student/5000?expansions=demographics")["student"]["demographics"]
    results = raw.post({"client_uid": "1", "action": "UPDATE", "id": "5000", **BLOCKS})
    assert results["result"]["status"] == "SUCCESS"
    # the address of the record, and not its path alone
    told = raw.http.get(results["result"]["success_message"]["ref"], headers=raw.headers)
    assert told.json()["student"]["id"] == 5000
    found = raw.get(f"/ws/v1/student/5000?expansions={','.join(BLOCKS)}")["student"]
    assert {name: found[name] for name in BLOCKS} == {
        **BLOCKS,
        "demographics": {**born, **BLOCKS["demographics"]},
    }
    raw.post({"client_uid": "1", "action": "UPDATE", "id": "5000", "contact": {"father": "Kuja"}})
    found = raw.get("/ws/v1/student/5000?expansions=contact")["student"]["contact"]
    assert found == {"guardian_email": "p@example.org", "father": "Kuja"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"demographics": "F"}, "demographics"),
        ({"addresses": {"mailing": {"city": "Kuja"}}}, "addresses/mailing/street"),
        ({"contact": {"doctor_name": "Kuja"}}, "contact/doctor_phone"),
        ({"phones": {"main": {"number": "5" * 31}}}, "phones/main/number"),
    ],
)
def test_a_block_that_is_not_taken(raw, given, field):
    result = raw.post({"client_uid": "1", "action": "UPDATE", "id": "5000", **given})["result"]
    assert result["status"] == "ERROR"
    errors = result["error_message"]["error"]
    fields = [one["field"] for one in (errors if isinstance(errors, list) else [errors])]
    assert f"student/{field}" in fields


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"enroll_status": "P"}, ("P", -1)),
        ({"enroll_status_code": -1}, ("P", -1)),
        ({"enroll_status_code": "4"}, ("H", 4)),
        ({}, ("A", 0)),
        ({"enroll_status": "T"}, None),
        ({"enroll_status_code": 2}, None),
        ({"enroll_status": "A", "enroll_status_code": 0}, None),
    ],
)
def test_letter_and_code_of_a_status_are_told_by_each_other(raw, given, told):
    enrolled = {**INSERT["school_enrollment"], **given}
    if "enroll_status" not in given:
        del enrolled["enroll_status"]
    result = raw.post({**INSERT, "school_enrollment": enrolled})["result"]
    if told is None:
        assert result["status"] == "ERROR"
        return
    path = f"/ws/v1/student/{result['success_message']['id']}?expansions=school_enrollment"
    found = raw.get(path)["student"]["school_enrollment"]
    assert (found["enroll_status"], found["enroll_status_code"]) == told


def test_a_client_uid_that_comes_again_is_an_error_of_that_record(raw):
    one = {"client_uid": "7", "action": "UPDATE", "id": "5000", "student_username": "a"}
    results = raw.post([one, {**one, "client_uid": 7, "id": "5001", "student_username": "b"}])
    assert [result["status"] for result in results["result"]] == ["SUCCESS", "ERROR"]
    assert "student_username" not in raw.get("/ws/v1/student/5001")["student"]


@pytest.mark.parametrize("level", ["NONE", "READ"])
def test_access_levels(raw, vendor, level):
    vendor.set(access=level)
    assert raw.ask("/ws/v1/district/school").status_code == (403 if level == "NONE" else 200)
    body = {"students": {"student": INSERT}}
    answer = raw.http.post(f"{raw.url}/ws/v1/student", headers=raw.headers, json=body)
    assert answer.status_code == 403
    # it is for /ws/v1 alone
    for path in ("/ws/dataversion/bellringer/0", "/ws/contacts/student/5000"):
        assert raw.ask(path).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"students": 1}', b"\xff"])
def test_a_body_that_is_not_understood(raw, body):
    answer = raw.http.post(f"{raw.url}/ws/v1/student", headers=raw.headers, content=body)
    assert answer.status_code == 400


def test_the_pace(raw, vendor):
    vendor.set(interval_ms=60_000)
    answers = [raw.ask("/ws/v1/district/school") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429] or answers[0].status_code == 429
    assert re.search(r"wait \d+ seconds", answers[1].text)


def test_a_server_that_is_down_sends_elsewhere(raw, vendor):
    vendor.fault("down")
    answer = raw.ask("/ws/v1/district/school")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("https://message.powerschool.com/?server=")


def test_districts_have_credentials_of_their_own(raw, vendor, pool):
    _, other = pool()
    assert vendor.settings["client_secret"] != other["client_secret"]
    answer = raw.http.get(f"{other['url']}/ws/v1/district/school", headers=raw.headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("asked", [[{"name": "flood"}], [{"name": "down", "how": 1}], [1], 1])
def test_a_fault_that_there_is_not(raw, asked):
    assert raw.http.post(f"{raw.url}/_simulator/faults", json=asked).status_code == 400


def test_faults_can_be_forgotten(raw, vendor):
    vendor.fault("down", times=99)
    assert raw.http.delete(f"{raw.url}/_simulator/faults").status_code == 200
    raw.get("/ws/v1/district/school")


def test_contacts_are_bare_and_their_nulls_written(raw):
    (contact,) = raw.get("/ws/contacts/student/5000")
    assert contact["contactStudents"][0]["dcid"] == 5000
    assert contact["prefix"] is None
    assert raw.get(f"/ws/contacts/contact/{contact['contactId']}") == contact
    assert raw.get(f"/ws/contacts/contacts?contactids={contact['contactId']},1") == [contact]
    assert raw.ask("/ws/contacts/student/1").status_code == 404


def test_a_tie_of_contact_and_student_has_an_id_of_its_own(raw, vendor):
    (contact,) = raw.get("/ws/contacts/student/5000")
    held = vendor.record("contacts", contact["contactId"])
    vendor.edit(
        "contacts",
        contact["contactId"],
        students=[*held["students"], {**held["students"][0], "dcid": 5001}],
    )
    told = raw.get(f"/ws/contacts/contact/{contact['contactId']}")["contactStudents"]
    told += [tie for one in raw.get("/ws/contacts/student/5001") for tie in one["contactStudents"]]
    ties = {(tie["guardianId"], tie["dcid"]): tie["studentContactId"] for tie in told}
    assert len(ties) == len(set(ties.values())) == 3


def test_a_student_without_contacts_is_204(raw, vendor):
    (contact,) = raw.get("/ws/contacts/student/5000")
    vendor.remove("contacts", contact["contactId"])
    assert raw.ask("/ws/contacts/student/5000").status_code == 204


def query(raw, name: str, body: Any, **params: Any) -> httpx.Response:
    return raw.http.post(
        f"{raw.url}/ws/schema/query/{name}", headers=raw.headers, json=body, params=params
    )


def test_a_query(raw, vendor):
    name = "org.bellringer.roster.student.contacts"
    assert query(raw, f"{name}/count", {}).json() == {"count": 26}
    first = query(raw, name, {}, pagesize=10, count="true").json()
    assert (len(first["record"]), first["count"]) == (10, 26)
    assert len(query(raw, name, {}, pagesize=0, page=9).json()["record"]) == 26
    # one record is an object, and none is no key at all
    one = query(raw, name, {"$q": "contacts.student_dcid==5000"}).json()["record"]
    assert one["student_dcid"] == "5000"
    assert "record" not in query(raw, name, {"$q": "contacts.student_dcid==1"}).json()
    last = query(raw, name, {}, order="contacts.student_dcid;desc", pagesize=1).json()["record"]
    assert last["student_dcid"] == "5025"
    shown = query(raw, name, {"projection": "contacts.email;contacts.contact_id"}, pagesize=1)
    assert set(shown.json()["record"]) <= {"_name", "email", "contact_id"}
    vendor.set(is_flat=False)
    assert "tables" in query(raw, name, {}, pagesize=1).json()["record"]


BASICS = "com.pearson.core.student.search.get_student_basic_info"


def test_a_query_by_data_version_gives_what_has_changed(raw, vendor):
    name = "org.bellringer.roster.student.contacts"
    now = raw.get("/ws/dataversion/bellringer/0")["$dataversion"]

    def since(version):
        asked = {"$dataversion": version, "$dataversion_applicationname": "bellringer"}
        return query(raw, name, asked).json()

    assert since(now) == {"@extensions": "", "$dataversion": now}
    vendor.edit("students", 5003, student_username="x")
    contact = raw.get("/ws/contacts/student/5007")[0]["contactId"]
    vendor.edit("contacts", contact, emails=["x@example.org"])
    found = since(now)
    assert {row["student_dcid"] for row in found["record"]} == {"5003", "5007"}
    assert int(found["$dataversion"]) > int(now)
    assert "record" not in since(found["$dataversion"])
    assert "$dataversion" not in query(raw, name, {}).json()
    asked = {"$dataversion": now, "$dataversion_applicationname": "bellringer", "start_year": 2026}
    vendor.edit("enrollments", 90_000, exit_date="2027-01-01")
    members = query(raw, "org.bellringer.roster.section.members", asked).json()["record"]
    assert members["id"] == "90000"


@pytest.mark.parametrize(
    "body",
    [
        {"$dataversion": "1"},
        {"$dataversion_applicationname": "bellringer"},
        {"$dataversion": "x", "$dataversion_applicationname": "bellringer"},
        {"$dataVersion": "1", "$dataversion_applicationname": "bellringer"},
    ],
)
def test_a_data_version_has_an_application(raw, body):
    assert query(raw, BASICS, body).status_code == 400


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ("students.middle_name==\0", {"5001"}),
        ("students.first_name==Novu*;students.id=lt=5003", {"5000", "5002"}),
        ("students.first_name==Novu*", {"5000", "5002"}),
        ("students.first_name==Novu", set()),
    ],
)
def test_nulls_and_wildcards_of_a_query(raw, vendor, asked, keys):
    for dcid in range(5000, 5026):
        vendor.edit("students", dcid, name={"first_name": "Alku", "middle_name": "M"})
    vendor.edit("students", 5001, name={"middle_name": None})
    for dcid in (5000, 5002):
        vendor.edit("students", dcid, name={"first_name": "Novuba"})
    found = query(raw, BASICS, {"$q": asked}).json().get("record", [])
    found = found if isinstance(found, list) else [found]
    assert {row["dcid"] for row in found} == keys


def test_an_order_takes_nulls(raw, vendor):
    vendor.edit("students", 5000, name={"middle_name": None})
    vendor.edit("students", 5001, name={"middle_name": "Zz"})
    params = {"order": "students.middle_name;desc,students.id", "pagesize": 1}
    assert query(raw, BASICS, {}, **params).json()["record"]["dcid"] == "5001"
    assert query(raw, BASICS, {}, order="students.colour").status_code == 400
    assert query(raw, f"{BASICS}/count", {}).json() == {"count": 26}


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("org.bellringer.roster.student.contacts", {"colour": 1}, 400),
        ("org.bellringer.roster.student.contacts", {"$q": "person.id==1"}, 400),
        ("org.bellringer.roster.section.members", {}, 400),
        ("org.bellringer.roster.nothing", {}, 404),
        ("com.pearson.core.student.student_dcid_id_map", {"students_id": [5000]}, 200),
        ("com.pearson.core.guardian.student_guardian_detail", {"guardian_id": [8000]}, 200),
    ],
)
def test_what_a_query_answers(raw, name, body, status):
    assert query(raw, name, body).status_code == status


def test_a_table(raw):
    table = "/ws/schema/table/u_students_extension"
    assert raw.ask(table).status_code == 400  # a projection is required
    assert raw.get(f"{table}/count") == {"count": 26}
    changed = raw.http.put(
        f"{raw.url}{table}/5000",
        headers=raw.headers,
        json={"tables": {"u_students_extension": {"preferredname": "Bo"}}},
    )
    (result,) = changed.json()["result"]
    assert result["status"] == "SUCCESS"
    found = raw.get(f"{table}?projection=*&q=preferredname==Bo")
    (record,) = found["record"]
    assert record["tables"]["u_students_extension"] == {
        "id": "5000", "studentsdcid": "5000", "preferredname": "Bo",
    }  # fmt: skip
    wrong = {"tables": {"u_students_extension": {"preferredname": 5}}}
    answer = raw.http.put(f"{raw.url}{table}/5000", headers=raw.headers, json=wrong)
    assert answer.status_code == 400


BADGES = "/ws/schema/table/u_badges"


def change(raw, method: str, path: str, table: str = "u_badges", **values: Any) -> httpx.Response:
    body = {"tables": {table: values}}
    return raw.http.request(method, f"{raw.url}{path}", headers=raw.headers, json=body)


def test_records_of_a_child_table_come_and_go(raw):
    now = raw.get("/ws/dataversion/bellringer/0")["$dataversion"]
    keys = []
    for badge in ("77", "9", "abc"):
        made = change(raw, "POST", BADGES, studentsdcid="5001", badge=badge)
        assert (made.status_code, made.json()["insert_count"]) == (201, 1)
        (result,) = made.json()["result"]
        keys.append(result["success_message"]["id"])
    one = raw.http.get(
        result["success_message"]["ref"], params={"projection": "*"}, headers=raw.headers
    ).json()
    own = {"id": str(keys[2]), "studentsdcid": "5001", "badge": "abc"}
    assert one == {
        "id": keys[2], "name": "u_badges", "tables": {"u_badges": own}, "@extensions": "",
    }  # fmt: skip
    again = change(raw, "PUT", f"{BADGES}/{keys[1]}", id=str(keys[1]), name="u_badges", badge="")
    assert again.json()["update_count"] == 1
    (found,) = raw.get(f"{BADGES}?projection=id&q=badge==\\u0000")["record"]
    assert found["tables"]["u_badges"] == {"id": str(keys[1])}
    assert raw.http.delete(f"{raw.url}{BADGES}/{keys[0]}", headers=raw.headers).status_code == 204
    assert raw.http.delete(f"{raw.url}{BADGES}/{keys[0]}", headers=raw.headers).status_code == 404
    assert raw.get(f"{BADGES}/count") == {"count": 2}
    tables = raw.get(f"/ws/dataversion/bellringer/{now}")["tables"]
    assert sorted(tables["u_badges"]) == keys


def test_what_is_asked_of_a_table(raw):
    for place, badge in enumerate(("b1", "b2", "c1")):
        change(raw, "POST", BADGES, studentsdcid=str(5000 + place), badge=badge)

    def badges(told: str) -> list[str]:
        found = raw.get(f"{BADGES}?projection=badge&{told}").get("record", [])
        return [one["tables"]["u_badges"]["badge"] for one in found]

    assert badges("sort=badge&sortdescending=true") == ["c1", "b2", "b1"]
    assert badges("sort=studentsdcid&pagesize=1&page=2") == ["b2"]
    assert badges("q=badge==b*") == ["b1", "b2"]
    assert badges("q=studentsdcid=gt=5000;badge=lt=c") == ["b2"]
    assert badges("q=badge==x") == []
    assert raw.get(f"{BADGES}/count?q=studentsdcid=ge=5001") == {"count": 2}
    columns = raw.get(f"{BADGES}/metadata")["columns"]
    assert [column["name"] for column in columns] == ["id", "studentsdcid", "badge"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("u_other/count", 404),
        ("u_other/metadata", 404),
        ("u_other?projection=*", 404),
        ("u_badges/1?projection=*", 404),
        ("u_badges?projection=colour", 400),
        ("u_badges?projection=*&q=colour==1", 400),
        ("u_badges?projection=*&sort=colour", 400),
        ("u_badges?projection=*&page=0", 400),
        ("u_students_extension/5000", 400),
        ("u_students_extension/5000?projection=*", 200),
    ],
)
def test_what_a_table_refuses(raw, path, status):
    assert raw.ask(f"/ws/schema/table/{path}").status_code == status


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"badge": 7}, "typecast"),
        ({"colour": "1"}, "no such column"),
        ({"studentsdcid": "1"}, "no such student"),
    ],
)
def test_a_record_that_is_not_taken(raw, values, told):
    answer = change(raw, "POST", BADGES, **values)
    assert answer.status_code == 400
    assert told in answer.json()["message"]


def test_a_record_of_an_extension_is_its_students(raw):
    path, name = "/ws/schema/table/u_students_extension", "u_students_extension"
    assert change(raw, "POST", path, name, preferredname="Bo").status_code == 403
    assert raw.http.delete(f"{raw.url}{path}/5000", headers=raw.headers).status_code == 403
    assert change(raw, "PUT", f"{path}/5000", name, colour="1").status_code == 400


def test_an_extension_is_sent_when_it_is_asked_for(raw):
    asked = "/ws/v1/student/5000?extensions=u_students_extension,unknown"
    told = raw.get(asked)["student"]["_extension_data"]["_table_extension"]
    assert told == {"name": "u_students_extension", "recordFound": False}
    assert "_extension_data" not in raw.get("/ws/v1/student/5000")["student"]


def test_a_token_lives_as_long_as_it_is_said_to(vendor, http):
    vendor.set(token_life_s=0)
    raw = Raw(vendor, http)
    assert raw.sign_in().json()["expires_in"] == "0"
    assert raw.ask("/ws/v1/district/school").status_code == 401


def test_a_clock_that_is_ahead(raw, vendor):
    from email.utils import parsedate_to_datetime

    now = parsedate_to_datetime(raw.ask("/ws/v1/time").headers["date"])
    vendor.set(clock_skew_s=86_400)
    ahead = parsedate_to_datetime(raw.ask("/ws/v1/time").headers["date"])
    assert (ahead - now).days >= 1
    assert raw.http.post(f"{raw.url}/_simulator/settings", json={"colour": 1}).status_code == 400
