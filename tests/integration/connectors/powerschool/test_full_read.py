from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from connectors.district.generate import generate
from shared.domain.reading import Batch, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode

GRADES = {"KG": '["KG"]'} | {f"{n:02d}": f'["{n:02d}"]' for n in range(1, 13)}


def test_what_the_district_has_is_read(vendor, kit):
    """The district is compared by the numbers that people know, not by the server's ids."""
    district = vendor.district
    items = kit.read(vendor.source())
    assert not any(isinstance(item, Refused) for item in items)
    known = kit.rows(items)
    orgs = kit.of_kind(known, Kind.ORGS)
    assert {(o["identifier"], o["name"], o["type"]) for o in orgs.values()} == {
        (str(school.number), school.name, "school") for school in district.schools
    }
    number = {key: org["identifier"] for key, org in orgs.items()}
    users = kit.of_kind(known, Kind.USERS)
    students = {user["identifier"]: user for k, user in users.items() if k.startswith("student:")}
    demographics = {
        users[d["userSourcedId"]]["identifier"]: d
        for d in kit.of_kind(known, Kind.DEMOGRAPHICS).values()
    }
    assert len(students) == len(district.students)
    for student in district.students:
        person, got = student.person, students[str(student.person.number)]
        assert (got["givenName"], got["familyName"]) == (person.given_name, person.family_name)
        assert (got["middleName"], got["grades"]) == (person.middle_name, GRADES[student.grade])
        assert number[got["primaryOrgSourcedId"]] == str(student.school)
        assert (got["enabledUser"], got["username"]) == ("true", str(person.number))
        told = demographics[str(person.number)]
        assert (told["sex"], told["birthDate"]) == (person.sex, person.birth_date.isoformat())
    teachers = {user["identifier"]: user for k, user in users.items() if k.startswith("staff:")}
    assert {(t["identifier"], t["username"], t["email"]) for t in teachers.values()} == {
        (str(t.person.number), t.person.username, t.person.email) for t in district.teachers
    }
    roles = kit.of_kind(known, Kind.ROLES)
    assert {
        (users[r["userSourcedId"]]["identifier"], number[r["orgSourcedId"]], r["role"])
        for r in roles.values()
    } == {(str(s.person.number), str(s.school), "student") for s in district.students} | {
        (str(t.person.number), str(at), "teacher") for t in district.teachers for at in t.schools
    }


def test_classes_and_enrollments_are_read(vendor, kit):
    district = vendor.district
    known = kit.rows(kit.read(vendor.source()))
    users = kit.of_kind(known, Kind.USERS)
    classes = kit.of_kind(known, Kind.CLASSES)
    sessions = kit.of_kind(known, Kind.ACADEMIC_SESSIONS)
    titles = {course.number: course.name for course in district.courses}
    assert {c["classCode"]: c["title"] for c in classes.values()} == {
        str(s.number): f"{titles[s.course]} {s.number}" for s in district.sections
    }
    members = Counter(
        (classes[e["classSourcedId"]]["classCode"], users[e["userSourcedId"]]["identifier"],
         e["role"])
        for e in kit.of_kind(known, Kind.ENROLLMENTS).values()
    )  # fmt: skip
    assert members == Counter(
        [(str(s.number), str(who), "student") for s in district.sections for who in s.students]
        + [(str(s.number), str(s.teacher), "teacher") for s in district.sections]
    )
    # each school has terms of its own
    assert Counter((s["title"], s["startDate"], s["endDate"]) for s in sessions.values()) == {
        (t.name, t.start.isoformat(), (t.end + timedelta(days=1)).isoformat()): len(
            district.schools
        )
        for t in district.terms
    }


def test_every_reference_is_among_what_was_read(vendor, kit):
    known = kit.rows(kit.read(vendor.source()))
    for kind, field, target in (
        (Kind.COURSES, "orgSourcedId", Kind.ORGS),
        (Kind.CLASSES, "courseSourcedId", Kind.COURSES),
        (Kind.ROLES, "userSourcedId", Kind.USERS),
        (Kind.ENROLLMENTS, "classSourcedId", Kind.CLASSES),
        (Kind.ENROLLMENTS, "userSourcedId", Kind.USERS),
    ):
        targets = set(kit.of_kind(known, target))
        found = kit.of_kind(known, kind)
        assert found
        assert {values[field] for values in found.values()} <= targets


@pytest.mark.parametrize("page", [1, 4, 5])
@pytest.mark.parametrize(
    ("pages", "more"), [(0, 0), (0, 1), (1, -1), (1, 0), (1, 1), (2, 0)], ids=str
)
def test_paging(serve, kit, page, pages, more):
    number = pages * page + more
    with serve(kit.cut_to(generate("oak", seed=3, students=12), number)) as vendor:
        vendor.set(page_size=page)
        known = kit.rows(kit.read(vendor.source()))
        students = [key for key in kit.of_kind(known, Kind.USERS) if key.startswith("student:")]
        enrollments = kit.of_kind(known, Kind.ENROLLMENTS).values()
        assert len(students) == number
        assert sum(e["role"] == "student" for e in enrollments) == number
        sizes = {int(found) for told in vendor.requests()
                 for found in re.findall(r"pagesize=(\d+)", told)}  # fmt: skip
        assert sizes == {page}  # never more than the server's maximum, which refuses it


def test_the_page_size_is_the_least_of_setting_and_server(vendor, kit):
    vendor.set(page_sizes={"student": 7})
    kit.read(vendor.source(page_size=9))
    asked = {
        (re.sub(r".*/", "", told.partition("?")[0]), int(found))
        for told in vendor.requests()
        for found in re.findall(r"pagesize=(\d+)", told)
    }
    assert asked == {
        ("student", 7), *((name, 9) for name in ("school", "term", "course", "staff", "section",
                                                 "section_enrollment"))}  # fmt: skip


def test_who_has_left_is_left_out_and_who_will_come_is_not_enabled(vendor, kit):
    for dcid, (letter, code) in enumerate(
        [("P", -1), ("T", 2), ("G", 3), ("H", 4), ("I", 1)], start=6000
    ):
        enrolled = {"enroll_status": letter, "enroll_status_code": code}
        vendor.add_student(dcid, school_enrollment=enrolled)
    users = kit.of_kind(kit.rows(kit.read(vendor.source())), Kind.USERS)
    assert users["student:6000"]["enabledUser"] == "false"
    assert not {f"student:{dcid}" for dcid in range(6001, 6005)} & set(users)


def test_a_student_who_is_enrolled_between_the_two_lists_comes_once(vendor, kit):
    vendor.add_student(6000, school_enrollment={"enroll_status": "P", "enroll_status_code": -1})
    source, enrolled = vendor.source(), []

    def enroll(_seconds: float) -> None:
        enrolled.append(1)
        vendor.edit(
            "students", 6000, school_enrollment={"enroll_status": "A", "enroll_status_code": 0}
        )

    # the count of the second list is asked for twice: what happens in between is this
    vendor.fault("error", on="count?q=school_enrollment.enroll_status_code%3D%3D0")
    source = vendor.source(wait=enroll)
    users = kit.of_kind(kit.rows(kit.read(source)), Kind.USERS)
    assert enrolled == [1]
    assert "student:6000" in users


def test_dropped_enrollments_are_left_out(vendor, kit):
    before = kit.of_kind(kit.rows(kit.read(vendor.source())), Kind.ENROLLMENTS)
    vendor.edit("enrollments", 90_001, dropped=True)
    after = kit.of_kind(kit.rows(kit.read(vendor.source())), Kind.ENROLLMENTS)
    assert set(before) - set(after) == {"enrollment:90001"}


def test_graduated_students_are_no_school_and_are_not_counted(vendor, kit):
    vendor.put("schools", {"id": 999, "name": "Graduated Students", "school_number": 999999})
    orgs = kit.of_kind(kit.rows(kit.read(vendor.source())), Kind.ORGS)
    assert len(orgs) == len(vendor.district.schools)


def test_staff_of_two_schools_are_one_user_with_two_roles(serve, kit):
    district = generate("oak", seed=5, students=26)
    first, *others = district.teachers
    both = (district.schools[0].number, district.schools[1].number)
    shared = replace(district, teachers=(replace(first, schools=both), *others))
    with serve(shared) as vendor:
        known = kit.rows(kit.read(vendor.source()))
        users = kit.of_kind(known, Kind.USERS)
        (user,) = [k for k, u in users.items() if u["identifier"] == str(first.person.number)]
        roles = [r for r in kit.of_kind(known, Kind.ROLES).values() if r["userSourcedId"] == user]
        assert sorted(role["roleType"] for role in roles) == ["primary", "secondary"]
        assert len({role["orgSourcedId"] for role in roles}) == 2


def test_staff_who_are_not_active_are_left_out(vendor, kit):
    vendor.edit("staff", 60, _status=2)
    users = kit.of_kind(kit.rows(kit.read(vendor.source())), Kind.USERS)
    assert "staff:30" not in users


def _with_next_year(vendor) -> None:
    for school in (3, 5, 7):
        vendor.put(
            "terms",
            {"id": 3000 + school, "school_id": school, "start_year": 2027, "portion": 1,
             "start_date": "2027-08-19", "end_date": "2028-06-08", "name": "2027-2028"},
        )  # fmt: skip
    vendor.put(
        "sections",
        {"id": 4900, "school_id": 3, "course_id": 700, "staff_id": 60, "term_id": 3003,
         "section_number": 77, "expression": "1(A)"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("today", "start_year", "years"),
    [
        (date(2026, 7, 1), None, {"2027"}),  # none has begun: the first to come
        (date(2027, 5, 1), None, {"2027"}),  # next year's terms are there, and have not begun
        (date(2027, 8, 18), None, {"2027"}),
        (date(2027, 8, 19), None, {"2028"}),
        (date(2027, 5, 1), 2027, {"2028"}),
        (date(2027, 5, 1), 2020, set()),
    ],
)
def test_the_year_is_the_newest_that_has_begun(vendor, kit, today, start_year, years):
    _with_next_year(vendor)
    changes = {} if start_year is None else {"start_year": start_year}
    known = kit.rows(kit.read(vendor.source(today=today, **changes)))
    sessions = kit.of_kind(known, Kind.ACADEMIC_SESSIONS)
    assert {session["schoolYear"] for session in sessions.values()} == years
    named = {
        term
        for one in kit.of_kind(known, Kind.CLASSES).values()
        for term in re.findall(r"term:\d+", one["termSourcedIds"])
    }
    assert named <= set(sessions)
    assert ("section:4900" in kit.of_kind(known, Kind.CLASSES)) == (years == {"2028"})


def test_the_certificate(vendor, kit):
    items = kit.read(vendor.source())
    certificate = items[-1]
    counts = Counter()
    for item in items[:-1]:
        assert isinstance(item, Batch)
        counts[item.kind] += len(item.rows)
    assert certificate.counts == counts
    assert (certificate.mode, certificate.complete) == (Mode.FULL, frozenset(Kind))
    assert certificate.cursor.isdigit()
    # every list was compared with its count
    lists = [told for told in vendor.requests() if "page=1" in told.split("&")]
    counted = [told for told in vendor.requests() if "/count" in told]
    assert len(lists) == len(counted) > 10


def test_without_an_application_there_is_no_cursor(vendor, kit):
    certificate = kit.read(vendor.source(application_name=None))[-1]
    assert certificate.cursor is None
    assert not any("dataversion" in told for told in vendor.requests())


def test_the_fingerprint_tells_what_is_asked_for(vendor, kit):
    told = {
        kit.read(vendor.source(**changes))[-1].filter_fingerprint
        for changes in ({}, {"start_year": 2026}, {"start_year": 2027}, {"page_size": 5})
    }
    assert len(told) == 3


@pytest.mark.parametrize("day", [40, 130])
def test_moves_and_the_next_school_year(serve, kit, day):
    later = generate("fir", seed=5, students=120, day=day)
    with serve(generate("fir", seed=5, students=120)) as vendor:
        url = vendor.settings["url"].rsplit("/", 2)[0]
        assert vendor._http.post(f"{url}/_simulator/day", json={"day": day}).status_code == 200
        known = kit.rows(kit.read(vendor.source(start_year=later.terms[0].year)))
    users, classes = kit.of_kind(known, Kind.USERS), kit.of_kind(known, Kind.CLASSES)
    numbers = {key: row["identifier"] for key, row in kit.of_kind(known, Kind.ORGS).items()}
    found = {
        row["identifier"]: (numbers[row["primaryOrgSourcedId"]], row["grades"])
        for key, row in users.items()
        if key.startswith("student:")
    }
    assert found == {
        str(one.person.number): (str(one.school), f'["{one.grade}"]') for one in later.students
    }
    members = Counter(
        (classes[e["classSourcedId"]]["classCode"], users[e["userSourcedId"]]["identifier"])
        for e in kit.of_kind(known, Kind.ENROLLMENTS).values()
    )
    assert members == Counter(
        (str(section.number), str(number))
        for section in later.sections
        for number in (*section.students, section.teacher)
    )
    assert len({key for key in users if key.startswith("staff:")}) == len(later.teachers)
