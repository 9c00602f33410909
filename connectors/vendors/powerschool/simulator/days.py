"""The simulated server's records become those of another day; what the hub has written stays."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from connectors.district.model import District
from connectors.vendors.powerschool.simulator.tables import Item, Tables

#: Transferred out: students are hardly ever deleted.
LEFT = {
    "enroll_status": "T",
    "enroll_status_description": "Transferred Out",
    "enroll_status_code": 2,
}
HERE = {"enroll_status": "A", "enroll_status_description": "Active", "enroll_status_code": 0}


def turn(tables: Tables, district: District) -> None:
    """Let students join, leave, move and be renamed until the server holds a district.

    Each change moves the data version. Schools and courses stay the same; what is of another school
    year stays as it is.
    """
    wanted = Tables(district)
    with tables.lock:
        students = _merge(tables, wanted, "students", itemgetter("local_id"), _same_student)
        gone = {row["local_id"] for row in tables.students.values()}
        gone -= {row["local_id"] for row in wanted.students.values()}
        for dcid, row in tables.students.items():
            if row["local_id"] in gone and row["school_enrollment"]["enroll_status"] != "T":
                row["school_enrollment"] |= LEFT
                tables.touch("students", dcid)
        _turn_contacts(tables, wanted, students)
        terms = _merge(tables, wanted, "terms", itemgetter("school_id", "portion", "start_date"))
        users = {row["local_id"]: row["users_dcid"] for row in tables.staff.values()}
        for row in wanted.staff.values():
            new = max(users.values(), default=0) + 1
            row["users_dcid"] = users.setdefault(row["local_id"], new)
        staff = _merge(tables, wanted, "staff", itemgetter("local_id", "_school"))
        for row in wanted.sections.values():
            row["term_id"], row["staff_id"] = terms[row["term_id"]], staff[row["staff_id"]]
        sections = _merge(tables, wanted, "sections", itemgetter("section_number"))
        _turn_enrollments(tables, wanted, students, sections, set(terms.values()))


def _merge(
    tables: Tables,
    wanted: Tables,
    table: str,
    key_of: Callable[[Item], Any],
    amend: Callable[[Item, Item], bool] | None = None,
) -> dict[int, int]:
    """Put in what is new; returns, by the wanted tables' DCIDs, those of this server."""
    held = tables.of(table)
    known = {key_of(row): dcid for dcid, row in held.items()}
    found = {}
    for there, row in wanted.of(table).items():
        dcid = known.get(key_of(row))
        if dcid is None:
            dcid = max(held, default=0) + 1
            held[dcid] = {**row, "id": dcid}
            tables.touch(table, dcid)
        elif amend is not None and amend(held[dcid], row):
            tables.touch(table, dcid)
        found[there] = dcid
    return found


def _same_student(held: Item, row: Item) -> bool:
    """Take name, school and grade of the day; returns whether anything has changed."""
    now = {"name": row["name"], "school_enrollment": row["school_enrollment"] | HERE}
    if all(held[name] == value for name, value in now.items()):
        return False
    held |= now
    return True


def _turn_contacts(tables: Tables, wanted: Tables, students: dict[int, int]) -> None:
    """Put in the contacts of students who have joined; whoever was there stays."""
    known = {row["account"] for row in tables.contacts.values()}
    for row in wanted.contacts.values():
        if row["account"] in known:
            continue
        dcid = max(tables.contacts, default=8000) + 1
        ties = [{**tie, "dcid": students[tie["dcid"]]} for tie in row["students"]]
        tables.contacts[dcid] = {**row, "id": dcid, "students": ties}
        tables.touch("contacts", dcid)


def _turn_enrollments(
    tables: Tables,
    wanted: Tables,
    students: dict[int, int],
    sections: dict[int, int],
    terms: set[int],
) -> None:
    pairs = {
        (sections[row["section_id"]], students[row["student_id"]])
        for row in wanted.enrollments.values()
    }
    held = {(row["section_id"], row["student_id"]): row for row in tables.enrollments.values()}
    for pair, row in held.items():
        is_of_year = tables.sections[pair[0]]["term_id"] in terms
        if is_of_year and bool(row.get("dropped")) == (pair in pairs):
            row["dropped"] = pair not in pairs
            tables.touch("enrollments", row["id"])
    for section, student in sorted(pairs - set(held)):
        tables.enroll(section, student)
        tables.touch("enrollments", max(tables.enrollments))
