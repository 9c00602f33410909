"""Judges a set of Clever's five files by the format alone: it shares nothing with what writes one.

Written from the facts of the format: five files, names in lower case, each with a header; columns in
any order; an id stands for one record; whoever is named is there.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

# `*`: a value is required; `?`: where the set has the column at all
HEADERS = {
    "schools": "School_id* School_name* School_number? Low_grade High_grade Principal Principal_email"
    " School_address School_city School_state School_zip School_phone",
    "students": "School_id* Student_id* Student_number State_id Last_name* First_name* Grade Gender"
    " DOB Email Email_address Race Home_language IEP_status FRL_status ELL_status",
    "teachers": "School_id* Teacher_id* Teacher_number State_teacher_id Teacher_email First_name*"
    " Last_name* Title",
    "sections": "School_id* Section_id* Teacher_id* Teacher_2_id Teacher_3_id Teacher_4_id"
    " Teacher_5_id Teacher_6_id Teacher_7_id Teacher_8_id Teacher_9_id Teacher_10_id Name Grade"
    " Subject Term_name Term_start Term_end",
    "enrollments": "School_id* Section_id* Student_id*",
}
KEYS = {
    "schools": ("School_id",),
    "students": ("Student_id",),
    "teachers": ("School_id", "Teacher_id"),
    "sections": ("Section_id",),
    "enrollments": ("Section_id", "Student_id"),
}
REFERENCES = {
    ("students", "School_id"): ("schools", "School_id"),
    ("teachers", "School_id"): ("schools", "School_id"),
    ("sections", "School_id"): ("schools", "School_id"),
    ("sections", "Teacher_id"): ("teachers", "Teacher_id"),
    ("sections", "Teacher_2_id"): ("teachers", "Teacher_id"),
    ("enrollments", "School_id"): ("schools", "School_id"),
    ("enrollments", "Section_id"): ("sections", "Section_id"),
    ("enrollments", "Student_id"): ("students", "Student_id"),
}
DATE = re.compile(r"(0[1-9]|1[0-2])/(0[1-9]|[12]\d|3[01])/\d{4}")
FORMS = {"Term_start": DATE, "Term_end": DATE, "DOB": DATE, "Gender": re.compile("[MF]")}


@dataclass
class CleverSet:
    """A set as it was read, and what is wrong with it."""

    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_set(folder: Path, *, one_row_a_teacher: bool = False) -> CleverSet:
    """Read a folder, and judge it."""
    found = CleverSet()
    names = {path.name for path in folder.iterdir()}
    if names != {f"{name}.csv" for name in HEADERS}:
        found.problems.append(f"the files are {sorted(names)}")
        return found
    for name in HEADERS:
        _read(found, name, (folder / f"{name}.csv").read_bytes())
    if found.problems:
        return found
    keys = {**KEYS, "teachers": ("Teacher_id",)} if one_row_a_teacher else KEYS
    for name, columns in keys.items():
        ids = [tuple(row[column] for column in columns) for row in found.tables[name]]
        found.problems += [f"{name}: {id_} stands there twice" for id_ in ids if ids.count(id_) > 1]
    for (name, column), (other, key) in REFERENCES.items():
        there = {row[key] for row in found.tables[other]}
        found.problems += [
            f"{name}.{column}: {row[column]} is not in {other}"
            for row in found.tables[name]
            if row.get(column) and row[column] not in there
        ]
    return found


def _read(found: CleverSet, name: str, content: bytes) -> None:
    text = content.decode("utf-8")
    if text.startswith("\ufeff") or text.count("\r\n") != text.count("\n") or text[-2:] != "\r\n":
        found.problems.append(f"{name}: a byte order mark, or lines that do not end in CRLF")
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    known = {word.rstrip("*?"): word[-1] for word in HEADERS[name].split()}
    found.problems += [
        f"{name}: {column} is unknown or twice"
        for column in header
        if column not in known or header.count(column) > 1
    ]
    found.problems += [
        f"{name}: {column} is missing"
        for column, mark in known.items()
        if mark == "*" and column not in header
    ]
    found.tables[name] = []
    for cells in rows:
        if len(cells) != len(header):
            found.problems.append(f"{name}: {len(cells)} cells")
            continue
        row = dict(zip(header, cells, strict=True))
        found.tables[name].append(row)
        for column, cell in row.items():
            if not cell.strip() and known.get(column) in {"*", "?"}:
                found.problems.append(f"{name}: {column} is empty")
            if cell and column in FORMS and not FORMS[column].fullmatch(cell):
                found.problems.append(f"{name}: {column} is {cell!r}")
            if re.search(r"[\r\n]", cell):
                found.problems.append(f"{name}: {column} has a line break")
