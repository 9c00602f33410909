"""`POST /ws/v1/student` on the simulated server: insert and update, a result for each record.

Source: PowerSchool developer pages and answers seen on the wire; the whole answers 200 even when
every record failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.vendors.powerschool.simulator.tables import COLUMNS, EXTENSION, Item, Tables

#: The longest text that is taken, by path.
LENGTHS: Mapping[str, int] = {
    "student/name/last_name": 50,
    "student/name/first_name": 50,
    "student/name/middle_name": 30,
    "student/student_username": 60,
}
#: What an insert must have.
REQUIRED = (
    "student/name/last_name",
    "student/name/first_name",
    "student/school_enrollment/grade_level",
    "student/school_enrollment/entry_date",
    "student/school_enrollment/exit_date",
    "student/school_enrollment/school_number",
)
#: Enroll status of an insert, by its letter.
STATUSES: Mapping[str, int] = {"A": 0, "P": -1, "I": 1, "H": 4}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
Problem = tuple[str, str, str]


def write(tables: Tables, given: Any) -> Item:
    """Carry out one record, and return its result.

    Args:
        tables: what it changes; the data version moves.
        given: a student of the request.
    """
    record = given if isinstance(given, dict) else {}
    uid = str(record.get("client_uid", ""))
    answer: Item = {
        "client_uid": int(uid) if uid.isascii() and uid.isdigit() else uid,
        "status": "ERROR",
        "action": record.get("action"),
    }
    with tables.lock:
        problems = list(_problems(tables, record))
        if problems:
            errors = [
                {"field": field, "error_code": code, "error_description": told}
                for field, code, told in problems
            ]
            # the XML beneath knows no list of one
            told = errors[0] if len(errors) == 1 else errors
            return {**answer, "error_message": {"error": told}}
        student = _new(tables, record) if record["action"] == "INSERT" else _old(tables, record)
        _take(student, record)
        tables.touch("students", student["id"])
    done = {"id": student["id"], "ref": f"/ws/v1/student/{student['id']}"}
    return {**answer, "status": "SUCCESS", "success_message": done}


def _problems(tables: Tables, record: Item) -> Iterator[Problem]:
    if not record.get("client_uid"):
        yield "student/client_uid", "REQUIRED", "No data submitted for required element"
    match record.get("action"):
        case "UPDATE":
            if _old(tables, record) is None:
                yield "student/id", "NOT_FOUND", "There is no student with this id"
            for name in ("local_id", "school_enrollment"):
                if name in record:
                    yield f"student/{name}", "NOT_ALLOWED", "It is taken on INSERT only"
        case "INSERT":
            yield from _problems_of_insert(tables, record)
        case _:
            yield "student/action", "FIELD_VALIDATION_ERROR", "Value must be INSERT or UPDATE"
    for path, longest in LENGTHS.items():
        if len(str(_at(record, path) or "")) > longest:
            yield path, "FIELD_VALIDATION_ERROR", f"Value is longer than {longest}"
    email = _at(record, "student/contact_info/email")
    if email and not _EMAIL.fullmatch(str(email)):
        yield (
            "student/contact_info/email",
            "FIELD_VALIDATION_ERROR",
            "Value must be an e-mail address",
        )
    yield from _taken(tables, record)
    for table, column, value in _extended(record):
        if table != EXTENSION or column not in COLUMNS:
            yield "student/_extension_data", "FIELD_VALIDATION_ERROR", "There is no such column"
        elif not isinstance(value, str):
            yield "student/_extension_data", "FIELD_VALIDATION_ERROR", "Value must be text"


def _extended(record: Item) -> Iterator[tuple[str, str, Any]]:
    """Yield the columns of extensions that a record sets, with table and value."""
    data = record.get("_extension_data")
    tables = data.get("_table_extension") if isinstance(data, dict) else None
    for table in tables if isinstance(tables, list) else [tables]:
        fields = table.get("_field") if isinstance(table, dict) else None
        for field in fields if isinstance(fields, list) else [fields]:
            if isinstance(table, dict) and isinstance(field, dict):
                yield str(table.get("name")), str(field.get("name")), field.get("value")


def _problems_of_insert(tables: Tables, record: Item) -> Iterator[Problem]:
    for path in REQUIRED:
        if _at(record, path) in (None, ""):
            yield path, "REQUIRED", "No data submitted for required element"
    number = _at(record, "student/school_enrollment/school_number")
    schools = {str(school["school_number"]) for school in tables.schools.values()}
    if number not in (None, "") and str(number) not in schools:
        yield (
            "student/school_enrollment/school_number",
            "FIELD_VALIDATION_ERROR",
            "There is no such school",
        )
    status = _at(record, "student/school_enrollment/enroll_status")
    if status is not None and status not in STATUSES:
        yield (
            "student/school_enrollment/enroll_status",
            "FIELD_VALIDATION_ERROR",
            "Value must be A, I, P or H",
        )


def _taken(tables: Tables, record: Item) -> Iterator[Problem]:
    username = record.get("student_username")
    others = (row for row in tables.students.values() if str(row["id"]) != str(record.get("id")))
    if username and any(row.get("student_username") == username for row in others):
        yield "student/student_username", "DUPLICATE", "Another student has this value"


def _at(record: Item, path: str) -> Any:
    found: Any = {"student": record}
    for step in path.split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _old(tables: Tables, record: Item) -> Any:
    key = str(record.get("id", ""))
    return tables.students.get(int(key)) if key.isascii() and key.isdigit() else None


def _new(tables: Tables, record: Item) -> Item:
    dcid = max(tables.students, default=5000) + 1
    enrolled = dict(record["school_enrollment"])
    number = str(enrolled["school_number"])
    letter = str(enrolled.get("enroll_status", "A"))
    enrolled |= {
        "enroll_status": letter,
        "enroll_status_code": STATUSES[letter],
        "grade_level": int(enrolled["grade_level"]),
        "school_id": next(
            key for key, row in tables.schools.items() if str(row["school_number"]) == number
        ),
    }
    student: Item = {
        "id": dcid,
        "local_id": record.get("local_id", dcid),
        "name": {},
        "demographics": dict(record.get("demographics", {})),
        "school_enrollment": enrolled,
    }
    tables.students[dcid] = student
    return student


def _take(student: Item, record: Item) -> None:
    student["name"] |= record.get("name", {})
    if "contact_info" in record:
        email = record["contact_info"].get("email")
        # it keeps no capitals of a domain
        name, at, domain = str(email or "").rpartition("@")
        student["contact_info"] = {"email": f"{name}{at}{domain.lower()}"} if at else ""
    for _, column, value in _extended(record):
        student.setdefault("_extension", {})[column] = value or None
    if "student_username" in record:
        student["student_username"] = record["student_username"] or None
