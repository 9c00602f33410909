"""Reads by data version: what changed comes as a full read would give it, and nobody goes."""

from __future__ import annotations

import random

import httpx
import pytest

from connectors.district.generate import generate
from connectors.sdk import ReadRequest
from shared.domain.reading import Batch
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError


def cursor_of(items) -> str:
    return items[-1].cursor


def test_nothing_has_changed(vendor, kit):
    before = kit.read(vendor.source())
    items = kit.read(vendor.source(), Mode.INCREMENTAL, cursor_of(before))
    assert kit.rows(items) == {}
    assert cursor_of(items) == cursor_of(before)
    assert items[-1].mode is Mode.INCREMENTAL
    assert items[-1].complete == frozenset()


def test_the_first_is_a_full_one_and_says_so(vendor, kit):
    items = kit.read(vendor.source(), Mode.INCREMENTAL, None)
    assert items[-1].mode is Mode.FULL
    assert items[-1].complete == frozenset(Kind)
    assert cursor_of(items)


@pytest.mark.parametrize("cursor", [None, "16000000"])
def test_without_an_application_there_is_none(vendor, cursor):
    source = vendor.source(application_name=None)
    with pytest.raises(PermanentConnectorError, match="application_name"):
        list(source.read(ReadRequest(Mode.INCREMENTAL, cursor)))


def test_a_cursor_that_the_server_does_not_know(vendor):
    with pytest.raises(PermanentConnectorError, match=r"application_name.*full"):
        list(vendor.source().read(ReadRequest(Mode.INCREMENTAL, "yesterday")))


def test_what_changes_during_a_full_read_is_in_the_next(vendor, kit):
    """The cursor of a full read is older than the read."""
    reading = vendor.source(page_size=5).read(ReadRequest(Mode.FULL))
    first = next(reading)
    vendor.edit("students", 5003, name={"last_name": "Novu"})
    items = [first, *reading]
    changed = kit.rows(kit.read(vendor.source(), Mode.INCREMENTAL, cursor_of(items)))
    assert changed[Kind.USERS, "student:5003"]["familyName"] == "Novu"


def _edit(vendor, dice: random.Random, place: int) -> None:
    """Change something that removes nobody."""
    student, section = 5000 + dice.randrange(26), 4000 + dice.randrange(9)
    match dice.randrange(11):
        case 0:
            vendor.edit("students", student, name={"last_name": f"Novu{place}"})
        case 1:
            vendor.edit("students", student, contact_info={"email": f"n{place}@oak.example"})
        case 2:
            vendor.edit("students", student, student_username=f"n{place}")
        case 3:
            vendor.add_student(6000 + place)
            vendor.put(
                "enrollments",
                {"id": 95_000 + place, "section_id": section, "student_id": 6000 + place,
                 "entry_date": "2026-11-02", "exit_date": "2027-06-10", "dropped": False},
            )  # fmt: skip
        case 4:
            vendor.edit("staff", 60 + dice.randrange(6), name={"last_name": f"Novu{place}"})
        case 5:
            school = vendor.record("sections", section)["school_id"]
            staff = {3: 60, 5: 62, 7: 64}
            vendor.edit("sections", section, staff_id=staff[school] + dice.randrange(2))
        case 6:
            vendor.edit("courses", 700 + dice.randrange(5), course_name=f"Course {place}")
        case 7:
            vendor.edit("schools", dice.choice((3, 5, 7)), name=f"School {place}")
        case 8:
            vendor.edit("terms", 2000 + dice.randrange(9), name=f"Term {place}")
        case 9:
            vendor.edit("sections", section, expression=f"{place}(A)")
        case 10:
            vendor.edit("enrollments", 90_000 + dice.randrange(40), entry_date="2026-10-01")


@pytest.mark.parametrize("seed", range(8))
def test_incremental_after_edits_is_as_full(vendor, kit, seed):
    dice = random.Random(seed)
    items = kit.read(vendor.source())
    known = kit.rows(items)
    place = 0
    for _ in range(2):
        for _ in range(4):
            _edit(vendor, dice, place)
            place += 1
        items = kit.read(vendor.source(), Mode.INCREMENTAL, cursor_of(items))
        changed = kit.rows(items)
        assert changed
        known |= changed
    assert known == kit.rows(kit.read(vendor.source()))


def test_it_removes_nobody(vendor, kit):
    items = kit.read(vendor.source())
    known = kit.rows(items)
    vendor.edit("students", 5004, school_enrollment={"enroll_status_code": 2, "enroll_status": "T"})
    vendor.remove("students", 5005)
    vendor.remove("sections", 4001)
    vendor.remove("courses", 701)
    vendor.remove("terms", 2001)
    vendor.edit("staff", 61, _status=2)
    vendor.edit("enrollments", 90_002, dropped=True, exit_date="2026-11-02")
    vendor.remove("enrollments", 90_003)
    after = kit.read(vendor.source(), Mode.INCREMENTAL, cursor_of(items))
    assert not any(item.deleted for item in after if isinstance(item, Batch))
    changed = kit.rows(after)
    assert set(changed) == {
        (Kind.USERS, "student:5004"),
        (Kind.ROLES, "role:student:5004@" + changed[Kind.USERS, "student:5004"][
            "primaryOrgSourcedId"].removeprefix("school:")),
        (Kind.DEMOGRAPHICS, "student:5004"),
    }  # fmt: skip
    assert changed[Kind.USERS, "student:5004"]["enabledUser"] == "false"
    whole = kit.rows(kit.read(vendor.source()))
    gone = set(known) - set(whole)
    assert {
        (Kind.USERS, "student:5004"),
        (Kind.USERS, "student:5005"),
        (Kind.USERS, "staff:31"),
        (Kind.CLASSES, "section:4001"),
        (Kind.ENROLLMENTS, "enrollment:90002"),
        (Kind.ENROLLMENTS, "enrollment:90003"),
    } <= gone


def test_an_enrollment_that_is_over_does_not_come_to_be(vendor, kit):
    items = kit.read(vendor.source())
    vendor.put(
        "enrollments",
        {"id": 96_000, "section_id": 4000, "student_id": 5000, "entry_date": "2026-09-01",
         "exit_date": "2026-09-03", "dropped": True},
    )  # fmt: skip
    assert kit.rows(kit.read(vendor.source(), Mode.INCREMENTAL, cursor_of(items))) == {}


def test_what_belongs_to_another_year_does_not_come(vendor, kit):
    items = kit.read(vendor.source())
    vendor.put(
        "terms",
        {"id": 1900, "school_id": 3, "start_year": 2025, "portion": 1,
         "start_date": "2025-08-20", "end_date": "2026-06-09", "name": "2025-2026"},
    )  # fmt: skip
    vendor.put(
        "sections",
        {"id": 3900, "school_id": 3, "course_id": 700, "staff_id": 60, "term_id": 1900,
         "section_number": 5, "expression": "1(A)"},
    )  # fmt: skip
    vendor.put(
        "enrollments",
        {"id": 96_000, "section_id": 3900, "student_id": 5000, "entry_date": "2025-09-01",
         "exit_date": "2026-06-10", "dropped": False},
    )  # fmt: skip
    assert kit.rows(kit.read(vendor.source(), Mode.INCREMENTAL, cursor_of(items))) == {}


def test_ids_that_the_server_does_not_have(vendor, kit):
    items = kit.read(vendor.source())
    for table in ("students", "sections", "enrollments", "terms", "courses", "schools"):
        first = {"students": 5000, "sections": 4000, "enrollments": 90_000, "terms": 2000,
                 "courses": 700, "schools": 3}[table]  # fmt: skip
        record = vendor.record(table, first)
        vendor.put(table, record | {"id": 99_999})
        vendor.remove(table, 99_999)
    assert kit.rows(kit.read(vendor.source(), Mode.INCREMENTAL, cursor_of(items))) == {}


def test_only_what_changed_is_asked_for(vendor, kit):
    items = kit.read(vendor.source())
    vendor.edit("students", 5003, name={"last_name": "Novu"})
    before = len(vendor.requests())
    kit.read(vendor.source(), Mode.INCREMENTAL, cursor_of(items))
    asked = [told.partition("?")[0] for told in vendor.requests()[before:]]
    assert asked == [
        "POST /oauth/access_token",
        f"GET /ws/dataversion/bellringer/{cursor_of(items)}",
        "GET /ws/v1/student/5003",
    ]


def test_the_day_after_is_read_by_its_data_version_as_in_full(serve, kit):
    district = generate("oak", seed=7, students=300)
    with serve(district) as vendor:
        full = kit.read(vendor.source())
        day = vendor.settings["url"].rpartition("/oak/")[0] + "/_simulator/day"
        assert httpx.post(day, json={"day": 2}, trust_env=False).status_code == 200
        changes = kit.read(vendor.source(), Mode.INCREMENTAL, full[-1].cursor)
        again = kit.read(vendor.source())
    users = kit.of_kind(kit.rows(changes), Kind.USERS)
    assert 0 < len(users) < 30
    now = kit.of_kind(kit.rows(again), Kind.USERS)
    assert {key: row for key, row in users.items() if key in now} == {
        key: now[key] for key in users if key in now
    }
    joined = set(now) - set(kit.of_kind(kit.rows(full), Kind.USERS))
    assert joined
    assert joined <= set(users)
