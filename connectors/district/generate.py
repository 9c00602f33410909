"""Generates a district from a seed: the same seed gives the same district, on every machine.

No name here is anybody's: names are put together from syllables.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from connectors.district.lives import Life, lives, year_of
from connectors.district.model import (
    Course,
    District,
    Person,
    School,
    Section,
    Student,
    Teacher,
    Term,
)

#: The calendar year in which the generated school year starts.
YEAR = 2026
#: Students of one school, at most about.
SCHOOL_SIZE = 450

_ONSETS = ("b", "br", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z")
_NUCLEI = ("a", "e", "i", "o", "u", "ai", "ea", "ou", "é", "ö")
_CODAS = ("", "", "l", "n", "r", "s", "th", "x")
_LEVELS = (
    ("Elementary", ("KG", "01", "02", "03", "04", "05")),
    ("Middle", ("06", "07", "08")),
    ("High", ("09", "10", "11", "12")),
)
_SUBJECTS = {
    "Elementary": ("Homeroom", "Reading"),
    "Middle": ("Mathematics", "Science", "Language", "History", "Music"),
    "High": ("Algebra", "Biology", "Literature", "Economics", "Art", "Geography"),
}
_CLASS_SIZE = 25
#: Students' numbers start here.
STUDENTS = 100_000
#: At which a child comes to kindergarten.
_AGE = 5
_DAY = timedelta(days=1)
#: The numbers of two years' sections are this far apart.
_YEAR_OF_SECTIONS = 100_000_000


def generate(name: str, *, seed: int, students: int, day: int = 0) -> District:
    """Generate a district.

    Args:
        name: a slug; e-mail addresses are under `NAME.example`.
        seed: decides everything.
        students: how many on day 0, at least 1.
        day: 0 is the first; on each later one a few have come, left, moved or changed their names.
            After `YEAR_DAYS` the next school year begins, with terms and classes of its own.
    """
    maker = _Maker(name, seed, year_of(day))
    schools = maker.schools(students)
    terms = maker.terms(day)
    enrolled, guardians = maker.students(schools, students, day)
    teachers, courses, sections = maker.classes(schools, terms, enrolled)
    return District(
        name=name,
        seed=seed,
        domain=f"{name}.example",
        schools=tuple(schools),
        terms=tuple(terms),
        courses=tuple(courses),
        teachers=tuple(teachers),
        students=tuple(enrolled),
        guardians=tuple(guardians),
        sections=tuple(sections),
    )


class _Maker:
    def __init__(self, name: str, seed: int, year: int) -> None:
        self._name = name
        self._seed = seed
        self._year = year
        #: By student, the place in their school and grade: whoever leaves gives it to nobody.
        self._places: dict[int, int] = {}
        #: By school, how many students began there.
        self._sizes: Counter[int] = Counter()

    def _dice(self, *what: object) -> random.Random:
        # each thing has dice of its own, so that a joiner changes nobody else
        return random.Random(f"{self._seed}/{'/'.join(str(part) for part in what)}")  # noqa: S311

    def schools(self, students: int) -> list[School]:
        found: list[School] = []
        share = {"Elementary": 6 / 13, "Middle": 3 / 13, "High": 4 / 13}
        for level, grades in _LEVELS:
            for _ in range(max(1, round(students * share[level] / SCHOOL_SIZE))):
                number = 100 + 10 * len(found)
                title = _word(self._dice("school", number)).title()
                found.append(School(number, f"{title} {level} School", grades))
        return found

    def terms(self, day: int) -> list[Term]:
        year = YEAR + year_of(day)
        number = 10 * year_of(day)
        first, last = date(year, 8, 20), date(year + 1, 6, 9)
        middle = date(year + 1, 1, 15)
        whole, *halves = number + 1, number + 2, number + 3
        return [
            Term(whole, f"{year}-{year + 1}", "schoolYear", year, first, last, None),
            Term(halves[0], "Semester 1", "semester", year, first, middle, whole),
            Term(halves[1], "Semester 2", "semester", year, middle + _DAY, last, whole),
        ]

    def students(
        self, schools: Sequence[School], count: int, day: int
    ) -> tuple[list[Student], list[Person]]:
        by_grade: dict[str, list[School]] = {}
        for school in schools:
            for grade in school.grades:
                by_grade.setdefault(grade, []).append(school)
        grades = [grade for _, of_level in _LEVELS for grade in of_level]
        found, guardians = [], []
        taken: Counter[tuple[int, str]] = Counter()
        moved: list[tuple[Life, str, School]] = []
        for life, is_here in lives(self._seed, count, len(grades), day):
            grade = grades[life.grade]
            offered = by_grade[grade]
            school = offered[(life.index // len(grades)) % len(offered)]
            place = taken[school.number, grade]
            taken[school.number, grade] += 1
            self._sizes[school.number] += life.is_first
            if not is_here:
                continue
            number = STUDENTS + life.index
            if life.moves:
                moved.append((life, grade, school))
            self._places[number] = place
            guardian = self._person(600_000_000 + life.index, "guardian", birth_year=1985)
            born = YEAR + life.year - _AGE - life.first_grade
            person = self._person(number, "student", birth_year=born, renames=life.renames)
            guardians.append(guardian)
            entry = date(YEAR + life.year, 8, 20)
            found.append(Student(person, school.number, grade, (guardian.number,), entry))
        elsewhere = {
            STUDENTS + life.index: self._moved(life, grade, school, by_grade[grade], taken)
            for life, grade, school in moved
        }
        return [
            replace(student, school=elsewhere.get(student.person.number, student.school))
            for student in found
        ], guardians

    def _moved(
        self,
        life: Life,
        grade: str,
        school: School,
        offered: Sequence[School],
        taken: Mapping[tuple[int, str], int],
    ) -> int:
        """Return the school of a student who has moved, and give them a place in a class there.

        Where no other school has their grade, they have moved to another class.
        """
        dice = self._dice("moved", life.index, life.moves)
        others = [other for other in offered if other != school] or [school]
        there = dice.choice(others)
        groups = max(1, -(-taken[there.number, grade] // _CLASS_SIZE))
        self._places[STUDENTS + life.index] = dice.randrange(groups) * _CLASS_SIZE
        return there.number

    def _person(self, number: int, role: str, *, birth_year: int, renames: int = 0) -> Person:
        dice = self._dice(role, number)
        given = _word(dice).title()
        family = _word(dice).title()
        if dice.random() < 0.06:
            family += "-" + _word(dice).title()
        elif dice.random() < 0.03:
            family = "O'" + family
        middle = _word(dice).title() if dice.random() < 0.4 else None
        sex = dice.choice(("female", "male"))
        born = date(birth_year, 1, 1) + timedelta(days=dice.randrange(365))
        username = f"{_ascii(given)}.{number}"
        has_email = role == "teacher" or (role == "student" and dice.random() < 0.97)
        phone = f"555-01{dice.randrange(100):02d}" if role == "guardian" else None
        if renames:
            family = _word(self._dice("rename", number, renames)).title()
        email = f"{username}@{self._name}.example" if has_email else None
        return Person(number, given, family, middle, sex, born, username, email, phone)

    def classes(
        self, schools: Sequence[School], terms: Sequence[Term], students: Sequence[Student]
    ) -> tuple[list[Teacher], list[Course], list[Section]]:
        teachers: list[Teacher] = []
        courses: list[Course] = []
        sections: list[Section] = []
        members: dict[tuple[int, str], dict[int, list[int]]] = {}
        for student in students:
            number = student.person.number
            groups = members.setdefault((student.school, student.grade), {})
            groups.setdefault(self._places[number] // _CLASS_SIZE, []).append(number)
        for school in schools:
            level = school.name.split()[-2]
            numbers = []
            for place in range(max(2, self._sizes[school.number] // 20)):
                number = school.number * 1000 + place
                person = self._person(500_000 + number, "teacher", birth_year=1980)
                teachers.append(Teacher(person, (school.number,)))
                numbers.append(person.number)
            for of_level, subject in enumerate(_SUBJECTS[level]):
                code = f"{subject[:3].upper()}{school.number}"
                courses.append(Course(code, subject, school.number, subject, school.grades))
                for of_school, grade in enumerate(school.grades):
                    for group, enrolled in members.get((school.number, grade), {}).items():
                        place = group + 3 * of_school + 7 * of_level
                        # its number says where it belongs, so that no other day gives it another
                        number = (school.number * 10 + of_level) * 1000 + of_school * 100 + group
                        number += self._year * _YEAR_OF_SECTIONS
                        term = terms[0] if level == "Elementary" else terms[1 + place % 2]
                        sections.append(
                            Section(
                                number=number,
                                course=code,
                                school=school.number,
                                term=term.number,
                                teacher=numbers[place % len(numbers)],
                                period=str(1 + place % 7),
                                room=f"R{place % 60 + 1}",
                                students=tuple(enrolled),
                            )
                        )
        return teachers, courses, sections


def _word(dice: random.Random) -> str:
    return "".join(
        dice.choice(_ONSETS) + dice.choice(_NUCLEI) + dice.choice(_CODAS)
        for _ in range(dice.choice((2, 2, 3)))
    )


def _ascii(word: str) -> str:
    return word.lower().replace("é", "e").replace("ö", "o")
