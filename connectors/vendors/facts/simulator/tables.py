"""The simulated API's records: a generated district as FACTS tells it.

Source: the fields of the vendor's API description. A person has one id wherever they are met, and
`personStudentId` is the personId of somebody else; years are not numbered in their order, and a
year's name may end in a blank; a grade is "08" or "K"; a day is its midnight in UTC.
"""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import Any

from connectors.district.model import District, Person, School, Term

Record = dict[str, Any]
Key = tuple[Any, ...]
#: What years are numbered, by the calendar year in which they start; it tells no order.
_YEARS = {2025: 31, 2026: 14, 2027: 9}
#: The numbers of the past year's classes are so much higher than this year's.
_PAST_CLASSES = 50_000_000
#: When everything of the first day was modified.
FIRST_DAY = datetime(2026, 8, 1, 6, tzinfo=UTC)
#: The tables, and what names a record of each.
KEYS: dict[str, tuple[str, ...]] = {
    "schools": ("configSchoolID",),
    "years": ("yearId", "schoolCode"),
    "terms": ("schoolTermID",),
    "courses": ("courseID",),
    "classes": ("classId",),
    "people": ("personId",),
    "staff": ("staffId",),
    "students": ("studentId",),
    "parents": ("parentID", "studentID"),
    "enrollments": ("studentId", "classId"),
    "families": ("familyID",),
    "person_families": ("personId", "familyId"),
}
#: Tables that do not tell when a record was modified.
_UNDATED = frozenset({"schools", "years", "staff", "students", "parents", "person_families"})


class Tables:
    """All records, by table and key. Thread-safe.

    Args:
        district: of the first day.
    """

    def __init__(self, district: District) -> None:
        self.lock = threading.RLock()
        self._district = district
        self._records: dict[str, dict[Key, Record]] | None = None

    @property
    def records(self) -> dict[str, dict[Key, Record]]:
        """All records; made when they are first asked for."""
        with self.lock:
            if self._records is None:
                self._records = _made(_Maker(self._district, with_past=True), FIRST_DAY)
            return self._records

    def of(self, table: str) -> list[Record]:
        """Return a table's records."""
        with self.lock:
            return list(self.records[table].values())

    def turn(self, district: District) -> None:
        """Hold a district of another day; who has left stays, with another status.

        What is of another school year stays as it is.
        """
        now = datetime.now(UTC)
        maker = _Maker(district, with_past=False)
        wanted = _made(maker, now)
        with self.lock:
            for table, held in self.records.items():
                for key, record in wanted[table].items():
                    if key not in held or _content(held[key]) != _content(record):
                        held[key] = record
                for key in held.keys() - wanted[table].keys():
                    self._leave(table, key, maker.year_id, now)

    def put(self, table: str, record: Record) -> None:
        """Put a record in, or in another's place."""
        with self.lock:
            self.records[table][_key(table, record)] = _stamped(table, record, datetime.now(UTC))

    def remove(self, table: str, key: Key) -> None:
        """Let a record vanish: this API keeps nothing of what was deleted."""
        with self.lock:
            del self.records[table][key]

    def _leave(self, table: str, key: Key, year: int, now: datetime) -> None:
        held = self.records[table]
        if self._year_of(table, held[key]) not in {None, year}:
            return
        match table:
            case "students":
                left = {"status": "Withdrawn", "withdrawDate": _told(now.date()), "gradeLevel": ""}
                held[key] = {**held[key], "school": {**held[key]["school"], **left}}
            case "enrollments":
                out = {"enrolled": False, **{f"enrolled{slot}": False for slot in range(1, 7)}}
                held[key] = _stamped(table, {**held[key], **out}, now)
            case "staff":
                held[key] = {**held[key], "active": False}
            case "classes":
                del held[key]
            case _:
                pass  # whoever was there once is there for ever

    def _year_of(self, table: str, record: Record) -> int | None:
        """Return the year that a class or an enrollment is of, None for all else."""
        if table == "enrollments":
            record = self.records["classes"].get((record["classId"],), {})
        found: int | None = record.get("yearId") if table in {"classes", "enrollments"} else None
        return found


def _key(table: str, record: Record) -> Key:
    return tuple(record.get(name) for name in KEYS[table])


def _content(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != "modifiedDate"}


def _stamped(table: str, record: Record, at: datetime) -> Record:
    if table in _UNDATED:
        return record
    told = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**record, "modifiedDate": told}


def _made(made: _Maker, at: datetime) -> dict[str, dict[Key, Record]]:
    found: dict[str, dict[Key, Record]] = {}
    for table in KEYS:
        records: list[Record] = getattr(made, table)()
        found[table] = {_key(table, one): _stamped(table, one, at) for one in records}
    return found


class _Maker:
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
        self._courses = {c.number: place for place, c in enumerate(district.courses, 501)}
        terms = [term for term in district.terms if term.kind != "schoolYear"]
        self._slots = {term.number: slot for slot, term in enumerate(terms, 1)}
        self._year = next(term for term in district.terms if term.kind == "schoolYear")
        self.year_id = _year_id(self._year.year)

    def schools(self) -> list[Record]:
        return [
            {
                "configSchoolID": self._places[school.number],
                "schoolCode": self._codes[school.number],
                "schoolName": school.name,
                "active": True,
                "address": "",
                "phone": "",
                "email": "",
                "defaultYearId": self.year_id,
                "nextYearId": _year_id(self._year.year + 1),
                "districtName": f"{self._district.name} district",
            }
            for school in self._district.schools
        ]

    def years(self) -> list[Record]:
        return [
            {
                "yearId": _year_id(self._year.year + by),
                "yearName": f"{self._year.year + by} - {self._year.year + by + 1} ",
                "firstDay": _told(_shifted(self._year.start, by)),
                "lastDay": _told(_shifted(self._year.end, by)),
                "schoolCode": code,
            }
            for code in self._codes.values()
            for by in (1, *self._pasts)
        ]

    def terms(self) -> list[Record]:
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
            "uniqueTermID": place * 1000 + year * 10 + slot,
            "termID": slot,
            "yearID": year,
            "name": term.name,
            "firstDay": _told(_shifted(term.start, by)),
            "lastDay": _told(_shifted(term.end, by)),
            "semesterID": slot,
            "_school": place,
        }

    def courses(self) -> list[Record]:
        return [
            {
                "courseID": self._courses[course.number],
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

    def classes(self) -> list[Record]:
        found, year = [], self._year.year
        for section in self._district.sections:
            this = {
                "classId": section.number,
                "courseID": self._courses[section.course],
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

    def people(self) -> list[Record]:
        teachers = [teacher.person for teacher in self._district.teachers]
        students = [student.person for student in self._district.students]
        return [_person(one) for one in (*teachers, *students, *self._district.guardians)]

    def staff(self) -> list[Record]:
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

    def students(self) -> list[Record]:
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
                    "enrollDate": _told(student.entry),
                    "withdrawReason": "",
                    "gradeLevel": "K" if student.grade == "KG" else student.grade,
                    "nextStatus": "",
                    "nextSchoolCode": "",
                    "nextGradeLevel": "",
                },
                "locker": [{"id": 1, "name": ""}],
                "gender": student.person.sex[0].upper(),
                "birthdate": _told(student.person.birth_date),
                "homeroom": "",
                "studentUDID": "",
            }
            for student in self._district.students
        ]

    def parents(self) -> list[Record]:
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

    def enrollments(self) -> list[Record]:
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
                    "gradeLevel": grades[number],
                    "altYearId": 0,
                }
                found.append(this)
                if -1 in self._pasts:
                    # a student's classes are told of all years
                    found.append({**this, "classId": section.number + _PAST_CLASSES})
        return found

    def families(self) -> list[Record]:
        return [
            {"familyID": one.number, "familyName": one.family_name}
            for one in self._district.guardians
        ]

    def person_families(self) -> list[Record]:
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
        "birthdate": _told(person.birth_date),
        "email": person.email or "",
        "email2": "",
        "username": person.username,
        "homePhone": person.phone or "",
        "cellPhone": "",
        "addressID": 0,
        "deceased": False,
        "hasProfilePicture": False,
    }


def _year_id(start: int) -> int:
    return _YEARS.get(start, start - 1900)


def _shifted(day: date, years: int) -> date:
    return day.replace(year=day.year + years)


def _told(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
