"""What a district consists of, before any vendor's format. All of it is generated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class School:
    """A school; `number` is what people call its id, `grades` are CEDS codes in order."""

    number: int
    name: str
    grades: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a school year; `end` is its last day, `year` that of the school year's start."""

    number: int
    name: str
    kind: str
    year: int
    start: date
    end: date
    parent: int | None


@dataclass(frozen=True, slots=True)
class Course:
    """A course of one school."""

    number: str
    name: str
    school: int
    subject: str
    grades: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """A person: `number` is unique in the district over staff, students and guardians alike."""

    number: int
    given_name: str
    family_name: str
    middle_name: str | None
    sex: str
    birth_date: date
    username: str
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Teacher:
    """A member of staff and the schools where they teach, the first being their own."""

    person: Person
    schools: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Student:
    """A student, their school, grade and guardians' numbers."""

    person: Person
    school: int
    grade: str
    guardians: tuple[int, ...]
    entry: date


@dataclass(frozen=True, slots=True)
class Section:
    """A class: one course, taught in one term by one teacher to some students."""

    number: int
    course: str
    school: int
    term: int
    teacher: int
    period: str
    room: str
    students: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class District:
    """A whole district on one day."""

    name: str
    seed: int
    domain: str
    schools: tuple[School, ...]
    terms: tuple[Term, ...]
    courses: tuple[Course, ...]
    teachers: tuple[Teacher, ...]
    students: tuple[Student, ...]
    guardians: tuple[Person, ...]
    sections: tuple[Section, ...]
