"""Contacts as guardians: student by student and by the plugin's query; members by a query."""

from __future__ import annotations

import pytest

from connectors.sdk import ReadRequest
from shared.domain.reading import Batch
from shared.domain.records import Kind, decode_list
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

WAYS = ("each_student", "query")
FAMILY = {"parent", "guardian", "relative"}


def family(kit, known):
    return {
        row["userSourcedId"]: (row["role"], row["orgSourcedId"])
        for row in kit.of_kind(known, Kind.ROLES).values()
        if row["role"] in FAMILY
    }


def student_of(vendor, place=0):
    """The DCID of a student, and that of their first contact."""
    dcid = 5000 + place
    contact = next(
        key
        for key in range(8000, 8100)
        if vendor.record("contacts", key)["students"][0]["dcid"] == dcid
    )
    return dcid, contact


@pytest.mark.parametrize("way", WAYS)
def test_everybody_who_stands_for_a_student(vendor, kit, way):
    items = kit.read(vendor.source(guardians="custody", guardians_by=way))
    known = kit.rows(items)
    users, district = kit.of_kind(known, Kind.USERS), vendor.district
    people = {one.number: one for one in district.guardians}
    by_number = {row["identifier"]: row for row in users.values() if row["identifier"]}
    for student in district.students:
        row = by_number[str(student.person.number)]
        (agent,) = decode_list(row["agentSourcedIds"])
        person = people[student.guardians[0]]
        assert (users[agent]["givenName"], users[agent]["familyName"]) == (
            person.given_name,
            person.family_name,
        )
        assert users[agent]["enabledUser"] == "true"
        assert family(kit, known)[agent] == ("parent", row["primaryOrgSourcedId"])
    assert len(family(kit, known)) == len(district.students)
    assert items[-1].counts[Kind.USERS] == len(users)


def test_both_ways_tell_the_same_of_whom(vendor, kit):
    def read(way):
        known = kit.rows(kit.read(vendor.source(guardians="all", guardians_by=way)))
        users = kit.of_kind(known, Kind.USERS)
        # the query does not tell the account's name
        return {key: {**row, "username": None} for key, row in users.items()}, family(kit, known)

    assert read("each_student") == read("query")


def test_none_is_read_unless_asked_for(vendor, kit):
    items = kit.read(vendor.source())
    users = [item for item in items if isinstance(item, Batch) and item.kind is Kind.USERS]
    assert not any("agentSourcedIds" in batch.fields for batch in users)
    assert not any("/ws/contacts" in told or "/query/" in told for told in vendor.requests())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("kept", "roles"), [("custody", {"parent"}), ("all", FAMILY)])
def test_which_of_them(vendor, kit, way, kept, roles):
    """One without custody, one who is a relative, one who is active no more."""
    first, contact = student_of(vendor)
    tie = vendor.record("contacts", contact)["students"][0]
    vendor.edit("contacts", contact, students=[{**tie, "custodial": False}])
    vendor.put(
        "contacts",
        {
            **vendor.record("contacts", contact), "id": 8500, "account": None, "emails": ["f@x.example"],
            "students": [{**tie, "relationship": "Grandparent", "custodial": False}],
        },
    )  # fmt: skip
    vendor.put(
        "contacts",
        {
            **vendor.record("contacts", contact), "id": 8501,
            "students": [{**tie, "relationship": "Foster", "custodial": False}],
        },
    )  # fmt: skip
    _, second = student_of(vendor, 1)
    vendor.edit("contacts", second, active=False)
    known = kit.rows(kit.read(vendor.source(guardians=kept, guardians_by=way)))
    found = family(kit, known)
    assert {role for role, _ in found.values()} == roles
    assert f"contact:{second}" not in found
    agents = decode_list(known[Kind.USERS, f"student:{first}"]["agentSourcedIds"])
    assert len(agents) == (3 if kept == "all" else 0)
    if kept == "all":
        assert known[Kind.USERS, "contact:8500"]["username"] == "f@x.example"


@pytest.mark.parametrize("way", WAYS)
def test_a_parent_of_two_comes_once(vendor, kit, way):
    first, contact = student_of(vendor)
    second, other = student_of(vendor, 1)
    tie = vendor.record("contacts", contact)["students"][0]
    vendor.edit("contacts", contact, students=[tie, {**tie, "dcid": second}])
    vendor.remove("contacts", other)
    known = kit.rows(kit.read(vendor.source(guardians="custody", guardians_by=way)))
    for dcid in (first, second):
        agents = known[Kind.USERS, f"student:{dcid}"]["agentSourcedIds"]
        assert decode_list(agents) == [f"contact:{contact}"]
    roles = [
        row["roleType"]
        for row in kit.of_kind(known, Kind.ROLES).values()
        if row["userSourcedId"] == f"contact:{contact}"
    ]
    assert roles.count("primary") == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_change_brings_a_students_contacts_along(vendor, kit, way):
    source = vendor.source(guardians="custody", guardians_by=way)
    cursor = kit.read(source)[-1].cursor
    dcid, contact = student_of(vendor)
    vendor.edit("students", dcid, student_username="other")
    items = kit.read(source, Mode.INCREMENTAL, cursor)
    known = kit.rows(items)
    assert known[Kind.USERS, f"student:{dcid}"]["username"] == "other"
    agents = known[Kind.USERS, f"student:{dcid}"]["agentSourcedIds"]
    assert decode_list(agents) == [f"contact:{contact}"]
    assert (Kind.USERS, f"contact:{contact}") in known
    assert len(kit.of_kind(known, Kind.USERS)) == 2


def test_a_student_without_contacts(vendor, kit):
    dcid, contact = student_of(vendor)
    vendor.remove("contacts", contact)
    source = vendor.source(guardians="custody")
    source.check()
    known = kit.rows(kit.read(source))
    assert known[Kind.USERS, f"student:{dcid}"]["agentSourcedIds"] is None


def test_rows_that_are_grouped_by_table(vendor, kit):
    given = {"guardians": "custody", "guardians_by": "query", "enrollments_by": "query"}
    whole = kit.rows(kit.read(vendor.source(**given)))
    vendor.set(is_flat=False)
    assert kit.rows(kit.read(vendor.source(**given))) == whole


@pytest.mark.parametrize("size", [1, 7, 26, 100])
def test_a_query_page_by_page(vendor, kit, size):
    given = {"guardians": "custody", "guardians_by": "query", "enrollments_by": "query"}
    whole = kit.rows(kit.read(vendor.source(**given)))
    assert kit.rows(kit.read(vendor.source(page_size=size, **given))) == whole


def test_members_by_the_query_are_those_of_the_sections(vendor, kit):
    # one who was dropped, and a section of a year that is not synced
    row = vendor.record("enrollments", 90_000)
    vendor.edit("enrollments", 90_000, dropped=True)
    term = vendor.record("terms", 2000)
    vendor.put("terms", {**term, "id": 2999, "start_year": 2027})
    section = vendor.record("sections", 4000)
    vendor.put("sections", {**section, "id": 4999, "term_id": 2999})
    vendor.put("enrollments", {**row, "id": 99_999, "section_id": 4999})
    by_section = kit.rows(kit.read(vendor.source()))
    before = len(vendor.requests())
    by_query = kit.rows(kit.read(vendor.source(enrollments_by="query")))
    assert by_query == by_section
    asked = vendor.requests()[before:]
    assert not any("section_enrollment" in told for told in asked)
    assert len(asked) < before / 2


@pytest.mark.parametrize(
    ("name", "how", "told"),
    [
        ("miscount", {"value": 1}, "counts 27 and gave 26"),
        ("short", {}, "counts 26 and gave 9"),
        ("empty", {"after": 1}, "counts 26 and gave 10"),
    ],
)
def test_a_query_that_is_not_what_is_counted(vendor, name, how, told):
    vendor.fault(name, on="student.contacts", **how)
    source = vendor.source(guardians="custody", guardians_by="query", page_size=10)
    with pytest.raises(TransientConnectorError, match=told):
        list(source.read(ReadRequest(Mode.FULL)))


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"has_plugin": False}, r"404.*not installed.*query_prefix"),
        ({"may_read": False}, r"403.*<access_request>.*ViewOnly"),
    ],
)
@pytest.mark.parametrize("name", ["guardians_by", "enrollments_by"])
def test_a_plugin_that_lacks_something(vendor, name, setting, told):
    vendor.set(**setting)
    given = {"guardians": "custody", name: "query"}
    with pytest.raises(PermanentConnectorError, match=told):
        vendor.source(**given).check()
    with pytest.raises(PermanentConnectorError, match=told):
        list(vendor.source(**given).read(ReadRequest(Mode.FULL)))


@pytest.mark.parametrize(
    ("fault", "told"),
    [("denied", r"403.*may not read contacts.*guardians_by=query"), ("missing", r"404.*SIS 12\.0")],
)
def test_contacts_that_may_not_be_read(vendor, fault, told):
    vendor.fault(fault, times=99, on="/ws/contacts")
    with pytest.raises(PermanentConnectorError, match=told):
        vendor.source(guardians="custody").check()


def test_a_student_who_goes_before_the_contacts_are_asked_for(vendor):
    vendor.fault("remove", value=5000, on="/ws/contacts/student/5000")
    with pytest.raises(TransientConnectorError, match="gone"):
        list(vendor.source(guardians="custody").read(ReadRequest(Mode.FULL)))
