"""From FACTS' records to the hub's rows; pure.

A person has one id, `personId`, which is also a student's `studentId`, a staff member's `staffId`
and a parent's `parentID`. `personStudentId` is another number, which names somebody else there.
Source: the vendor's API description for the fields, and what was seen of answers: a date is
midnight in UTC and means the day, empty text is "", grades are "08" or "K".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from connectors import normalise
from connectors.oneroster.family import family_role
from connectors.vendors.facts.values import (
    BadItemError,
    Item,
    day,
    day_after,
    is_true,
    number,
    part,
    required,
    text,
)
from shared.domain.reading import Row
from shared.domain.records import Kind, encode_list

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.ORGS: ("name", "type", "identifier"),
    Kind.ACADEMIC_SESSIONS: (
        *("title", "type", "startDate", "endDate", "parentSourcedId", "schoolYear"),
    ),
    Kind.COURSES: ("title", "courseCode", "orgSourcedId", "subjects"),
    Kind.CLASSES: (
        *("title", "courseSourcedId", "classCode", "classType", "schoolSourcedId"),
        "termSourcedIds",
    ),
    Kind.USERS: (
        *("enabledUser", "username", "givenName", "familyName", "middleName", "identifier"),
        *("email", "sms", "phone", "grades", "preferredGivenName", "primaryOrgSourcedId"),
        "agentSourcedIds",
    ),
    Kind.ROLES: ("userSourcedId", "roleType", "role", "orgSourcedId"),
    Kind.ENROLLMENTS: (*("classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary"),),
    Kind.DEMOGRAPHICS: ("userSourcedId", "birthDate", "sex"),
}
#: The terms that a class may be taught in, by their number in the year.
SLOTS = range(1, 7)
_SEX = {"f": "female", "female": "female", "m": "male", "male": "male", "x": "other"}
#: Years before kindergarten, which schools number; OneRoster knows one.
_GRADES = {"pk3": "PK", "pk4": "PK", "prek3": "PK", "prek4": "PK"}


def org_id(school: str) -> str:
    """Return the external id of a school, by its configSchoolID."""
    return f"school:{school}"


def person_id(person: str) -> str:
    """Return the external id of anybody, by their personId."""
    return f"person:{person}"


def school_row(item: Item) -> Row:
    """Return the org of a school; its code is what people call it by."""
    key = required(item, "configSchoolID")
    return (org_id(key), text(item, "schoolName"), "school", text(item, "schoolCode"))


def year_id(year: str, school: str) -> str:
    """Return the external id of a school's year."""
    return f"year:{year}@{school}"


def term_id(year: str, slot: int, school: str) -> str:
    """Return the external id of a term, by its number in the year, as classes name it."""
    return f"term:{year}/{slot}@{school}"


def year_row(item: Item, school: str) -> Row:
    """Return the session of a school year. FACTS ends on the last day, OneRoster after it."""
    return (
        year_id(required(item, "yearId"), school),
        text(item, "yearName"),
        "schoolYear",
        day(item, "firstDay"),
        day_after(item, "lastDay"),
        None,
        _end_year(item),
    )


def term_row(item: Item, year: Item, school: str) -> Row:
    """Return the session of a term."""
    slot = number(item, "termID")
    if slot is None:
        raise BadItemError("termID", "it is missing")
    name = text(item, "name")
    key = required(year, "yearId")
    return (
        term_id(key, slot, school),
        name,
        "semester" if "semester" in (name or "").lower() else "term",
        day(item, "firstDay"),
        day_after(item, "lastDay"),
        year_id(key, school),
        _end_year(year),
    )


def course_row(item: Item, school: str) -> Row:
    """Return a course of a school."""
    return (
        f"course:{required(item, 'courseID')}",
        text(item, "title"),
        text(item, "abbreviation"),
        org_id(school),
        encode_list([text(item, "department") or ""]),
    )


def class_row(item: Item, course: Item, school: str, slots: Collection[int]) -> Row:
    """Return a class.

    Args:
        item: the class.
        course: of which it is one.
        school: of the course; a class does not tell its own.
        slots: the terms that the school has told of the year.
    """
    year = required(item, "yearId")
    taught = [slot for slot in SLOTS if slot in slots and is_true(item, f"term{slot}")]
    sessions = [term_id(year, slot, school) for slot in taught] or [year_id(year, school)]
    return (
        class_id(item),
        text(item, "name") or text(course, "title"),
        f"course:{required(item, 'courseID')}",
        text(item, "section"),
        "homeroom" if is_true(course, "homeRoom") else "scheduled",
        org_id(school),
        encode_list(sessions),
    )


def class_id(item: Item) -> str:
    """Return the external id of a class."""
    return f"class:{required(item, 'classId')}"


def teachers_of(item: Item) -> list[str]:
    """Return who teaches a class, the first being responsible for it; 0 is nobody.

    The second teacher's name differs between the versions of the list.
    """
    told = [text(item, name) for name in ("staffId", "secondaryStaffId", "instructor2Id")]
    return list(dict.fromkeys(key for key in told if key is not None and key != "0"))


def teaching_id(class_: str, staff: str) -> str:
    """Return the external id of a teacher's enrollment."""
    return f"teaching:{class_}/{staff}"


def enrollment_id(class_: str, student: str) -> str:
    """Return the external id of a student's enrollment."""
    return f"enrollment:{class_}/{student}"


def teaching_row(class_: str, school: str, staff: str, *, is_primary: bool) -> Row:
    """Return the enrollment of a teacher in a class."""
    return (
        teaching_id(class_, staff),
        f"class:{class_}",
        org_id(school),
        person_id(staff),
        "teacher",
        "true" if is_primary else "false",
    )


def enrollment_row(class_: str, school: str, student: str) -> Row:
    """Return the enrollment of a student in a class."""
    return (
        enrollment_id(class_, student),
        f"class:{class_}",
        org_id(school),
        person_id(student),
        "student",
        "false",
    )


def is_enrolled(item: Item) -> bool:
    """Return whether a student is in a class; without the flag, whether they are in some term."""
    if item.get("enrolled") is not None:
        return is_true(item, "enrolled")
    return any(is_true(item, f"enrolled{slot}") for slot in SLOTS)


def student_row(item: Item, person: Item, school: str, enabled: str, agents: Sequence[str]) -> Row:
    """Return the user of a student.

    Args:
        item: the student.
        person: whose `personId` is the student's `studentId`.
        school: where they go.
        enabled: the status of students who may use things.
        agents: personIds of those who stand for them.
    """
    enrolled = part(item, "school")
    grade = grade_of(text(enrolled, "gradeLevel"))
    is_enabled = (text(enrolled, "status") or "") == enabled
    return _user(person, school, is_enabled=is_enabled, grades=(grade,), agents=agents)


def staff_row(item: Item, person: Item, school: str | None) -> Row:
    """Return the user of a member of staff; their names stand in both lists, an e-mail in one."""
    told = {name: value for name, value in person.items() if value not in ("", None)}
    return _user({**item, **told, "personId": required(item, "staffId")}, school)


def guardian_row(person: Item, school: str) -> Row:
    """Return the user of a student's parent or guardian."""
    return _user(person, school)


def _user(
    person: Item,
    school: str | None,
    *,
    is_enabled: bool = True,
    grades: Sequence[str] = (),
    agents: Sequence[str] = (),
) -> Row:
    key, email = required(person, "personId"), text(person, "email")
    return (
        person_id(key),
        "true" if is_enabled else "false",
        # whoever has no login yet is known by something that is theirs alone
        text(person, "username") or email or key,
        text(person, "firstName"),
        text(person, "lastName"),
        text(person, "middleName"),
        key,
        email,
        text(person, "cellPhone"),
        text(person, "homePhone"),
        encode_list(grades),
        text(person, "nickName"),
        None if school is None else org_id(school),
        encode_list(map(person_id, agents)),
    )


def role_row(person: str, role: str, school: str, *, is_primary: bool) -> Row:
    """Return a role of a person at a school."""
    kind = "primary" if is_primary else "secondary"
    user = person_id(person)
    return (f"role:{user}@{school}/{role}", user, kind, role, org_id(school))


def roles_of_staff(item: Item, *, teaches: bool) -> list[str]:
    """Return what a member of staff is, as OneRoster names it.

    >>> roles_of_staff({"faculty": False, "administrator": False}, teaches=False)
    ['aide']
    """
    roles = []
    if teaches or is_true(item, "faculty") or is_true(item, "substitute"):
        roles.append("teacher")
    if is_true(item, "administrator"):
        roles.append("siteAdministrator")
    # by the standard's words an aide is who has none of the other roles
    return roles or ["aide"]


def role_of_guardian(link: Item) -> str:
    """Return what somebody is to a student, as OneRoster names it.

    >>> role_of_guardian({"relationship": "Mother"}), role_of_guardian({"grandparent": True})
    ('parent', 'relative')
    """
    if is_true(link, "grandparent"):
        return "relative"
    return family_role(text(link, "relationship"))


def demographics_row(item: Item, person: Item) -> Row:
    """Return a student's demographics, under the student's own id."""
    key = person_id(required(item, "studentId"))
    born = day(item, "birthdate") or day(person, "birthdate")
    sex = text(item, "gender") or text(person, "gender") or ""
    return (key, key, born, _SEX.get(sex.lower()))


def grade_of(level: str | None) -> str:
    """Return the CEDS code of a grade level; what is none of them stays as it is.

    >>> grade_of("8"), grade_of("K"), grade_of("PK4"), grade_of("Toddler")
    ('08', 'KG', 'PK', 'Toddler')
    """
    return normalise.grade(level, _GRADES) or (level or "")


def _end_year(year: Item) -> str | None:
    """Return the calendar year in which a school year ends, by which OneRoster names it."""
    last = day(year, "lastDay")
    return None if last is None else last[:4]
