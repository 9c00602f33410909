"""What the API holds is what a full read gives, whatever the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from connectors import registry
from connectors.district.generate import generate
from connectors.network import LocalPacer, Network
from connectors.oneroster.rest.source import OneRosterRest
from connectors.sdk import ReadRequest
from connectors.vendors.facts.source import open_facts
from shared.domain.reading import Batch, ReadCertificate
from shared.domain.records import Kind, decode_list
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError


def test_the_whole_district(vendor, kit):
    items = kit.read(vendor.source())
    known, district = kit.rows(items), vendor.district
    assert kit.refused(items) == []
    people = {
        f"person:{one.number}": one
        for one in (
            *(teacher.person for teacher in district.teachers),
            *(student.person for student in district.students),
            *district.guardians,
        )
    }
    users = kit.of_kind(known, Kind.USERS)
    assert users.keys() == people.keys()
    for key, person in people.items():
        told = users[key]
        assert (told["givenName"], told["familyName"], told["middleName"], told["email"]) == (
            person.given_name,
            person.family_name,
            person.middle_name,
            person.email,
        )
        assert (told["username"], told["enabledUser"]) == (person.username, "true")
    for student in district.students:
        told = users[f"person:{student.person.number}"]
        assert decode_list(told["agentSourcedIds"]) == [f"person:{n}" for n in student.guardians]
        assert decode_list(told["grades"]) == [student.grade]
        born = kit.of_kind(known, Kind.DEMOGRAPHICS)[f"person:{student.person.number}"]
        assert (born["birthDate"], born["sex"]) == (
            str(student.person.birth_date),
            student.person.sex,
        )
    roles = {(row["userSourcedId"], row["role"]) for row in kit.of_kind(known, Kind.ROLES).values()}
    assert {(f"person:{t.person.number}", "teacher") for t in district.teachers} <= roles
    family = {(user, role) for user, role in roles if role in {"parent", "guardian"}}
    assert {user for user, _ in family} == {f"person:{one.number}" for one in district.guardians}
    members = {
        (row["classSourcedId"], row["userSourcedId"], row["role"])
        for row in kit.of_kind(known, Kind.ENROLLMENTS).values()
    }
    assert members == {
        (f"class:{section.number}", f"person:{number}", role)
        for section in district.sections
        for role, numbers in (("student", section.students), ("teacher", (section.teacher,)))
        for number in numbers
    }
    # only this year's classes, each in the terms that it is taught in
    classes = kit.of_kind(known, Kind.CLASSES)
    assert classes.keys() == {f"class:{section.number}" for section in district.sections}
    sessions = kit.of_kind(known, Kind.ACADEMIC_SESSIONS)
    for section in district.sections:
        taught = decode_list(classes[f"class:{section.number}"]["termSourcedIds"])
        assert len(taught) == (2 if section.term == 1 else 1)
        assert set(taught) <= sessions.keys()
    year = sessions["year:14@1"]
    # the end is the day after FACTS' last day
    assert (year["startDate"], year["endDate"], year["schoolYear"]) == (
        "2026-08-20",
        "2027-06-10",
        "2027",
    )
    certificate = items[-1]
    assert certificate.complete == frozenset(Kind)
    assert certificate.counts == {kind: len(kit.of_kind(known, kind)) for kind in Kind}
    assert certificate.cursor is None


def test_every_reference_is_to_what_is_read(vendor, kit):
    from shared.domain.records import FIELDS

    known = kit.rows(kit.read(vendor.source()))
    for (kind, _), row in known.items():
        for field in FIELDS[kind]:
            if field.ref is not None and row.get(field.name):
                value = row[field.name]
                for key in decode_list(value) if field.many else [value]:
                    assert (field.ref, key) in known


@pytest.mark.parametrize("students", [1, 4, 5, 6])
def test_pages_at_their_boundaries(vendor, kit, students):
    for student in vendor.district.students[students:]:
        vendor.remove("students", student.person.number)
    whole = kit.rows(kit.read(vendor.source()))
    paged = kit.rows(kit.read(vendor.source(page_size=5)))
    assert paged == whole
    users = kit.of_kind(paged, Kind.USERS)
    assert len(users) == len(vendor.district.teachers) + 2 * students


def test_no_students_is_an_empty_kind_and_no_error(vendor, kit):
    for student in vendor.district.students:
        vendor.remove("students", student.person.number)
    known = kit.rows(kit.read(vendor.source()))
    assert kit.of_kind(known, Kind.DEMOGRAPHICS) == {}
    assert len(kit.of_kind(known, Kind.USERS)) == len(vendor.district.teachers)


def test_a_server_that_gives_shorter_pages(vendor, kit):
    whole = kit.rows(kit.read(vendor.source()))
    vendor.set(page_size=3)
    assert kit.rows(kit.read(vendor.source(page_size=50))) == whole


def test_people_are_joined_in_batches(serve, kit):
    district = generate("elm", seed=3, students=410)
    with serve(district) as vendor:
        kit.read(vendor.source())
        asked = [told for told in vendor.requests() if told.startswith("GET /People?")]
    # 410 students and their parents, the staff, at 200 a request, each list with a rest
    assert len(asked) <= 7
    assert all(told.count("%7C") <= 199 for told in asked)


def test_the_other_number_of_a_student_is_somebody_else(vendor, kit):
    """`personStudentId` resolves in /People, to another person: no join goes by it."""
    student = vendor.district.students[0].person.number
    other = vendor.record("students", student)["personStudentId"]
    told = vendor.get(f"/People/{other}").json()
    assert told["personId"] == vendor.district.students[1].person.number
    assert vendor.get(f"/Students/{other}").json()["studentId"] == student
    users = kit.of_kind(kit.rows(kit.read(vendor.source())), Kind.USERS)
    assert users[f"person:{student}"]["familyName"] != told["lastName"]
    assert not any(str(other) in told for told in vendor.requests() if "personStudentId" in told)


def test_whoever_has_left_is_not_read(vendor, kit):
    student = vendor.district.students[0].person.number
    held = vendor.record("students", student)
    vendor.edit("students", student, school={**held["school"], "status": "Withdrawn"})
    known = kit.rows(kit.read(vendor.source()))
    assert (Kind.USERS, f"person:{student}") not in known
    assert (Kind.USERS, f"person:{600_000_000}") not in known
    # the classes may still list them
    assert not any(key.endswith(f"/{student}") for _, key in known)
    items = kit.read(vendor.source(student_statuses="Enrolled,Withdrawn"))
    users = kit.of_kind(kit.rows(items), Kind.USERS)
    assert users[f"person:{student}"]["enabledUser"] == "false"


@pytest.mark.parametrize(("guardians", "count"), [("custody", 24), ("all", 25), ("none", 0)])
def test_which_parents_are_read(vendor, kit, guardians, count):
    first, second = vendor.district.students[:2]
    vendor.edit("parents", first.guardians[0], first.person.number, custody=False)
    vendor.edit("people", second.guardians[0], deceased=True)
    items = kit.read(vendor.source(guardians=guardians))
    known = kit.rows(items)
    family = [
        row
        for row in kit.of_kind(known, Kind.ROLES).values()
        if row["role"] in {"parent", "guardian", "relative"}
    ]
    assert len(family) == count
    users = [i for i in items if isinstance(i, Batch) and i.kind is Kind.USERS]
    # what is not read is not told either: the hub leaves it alone
    assert all(("agentSourcedIds" in one.fields) == (guardians != "none") for one in users)
    assert any("ParentStudent" in told for told in vendor.requests()) == (guardians != "none")


def test_a_teacher_who_is_a_parent_comes_once(vendor, kit):
    teacher = vendor.district.teachers[0].person.number
    student = vendor.district.students[0].person.number
    vendor.put(
        "parents", teacher, student, parentID=teacher, studentID=student, custody=True,
        relationship="Step-Father", grandparent=False,
    )  # fmt: skip
    known = kit.rows(kit.read(vendor.source()))
    roles = {
        row["role"]: row["roleType"]
        for row in kit.of_kind(known, Kind.ROLES).values()
        if row["userSourcedId"] == f"person:{teacher}"
    }
    assert roles == {"teacher": "primary", "parent": "secondary"}
    agents = known[Kind.USERS, f"person:{student}"]["agentSourcedIds"]
    assert f"person:{teacher}" in decode_list(agents)


def test_a_class_that_a_list_holds_twice(vendor, kit):
    whole = kit.rows(kit.read(vendor.source()))
    vendor.set(repeats=True)
    assert kit.rows(kit.read(vendor.source(page_size=7))) == whole


def test_the_year_is_told_by_its_days(vendor, kit):
    """Of 9, 14 and 31 the middle one runs; before it began, the one before it did."""

    def classes(**changes):
        known = kit.rows(kit.read(vendor.source(**changes)))
        return kit.of_kind(known, Kind.CLASSES).keys(), kit.of_kind(known, Kind.ACADEMIC_SESSIONS)

    now, _ = classes()
    past, sessions = classes(today=date(2026, 7, 1))
    assert len(past) == len(now) > 0
    assert past.isdisjoint(now)
    assert {row["schoolYear"] for row in sessions.values()} == {"2026"}
    assert classes(start_year=2025)[0] == past
    assert classes(start_year=2026, today=date(2026, 7, 1))[0] == now
    assert classes(start_year=2027)[0] == set()
    with pytest.raises(PermanentConnectorError, match="start_year"):
        kit.read(vendor.source(start_year=2031))


def test_what_is_no_record_is_refused_by_itself(vendor, kit):
    first, second, third, fourth = (one.person.number for one in vendor.district.students[:4])
    vendor.remove("people", first)
    vendor.edit("students", second, configSchoolId=77, schoolCode="NOWHERE")
    vendor.edit("students", third, birthdate="someday")
    vendor.edit("courses", 501, schoolCode="NOWHERE")
    items = kit.read(vendor.source())
    told = {(one.kind, one.external_id): one.field for one in kit.refused(items)}
    assert told[Kind.USERS, f"person:{first}"] == "studentId"
    assert told[Kind.USERS, f"person:{second}"] == "configSchoolId"
    assert told[Kind.DEMOGRAPHICS, f"person:{third}"] == "birthdate"
    assert told[Kind.COURSES, "course:501"] == "schoolCode"
    assert {field for (kind, _), field in told.items() if kind is Kind.CLASSES} == {"courseID"}
    known = kit.rows(items)
    assert {(Kind.USERS, f"person:{key}") for key in (third, fourth)} <= known.keys()
    # whoever is refused is still where they were, and so is who is in a class that is refused
    members = kit.of_kind(known, Kind.ENROLLMENTS)
    assert {key for key in members if key.endswith(f"/{first}")}
    refused = {key for kind, key in told if kind is Kind.ENROLLMENTS}
    section = next(one for one in vendor.district.sections if one.course == "HOM100")
    assert f"teaching:{section.number}/{section.teacher}" in refused
    assert {f"enrollment:{section.number}/{number}" for number in section.students} <= refused


def test_a_day_that_goes_by(serve, kit):
    district = generate("ash", seed=5, students=200)
    with serve(district) as vendor:
        kit.read(vendor.source())
        later = generate("ash", seed=5, students=200, day=3)
        url = vendor.settings["url"].rsplit("/", 2)[0]
        assert vendor._http.post(f"{url}/_simulator/day", json={"day": 3}).status_code == 200
        known = kit.rows(kit.read(vendor.source()))
    students = {
        row["userSourcedId"]
        for row in kit.of_kind(known, Kind.ROLES).values()
        if row["role"] == "student"
    }
    assert students == {f"person:{student.person.number}" for student in later.students}
    assert len(later.students) != len(district.students)


def test_both_limits_hold_over_all_who_use_a_subscription(vendor, kit):
    """Two readers of one subscription: never more than 10 in a second or 100 in a minute."""
    at, turns = [1000.0], []

    class Noted(LocalPacer):
        def take(self, account, rates, longest_s):
            wait_s = super().take(account, rates, longest_s)
            turns.append(at[0] + wait_s)
            return wait_s

    network = replace(kit.here, pacer=Noted(clock=lambda: at[0]))
    assert isinstance(network, Network)

    def wait(seconds):
        at[0] += seconds

    limits = {"requests_per_second": 10, "requests_per_minute": None, "page_size": 3}
    first, second = (
        vendor.source(network=network, wait=wait, **limits).read(ReadRequest(Mode.FULL))
        for _ in range(2)
    )
    left = [first, second]
    while left:
        left = [one for one in left if next(one, None) is not None]
    assert len(turns) > 150
    for period_s, most in ((1.0, 10), (60.0, 100)):
        for start in turns:
            assert sum(start <= turn < start + period_s - 1e-6 for turn in turns) <= most
    # the minute's limit is used, not only kept
    assert turns[-1] - turns[0] < 60.0 * len(turns) / 85


def test_by_oneroster(pool, kit):
    """The same connector reads FACTS' OneRoster services by the standard's engine."""
    _, given = pool("oneroster_rest")
    config = registry.parse_config(registry.get("facts"), {"interface": "oneroster", **given})
    source = open_facts(config, kit.here)
    assert isinstance(source, OneRosterRest)
    source.check()
    items = list(source.read(ReadRequest(Mode.FULL)))
    assert isinstance(items[-1], ReadCertificate)
    assert items[-1].counts[Kind.DEMOGRAPHICS] == kit.students
    assert items[-1].cursor is None
    config = registry.parse_config(
        registry.get("facts"), {"interface": "oneroster", **given, "client_secret": "wrong"}
    )
    with pytest.raises(PermanentConnectorError, match=r"^facts: "):
        open_facts(config, kit.here).check()


@pytest.mark.parametrize("day", [40, 130])
def test_moves_and_the_next_school_year(serve, kit, day):
    """The year that ends keeps its classes and their members; the next has its own."""
    district = generate("fir", seed=5, students=120)
    later = generate("fir", seed=5, students=120, day=day)
    with serve(district) as vendor:
        url = vendor.settings["url"].rsplit("/", 2)[0]
        assert vendor._http.post(f"{url}/_simulator/day", json={"day": day}).status_code == 200
        items = kit.read(vendor.source(start_year=later.terms[0].year))
        before = kit.rows(kit.read(vendor.source(start_year=2026)))
    assert kit.refused(items) == []
    known = kit.rows(items)
    schools = {row["identifier"]: key for key, row in kit.of_kind(known, Kind.ORGS).items()}
    for student in later.students:
        told = known[Kind.USERS, f"person:{student.person.number}"]
        assert told["primaryOrgSourcedId"] == schools[f"S{student.school}-CA"]
        assert decode_list(told["grades"]) == [student.grade]
    members = {
        (row["classSourcedId"], row["userSourcedId"])
        for row in kit.of_kind(known, Kind.ENROLLMENTS).values()
        if row["role"] == "student"
    }
    assert members == {
        (f"class:{section.number}", f"person:{number}")
        for section in later.sections
        for number in section.students
    }
    classes = kit.of_kind(before, Kind.CLASSES)
    assert classes.keys() >= {f"class:{section.number}" for section in later.sections} or day > 99
    assert classes
