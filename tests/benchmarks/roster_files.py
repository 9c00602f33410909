"""Large generated OneRoster sets for the benchmarks, written row by row; no name is anybody's."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from connectors.oneroster.layout import HEADERS
from shared.domain.records import Kind

STUDENTS_PER_SCHOOL = 500
STUDENTS_PER_CLASS = 25

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a set is.

    Attributes:
        students: how many.
        enrollments: of each student.
        changed: a student in so many has another phone number than before; 0: nobody.
    """

    students: int
    enrollments: int = 8
    changed: int = 0

    @property
    def schools(self) -> int:
        return max(1, self.students // STUDENTS_PER_SCHOOL)

    @property
    def classes(self) -> int:
        return max(1, self.students * self.enrollments // STUDENTS_PER_CLASS // 8) * 8

    @property
    def teachers(self) -> int:
        return max(1, self.classes // 5)


def write_set(folder: Path, size: Size) -> dict[Kind, int]:
    """Write a OneRoster 1.2 bulk set; returns the rows of each file."""
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[Kind, Callable[[Size], Iterable[Row]]] = {
        Kind.ORGS: _orgs,
        Kind.ACADEMIC_SESSIONS: _sessions,
        Kind.COURSES: _courses,
        Kind.CLASSES: _classes,
        Kind.USERS: _users,
        Kind.ROLES: _roles,
        Kind.ENROLLMENTS: _enrollments,
    }
    counts: dict[Kind, int] = {}
    for kind, make in makers.items():
        with (folder / f"{kind}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(HEADERS["1.2"][kind][0])
            counts[kind] = _write(writer, make(size))
    manifest = [
        ("propertyName", "value"),
        ("manifest.version", "1.0"),
        ("oneroster.version", "1.2"),
    ]
    manifest += [(f"file.{kind}", "bulk" if kind in counts else "absent") for kind in Kind]
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(manifest)
    return counts


def _write(writer: object, rows: Iterable[Row]) -> int:
    count = 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    writer.writerows(counted())  # type: ignore[attr-defined]
    return count


def _orgs(size: Size) -> Iterator[Row]:
    yield ("district", "", "", "Generated District", "district", "D0", "")
    for school in range(size.schools):
        yield (f"s{school}", "", "", f"School {school}", "school", f"S{school}", "district")


def _sessions(_size: Size) -> Iterator[Row]:
    yield ("year", "", "", "2026-2027", "schoolYear", "2026-08-20", "2027-06-09", "", "2027")


def _courses(size: Size) -> Iterator[Row]:
    for school in range(size.schools):
        for course in range(8):
            yield (
                f"co{school}-{course}", "", "", "year", f"Course {course}", f"C{course}", "09",
                f"s{school}", "", "",
            )  # fmt: skip


def _classes(size: Size) -> Iterator[Row]:
    for number in range(size.classes):
        school = number % size.schools
        yield (
            f"cl{number}", "", "", f"Class {number}", "09", f"co{school}-{number % 8}", f"K{number}",
            "scheduled", "", f"s{school}", "year", "", "", "",
        )  # fmt: skip


def _users(size: Size) -> Iterator[Row]:
    students = (("st", "Student", n, f"{9 + n % 4:02d}") for n in range(size.students))
    teachers = (("te", "Teacher", n, "") for n in range(size.teachers))
    for prefix, given, n, grade in chain(students, teachers):
        has_moved = prefix == "st" and size.changed and n % size.changed == 0
        phone = "555-0199" if has_moved else "555-0100"
        yield (
            f"{prefix}{n}", "", "", "true", f"{prefix}{n}", "", f"{given}{n % 977}",
            f"Generated{n % 9973}", "", f"{prefix.upper()}{n}", f"{prefix}{n}@generated.example",
            "", phone, "", grade, "", "", "", "", "", f"s{n % size.schools}", "",
        )  # fmt: skip


def _roles(size: Size) -> Iterator[Row]:
    students = (("st", "student", n) for n in range(size.students))
    teachers = (("te", "teacher", n) for n in range(size.teachers))
    for prefix, role, n in chain(students, teachers):
        yield (
            f"r{prefix}{n}", "", "", f"{prefix}{n}", "primary", role, "", "",
            f"s{n % size.schools}", "",
        )  # fmt: skip


def _enrollments(size: Size) -> Iterator[Row]:
    for n in range(size.students):
        for place in range(size.enrollments):
            number = (n * size.enrollments + place) % size.classes
            yield (
                f"en{n}-{place}", "", "", f"cl{number}", f"s{number % size.schools}", f"st{n}",
                "student", "", "", "",
            )  # fmt: skip
    for number in range(size.classes):
        yield (
            f"ent{number}", "", "", f"cl{number}", f"s{number % size.schools}",
            f"te{number % size.teachers}", "teacher", "true", "", "",
        )  # fmt: skip
