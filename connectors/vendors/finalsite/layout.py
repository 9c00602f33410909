"""The five sheets, and what their columns may hold.

Source: Finalsite's "Open Integration", "Off-feed utility" and "Upload constituent data to
Constituent Manager" articles (read 2026-11-23): tab-delimited text, the ImportID leftmost, columns
agreed with a specialist for each deployment. The columns by default are those that a public app of
a school reads out of files of these names.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connectors.flatfiles.columns import SheetPlan, Value, computed, plain
from shared.domain.records import Kind

#: In the order of their dependence, in which they arrive.
SHEETS = ("faculty", "students", "parents", "classes", "enrollments")
#: The value that the leftmost column of a sheet holds.
KEYS: Mapping[str, str] = MappingProxyType(
    {
        "faculty": "import_id",
        "students": "import_id",
        "parents": "student_id",
        "classes": "import_id",
        "enrollments": "student_id",
    }
)
#: Finalsite's sheet of parents has room for so many of a student.
CONTACTS = (1, 2, 3)
#: Locations that a member of the faculty may have.
LOCATIONS = (1, 2, 3)

_CONTACT_FIELDS = ("givenName", "familyName", "sms", "phone", "email")
_CONTACT_HEADERS = {
    "ID": "id",
    "FNAME": "givenName",
    "LNAME": "familyName",
    "REL": "relation",
    "CPHONE": "sms",
    "EMAIL": "email",
}
_AGENTS = (Kind.USERS, "agentSourcedIds")
_COURSE = (Kind.CLASSES, "courseSourcedId")
_NAMES = ((Kind.USERS, "givenName"), (Kind.USERS, "familyName"))

_PERSON = {**plain(Kind.USERS), "import_id": computed("import_id")}


def _contact_values() -> dict[str, Value]:
    found = {}
    for place in CONTACTS:
        prefix = f"contact_{place}"
        found[f"{prefix}_id"] = computed(f"{prefix}_id", _AGENTS)
        found[f"{prefix}_relation"] = computed(f"{prefix}_relation", _AGENTS)
        for field in _CONTACT_FIELDS:
            name = f"{prefix}_{field}"
            found[name] = computed(name, _AGENTS, (Kind.USERS, field))
    return found


PLANS: Mapping[str, SheetPlan] = MappingProxyType(
    {
        "faculty": SheetPlan(
            {
                **_PERSON,
                "role": computed("role"),
                **{
                    f"location_{place}": computed(f"location_{place}", (Kind.ORGS, "name"))
                    for place in LOCATIONS
                },
            },
            {
                "RECORDID": "import_id",
                "FIRST_NAME": "givenName",
                "LAST_NAME": "familyName",
                "EMAIL_ADDR": "email",
                "PREFERREDNAME": "preferredGivenName",
            },
        ),
        "students": SheetPlan(
            {
                **_PERSON,
                "grade": computed("grade", (Kind.USERS, "grades")),
                "location_1": computed("location_1", (Kind.ORGS, "name")),
            },
            {
                "RECORDID": "import_id",
                "GRADE_LEVEL": "grade",
                "FIRST_NAME": "givenName",
                "LAST_NAME": "familyName",
                "EMAIL": "email",
            },
        ),
        "parents": SheetPlan(
            {"student_id": computed("student_id"), **_contact_values()},
            {
                "STUDENT_NUMBER": "student_id",
                **{
                    f"CNT{place}_{header}": f"contact_{place}_{name}"
                    for place in CONTACTS
                    for header, name in _CONTACT_HEADERS.items()
                },
            },
        ),
        "classes": SheetPlan(
            {
                **plain(Kind.CLASSES),
                "import_id": computed("import_id"),
                "course_code": computed("course_code", _COURSE, (Kind.COURSES, "courseCode")),
                "course_title": computed("course_title", _COURSE, (Kind.COURSES, "title")),
                "school_year": computed(
                    "school_year",
                    (Kind.CLASSES, "termSourcedIds"),
                    (Kind.ACADEMIC_SESSIONS, "schoolYear"),
                ),
                "teacher_id": computed("teacher_id"),
                "coteacher_id": computed("coteacher_id"),
                "teacher_name": computed("teacher_name", *_NAMES),
                "coteacher_name": computed("coteacher_name", *_NAMES),
            },
            {
                "RECORDID": "import_id",
                "COURSE_NUMBER": "course_code",
                "COURSE_NAME": "course_title",
                "SECTION_NUMBER": "classCode",
                "TEACHER": "teacher_id",
                "COTEACHER": "coteacher_id",
                "SCHOOLYEAR": "school_year",
                "ROOM": "location",
                "EXPRESSION": "periods",
            },
        ),
        "enrollments": SheetPlan(
            {"student_id": computed("student_id"), "class_id": computed("class_id")},
            {"STUDENT_NUMBER": "student_id", "SECTIONID": "class_id"},
        ),
    }
)

PARENTS_BY_DEFAULT = ",".join(PLANS["parents"].headers)
CLASSES_BY_DEFAULT = ",".join(PLANS["classes"].headers)
