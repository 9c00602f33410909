"""Accounts, invitations, guardians, and courses that teachers made, through the hub."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from shared.db.hub_tables import disclosures
from shared.domain.records import Kind
from shared.roster.provisions import list_not_done
from tests.integration.connectors.google_classroom.conftest import Schools

MANAGED = {
    "manage_users": True,
    "domains": "oak.example",
    "student_org_unit": "/Students",
    "staff_org_unit": "/Staff",
    "suspended_org_unit": "/Left",
}


def _joiner(schools: Schools) -> str:
    """Let a student join the first class who has no account; returns the address."""
    one = next(s for s in schools.district.students if s.person.email)
    person = replace(
        one.person, number=990_001, username="joiner", email="joiner.990001@oak.example"
    )
    students = (*schools.district.students, replace(one, person=person, guardians=()))
    schools.put(replace(schools.district, students=students))
    schools.change(0, students=(*schools.section(0).students, 990_001))
    return "joiner.990001@oak.example"


def test_who_joins_gets_an_account_and_who_leaves_is_suspended(schools: Schools) -> None:
    schools.settings(**MANAGED)
    before, email = schools.district, _joiner(schools)
    job = schools.sync()
    assert job.counts["users"]["created"] == 1
    assert "users have no e-mail address, and got no account" in job.reason
    # whoever has an account was told to Google, and nobody else
    with schools.database.read() as connection:
        told = set(connection.execute(select(disclosures.c.sourced_id)).scalars())
    assert told == set(schools.links(Kind.USERS).values())
    account = schools.google.account(email)
    assert (account["orgUnitPath"], account["suspended"]) == ("/Students", False)
    assert account["externalIds"][0]["value"] == "990001"
    # the account was made before the class's members were put in
    assert email in schools.google.members(schools.course(0)["id"])
    schools.google.writes()
    schools.sync()
    assert schools.google.writes() == []

    joined = schools.district
    schools.put(before)
    assert schools.sync().counts["users"]["ended"] == 1
    account = schools.google.account(email)
    assert (account["orgUnitPath"], account["suspended"]) == ("/Left", True)
    schools.google.writes()
    job = schools.sync()
    assert (schools.google.writes(), job.counts["users"]["restored"]) == ([], 0)

    schools.put(joined)
    assert schools.sync().counts["users"]["created"] == 1
    account = schools.google.account(email)
    assert (account["orgUnitPath"], account["suspended"]) == ("/Students", False)


def test_an_account_that_somebody_else_suspended_stays_so(schools: Schools) -> None:
    schools.settings(**MANAGED)
    email = _joiner(schools)
    body = {"primaryEmail": email, "name": {"givenName": "A", "familyName": "B"}, "password": "x"}
    schools.google.api("POST", "/admin/directory/v1/users", {**body, "suspended": True})
    job = schools.sync()
    assert (job.counts["users"]["created"], job.counts["users"]["rejected"]) == (0, 1)
    assert schools.google.account(email)["suspended"] is True


def test_a_teacher_who_leaves_hands_the_courses_over_first(schools: Schools) -> None:
    schools.settings(**MANAGED)
    schools.sync()
    old = schools.section(0).teacher
    taught = [n for n in range(6) if schools.section(n).teacher == old]
    new = next(t.person.number for t in schools.district.teachers if t.person.number != old)
    (old_email,), (new_email,) = schools.emails([old]), schools.emails([new])
    for place in taught:
        schools.change(place, teacher=new)
    teachers = tuple(t for t in schools.district.teachers if t.person.number != old)
    schools.put(replace(schools.district, teachers=teachers))
    job = schools.sync()
    assert job.counts["users"]["ended"] == 1
    assert schools.google.account(old_email)["suspended"] is True
    owner = schools.google.account(new_email)["id"]
    assert {schools.course(place)["ownerId"] for place in taught} == {owner}


def test_a_teacher_who_leaves_with_the_classes_keeps_the_archived_courses(schools: Schools) -> None:
    schools.settings(**MANAGED)
    for app in ("sis", "google"):
        schools.rules(app, limit={"percent": 100, "at_least": 1})
    schools.sync()
    old = schools.section(0).teacher
    (email,) = schools.emails([old])
    courses = [schools.course(n)["id"] for n in range(6) if schools.section(n).teacher == old]
    sections = tuple(s for s in schools.district.sections if s.teacher != old)
    teachers = tuple(t for t in schools.district.teachers if t.person.number != old)
    schools.put(replace(schools.district, sections=sections, teachers=teachers))
    counts = schools.sync().counts
    assert (counts["classes"]["ended"], counts["users"]["ended"]) == (len(courses), 1)
    account = schools.google.account(email)
    assert account["suspended"] is True
    for course in courses:
        found = schools.google.api("GET", f"/v1/courses/{course}")
        assert (found["courseState"], found["ownerId"]) == ("ARCHIVED", account["id"])


def test_a_member_without_an_account_waits_and_the_rule_is_named(schools: Schools) -> None:
    _joiner(schools)
    job = schools.sync()
    with schools.database.read() as connection:
        (told,) = list_not_done(connection, job.id)
    (user,) = (key for key, one in schools.hub(Kind.USERS).items() if one.identifier == "990001")
    wanted = f"no account there is linked to user {user}; see the rule matching"
    assert (told["state"], told["reason"]) == ("later", wanted)


def test_who_changes_sides_is_moved_to_the_other_unit(both: Schools) -> None:
    both.settings(**MANAGED)
    both.sync()
    one, *rest = (s for s in both.district.students if s.person.email)
    inner = {"name": "Inner", "parentOrgUnitPath": "/Students"}
    both.google.api("POST", "/admin/directory/v1/customer/my_customer/orgunits", inner)
    email, below = one.person.email or "", rest[0].person.email or ""
    user = "/admin/directory/v1/users"
    both.google.api("PATCH", f"{user}/{email}", {"orgUnitPath": "/Staff"})
    both.google.api("PATCH", f"{user}/{below}", {"orgUnitPath": "/Students/Inner"})
    both.google.writes()
    planned = both.run("google", is_plan=True)
    assert "1 accounts would be moved to another unit" in planned.reason
    assert both.google.writes() == []
    assert "1 accounts were moved to another unit" in both.run("google").reason
    assert len(both.google.writes()) == 1
    assert both.google.account(email)["orgUnitPath"] == "/Students"
    assert both.google.account(below)["orgUnitPath"] == "/Students/Inner"
    both.run("google")
    assert both.google.writes() == []


def test_guardians_get_no_account_even_with_an_address_of_the_domain(schools: Schools) -> None:
    guardians = tuple(
        replace(one, email=f"g{one.number}@oak.example") for one in schools.district.guardians
    )
    schools.put(replace(schools.district, guardians=guardians))
    schools.settings(**MANAGED)
    job = schools.sync()
    assert job.counts["users"]["created"] == 0
    family = f"{len(guardians)} users are family of students alone, and get no account"
    assert family in job.reason
    with schools.database.read() as connection:
        told = set(connection.execute(select(disclosures.c.sourced_id)).scalars())
    assert told == set(schools.links(Kind.USERS).values())


def test_a_new_name_reaches_the_account(schools: Schools) -> None:
    schools.settings(**MANAGED)
    schools.sync()
    first, *rest = schools.district.students
    assert first.person.email is not None
    renamed = replace(first, person=replace(first.person, family_name="Newname"))
    schools.put(replace(schools.district, students=(renamed, *rest)))
    assert schools.sync().counts["users"]["written"] == 1
    assert schools.google.account(first.person.email)["name"]["familyName"] == "Newname"


def test_a_new_account_that_classroom_does_not_know_yet_waits(schools: Schools) -> None:
    schools.settings(**MANAGED)
    schools.google.set(new_user_misses=1)
    email = _joiner(schools)
    job = schools.sync()
    assert job.counts["enrollments"]["later"] == 1
    job = schools.sync()
    assert (job.counts["enrollments"]["later"], job.counts["enrollments"]["created"]) == (0, 1)
    assert email in schools.google.members(schools.course(0)["id"])


def test_members_can_be_invited_instead(schools: Schools) -> None:
    schools.settings(membership="invite")
    schools.sync()
    course = schools.course(0)
    asked = schools.google.api("GET", "/v1/invitations", courseId=course["id"])["invitations"]
    assert len(asked) == len(schools.section(0).students)
    assert schools.google.members(course["id"]) == set()
    schools.google.writes()
    schools.sync()
    assert schools.google.writes() == []
    first, second, *_ = asked
    schools.google.api("POST", f"/v1/invitations/{first['id']}:accept")
    schools.google.writes()
    schools.sync()
    assert schools.google.writes() == []
    # who leaves is not asked any more
    gone = next(u for u in schools.section(0).students
                if schools.google.account(*schools.emails([u]))["id"] == second["userId"])  # fmt: skip
    schools.change(0, students=tuple(n for n in schools.section(0).students if n != gone))
    assert schools.sync().counts["enrollments"]["ended"] == 1
    left = schools.google.api("GET", "/v1/invitations", courseId=course["id"])
    assert second["id"] not in {one["id"] for one in left.get("invitations", [])}


def test_courses_that_teachers_made_are_counted_or_taken(schools: Schools) -> None:
    schools.google.set(courses=2)
    job = schools.sync()
    assert job.certificate["evidence"]["courses that are not linked, left alone"] == "2"
    assert len(schools.hub(Kind.CLASSES)) == 6
    schools.settings(
        pull_unknown_courses=True,
        unknown_courses_school=str(schools.section(0).school),
        unknown_courses_year=2027,
    )
    job = schools.sync()
    assert job.counts["classes"]["added"] == 2
    made = [one for one in schools.hub(Kind.CLASSES).values() if one.last_app == schools.app_id]
    school = next(
        key
        for key, org in schools.hub(Kind.ORGS).items()
        if (org.type, org.identifier) == ("school", str(schools.section(0).school))
    )
    assert {one.school_sourced_id for one in made} == {school}
    assert all(one.term_sourced_ids and one.course_sourced_id for one in made)
    assert job.counts["enrollments"]["added"] > 0
    schools.google.writes()
    schools.sync()
    assert schools.google.writes() == []


def test_guardians_are_asked_once_and_let_go(schools: Schools) -> None:
    # of the generated guardians only some have an address: give them all one
    guardians = tuple(
        replace(one, email=f"g{one.number}@home.example") for one in schools.district.guardians
    )
    schools.put(replace(schools.district, guardians=guardians))
    schools.settings(guardians=True)
    pairs = sum(len(s.guardians) for s in schools.district.students if s.person.email)
    schools.run("sis")
    planned = schools.run("google", is_plan=True)
    assert f"{pairs} guardians would be invited" in planned.reason
    job = schools.run("google")
    assert f"{pairs} guardians were invited" in job.reason
    schools.google.writes()
    assert schools.run("google").reason is None
    assert schools.google.writes() == []
    # one accepts, and is no guardian any more
    asked = schools.google.api("GET", "/v1/userProfiles/-/guardianInvitations")
    one = asked["guardianInvitations"][0]
    schools.google._control("POST", f"guardians/{one['invitationId']}")
    schools.google.writes()
    schools.run("google")
    assert schools.google.writes() == []
    number = int(one["invitedEmailAddress"].split("@")[0][1:])
    students = tuple(
        replace(s, guardians=tuple(g for g in s.guardians if g != number) or (s.guardians[0],))
        if len(s.guardians) > 1
        else s
        for s in schools.district.students
    )
    schools.put(replace(schools.district, students=students))
    reason = schools.sync().reason or ""
    kept = schools.google.api("GET", "/v1/userProfiles/-/guardians").get("guardians", [])
    still = any(number in s.guardians for s in students)
    assert (kept == []) == ("1 guardians were let go" in reason)
    assert still or kept == []
