"""Generates a district from a seed: the same seed gives the same district, on every machine.

No name here is anybody's: names are put together from syllables.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

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


def generate(name: str, *, seed: int, students: int, day: int = 0) -> District:
    """Generate a district.

    Args:
        name: a slug; e-mail addresses are under `NAME.example`.
        seed: decides everything.
        students: how many on day 0, at least 1.
        day: 0 is the first; on each later one a few have come, left or changed their names.
    """
    maker = _Maker(name, seed)
    schools = maker.schools(students)
    terms = maker.terms()
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
    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._seed = seed
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

    def terms(self) -> list[Term]:
        first, last = date(YEAR, 8, 20), date(YEAR + 1, 6, 9)
        middle = date(YEAR + 1, 1, 15)
        title = f"{YEAR}-{YEAR + 1}"
        return [
            Term(1, title, "schoolYear", YEAR, first, last, None),
            Term(2, "Semester 1", "semester", YEAR, first, middle, 1),
            Term(3, "Semester 2", "semester", YEAR, middle + timedelta(days=1), last, 1),
        ]

    def students(
        self, schools: Sequence[School], count: int, day: int
    ) -> tuple[list[Student], list[Person]]:
        by_grade: dict[str, list[School]] = {}
        for school in schools:
            for grade in school.grades:
                by_grade.setdefault(grade, []).append(school)
        grades = sorted(by_grade)
        found, guardians = [], []
        joined = max(1, count // 200) * day
        taken: Counter[tuple[int, str]] = Counter()
        for index in range(count + joined):
            grade = grades[index % len(grades)]
            offered = by_grade[grade]
            school = offered[(index // len(grades)) % len(offered)]
            place = taken[school.number, grade]
            taken[school.number, grade] += 1
            self._sizes[school.number] += index < count
            if index < count and self._has_left(index, day):
                continue
            self._places[100_000 + index] = place
            guardian = self._person(600_000_000 + index, "guardian", birth_year=1985)
            age = 5 if grade == "KG" else 5 + int(grade)
            renames = sum(self._is_renamed(index, past) for past in range(1, day + 1))
            person = self._person(
                100_000 + index, "student", birth_year=YEAR - age, renames=renames
            )
            guardians.append(guardian)
            found.append(
                Student(person, school.number, grade, (guardian.number,), date(YEAR, 8, 20))
            )
        return found, guardians

    def _has_left(self, index: int, day: int) -> bool:
        return any(self._dice("left", index, past).random() < 0.004 for past in range(1, day + 1))

    def _is_renamed(self, index: int, day: int) -> bool:
        return self._dice("renamed", index, day).random() < 0.004

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
