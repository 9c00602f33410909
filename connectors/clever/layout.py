"""The five files of the format, and what their columns may hold.

Source: Clever's SFTP instructions, version 2.1.1 and its later copies, and the article of its
support site on SFTP (read 2026-11-23): five files with a header each, names in lower case, columns
in any order. The words of the headers beyond the required ones are those of public writers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connectors.flatfiles.columns import SheetPlan, Value, computed, plain
from shared.domain.records import Kind

#: In the order of their dependence, in which they arrive.
FILES = ("schools", "students", "teachers", "sections", "enrollments")
#: Teachers of a section beside the first: `Teacher_2_id` and on.
CO_TEACHERS = range(2, 11)

_SCHOOL = {"school_id": computed("school_id", (Kind.ORGS, "type"))}
_STUDENT = {
    "student_id": computed("id"),
    "grade": computed("grade", (Kind.USERS, "grades")),
    "birth_date": computed("birth_date", (Kind.DEMOGRAPHICS, "birthDate")),
    "gender": computed("gender", (Kind.DEMOGRAPHICS, "sex")),
}
_SECTION = {
    "section_id": computed("sourcedId"),
    "teacher_id": computed("teacher_1"),
    **{f"teacher_{place}_id": computed(f"teacher_{place}") for place in CO_TEACHERS},
    "grade": computed("grade", (Kind.CLASSES, "grades")),
    "subject": computed("subject", (Kind.CLASSES, "subjects")),
    **{
        f"term_{what}": computed(
            f"term_{what}", (Kind.CLASSES, "termSourcedIds"), (Kind.ACADEMIC_SESSIONS, field)
        )
        for what, field in (("name", "title"), ("start", "startDate"), ("end", "endDate"))
    },
    "course_title": computed(
        "course_title", (Kind.CLASSES, "courseSourcedId"), (Kind.COURSES, "title")
    ),
    "course_code": computed(
        "course_code", (Kind.CLASSES, "courseSourcedId"), (Kind.COURSES, "courseCode")
    ),
}


def _named(kind: Kind, **own: Value) -> dict[str, Value]:
    id_ = {"sourcedId": computed("sourcedId")}
    return {**plain(kind), **id_, **_SCHOOL, **own}


PLANS: Mapping[str, SheetPlan] = MappingProxyType(
    {
        "schools": SheetPlan(
            _named(Kind.ORGS),
            {"School_id": "school_id", "School_name": "name", "School_number": "identifier"},
            ("School_id", "School_name"),
        ),
        "students": SheetPlan(
            _named(Kind.USERS, **_STUDENT),
            {
                "School_id": "school_id",
                "Student_id": "student_id",
                "Student_number": "identifier",
                "State_id": "userMasterIdentifier",
                "Last_name": "familyName",
                "First_name": "givenName",
                "Grade": "grade",
                "Gender": "gender",
                "DOB": "birth_date",
                "Email": "email",
                "Email_address": "email",
            },
            ("School_id", "Student_id", "Last_name", "First_name"),
        ),
        "teachers": SheetPlan(
            _named(Kind.USERS, teacher_id=computed("id")),
            {
                "School_id": "school_id",
                "Teacher_id": "teacher_id",
                "Teacher_number": "identifier",
                "State_teacher_id": "userMasterIdentifier",
                "Teacher_email": "email",
                "First_name": "givenName",
                "Last_name": "familyName",
            },
            ("School_id", "Teacher_id", "Last_name", "First_name"),
        ),
        "sections": SheetPlan(
            _named(Kind.CLASSES, **_SECTION),
            {
                "School_id": "school_id",
                "Section_id": "section_id",
                "Teacher_id": "teacher_id",
                **{f"Teacher_{place}_id": f"teacher_{place}_id" for place in CO_TEACHERS},
                "Name": "title",
                "Grade": "grade",
                "Subject": "subject",
                "Term_name": "term_name",
                "Term_start": "term_start",
                "Term_end": "term_end",
            },
            ("School_id", "Section_id", "Teacher_id"),
        ),
        "enrollments": SheetPlan(
            {
                **_SCHOOL,
                "section_id": computed("section_id"),
                "student_id": computed("student_id"),
            },
            {"School_id": "school_id", "Section_id": "section_id", "Student_id": "student_id"},
            ("School_id", "Section_id", "Student_id"),
        ),
    }
)

#: Headers under which every row must have something, where the set has them at all.
FILLED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: plan.required for name, plan in PLANS.items()}
    | {"schools": ("School_id", "School_name", "School_number")}
)
