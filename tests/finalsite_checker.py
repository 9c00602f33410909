"""Judges Finalsite's five sheets by the vendor's rules alone: it shares nothing with their writer.

Tab-delimited text; the ImportID leftmost, unique in a sheet and never empty; no tab or line break in
a value; whoever is named is in their own sheet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FILES = ("fs_faculty", "fs_student", "fs_parent", "fs_classes", "fs_enrollment")
#: The leftmost columns by default.
LEFTMOST = ("RECORDID", "RECORDID", "STUDENT_NUMBER", "RECORDID", "STUDENT_NUMBER")
REFERENCES = {
    ("fs_parent", "STUDENT_NUMBER"): "fs_student",
    ("fs_classes", "TEACHER"): "fs_faculty",
    ("fs_classes", "COTEACHER"): "fs_faculty",
    ("fs_enrollment", "STUDENT_NUMBER"): "fs_student",
    ("fs_enrollment", "SECTIONID"): "fs_classes",
}


@dataclass
class Sheets:
    """The sheets as they were read, and what is wrong with them."""

    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_sheets(folder: Path) -> Sheets:
    """Read a drop site, and judge it."""
    found = Sheets()
    names = sorted(path.name for path in folder.iterdir())
    if names != sorted(f"{name}.txt" for name in FILES):
        found.problems.append(f"the files are {names}")
        return found
    for name, leftmost in zip(FILES, LEFTMOST, strict=True):
        lines = (folder / f"{name}.txt").read_bytes().decode("utf-8").split("\r\n")
        if lines.pop() != "" or any("\n" in line or "\r" in line for line in lines):
            found.problems.append(f"{name}: lines that do not end in CRLF")
        header, *rows = (line.split("\t") for line in lines)
        if header[0] != leftmost or len(set(header)) < len(header):
            found.problems.append(f"{name}: the header is {header}")
        if any(len(row) != len(header) for row in rows):
            found.problems.append(f"{name}: a row has other cells than the header")
        found.tables[name] = [dict(zip(header, row, strict=False)) for row in rows]
        ids = [row[0] if name != "fs_enrollment" else tuple(row) for row in rows]
        if len(set(ids)) < len(ids) or not all(ids):
            found.problems.append(f"{name}: an ImportID is empty, or stands there twice")
    for (name, column), other in REFERENCES.items():
        there = {next(iter(row.values())) for row in found.tables[other]}
        found.problems += [
            f"{name}.{column}: {row[column]} is not in {other}"
            for row in found.tables[name]
            if row[column] and row[column] not in there
        ]
    return found
