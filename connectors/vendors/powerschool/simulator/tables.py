"""The simulated server's records: a generated district as PowerSchool's tables hold it.

A field whose name begins with "_" is the simulator's own and never sent.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from connectors.district.model import District, Person

Item = dict[str, Any]
#: Grades as this server keeps them: 0 is kindergarten.
_LEVELS = {"PK": -1, "KG": 0} | {f"{grade:02d}": grade for grade in range(1, 13)}
#: The tables, as the control surface names them.
NAMES = (
    *("schools", "terms", "courses", "staff", "sections", "students", "enrollments", "contacts"),
)
#: The one extension of students, with a column of its own for each of these.
EXTENSION, COLUMNS = "u_students_extension", ("preferredname", "school_email")
#: A table of which a student may have any number of records; at first there are none.
CHILD = "u_badges"
#: What the data version calls them where it has another name.
VERSIONED = {"enrollments": "cc", "staff": "schoolstaff"}
_PORTIONS = {"schoolYear": 1, "semester": 2, "term": 3, "gradingPeriod": 4}


class Tables:
    """All records, by table and DCID, with the data version of each change. Thread-safe."""

    def __init__(self, district: District) -> None:
        self.lock = threading.RLock()
        self.version = 16_000_000 + district.seed % 1000
        self.changes: list[tuple[int, str, int]] = []
        self.schools: dict[int, Item] = {}
        self.terms: dict[int, Item] = {}
        self.courses: dict[int, Item] = {}
        self.staff: dict[int, Item] = {}
        self.sections: dict[int, Item] = {}
        self.students: dict[int, Item] = {}
        self.enrollments: dict[int, Item] = {}
        self.contacts: dict[int, Item] = {}
        self.badges: dict[int, Item] = {}
        self.last_badge = 0
        self._members: dict[int, list[Item]] | None = None
        self._contacts: dict[int, list[Item]] | None = None
        self._last_enrollment = 0
        self._fill(district)

    def touch(self, table: str, dcid: int) -> None:
        """Note that a record has changed: it gets a data version of its own."""
        with self.lock:
            self.version += 7
            self.changes.append((self.version, VERSIONED.get(table, table), dcid))
            self._members = self._contacts = None

    def changed_since(self, version: int) -> dict[str, list[int]]:
        """Return the keys that have changed after a data version, by table."""
        found: dict[str, list[int]] = {}
        with self.lock:
            for at, table, dcid in self.changes:
                keys = found.setdefault(table, [])
                if at > version and dcid not in keys:
                    keys.append(dcid)
        return {table: keys for table, keys in found.items() if keys}

    def members(self, section: int) -> list[Item]:
        """Return a section's enrollments, in the order of their keys."""
        with self.lock:
            if self._members is None:
                self._members = {}
                for _, row in sorted(self.enrollments.items()):
                    self._members.setdefault(row["section_id"], []).append(row)
            return self._members.get(section, [])

    def contacts_of(self, student: int) -> list[Item]:
        """Return a student's contacts, in the order of their keys."""
        with self.lock:
            if self._contacts is None:
                self._contacts = {}
                for _, row in sorted(self.contacts.items()):
                    for tie in row["students"]:
                        self._contacts.setdefault(tie["dcid"], []).append(row)
            return self._contacts.get(student, [])

    def of(self, table: str) -> dict[int, Item]:
        """Return a table's records by DCID.

        Raises:
            KeyError: there is no such table.
        """
        if table not in NAMES:
            raise KeyError(table)
        found: dict[int, Item] = getattr(self, table)
        return found

    def _fill(self, district: District) -> None:
        by_number = {}
        for place, school in enumerate(district.schools):
            dcid = 3 + 2 * place
            by_number[school.number] = dcid
            self.schools[dcid] = {
                "id": dcid,
                "name": school.name,
                "school_number": school.number,
                "low_grade": _LEVELS[school.grades[0]],
                "high_grade": _LEVELS[school.grades[-1]],
                "addresses": "",
            }
        terms = self._fill_terms(district, by_number.values())
        courses = {}
        for place, course in enumerate(district.courses):
            dcid = 700 + place
            courses[course.number] = dcid
            self.courses[dcid] = {
                "id": dcid,
                "course_number": course.number,
                "course_name": course.name,
                "_school": by_number[course.school],
            }
        teachers = self._fill_staff(district, by_number)
        students = self._fill_students(district, by_number)
        self._fill_contacts(district, students)
        for place, section in enumerate(district.sections):
            dcid = 4000 + place
            place_of = by_number[section.school]
            self.sections[dcid] = {
                "id": dcid,
                "school_id": place_of,
                "course_id": courses[section.course],
                "staff_id": teachers[section.teacher, section.school],
                "term_id": terms[section.term, place_of],
                "section_number": section.number,
                "expression": f"{section.period}(A)",
            }
            for number in section.students:
                self.enroll(dcid, students[number])

    def _fill_terms(self, district: District, schools: Iterable[int]) -> dict[tuple[int, int], int]:
        # each school has terms of its own
        found = {}
        for school_dcid in schools:
            for term in district.terms:
                dcid = 2000 + len(self.terms)
                found[term.number, school_dcid] = dcid
                self.terms[dcid] = {
                    "id": dcid,
                    "school_id": school_dcid,
                    "start_year": term.year,
                    "portion": _PORTIONS[term.kind],
                    "start_date": term.start.isoformat(),
                    "end_date": term.end.isoformat(),
                    "abbreviation": term.name[:6],
                    "name": term.name,
                }
        return found

    def _fill_staff(
        self, district: District, by_number: dict[int, int]
    ) -> dict[tuple[int, int], int]:
        # SCHOOLSTAFF: one record a person and school; USERS: one a person
        found: dict[tuple[int, int], int] = {}
        for place, teacher in enumerate(district.teachers):
            for number in teacher.schools:
                dcid = 60 + len(self.staff)
                found[teacher.person.number, number] = dcid
                self.staff[dcid] = {
                    "id": dcid,
                    "local_id": teacher.person.number,
                    "teacher_username": teacher.person.username,
                    "name": _name(teacher.person),
                    "addresses": "",
                    "emails": {"work_email": teacher.person.email} if teacher.person.email else "",
                    "school_affiliations": [
                        {"school_id": by_number[at], "type": 1, "status": 1}
                        for at in teacher.schools
                    ],
                    "users_dcid": 30 + place,
                    "_status": 1,
                    "_school": by_number[number],
                }
        return found

    def _fill_students(self, district: District, by_number: dict[int, int]) -> dict[int, int]:
        found = {}
        for place, student in enumerate(district.students):
            dcid = 5000 + place
            person = student.person
            found[person.number] = dcid
            # this server knows neither the e-mail addresses nor the usernames of today: that is
            # what a hub brings it
            self.students[dcid] = {
                "id": dcid,
                "local_id": person.number,
                "name": _name(person),
                "demographics": {
                    "gender": person.sex[0].upper(),
                    "birth_date": person.birth_date.isoformat(),
                },
                "addresses": "",
                "alerts": "",
                "contact_info": "",
                "school_enrollment": {
                    "enroll_status": "A",
                    "enroll_status_description": "Active",
                    "enroll_status_code": 0,
                    "grade_level": _LEVELS[student.grade],
                    "entry_date": student.entry.isoformat(),
                    "exit_date": f"{student.entry.year + 1}-06-10",
                    "school_number": student.school,
                    "school_id": by_number[student.school],
                },
            }
        return found

    def _fill_contacts(self, district: District, students: dict[int, int]) -> None:
        children: dict[int, list[int]] = {}
        for student in district.students:
            for number in student.guardians:
                children.setdefault(number, []).append(students[student.person.number])
        for place, guardian in enumerate(district.guardians):
            dcid = 8000 + place
            is_mother = guardian.sex == "female"
            self.contacts[dcid] = {
                "id": dcid,
                "name": _name(guardian),
                "gender": guardian.sex[0].upper(),
                "active": True,
                "emails": [guardian.email] if guardian.email else [],
                "phones": [guardian.phone] if guardian.phone else [],
                "account": guardian.username,
                "students": [
                    {
                        "dcid": child,
                        "sequence": 1,
                        "relationship": "Mother" if is_mother else "Father",
                        "custodial": True,
                        "active": True,
                    }
                    for child in children.get(guardian.number, ())
                ],
            }

    def enroll(self, section: int, student: int) -> None:
        """Put a student into a section."""
        dcid = max(90_000 + len(self.enrollments), self._last_enrollment + 1)
        self._last_enrollment = dcid
        year = self.terms[self.sections[section]["term_id"]]["start_year"]
        self.enrollments[dcid] = {
            "id": dcid,
            "section_id": section,
            "student_id": student,
            "entry_date": f"{year}-08-20",
            "exit_date": f"{year + 1}-06-10",
            "dropped": False,
        }


def _name(person: Person) -> Item:
    name = {"first_name": person.given_name, "last_name": person.family_name}
    if person.middle_name:  # null attributes are left out
        name["middle_name"] = person.middle_name
    return name
