"""The simulated API's records: a generated district as FACTS tells it.

Source: the fields of the vendor's API description. A person has one id wherever they are met, and
`personStudentId` is the personId of somebody else; years are not numbered in their order, and a
year's name may end in a blank; a grade is "08" or "K"; a day is its midnight in UTC.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from connectors.district.model import District, Person, School, Term

Record = dict[str, Any]
#: What years are numbered, by the calendar year in which they start; it tells no order.
_YEARS = {2025: 31, 2026: 14, 2027: 9}
#: The numbers of the past year's classes are so much higher than this year's.
_PAST_CLASSES = 50_000_000


class Maker:
    """Makes each table's records.

    Args:
        district: of a day.
        with_past: whether there was a year before, with classes of its own.

    Attributes:
        year_id: of the year that is taught.
    """

    def __init__(self, district: District, *, with_past: bool) -> None:
        self._district = district
        self._pasts = (0, -1) if with_past else (0,)
        self._codes = {s.number: f"S{s.number}-CA" for s in district.schools}
        self._places = {s.number: place for place, s in enumerate(district.schools, 1)}
        self._course_ids = {c.number: place for place, c in enumerate(district.courses, 501)}
        terms = [term for term in district.terms if term.kind != "schoolYear"]
        self._slots = {term.number: slot for slot, term in enumerate(terms, 1)}
        self._year = next(term for term in district.terms if term.kind == "schoolYear")
        self.year_id = _year_id(self._year.year)

    def table(self, name: str) -> list[Record]:
        """Return the records of a table, without the time at which they were modified."""
        make = {
            "schools": self._schools,
            "years": self._years,
            "terms": self._terms,
            "courses": self._courses,
            "classes": self._classes,
            "people": self._people,
            "staff": self._staff,
            "students": self._students,
            "parents": self._parents,
            "enrollments": self._enrollments,
            "families": self._families,
            "person_families": self._person_families,
        }.get(name)
        # the district has no addresses, histories and user-defined fields
        return make() if make is not None else []

    def _schools(self) -> list[Record]:
        return [
            {
                "configSchoolID": self._places[school.number],
                "schoolCode": self._codes[school.number],
                "schoolName": school.name,
                "active": True,
                "address": "",
                "city": "",
                "state": "",
                "zip": "",
                "phone": "",
                "email": "",
                "defaultYearId": self.year_id,
                "defaultTermId": 1,
                "nextYearId": _year_id(self._year.year + 1),
                "districtName": f"{self._district.name} district",
            }
            for school in self._district.schools
        ]

    def _years(self) -> list[Record]:
        return [
            {
                "yearId": _year_id(self._year.year + by),
                "yearName": f"{self._year.year + by} - {self._year.year + by + 1} ",
                "firstDay": told(_shifted(self._year.start, by)),
                "lastDay": told(_shifted(self._year.end, by)),
                "schoolCode": code,
            }
            for code in self._codes.values()
            for by in (1, *self._pasts)
        ]

    def _terms(self) -> list[Record]:
        return [
            self._term(term, school, by)
            for school in self._district.schools
            for by in self._pasts
            for term in self._district.terms
            if term.number in self._slots
        ]

    def _term(self, term: Term, school: School, by: int) -> Record:
        year = _year_id(self._year.year + by)
        slot, place = self._slots[term.number], self._places[school.number]
        return {
            "schoolTermID": place * 1000 + year * 10 + slot,
            "termID": slot,
            "yearID": year,
            "name": term.name,
            "firstDay": told(_shifted(term.start, by)),
            "lastDay": told(_shifted(term.end, by)),
            "semesterID": slot,
            "_school": place,
        }

    def _courses(self) -> list[Record]:
        return [
            {
                "courseID": self._course_ids[course.number],
                "title": course.name,
                "abbreviation": course.number,
                "department": course.subject,
                "departmentID": 1 + place % 7,
                "schoolCode": self._codes[course.school],
                "active": True,
                "homeRoom": course.name == "Homeroom",
                "stateID": "",
            }
            for place, course in enumerate(self._district.courses)
        ]

    def _classes(self) -> list[Record]:
        found, year = [], self._year.year
        for section in self._district.sections:
            this = {
                "classId": section.number,
                "courseID": self._course_ids[section.course],
                "name": section.course,
                "section": section.period,
                "staffId": section.teacher,
                "secondaryStaffId": 0,
                "aideId": 0,
                "yearId": self.year_id,
                # a class of the whole year is taught in each term
                **{
                    f"term{slot}": slot in self._slots.values()
                    and self._slots.get(section.term, slot) == slot
                    for slot in range(1, 7)
                },
                "closed": False,
            }
            found.append(this)
            if -1 in self._pasts:
                past = {"classId": section.number + _PAST_CLASSES, "yearId": _year_id(year - 1)}
                found.append({**this, **past})
        return found

    def _people(self) -> list[Record]:
        teachers = [teacher.person for teacher in self._district.teachers]
        students = [student.person for student in self._district.students]
        return [_person(one) for one in (*teachers, *students, *self._district.guardians)]

    def _staff(self) -> list[Record]:
        return [
            {
                "staffId": teacher.person.number,
                "name": f"{teacher.person.family_name}, {teacher.person.given_name}",
                "firstName": teacher.person.given_name,
                "lastName": teacher.person.family_name,
                "active": True,
                "faculty": True,
                "administrator": False,
                "substitute": False,
                "fullTime": True,
                "fte": 1.0,
                "department": "",
                "occupation": "",
                "schools": [self._codes[number] for number in teacher.schools],
            }
            for teacher in self._district.teachers
        ]

    def _students(self) -> list[Record]:
        return [
            {
                # the id of the path of one student; in /People it is the next one
                "personStudentId": student.person.number + 1,
                "studentId": student.person.number,
                "configSchoolId": self._places[student.school],
                "schoolCode": self._codes[student.school],
                "school": {
                    "status": "Enrolled",
                    "substatus": "",
                    "enrollDate": told(student.entry),
                    "withdrawReason": "",
                    "gradeLevel": _grade(student.grade),
                    "nextStatus": "",
                    "nextSchoolCode": "",
                    "nextGradeLevel": "",
                },
                "locker": [{"id": 1, "name": ""}],
                "gender": student.person.sex[0].upper(),
                "birthdate": told(student.person.birth_date),
                "homeroom": "",
                "studentUDID": "",
            }
            for student in self._district.students
        ]

    def _parents(self) -> list[Record]:
        sexes = {guardian.number: guardian.sex for guardian in self._district.guardians}
        return [
            {
                "parentID": number,
                "studentID": student.person.number,
                "relationship": "Mother" if sexes[number] == "female" else "Father",
                "custody": True,
                "correspondence": True,
                "grandparent": False,
                "emergencyContact": False,
                "pickUp": True,
                "reportCard": True,
                "parentsWeb": True,
                "pwBlock": False,
            }
            for student in self._district.students
            for number in student.guardians
        ]

    def _enrollments(self) -> list[Record]:
        grades = {one.person.number: one.grade for one in self._district.students}
        found = []
        for section in self._district.sections:
            slot = self._slots.get(section.term)
            terms = {n: n in self._slots.values() and slot in {None, n} for n in range(1, 7)}
            for number in section.students:
                this = {
                    "studentId": number,
                    "classId": section.number,
                    "enrolled": True,
                    **{f"enrolled{n}": is_in for n, is_in in terms.items()},
                    "gradeLevel": _grade(grades[number]),
                    "altYearId": 0,
                }
                found.append(this)
                if -1 in self._pasts:
                    # a student's classes are told of all years
                    found.append({**this, "classId": section.number + _PAST_CLASSES})
        return found

    def _families(self) -> list[Record]:
        return [
            {"familyID": one.number, "familyName": one.family_name}
            for one in self._district.guardians
        ]

    def _person_families(self) -> list[Record]:
        return [
            {
                "personId": number,
                "familyId": family,
                "parent": number == family,
                "student": number != family,
                "familyOrder": 1,
            }
            for student in self._district.students
            for family in student.guardians
            for number in (family, student.person.number)
        ]


def _person(person: Person) -> Record:
    return {
        "personId": person.number,
        "firstName": person.given_name,
        "middleName": person.middle_name or "",
        "lastName": person.family_name,
        "nickName": "",
        "salutation": "",
        "suffix": "",
        "gender": person.sex[0].upper(),
        "birthdate": told(person.birth_date),
        "email": person.email or "",
        "email2": "",
        "username": person.username,
        "homePhone": person.phone or "",
        "cellPhone": "",
        "addressID": 0,
        "deceased": False,
        "hasProfilePicture": False,
    }


def _grade(grade: str) -> str:
    return "K" if grade == "KG" else grade


def _year_id(start: int) -> int:
    return _YEARS.get(start, start - 1900)


def _shifted(day: date, years: int) -> date:
    return day.replace(year=day.year + years)


def told(day: date) -> str:
    """Return a day as the API writes it."""
    return f"{day.isoformat()}T00:00:00Z"
