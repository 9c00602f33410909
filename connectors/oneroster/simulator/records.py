"""A generated district as OneRoster's REST binding writes it, by version.

Source: OneRoster 1.1 (2017-04-17) and 1.2 (2022-06-06): references are objects, booleans are the
words "true" and "false", a school year is named by the year of its end, an end date is the day
after the last. 1.1 keeps one role on the user, 1.2 a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from connectors.district.model import District, Person

Record = dict[str, Any]
COLLECTIONS = (
    "orgs", "academicSessions", "courses", "classes", "users", "enrollments", "demographics",
)  # fmt: skip
_PLURALS = {"org": "orgs", "academicSession": "academicSessions", "course": "courses",
            "class": "classes", "user": "users"}  # fmt: skip
_RACES = (
    "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican",
    "nativeHawaiianOrOtherPacificIslander", "white", "demographicRaceTwoOrMoreRaces",
    "hispanicOrLatinoEthnicity",
)  # fmt: skip


class Writer:
    """Writes a district's records.

    Args:
        district: what there is.
        version: "1.1" or "1.2".
        root: the address that references name records under.
    """

    def __init__(self, district: District, version: str, root: str) -> None:
        self._district = district
        self._version = version
        self._root = root

    def collection(self, name: str) -> Iterator[Record]:
        """Yield a collection's records, without status and time."""
        make = {
            "orgs": self._orgs,
            "academicSessions": self._sessions,
            "courses": self._courses,
            "classes": self._classes,
            "users": self._users,
            "enrollments": self._enrollments,
            "demographics": self._demographics,
        }[name]
        return make()

    def _ref(self, kind: str, key: str) -> Record:
        href = f"{self._root}/{_PLURALS[kind]}/{key}"
        return {"href": href, "sourcedId": key, "type": kind}

    def _school(self, number: int) -> Record:
        return self._ref("org", f"school-{number}")

    def _orgs(self) -> Iterator[Record]:
        schools = [self._school(school.number) for school in self._district.schools]
        name = f"{self._district.name} district"
        yield {"sourcedId": "district", "name": name, "type": "district", "children": schools}
        for school in self._district.schools:
            yield {
                "sourcedId": f"school-{school.number}",
                "name": school.name,
                "type": "school",
                "identifier": str(school.number),
                "parent": self._ref("org", "district"),
            }

    def _sessions(self) -> Iterator[Record]:
        for term in self._district.terms:
            record: Record = {
                "sourcedId": f"term-{term.number}",
                "title": term.name,
                "type": term.kind,
                "startDate": term.start.isoformat(),
                "endDate": (term.end + timedelta(days=1)).isoformat(),
                "schoolYear": str(term.year + 1),
            }
            if term.parent:
                record["parent"] = self._ref("academicSession", f"term-{term.parent}")
            yield record

    def _courses(self) -> Iterator[Record]:
        for course in self._district.courses:
            yield {
                "sourcedId": f"course-{course.number}",
                "title": course.name,
                "schoolYear": self._ref("academicSession", "term-1"),
                "courseCode": course.number,
                "grades": list(course.grades),
                "subjects": [course.subject],
                "subjectCodes": [],
                "org": self._school(course.school),
            }

    def _classes(self) -> Iterator[Record]:
        subjects = {course.number: course.subject for course in self._district.courses}
        for section in self._district.sections:
            yield {
                "sourcedId": f"class-{section.number}",
                "title": f"{subjects[section.course]} {section.number}",
                "classCode": str(section.number),
                "classType": "scheduled",
                "location": section.room,
                "grades": [],
                "subjects": [subjects[section.course]],
                "subjectCodes": [],
                "periods": [section.period],
                "course": self._ref("course", f"course-{section.course}"),
                "school": self._school(section.school),
                "terms": [self._ref("academicSession", f"term-{section.term}")],
            }

    def _users(self) -> Iterator[Record]:
        district = self._district
        for teacher in district.teachers:
            yield self._user(teacher.person, "teacher", teacher.schools, (), "")
        schools = {}
        for student in district.students:
            schools.update(dict.fromkeys(student.guardians, student.school))
            yield self._user(
                student.person, "student", (student.school,), student.guardians, student.grade
            )
        for guardian in district.guardians:
            yield self._user(guardian, "guardian", (schools[guardian.number],), (), "")

    def _user(
        self,
        person: Person,
        role: str,
        schools: tuple[int, ...],
        agents: tuple[int, ...],
        grade: str,
    ) -> Record:
        orgs = [self._school(number) for number in schools]
        record: Record = {
            "sourcedId": f"user-{person.number}",
            "username": person.username,
            "userIds": [{"type": "LDAP", "identifier": person.username}],
            "enabledUser": "true",
            "givenName": person.given_name,
            "familyName": person.family_name,
            "middleName": person.middle_name,
            "identifier": str(person.number),
            "email": person.email,
            "sms": None,
            "phone": person.phone,
            "agents": [self._ref("user", f"user-{number}") for number in agents],
            "grades": [grade] if grade else [],
        }
        if self._version == "1.1":
            return {**record, "role": role, "orgs": orgs}
        record["roles"] = [
            {"roleType": "secondary" if place else "primary", "role": role, "org": org}
            for place, org in enumerate(orgs)
        ]
        record["primaryOrg"] = orgs[0]
        return record

    def _enrollments(self) -> Iterator[Record]:
        for section in self._district.sections:
            people = [(section.teacher, "teacher"), *((n, "student") for n in section.students)]
            for number, role in people:
                yield {
                    "sourcedId": f"enrollment-{section.number}-{number}",
                    "role": role,
                    "primary": "true" if role == "teacher" else "false",
                    "user": self._ref("user", f"user-{number}"),
                    "class": self._ref("class", f"class-{section.number}"),
                    "school": self._school(section.school),
                }

    def _demographics(self) -> Iterator[Record]:
        for student in self._district.students:
            person = student.person
            yield {
                "sourcedId": f"user-{person.number}",
                "birthDate": person.birth_date.isoformat(),
                "sex": person.sex,
                **dict.fromkeys(_RACES, "false"),
            }
