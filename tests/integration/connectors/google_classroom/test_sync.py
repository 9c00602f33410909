"""From the student system through the hub to Google, and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from shared.db.hub_tables import HUB
from shared.db.review_views import list_plan_rows
from shared.db.tenants import set_rollover
from shared.domain.records import Kind
from shared.domain.rollover import Rollover
from shared.roster.provisions import count_not_done, list_not_done, record_answers
from shared.roster.why_value import why_value
from tests.integration.connectors.google_classroom.conftest import Schools


def test_courses_and_members_are_made_once_and_an_unchanged_roster_writes_nothing(
    schools: Schools,
) -> None:
    job = schools.sync()
    assert (job.counts["classes"]["created"], job.reason) == (6, None)
    for place in range(6):
        course, section = schools.course(place), schools.section(place)
        assert schools.google.members(course["id"]) == schools.emails(section.students)
        assert schools.google.members(course["id"], "teachers") == schools.emails([section.teacher])
        assert (course["courseState"], course["room"]) == ("ACTIVE", section.room)
    # teachers before students, so that no course is without one
    made = [one for one in schools.google.writes() if "/teachers" in one or "/students" in one]
    assert [("/teachers" in one) for one in made] == sorted(
        (("/teachers" in one) for one in made), reverse=True
    )
    assert len(schools.links(Kind.ENROLLMENTS)) == len(schools.hub(Kind.ENROLLMENTS))

    job = schools.sync()
    assert schools.google.writes() == []
    assert not job.counts["classes"]["created"] + job.counts["enrollments"]["created"]
    schools.run("google")
    assert schools.google.writes() == []
    # who asks why a title is what it is hears that Google was sent it
    class_id = next(iter(schools.hub(Kind.CLASSES)))
    with schools.database.read() as connection:
        told = why_value(connection, schools.tenant_id, Kind.CLASSES, class_id, "title")
    assert [one["app"] for one in told["written_to"]] == ["google"]


def test_a_plan_shows_what_would_be_made_and_ended_and_writes_nothing(both: Schools) -> None:
    both.run("sis")
    planned = both.run("google", is_plan=True)
    assert both.google.writes() == []
    made = both.run("google")
    counts = made.counts
    assert planned.plan["counts"] == {
        kind: {"creates": counts[kind]["created"]} for kind in ("classes", "enrollments")
    }
    assert made.plan["counts"] == planned.plan["counts"]

    gone, *rest = both.section(0).students
    both.change(0, students=tuple(rest))
    both.run("sis")
    planned = both.run("google", is_plan=True)
    assert planned.plan["counts"] == {"enrollments": {"ends": 1}}
    with both.database.read() as connection:
        (row,) = list_plan_rows(connection, planned.id, ops=("ends",))
    assert row["school_name"] is not None
    assert both.google.members(both.course(0)["id"]) >= both.emails([gone])


def test_who_leaves_a_class_is_taken_out_and_who_joins_is_put_in(schools: Schools) -> None:
    schools.sync()
    schools.google.writes()
    gone, *rest = schools.section(0).students
    new = next(
        s.person.number
        for s in schools.district.students
        if s.person.email and s.person.number not in schools.section(0).students
    )
    schools.change(0, students=(*rest, new))
    counts = schools.sync().counts["enrollments"]
    assert (counts["created"], counts["ended"]) == (1, 1)
    course = schools.course(0)["id"]
    assert schools.google.members(course) == schools.emails([*rest, new])
    assert [one.split()[0] for one in schools.google.writes()] == ["POST", "DELETE"]
    schools.sync()
    assert schools.google.writes() == []
    # and back again: the membership has the id that it had
    schools.change(0, students=(gone, *rest, new))
    assert schools.sync().counts["enrollments"]["created"] == 1
    assert schools.google.members(course) == schools.emails([gone, *rest, new])


def test_another_teacher_gets_the_course_before_its_owner_leaves_it(schools: Schools) -> None:
    schools.sync()
    old = schools.section(0).teacher
    new = next(t.person.number for t in schools.district.teachers if t.person.number != old)
    schools.change(0, teacher=new)
    schools.google.writes()
    counts = schools.sync().counts["enrollments"]
    assert (counts["created"], counts["ended"], counts["rejected"]) == (1, 1, 0)
    course = schools.course(0)
    assert schools.google.members(course["id"], "teachers") == schools.emails([new])
    (email,) = schools.emails([new])
    assert course["ownerId"] == schools.google.account(email)["id"]


def test_a_class_that_ends_is_archived_with_its_members_and_comes_back(both: Schools) -> None:
    both.sync()
    whole, course = both.district, both.course(0)
    members = both.google.members(course["id"])

    both.put(replace(whole, sections=whole.sections[1:]))
    both.google.writes()
    job = both.sync()
    assert job.counts["classes"]["ended"] == 1
    assert job.counts["enrollments"]["ended"] == 0
    assert len(both.google.writes()) == 1
    assert both.google.api("GET", f"/v1/courses/{course['id']}")["courseState"] == "ARCHIVED"
    assert both.google.members(course["id"]) == members
    assert course["id"] not in both.links(Kind.CLASSES)
    assert not [key for key in both.links(Kind.ENROLLMENTS) if key.startswith(course["id"])]
    # the archived course brings nobody back
    job = both.sync()
    assert both.google.writes() == []
    assert (job.counts["enrollments"]["restored"], job.counts["enrollments"]["added"]) == (0, 0)

    both.put(whole)
    assert both.sync().counts["classes"]["created"] == 1
    assert both.course(0)["id"] == course["id"]
    assert both.course(0)["courseState"] == "ACTIVE"
    assert both.google.members(course["id"]) == members


def test_what_teachers_change_in_google_comes_back(both: Schools) -> None:
    both.sync()
    course = both.course(0)["id"]
    out = next(
        s.person
        for s in both.district.students
        if s.person.email and s.person.number not in both.section(0).students
    )
    added = both.google.account(out.email or "")["id"]
    both.google.api("POST", f"/v1/courses/{course}/students", {"userId": added})
    both.google.api("PATCH", f"/v1/courses/{course}", {"name": "Wood and metal"}, updateMask="name")
    job = both.sync()
    assert (job.counts["enrollments"]["added"], job.counts["classes"]["updated"]) == (1, 1)
    sourced_id = both.links(Kind.CLASSES)[course]
    assert both.hub(Kind.CLASSES)[sourced_id].title == "Wood and metal"
    enrolled = both.hub(Kind.ENROLLMENTS)[both.links(Kind.ENROLLMENTS)[f"{course}:student:{added}"]]
    assert enrolled.class_sourced_id == sourced_id
    # Google knows no both: it is the class's
    assert enrolled.school_sourced_id == both.hub(Kind.CLASSES)[sourced_id].school_sourced_id
    # a teacher takes out again whom only Google knew
    both.google.writes()
    both.google.api("DELETE", f"/v1/courses/{course}/students/{added}")
    assert both.sync().counts["enrollments"]["removed"] == 1
    both.google.writes()
    both.sync()
    assert both.google.writes() == []


def test_a_title_that_changes_in_the_student_system_reaches_google(schools: Schools) -> None:
    schools.sync()
    schools.change(0, room="Gym 2")
    schools.google.writes()
    assert schools.sync().counts["classes"]["written"] == 1
    (write,) = schools.google.writes()
    assert write.endswith("?updateMask=room")
    assert schools.course(0)["room"] == "Gym 2"
    schools.sync()
    assert schools.google.writes() == []


class _DiedError(Exception):
    pass


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_death_between_google_and_our_database_makes_nothing_twice(
    schools: Schools, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    schools.run("sis")
    told = iter(range(100))

    def dies(*given: Any) -> None:
        if next(told) == batches:
            raise _DiedError
        record_answers(*given)

    with monkeypatch.context() as patched:
        patched.setattr("workers.provisioning.record_answers", dies)
        schools.run("google", fails=_DiedError)
    counts = schools.run("google").counts
    assert len(schools.google.api("GET", "/v1/courses")["courses"]) == 6
    assert counts["classes"]["rejected"] == counts["enrollments"]["rejected"] == 0
    for number in range(6):
        course = schools.course(number)["id"]
        assert schools.google.members(course) == schools.emails(schools.section(number).students)
    schools.google.writes()
    schools.run("google")
    assert schools.google.writes() == []
    assert len(schools.links(Kind.ENROLLMENTS)) == len(schools.hub(Kind.ENROLLMENTS))


def test_an_answer_that_is_lost_is_no_reason_to_make_it_twice(schools: Schools) -> None:
    schools.google.fault("lost", times=2, on="POST /v1/courses")
    schools.google.fault("lost", on="/students", after=20)
    job = schools.sync()
    assert (job.counts["classes"]["created"], job.reason) == (6, None)
    assert len(schools.google.api("GET", "/v1/courses")["courses"]) == 6


def test_a_member_whom_google_alone_knows_goes_with_the_class(schools: Schools) -> None:
    schools.sync()
    course = schools.course(0)["id"]
    inside = set(schools.section(0).students)
    out = next(s.person for s in schools.district.students
               if s.person.email and s.person.number not in inside)  # fmt: skip
    body = {"userId": schools.google.account(out.email or "")["id"]}
    schools.google.api("POST", f"/v1/courses/{course}/students", body)
    assert schools.sync().counts["enrollments"]["added"] == 1
    schools.put(replace(schools.district, sections=schools.district.sections[1:]))
    assert schools.sync().counts["classes"]["ended"] == 1
    # the next read does not bring the member, and nobody else has it
    job = schools.sync()
    assert (job.counts["enrollments"]["removed"], job.reason) == (1, None)
    assert len(schools.hub(Kind.ENROLLMENTS)) == len(schools.links(Kind.ENROLLMENTS))
    assert schools.sync().reason is None


def test_a_student_who_becomes_a_teacher_changes_the_list(schools: Schools) -> None:
    schools.sync()
    student = next(s for s in schools.district.students
                   if s.person.number == schools.section(0).students[0])  # fmt: skip
    # the enrollment is another one at Google, whatever it is in the student system
    with schools.database.write() as connection:
        hub = HUB[Kind.ENROLLMENTS]
        user = select(HUB[Kind.USERS].c.sourced_id).where(
            HUB[Kind.USERS].c.identifier == str(student.person.number)
        )
        connection.execute(
            update(hub).where(hub.c.user_sourced_id.in_(user)).values(role="teacher")
        )
    taught = [n for n in range(6) if student.person.number in schools.section(n).students]
    assert schools.run("google").counts["enrollments"]["ended"] == len(taught)
    counts = schools.run("google").counts["enrollments"]
    assert (counts["created"], counts["rejected"]) == (len(taught), 0)
    course = schools.course(taught[0])["id"]
    assert student.person.email in schools.google.members(course, "teachers")
    assert student.person.email not in schools.google.members(course)


def test_nothing_is_ended_while_removals_are_suspended(schools: Schools) -> None:
    schools.sync()
    schools.change(0, students=schools.section(0).students[1:])
    schools.run("sis")
    now, day = datetime.now(UTC), timedelta(days=1)
    set_rollover(schools.gate, "oak", Rollover("removals", now - day, now + day, "UTC"))
    job = schools.run("google")
    assert job.counts["enrollments"]["kept"] == 1
    assert "1 records were not ended at the vendor" in job.reason


def test_what_google_rejects_is_told_and_tried_again(schools: Schools) -> None:
    schools.run("sis")
    schools.google.set(members=2)
    job = schools.run("google")
    rejected = job.counts["enrollments"]["rejected"]
    assert rejected > 0
    assert "rejected" in job.reason
    with schools.database.read() as connection:
        told = list_not_done(connection, job.id)
        assert len(list_not_done(connection, job.id, limit=1)) == 1
        assert count_not_done(connection, job.id) == len(told) == rejected
    assert {one["reason"] for one in told} == {"the course has as many members as Google allows"}
    schools.google.set(members=1000)
    job = schools.run("google")
    assert (job.counts["enrollments"]["created"], job.reason) == (rejected, None)


def test_nobody_is_removed_in_masses(schools: Schools) -> None:
    schools.sync()
    schools.rules(limit={"percent": 10, "at_least": 1})
    whole = schools.section(0).students
    schools.change(0, students=())
    schools.run("sis")
    schools.google.writes()
    job = schools.run("google")
    assert job.counts["enrollments"]["kept"] == len(whole)
    assert "above the limit" in job.reason
    assert schools.google.writes() == []
    schools.rules(limit={"percent": 100, "at_least": 1})
    assert schools.run("google").counts["enrollments"]["ended"] == len(whole)


def test_the_filter_says_what_google_is_sent(schools: Schools) -> None:
    schools.run("sis")
    by_school: dict[int, list[int]] = {}
    for place in range(6):
        by_school.setdefault(schools.section(place).school, []).append(place)
    school, places = next(iter(by_school.items()))
    schools.rules(filters={"schools": [str(school)]})
    assert schools.run("google").counts["classes"]["created"] == len(places)
    assert len(schools.google.courses()) == len(places)


def test_who_is_not_in_the_hub_does_not_come_in(schools: Schools) -> None:
    body: dict[str, Any] = {
        "primaryEmail": f"robot@{schools.district.domain}",
        "name": {"givenName": "Printer", "familyName": "Queue"},
        "password": "unguessable",
    }
    schools.google.api("POST", "/admin/directory/v1/users", body)
    schools.run("sis")
    before = set(schools.hub(Kind.USERS))
    schools.run("google")
    course = schools.course(0)["id"]
    robot = schools.google.account(body["primaryEmail"])["id"]
    schools.google.api("POST", f"/v1/courses/{course}/teachers", {"userId": robot})
    job = schools.run("google")
    assert set(schools.hub(Kind.USERS)) == before
    # the robot and the administrator; and the robot's membership
    assert (job.counts["users"]["filtered"], job.counts["enrollments"]["filtered"]) == (2, 1)
    assert job.counts["enrollments"]["quarantined"] == 0
