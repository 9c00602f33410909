"""`POST /ws/v1/student` on the simulated server: insert and update, a result for each record.

Source: PowerSchool developer pages and answers seen on the wire; the whole answers 200 even when
every record failed. What a record must hold is told by `student_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.vendors.powerschool.simulator.student_rules import (
    BLOCKS,
    STATUSES,
    extended,
    old,
    problems_of,
    status_of,
)
from connectors.vendors.powerschool.simulator.tables import Item, Tables


def write(tables: Tables, given: Any, used: set[str], base: str) -> Item:
    """Carry out one record, and return its result.

    Args:
        tables: what it changes; the data version moves.
        given: a student of the request.
        used: the client_uids of the records before it; its own is added.
        base: the server's address.
    """
    record = given if isinstance(given, dict) else {}
    uid = str(record.get("client_uid", ""))
    answer: Item = {
        "client_uid": int(uid) if uid.isascii() and uid.isdigit() else uid,
        "status": "ERROR",
        "action": record.get("action"),
    }
    with tables.lock:
        problems = list(problems_of(tables, record, used))
        used.add(uid)
        if problems:
            errors = [
                {"field": field, "error_code": code, "error_description": told}
                for field, code, told in problems
            ]
            # the XML beneath knows no list of one
            told = errors[0] if len(errors) == 1 else errors
            return {**answer, "error_message": {"error": told}}
        student = _new(tables, record) if record["action"] == "INSERT" else old(tables, record)
        _take(student, record)
        tables.touch("students", student["id"])
    done = {"id": student["id"], "ref": f"{base}/ws/v1/student/{student['id']}"}
    return {**answer, "status": "SUCCESS", "success_message": done}


def _new(tables: Tables, record: Item) -> Item:
    dcid = max(tables.students, default=5000) + 1
    enrolled = dict(record["school_enrollment"])
    number = str(enrolled["school_number"])
    # the one is told by the other
    letter = status_of(enrolled) or "A"
    code, description = STATUSES[letter]
    enrolled |= {
        "enroll_status": letter,
        "enroll_status_description": description,
        "enroll_status_code": code,
        "grade_level": int(enrolled["grade_level"]),
        "school_id": next(
            key for key, row in tables.schools.items() if str(row["school_number"]) == number
        ),
    }
    student: Item = {
        "id": dcid,
        "local_id": record.get("local_id", dcid),
        "name": {},
        **dict.fromkeys(("addresses", "alerts", "contact_info"), ""),
        "school_enrollment": enrolled,
    }
    tables.students[dcid] = student
    return student


def _take(student: Item, record: Item) -> None:
    for name in ("name", *BLOCKS):
        if isinstance(record.get(name), dict):
            student[name] = _merged(student.get(name), record[name])
    if isinstance(record.get("contact_info"), dict):
        email = record["contact_info"].get("email")
        # it keeps no capitals of a domain
        name, at, domain = str(email or "").rpartition("@")
        student["contact_info"] = {"email": f"{name}{at}{domain.lower()}"} if at else ""
    for _, column, value in extended(record):
        student.setdefault("_extension", {})[column] = value or None
    for name in ("student_username", "state_province_id"):
        if name in record:
            student[name] = record[name] or None


def _merged(held: Any, given: Mapping[str, Any]) -> Item:
    """Return a block with what was given in the place of what it held; "" is null."""
    found: Item = dict(held) if isinstance(held, dict) else {}
    for name, value in given.items():
        if isinstance(value, dict):
            found[name] = _merged(found.get(name), value)
        else:
            found[name] = None if value == "" else value
    return found
