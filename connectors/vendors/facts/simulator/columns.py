"""The columns of each table, by which a list may be filtered and sorted, whatever its records hold.

Source: the fields of the vendor's API description, and what was seen of the live API: a filter on a
column that no record fills finds nothing and is no error, one on a column that there is not is 500;
a student's columns are flat, though the JSON has some of them in `school`. Not told, and so
inferred: the names of a staff member's four level flags, and all columns of a student's histories
and states.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = dict[str, Any]
_OF_STUDENTS_SCHOOL = (
    *("status", "substatus", "enrollDate", "withdrawDate", "withdrawReason", "graduationDate"),
    *("gradeLevel", "nextStatus", "nextSchoolCode", "nextGradeLevel"),
)
_SLOTS = range(1, 7)

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "schools": (
        *("configSchoolID", "schoolCode", "schoolName", "active", "address", "city", "state"),
        *("zip", "phone", "email", "defaultYearId", "defaultTermId", "nextYearId"),
        "districtName",
    ),
    "years": ("yearId", "yearName", "firstDay", "lastDay", "schoolCode"),
    "terms": (
        *("termID", "yearID", "name", "firstDay", "lastDay", "semesterID", "modifiedDate"),
        "schoolTermID",
    ),
    "courses": (
        *("courseID", "title", "abbreviation", "department", "departmentID", "schoolCode"),
        *("active", "homeRoom", "stateID", "modifiedDate"),
    ),
    "classes": (
        *("classId", "courseID", "name", "section", "staffId", "secondaryStaffId", "aideId"),
        *("yearId", *(f"term{slot}" for slot in _SLOTS), "closed", "modifiedDate"),
    ),
    "people": (
        *("personId", "firstName", "middleName", "lastName", "nickName", "salutation", "suffix"),
        *("gender", "birthdate", "email", "email2", "username", "homePhone", "cellPhone"),
        *("addressID", "deceased", "modifiedDate", "hasProfilePicture"),
    ),
    "staff": (
        *("staffId", "name", "firstName", "lastName", "active", "faculty", "administrator"),
        *("substitute", "fullTime", "fte", "department", "occupation", "startDate", "endDate"),
        *("elementary", "middleSchool", "highSchool", "preSchool"),
    ),
    "students": (
        *("studentId", "personStudentId", "configSchoolId", "schoolCode", *_OF_STUDENTS_SCHOOL),
        *("classYear", "gender", "birthdate", "homeroom", "studentUDID"),
    ),
    "parents": (
        *("parentID", "studentID", "relationship", "custody", "correspondence", "grandparent"),
        *("emergencyContact", "pickUp", "reportCard", "parentsWeb", "pwBlock", "reEnroll"),
    ),
    "enrollments": (
        *("studentId", "classId", "enrolled", *(f"enrolled{slot}" for slot in _SLOTS)),
        *("gradeLevel", "altYearId", "modifiedDate"),
    ),
    "families": ("familyID", "familyName", "modifiedDate"),
    "person_families": ("personId", "familyId", "parent", "student", "familyOrder"),
    "addresses": (
        *("addressID", "address1", "address2", "city", "state", "zip", "country"),
        "modifiedDate",
    ),
    "histories": ("studentId", "schoolCode", *_OF_STUDENTS_SCHOOL[:7]),
    "statuses": ("studentId", "schoolCode", *_OF_STUDENTS_SCHOOL),
    "user_fields": ("fieldId",),
    "user_data": ("linkedId", "fieldId", "data"),
}


def renamed(table: str, *, path: str) -> Mapping[str, str]:
    """Return what the list of a path calls a column otherwise than its table.

    Args:
        table: of the list.
        path: of the list: `v2` has names of its own.
    """
    is_new = "/v2" in path
    if table == "classes" and not is_new:
        return {"secondaryStaffId": "instructor2Id"}
    return {"schoolTermID": "uniqueTermID"} if table == "terms" and is_new else {}


def value(record: Record, column: str) -> Any:
    """Return what a record has in a column, None where it has nothing.

    Args:
        record: as it is sent.
        column: flat, or the one that may have a dot.
    """
    found: Any = record
    for step in column.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    if found is None and column in _OF_STUDENTS_SCHOOL and isinstance(record.get("school"), dict):
        return record["school"].get(column)
    return found
