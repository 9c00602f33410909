"""Google's records as rows of the hub, and the hub's as Google's. Pure.

Source: the `Course`, `Teacher`, `Student` and `User` schemas of the bundled discovery documents;
limits of a course's fields from the reference page of `courses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from shared.domain.reading import Row
from shared.domain.records import Kind, decode_list

Item = Mapping[str, Any]

#: By field of a class, Google's name for it and its longest value.
COURSE_FIELDS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"title": ("name", 750), "classCode": ("section", 2800), "location": ("room", 650)}
)
#: By field of a user, Google's name for it within `name`.
NAME_FIELDS: Mapping[str, str] = MappingProxyType(
    {"givenName": "givenName", "familyName": "familyName"}
)
USER_FIELDS = ("identifier", "email")
ENROLLMENT_FIELDS = ("classSourcedId", "userSourcedId", "role")
#: Roles of those who have no account of the school's.
FAMILY = frozenset({"guardian", "parent", "relative"})
#: By role, the list that it is a member of.
LISTS: Mapping[str, str] = MappingProxyType({"teacher": "teachers", "student": "students"})


def user_fields(config: GoogleClassroomConfig) -> tuple[str, ...]:
    """Return the fields of users that are read: their names only where they are kept in step."""
    return (*USER_FIELDS, *NAME_FIELDS) if config.manage_users else USER_FIELDS


def user_row(user: Item, config: GoogleClassroomConfig) -> Row:
    """Return an account as a row: its id, then `user_fields`."""
    row = (str(user["id"]), organization_id(user), _text(user.get("primaryEmail")))
    if not config.manage_users:
        return row
    name = user.get("name") or {}
    return (*row, *(_text(name.get(theirs)) for theirs in NAME_FIELDS.values()))


def organization_id(user: Item) -> str | None:
    """Return the id that the organisation itself gave to an account, which is the SIS's number."""
    for one in user.get("externalIds") or ():
        if isinstance(one, Mapping) and one.get("type") == "organization":
            return _text(one.get("value"))
    return None


def is_active(user: Item) -> bool:
    """Return whether an account is in use: neither suspended nor archived, and no guest's."""
    return not (user.get("suspended") or user.get("archived") or user.get("isGuestUser"))


def course_row(course: Item) -> Row:
    """Return a course as a row of classes: its id, then `COURSE_FIELDS`."""
    return (str(course["id"]), *(_text(course.get(name)) for name, _ in COURSE_FIELDS.values()))


def held_of(course: Item) -> dict[str, str | None]:
    """Return a course's fields as a read would bring them."""
    return dict(zip(COURSE_FIELDS, course_row(course)[1:], strict=True))


def member_id(course: str, role: str, user: str) -> str:
    """Return the id of a membership, of which Google itself has none.

    >>> member_id("17", "teacher", "42")
    '17:teacher:42'
    """
    return f"{course}:{role}:{user}"


def parts_of(external_id: str) -> tuple[str, str, str]:
    """Return course, role and user of a membership's id.

    Raises:
        ValueError: it is none.
    """
    course, role, user = external_id.split(":")
    return course, role, user


def member_row(course: str, role: str, user: str) -> Row:
    """Return a membership as a row of enrollments."""
    return (member_id(course, role, user), course, user, role)


def alias_of(sourced_id: str) -> str:
    """Return the alias that names a class's course in the whole domain.

    >>> alias_of("c-1")
    'd:c-1'
    """
    return f"d:{sourced_id}"


def course_body(values: Mapping[str, str | None]) -> dict[str, str]:
    """Return a course's fields as they are sent: cut to Google's lengths, "" for none."""
    return {
        COURSE_FIELDS[name][0]: (value or "")[: COURSE_FIELDS[name][1]]
        for name, value in values.items()
        if name in COURSE_FIELDS
    }


def account_body(
    values: Mapping[str, str | None], config: GoogleClassroomConfig, password: str
) -> dict[str, Any]:
    """Return a new account as it is sent."""
    body: dict[str, Any] = {
        "primaryEmail": values["email"],
        "name": {theirs: values.get(name) or "" for name, theirs in NAME_FIELDS.items()},
        "password": password,
        "changePasswordAtNextLogin": True,
    }
    if values.get("identifier"):
        body["externalIds"] = [{"type": "organization", "value": values["identifier"]}]
    unit = org_unit(values, config)
    return {**body, "orgUnitPath": unit} if unit else body


def org_unit(values: Mapping[str, str | None], config: GoogleClassroomConfig) -> str | None:
    """Return the unit of an account; who has no role is a student by being in a grade."""
    roles = decode_list(values.get("roles"))
    is_student = "student" in roles if roles else bool(decode_list(values.get("grades")))
    return config.student_org_unit if is_student else config.staff_org_unit


def unit_of(path: str, config: GoogleClassroomConfig) -> str | None:
    """Return which of the settings' two units a unit is, or is below; None: it is in neither.

    Where one of the two lies within the other, the inner one is meant. Case does not count.
    """
    there = [
        unit
        for unit in (config.student_org_unit, config.staff_org_unit)
        if unit and f"{path}/".lower().startswith(f"{unit.rstrip('/')}/".lower())
    ]
    return max(there, key=len, default=None)


def is_family(values: Mapping[str, str | None]) -> bool:
    """Return whether somebody belongs to the family of students, and is nothing else."""
    roles = decode_list(values.get("roles"))
    return bool(roles) and FAMILY.issuperset(roles)


def name_body(values: Mapping[str, str | None]) -> dict[str, Any]:
    """Return changed names as they are sent."""
    return {"name": {NAME_FIELDS[field]: value or "" for field, value in values.items()}}


def why_no_account(values: Mapping[str, str | None], domains: frozenset[str]) -> str | None:
    """Return why no account is made for a user, in words that follow a number; None: one is."""
    email = values.get("email")
    if is_family(values):
        return "users are family of students alone, and get no account"
    if values.get("enabledUser") == "false":
        return "users are not enabled, and got no account"
    if not email:
        return "users have no e-mail address, and got no account"
    if email.rpartition("@")[2].lower() not in domains:
        return "users have an address in another domain, and got no account"
    return None


#: By kind, the fields of the hub that leave for Google, accounts apart.
READS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {Kind.CLASSES: tuple(COURSE_FIELDS), Kind.ENROLLMENTS: ENROLLMENT_FIELDS}
)
#: What leaves to make an account.
ACCOUNT_READS = ("email", "identifier", "givenName", "familyName", "grades", "enabledUser")


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None
