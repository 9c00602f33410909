"""The kit's districts: small, generated, and cut to the size that a check is about."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle

from connectors.district.generate import generate
from connectors.district.model import District, Person, Student

NAME, SEED = "kit", 11
#: Students of the whole generated district; about two thirds are in the schools that are kept.
STUDENTS = 40
#: The schools that are kept: elementary and middle.
SCHOOLS = 2
#: The day on which an incremental read is tried: until then some have joined, left or changed.
LATER = 12
#: Records of a page where paging is tried.
PAGE = 5

#: What stands in names: letters of several scripts put together, no one's name. Accents come apart
#: (NFD), since Macs and directories write them so; one letter lies outside the first plane of
#: Unicode; a mark and a hyphen are what naive files break at.
SYLLABLES = (
    unicodedata.normalize("NFD", "Åéñöů"),
    "Łıßœþ",
    "Ждёўї",
    "بحرفي",
    "日本語字",
    "ᎠᏂᏴ",
    "𐐀𐐁",
    "O'Vo-Lü",
)


def whole(day: int = 0) -> District:
    """Return the district as it is on a day, with few classes."""
    return cut(generate(NAME, seed=SEED, students=STUDENTS, day=day))


def cut(district: District) -> District:
    """Return the first schools of a district, each with one course; everybody has an address.

    A vendor that knows people by their address would else lack some, and rightly.
    """
    schools = district.schools[:SCHOOLS]
    numbers = [school.number for school in schools]
    courses = tuple(
        next(course for course in district.courses if course.school == number) for number in numbers
    )
    students = [student for student in district.students if student.school in numbers]
    teachers = [one for one in district.teachers if one.schools[0] in numbers]
    families = {number for student in students for number in student.guardians}
    return replace(
        district,
        schools=schools,
        courses=courses,
        teachers=tuple(replace(one, person=_reached(one.person)) for one in teachers),
        students=tuple(replace(one, person=_reached(one.person)) for one in students),
        guardians=tuple(one for one in district.guardians if one.number in families),
        sections=tuple(
            section
            for section in district.sections
            if section.course in {course.number for course in courses}
        ),
    )


def of_students(count: int) -> District:
    """Return the district with its first so many students."""
    district = whole()
    return _with(district, district.students[:count])


def hollow() -> District:
    """Return the district with its schools, and nobody and nothing in them."""
    district = replace(whole(), teachers=(), courses=(), sections=())
    return _with(district, ())


def in_many_scripts() -> District:
    """Return the district with students whose names are of many scripts."""
    district = whole()
    syllables = cycle(SYLLABLES)
    return _with(
        district,
        [
            replace(
                one,
                person=replace(
                    one.person, given_name=f"{next(syllables)}a", family_name=next(syllables)
                ),
            )
            for one in district.students
        ],
    )


def _with(district: District, students: Sequence[Student]) -> District:
    here = {student.person.number for student in students}
    families = {number for student in students for number in student.guardians}
    return replace(
        district,
        students=tuple(students),
        guardians=tuple(one for one in district.guardians if one.number in families),
        sections=tuple(
            replace(section, students=tuple(one for one in section.students if one in here))
            for section in district.sections
        ),
    )


def _reached(person: Person) -> Person:
    email = person.email or f"{person.username}@{NAME}.example"
    return replace(person, email=email)
