"""What a student of `POST /ws/v1/student` must hold, and may.

Source: PowerSchool developer pages, as others wrote them down: what is required, lengths, that an
address is taken whole (but for grid_location) and a contact's name with the phone, that one of
letter and code tells the enroll status. The names of the pairs of contacts are inferred.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from connectors.vendors.powerschool.simulator.tables import COLUMNS, EXTENSION, Item, Tables

#: Parts of a student that are kept as they are given.
BLOCKS = (
    *("addresses", "alerts", "contact", "demographics", "ethnicity_race", "fees"),
    *("initial_enrollment", "lunch", "phones", "schedule_setup"),
)
#: Of an address, what must come together.
ADDRESS = ("street", "city", "state_province", "postal_code")
CONTACT_PAIRS = (
    ("emergency_contact_name1", "emergency_phone1"),
    ("emergency_contact_name2", "emergency_phone2"),
    ("doctor_name", "doctor_phone"),
)
#: The longest text that is taken, by path.
LENGTHS: Mapping[str, int] = {
    "student/name/last_name": 50,
    "student/name/first_name": 50,
    "student/name/middle_name": 30,
    "student/student_username": 60,
    "student/schedule_setup/home_room": 60,
    "student/phones/main/number": 30,
    **{
        f"student/addresses/{kind}/{name}": longest
        for kind in ("physical", "mailing")
        for name, longest in zip(ADDRESS, (60, 50, 2, 10), strict=True)
    },
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
#: Enroll status of an insert, by its letter: code and description.
STATUSES: Mapping[str, tuple[int, str]] = {
    "A": (0, "Active"),
    "P": (-1, "Pre-registered"),
    "I": (1, "Inactive"),
    "H": (4, "Historical"),
}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
Problem = tuple[str, str, str]


def problems_of(tables: Tables, record: Item, used: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong with a record: field, code and description of each error.

    Args:
        tables: that it would change.
        record: a student of the request.
        used: the client_uids of the records before it.
    """
    if not record.get("client_uid"):
        yield "student/client_uid", "REQUIRED", "No data submitted for required element"
    elif str(record["client_uid"]) in used:
        yield "student/client_uid", "DUPLICATE", "Another record of the call has this value"
    match record.get("action"):
        case "UPDATE":
            if old(tables, record) is None:
                yield "student/id", "NOT_FOUND", "There is no student with this id"
            for name in ("local_id", "school_enrollment"):
                if name in record:
                    yield f"student/{name}", "NOT_ALLOWED", "It is taken on INSERT only"
        case "INSERT":
            yield from _problems_of_insert(tables, record)
        case _:
            yield "student/action", "FIELD_VALIDATION_ERROR", "Value must be INSERT or UPDATE"
    for name in ("name", "contact_info", "school_enrollment", *BLOCKS):
        if not isinstance(record.get(name) or {}, dict):
            yield f"student/{name}", "FIELD_VALIDATION_ERROR", "Value must be an element"
    yield from _halves(record)
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
    for table, column, value in extended(record):
        if table != EXTENSION or column not in COLUMNS:
            yield "student/_extension_data", "FIELD_VALIDATION_ERROR", "There is no such column"
        elif not isinstance(value, str):
            yield "student/_extension_data", "FIELD_VALIDATION_ERROR", "Value must be text"


def extended(record: Item) -> Iterator[tuple[str, str, Any]]:
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
    enrolled = record.get("school_enrollment")
    enrolled = enrolled if isinstance(enrolled, dict) else {}
    given = [name for name in ("enroll_status", "enroll_status_code") if name in enrolled]
    path = f"student/school_enrollment/{given[0]}" if given else ""
    if len(given) > 1:
        yield path, "NOT_ALLOWED", "Only one of enroll_status and enroll_status_code is taken"
    elif given and status_of(enrolled) is None:
        yield path, "FIELD_VALIDATION_ERROR", "Value must be A, I, P or H, or the code of one"


def status_of(enrolled: Item) -> str | None:
    """Return the letter of the enroll status that is told by letter or code, None: by neither."""
    codes = {str(code): letter for letter, (code, _) in STATUSES.items()}
    told = enrolled.get("enroll_status", codes.get(str(enrolled.get("enroll_status_code"))))
    return told if told in STATUSES else None


def _halves(record: Item) -> Iterator[Problem]:
    """Yield what is missing beside that with which it must come."""
    for kind in ("physical", "mailing"):
        path = f"student/addresses/{kind}"
        address = _at(record, path)
        if isinstance(address, dict) and address.keys() & set(ADDRESS):
            for name in ADDRESS:
                if name not in address:
                    yield f"{path}/{name}", "REQUIRED", "An address is taken whole"
    contact = record.get("contact")
    held = contact if isinstance(contact, dict) else {}
    for pair in CONTACT_PAIRS:
        missing = [name for name in pair if name not in held]
        if len(missing) == 1:
            yield f"student/contact/{missing[0]}", "REQUIRED", "Name and phone come together"


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


def old(tables: Tables, record: Item) -> Any:
    """Return the student whom a record updates, None: there is none."""
    key = str(record.get("id", ""))
    return tables.students.get(int(key)) if key.isascii() and key.isdigit() else None
