"""Which records a list of the simulated server holds: school or section, `q`, order.

Source: PowerSchool developer pages: `q` is a modified FIQL, `;` is AND, `*` a wildcard, and each
resource has its selectors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from connectors.vendors.powerschool.simulator.tables import Item, Tables

#: What `q` may name, by table.
SELECTORS: Mapping[str, frozenset[str]] = {
    "students": frozenset(
        {
            "student_username",
            "local_id",
            "name.last_name",
            "state_province_id",
            "school_enrollment.enroll_status_code",
            "school_enrollment.enroll_status",
            "school_enrollment.entry_date",
        }
    ),
    "terms": frozenset({"start_year"}),
    "sections": frozenset({"term.start_year"}),
}
#: The order of each list; by DCID where it is not told.
ORDERS: Mapping[str, Callable[[Item], Any]] = {
    "schools": lambda row: row["name"],
    "courses": lambda row: str(row["course_number"]),
    "terms": lambda row: (row["portion"], row["start_date"]),
    "enrollments": lambda row: (row["student_id"], row["entry_date"]),
}
#: "Graduated Students", which a list of schools shows and its count leaves out.
GRADUATED_SCHOOL = 999999
_CLAUSE = re.compile(r"([\w.]+)(==|=gt=|=ge=|=lt=|=le=)(.*)")
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=gt=": lambda left, right: left > right,
    "=ge=": lambda left, right: left >= right,
    "=lt=": lambda left, right: left < right,
    "=le=": lambda left, right: left <= right,
}


class BadQueryError(ValueError):
    """`q` is not understood."""


def select(
    tables: Tables, table: str, *, school: int | None, section: int | None, query: str
) -> list[Item]:
    """Return a list's records in its order.

    Raises:
        BadQueryError: `query` is not understood.
    """
    with tables.lock:
        if section is not None:
            rows = tables.members(section)
        else:
            rows = [row for _, row in sorted(tables.of(table).items()) if _is_listed(row, school)]
        for clause in filter(None, query.split(";")):
            rows = _filtered(tables, table, rows, clause)
        return sorted(rows, key=ORDERS[table]) if table in ORDERS else list(rows)


def _is_listed(row: Item, school: int | None) -> bool:
    if row.get("_status", 1) != 1:  # only active staff
        return False
    if school is None:
        return True
    at = row["_school"] if "_school" in row else row.get("school_id")
    if "school_enrollment" in row:
        at = row["school_enrollment"]["school_id"]
    return bool(at == school)


def _filtered(tables: Tables, table: str, rows: list[Item], clause: str) -> list[Item]:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        raise BadQueryError(f"{clause} is not understood")
    path, operator, wanted = match.groups()
    if path not in SELECTORS.get(table, frozenset()):
        raise BadQueryError(f"{path} is no selector of this resource")
    return [row for row in rows if _fits(_value(tables, row, path), operator, wanted.strip("()"))]


def _value(tables: Tables, row: Item, path: str) -> Any:
    if path == "term.start_year":
        term = tables.terms.get(row["term_id"], {})
        return term.get("start_year")
    found: Any = row
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _fits(value: Any, operator: str, wanted: str) -> bool:
    if operator == "==":
        pattern = ".*".join(re.escape(part) for part in wanted.split("*"))
        return value is not None and re.fullmatch(pattern, str(value), re.IGNORECASE) is not None
    if value is None:
        return False
    if isinstance(value, int) and re.fullmatch(r"-?[0-9]+", wanted):
        return _OPERATORS[operator](value, int(wanted))
    return _OPERATORS[operator](str(value), wanted)
