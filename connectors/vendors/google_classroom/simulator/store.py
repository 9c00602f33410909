"""What a simulated Workspace holds: accounts, courses, members, invitations, guardians."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.district.model import District, Person

Item = dict[str, Any]
#: By role, the list that it is a member of.
LISTS = {"TEACHER": "teachers", "STUDENT": "students"}
FIRST_DAY = datetime(2026, 8, 1, 6, tzinfo=UTC)


@dataclass(slots=True)
class Limits:
    """What differs between Workspaces, or is not known for sure; tests set it.

    Attributes:
        page_size: the longest page of any list.
        members: teachers and students of a course at most.
        teachers: of a course at most.
        new_user_misses: how often a new account is not found by Classroom before it is.
        folder_lags: whether the folder follows a new owner only after it was once in the way.
    """

    page_size: int = 500
    members: int = 1000
    teachers: int = 20
    new_user_misses: int = 0
    folder_lags: bool = False


@dataclass(slots=True)
class Course:
    """A course, with what is no field of it."""

    fields: Item
    aliases: list[str] = field(default_factory=list)
    members: dict[str, dict[str, Item]] = field(
        default_factory=lambda: {"teachers": {}, "students": {}}
    )
    #: Whose folder has not moved to the new owner yet.
    folder_of: str | None = None


class Store:
    """One domain. Thread-safe for whoever takes `lock`.

    Args:
        district: whose people have accounts.
    """

    def __init__(self, district: District) -> None:
        self.lock = threading.RLock()
        self.limits = Limits()
        self.domain = district.domain
        self.users: dict[str, Item] = {}
        self.deleted: dict[str, Item] = {}
        self.courses: dict[str, Course] = {}
        self.invitations: dict[str, Item] = {}
        self.guardians: dict[str, dict[str, Item]] = {}
        self.guardian_invitations: dict[str, Item] = {}
        self.units = ["/", "/Students", "/Staff", "/Left"]
        self.misses: dict[str, int] = {}
        self._ids = itertools.count(700_000_000_001)
        self._ticks = itertools.count(1)
        self.admin = self.add_user(f"admin@{self.domain}", "Workspace", "Administrator")
        self.admin["isAdmin"] = True
        self.turn(district)

    def turn(self, district: District) -> None:
        """Give the people of another day accounts; nobody's is taken."""
        with self.lock:
            there = {user["primaryEmail"] for user in self.users.values()}
            for unit, people in (
                ("/Staff", [teacher.person for teacher in district.teachers]),
                ("/Students", [student.person for student in district.students]),
            ):
                for person in people:
                    if person.email and person.email not in there:
                        self.add_person(person, unit)

    def add_person(self, person: Person, unit: str) -> Item:
        """Give a person an account."""
        user = self.add_user(person.email or "", person.given_name, person.family_name)
        user["externalIds"] = [{"type": "organization", "value": str(person.number)}]
        user["orgUnitPath"] = unit
        return user

    def add_user(self, email: str, given: str, family: str) -> Item:
        """Make an account."""
        key = f"1{next(self._ids):020d}"
        self.users[key] = {
            "kind": "admin#directory#user",
            "id": key,
            "primaryEmail": email,
            "name": {"givenName": given, "familyName": family, "fullName": f"{given} {family}"},
            "isAdmin": False,
            "suspended": False,
            "archived": False,
            "orgUnitPath": "/",
            "creationTime": self.stamp(),
        }
        return self.users[key]

    def user(self, key: str) -> Item | None:
        """Return an account by its id or address, None: there is none."""
        if key == "me":
            return self.admin
        if key in self.users:
            return self.users[key]
        wanted = key.lower()
        return next((u for u in self.users.values() if u["primaryEmail"].lower() == wanted), None)

    def drop_user(self, key: str) -> None:
        """Delete an account; what it owns stays, and what it is in or asked to does not."""
        self.deleted[key] = {**self.users.pop(key), "deletionTime": self.stamp()}
        for course in self.courses.values():
            if course.fields["ownerId"] != key:
                for members in course.members.values():
                    members.pop(key, None)
        self.invitations = {k: i for k, i in self.invitations.items() if i["userId"] != key}
        self.guardians.pop(key, None)

    def undelete_user(self, key: str) -> None:
        """Bring a deleted account back."""
        self.users[key] = {k: v for k, v in self.deleted.pop(key).items() if k != "deletionTime"}

    def course(self, key: str) -> Course | None:
        """Return a course by its id or alias, None: there is none."""
        if key in self.courses:
            return self.courses[key]
        return next((c for c in self.courses.values() if key in c.aliases), None)

    def add_course(self, fields: Item, alias: str | None) -> Course:
        """Make a course; its owner teaches it."""
        key, now = str(next(self._ids)), self.stamp()
        told = {
            **fields,
            "id": key,
            "creationTime": now,
            "updateTime": now,
            "guardiansEnabled": False,
            "calendarId": f"classroom{key}@group.calendar.example",
        }
        course = self.courses[key] = Course(told, [alias] if alias else [])
        self.join(course, "teachers", fields["ownerId"])
        return course

    def drop_course(self, course: Course) -> None:
        """Delete a course, with whom it asks."""
        key = course.fields["id"]
        del self.courses[key]
        self.invitations = {k: i for k, i in self.invitations.items() if i["courseId"] != key}

    def join(self, course: Course, listed: str, user: str) -> Item:
        """Put somebody into a course."""
        course.members[listed][user] = {
            "courseId": course.fields["id"],
            "userId": user,
            "profile": profile_of(self.users[user]),
        }
        return course.members[listed][user]

    def invite(self, course: str, user: str, role: str) -> Item:
        """Ask somebody to join a course."""
        key = f"inv{next(self._ids)}"
        self.invitations[key] = {"id": key, "courseId": course, "userId": user, "role": role}
        return self.invitations[key]

    def invite_guardian(self, student: str, email: str) -> Item:
        """Ask somebody to be a student's guardian."""
        key = f"gi{next(self._ids)}"
        self.guardian_invitations[key] = {
            "studentId": student,
            "invitationId": key,
            "invitedEmailAddress": email,
            "state": "PENDING",
            "creationTime": self.stamp(),
        }
        return self.guardian_invitations[key]

    def accept_guardian(self, invitation: Item) -> Item:
        """Let somebody become a guardian."""
        invitation["state"] = "COMPLETE"
        key = f"g{next(self._ids)}"
        student, email = invitation["studentId"], invitation["invitedEmailAddress"]
        found = {
            "studentId": student,
            "guardianId": key,
            "invitedEmailAddress": email,
            "guardianProfile": {"id": key, "emailAddress": email},
        }
        self.guardians.setdefault(student, {})[key] = found
        return found

    def teach(self, district: District, count: int) -> None:
        """Let teachers make courses of their own, for the district's first sections."""
        numbers = {
            one["value"]: key
            for key, user in self.users.items()
            for one in user.get("externalIds", ())
        }
        names = {course.number: course.name for course in district.courses}
        for section in district.sections[:count]:
            owner = numbers.get(str(section.teacher))
            if owner is None:
                continue
            fields = {"name": names[section.course], "section": section.period, "ownerId": owner}
            course = self.add_course({**fields, "courseState": "ACTIVE"}, None)
            for student in _known(section.students, numbers):
                self.join(course, "students", student)

    def touch(self, course: Course) -> None:
        """Note that a course's fields have changed."""
        course.fields["updateTime"] = self.stamp()

    def stamp(self) -> str:
        """Return the next instant of this server: each is a second after the one before."""
        at = FIRST_DAY + timedelta(seconds=next(self._ticks))
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def profile_of(user: Item) -> Item:
    """Return how Classroom tells of an account."""
    return {
        "id": user["id"],
        "name": {**user["name"]},
        "emailAddress": user["primaryEmail"],
    }


def _known(numbers: Iterable[int], ids: dict[str, str]) -> list[str]:
    return [ids[str(number)] for number in numbers if str(number) in ids]
