"""From PowerSchool's records to the hub's rows; pure.

Ids are DCIDs, prefixed by what they are of, since two tables may use one number. The wire turns
text that looks like a number into one, leaves nulls out, and writes "" for an empty expansion.
Source: the v1 resources' pages, and the field notes on enroll_status and grade_level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors import normalise
from shared.domain.reading import Row
from shared.domain.records import Kind, encode_list

Item = Mapping[str, Any]

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.ORGS: ("name", "type", "identifier"),
    Kind.ACADEMIC_SESSIONS: ("title", "type", "startDate", "endDate", "schoolYear"),
    Kind.COURSES: ("title", "courseCode", "orgSourcedId"),
    Kind.CLASSES: (
        "title",
        "courseSourcedId",
        "classCode",
        "classType",
        "schoolSourcedId",
        "termSourcedIds",
        "periods",
    ),
    Kind.USERS: (
        "enabledUser",
        "username",
        "givenName",
        "familyName",
        "middleName",
        "identifier",
        "email",
        "grades",
        "primaryOrgSourcedId",
    ),
    Kind.ROLES: ("userSourcedId", "roleType", "role", "orgSourcedId"),
    Kind.ENROLLMENTS: (
        "classSourcedId",
        "schoolSourcedId",
        "userSourcedId",
        "role",
        "primary",
        "beginDate",
        "endDate",
    ),
    Kind.DEMOGRAPHICS: ("userSourcedId", "birthDate", "sex"),
}

#: enroll_status_code of students who are here (0) or will be (-1).
ACTIVE, PRE_REGISTERED = 0, -1
#: A status of which nothing is known but that it is not active.
OTHER = 1
_STATUS = {"A": 0, "P": -1, "T": 2, "G": 3, "H": 4}
_SEX = {"F": "female", "M": "male", "X": "other"}
#: Into how many parts a year is divided, by what such a part is called; finer ones hold grades.
_PORTIONS = {1: "schoolYear", 2: "semester", 3: "term"}
STUDENT, STAFF, TERM = "student:", "staff:", "term:"


class BadItemError(ValueError):
    """One record lacks what the hub needs: `field` and `reason` say what."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def school_row(item: Item) -> Row:
    """Return the org of a school; its DCID and its number are two different ids."""
    return (f"school:{_id(item)}", text(item, "name"), "school", text(item, "school_number"))


def term_row(item: Item) -> Row:
    """Return the session of a term. PowerSchool ends on the last day, OneRoster after it."""
    portion, year = number(item, "portion"), number(item, "start_year")
    return (
        f"{TERM}{_id(item)}",
        text(item, "name"),
        "term" if portion is None else _PORTIONS.get(portion, "gradingPeriod"),
        text(item, "start_date"),
        _after(text(item, "end_date")),
        None if year is None else str(year + 1),
    )


def course_row(item: Item, school_dcid: str) -> Row:
    """Return a course of a school; one course may be taught at several."""
    key = f"course:{_id(item)}@{school_dcid}"
    return (key, text(item, "course_name"), text(item, "course_number"), f"school:{school_dcid}")


def section_row(item: Item, course_names: Mapping[str, str]) -> Row:
    """Return the class of a section."""
    school, course = text(item, "school_id"), text(item, "course_id")
    code = text(item, "section_number")
    return (
        f"section:{_id(item)}",
        f"{course_names.get(str(course), 'Section')} {code or ''}".strip(),
        f"course:{course}@{school}",
        code,
        "scheduled",
        f"school:{school}",
        encode_list([f"{TERM}{text(item, 'term_id')}"]),
        encode_list(periods(text(item, "expression"))),
    )


def periods(expression: str | None) -> list[str]:
    """Return the periods of a section's expression; the days stand in brackets.

    >>> periods("1(A-B) 3-4(C)")
    ['1', '3-4']
    """
    return [part.partition("(")[0] for part in (expression or "").split()]


def section_teacher_row(item: Item, users: Mapping[str, str]) -> Row | None:
    """Return the enrollment of a section's lead teacher, None where the section has none.

    Args:
        item: the section; its staff_id is a SCHOOLSTAFF DCID.
        users: from SCHOOLSTAFF DCID to the person's external id.
    """
    staff = text(item, "staff_id")
    if staff is None or staff not in users:
        return None
    return (
        f"teaching:{_id(item)}",
        f"section:{_id(item)}",
        f"school:{text(item, 'school_id')}",
        users[staff],
        "teacher",
        "true",
        None,
        None,
    )


def staff_id(item: Item) -> str:
    """Return the external id of a member of staff, one over all schools."""
    return f"{STAFF}{text(item, 'users_dcid') or _id(item)}"


def users_of(staff: Iterable[Item]) -> dict[str, str]:
    """Return a school's staff: from SCHOOLSTAFF DCID to the person's external id."""
    return {key: staff_id(item) for item in staff if (key := text(item, "id"))}


def staff_row(item: Item, school_dcid: str) -> Row:
    """Return the user of a member of staff."""
    local_id = text(item, "local_id")
    return (
        staff_id(item),
        "true",
        text(item, "teacher_username") or text(item, "admin_username") or local_id,
        *_names(item),
        local_id,
        text(part(item, "emails"), "work_email"),
        None,
        f"school:{school_dcid}",
    )


def role_row(user: str, role: str, school_dcid: str, *, is_primary: bool = True) -> Row:
    """Return a role of a user at a school."""
    kind = "primary" if is_primary else "secondary"
    return (f"role:{user}@{school_dcid}", user, kind, role, f"school:{school_dcid}")


def org_id(school_dcid: str | None) -> str | None:
    """Return the external id of a school, None for none and for the district's office."""
    return f"school:{school_dcid}" if school_dcid and school_dcid != "0" else None


def family_role_row(user: str, role: str, school_dcid: str, *, is_primary: bool) -> Row:
    """Return the role of somebody who stands for a student; they may have several at a school."""
    row = role_row(user, role, school_dcid, is_primary=is_primary)
    return (f"{row[0]}/{role}", *row[1:])


def student_role_row(item: Item) -> Row | None:
    """Return a student's role at their school, None for one who is at none."""
    school = text(part(item, "school_enrollment"), "school_id")
    return role_row(student_id(item), "student", school) if school and school != "0" else None


def enroll_status(item: Item) -> int:
    """Return a student's enroll_status_code; a student without one counts as active."""
    enrolled = part(item, "school_enrollment")
    try:
        code = number(enrolled, "enroll_status_code")
    except BadItemError:
        return OTHER
    if code is None:
        return _STATUS.get(text(enrolled, "enroll_status") or "A", OTHER)
    return code


def student_id(item: Item) -> str:
    """Return the external id of a student."""
    return f"{STUDENT}{_id(item)}"


def student_row(item: Item) -> Row:
    """Return the user of a student; one who has left is not enabled."""
    enrolled = part(item, "school_enrollment")
    local_id = text(item, "local_id")
    school = text(enrolled, "school_id")
    return (
        student_id(item),
        "true" if enroll_status(item) == ACTIVE else "false",
        # a student may have no username yet; the local number is unique in the district
        text(item, "student_username") or local_id,
        *_names(item),
        local_id,
        text(part(item, "contact_info"), "email"),
        encode_list([normalise.grade(number(enrolled, "grade_level")) or ""]),
        org_id(school),
    )


def demographics_row(item: Item) -> Row:
    """Return a student's demographics, under the student's own id."""
    told = part(item, "demographics")
    key = student_id(item)
    return (key, key, text(told, "birth_date"), _SEX.get(text(told, "gender") or ""))


def enrollment_row(item: Item, section: Item) -> Row:
    """Return the enrollment of a student; PowerSchool's exit is the day after the last, as ours."""
    return (
        f"enrollment:{_id(item)}",
        f"section:{text(item, 'section_id') or _id(section)}",
        f"school:{text(section, 'school_id')}",
        f"{STUDENT}{text(item, 'student_id')}",
        "student",
        "false",
        text(item, "entry_date"),
        text(item, "exit_date"),
    )


def part(item: Item, name: str) -> Item:
    """Return an expansion; an empty one is "" on the wire."""
    found = item.get(name)
    return found if isinstance(found, Mapping) else {}


def text(item: Item, name: str) -> str | None:
    """Return a value as text, whatever the wire made of it; None when absent or empty."""
    found = item.get(name)
    return None if isinstance(found, dict | list) else normalise.text(found)


def number(item: Item, name: str) -> int | None:
    """Return a whole number, which may come as text; None when absent or empty.

    Raises:
        BadItemError: it is something else.
    """
    found = text(item, name)
    if found is None:
        return None
    try:
        return int(found)
    except ValueError as error:
        raise BadItemError(name, "it is not a whole number") from error


def is_dropped(item: Item) -> bool:
    """Return whether an enrollment is over."""
    return text(item, "dropped") in {"true", "True", "1"}


def _names(item: Item) -> tuple[str | None, str | None, str | None]:
    name = part(item, "name")
    return text(name, "first_name"), text(name, "last_name"), text(name, "middle_name")


def _id(item: Item) -> str:
    found = text(item, "id")
    if found is None:
        raise BadItemError("id", "it is missing")
    return found


def _after(day: str | None) -> str | None:
    try:
        return normalise.day_after(day)
    except ValueError as error:
        raise BadItemError("end_date", str(error)) from error
