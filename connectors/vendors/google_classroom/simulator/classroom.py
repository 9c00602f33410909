"""The simulated Classroom API: courses, aliases, teachers, students.

Source: the Classroom API v1's bundled discovery document (methods, enums, what each state allows)
and its page on common errors.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.vendors.google_classroom.simulator.access import may
from connectors.vendors.google_classroom.simulator.answers import (
    GoogleError,
    Item,
    not_found,
    page_of,
    precondition,
)
from connectors.vendors.google_classroom.simulator.requests import Asked
from connectors.vendors.google_classroom.simulator.store import Course, Store

STATES = frozenset({"ACTIVE", "ARCHIVED", "PROVISIONED", "DECLINED", "SUSPENDED"})
#: By state, the states that a course may be changed to.
MOVES: Mapping[str, frozenset[str]] = {
    "PROVISIONED": frozenset({"ACTIVE", "DECLINED"}),
    "DECLINED": frozenset({"PROVISIONED"}),
    "ACTIVE": frozenset({"ARCHIVED"}),
    "ARCHIVED": frozenset({"ACTIVE"}),
    "SUSPENDED": frozenset(),
}
#: Fields that `patch` takes.
MASK = frozenset(
    {
        *("name", "section", "descriptionHeading", "description", "room", "ownerId"),
        *("courseState", "subject", "levels"),
    }
)
#: The longest text of a field.
LENGTHS = {
    "name": 750, "section": 2800, "descriptionHeading": 3600, "description": 30_000, "room": 650,
}  # fmt: skip
ALIAS_LENGTH = 256


class Classroom:
    """Courses and who is in them.

    Args:
        store: what there is.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def courses(self, asked: Asked) -> Item:
        """Answer `courses.list`: the newest first."""
        states = set(asked.many("courseStates"))
        if states - STATES:
            raise GoogleError(400, "Invalid value at course_states")
        found = [c for c in self._store.courses.values() if self._is_asked_for(c, asked, states)]
        found.sort(key=lambda course: course.fields["creationTime"], reverse=True)
        return self._page(asked, "courses", [dict(c.fields) for c in found], usual=100)

    def create(self, asked: Asked) -> Item:
        """Answer `courses.create`."""
        given = asked.body()
        alias = given.get("id")
        _check_texts(given)
        if not given.get("name"):
            raise GoogleError(400, "Course name is required.")
        if alias is not None:
            _check_alias(alias)
            if self._store.course(alias) is not None:
                raise GoogleError(409, "Requested entity already exists")
        if not given.get("ownerId"):
            raise GoogleError(400, "Course owner is required.")
        owner = self.known_user(str(given["ownerId"]))
        if owner["suspended"]:
            raise precondition("IneligibleOwner", "The owner is not active.")
        state = given.get("courseState", "PROVISIONED")
        if state not in {"PROVISIONED", "ACTIVE"}:
            raise GoogleError(400, "A course cannot be created in this state.")
        fields = {name: given[name] for name in MASK if given.get(name) not in (None, "")}
        made = self._store.add_course(
            {**fields, "ownerId": owner["id"], "courseState": state}, alias
        )
        return dict(made.fields)

    def get(self, asked: Asked) -> Item:
        """Answer `courses.get`."""
        return dict(self.known_course(asked.path["id"]).fields)

    def patch(self, asked: Asked) -> Item:
        """Answer `courses.patch`."""
        course, given = self.known_course(asked.path["id"]), asked.body()
        mask = [name for name in asked.one("updateMask").split(",") if name]
        if not mask or set(mask) - MASK:
            raise GoogleError(400, "updateMask: an unknown field, or none")
        return self._change(course, given, mask)

    def update(self, asked: Asked) -> Item:
        """Answer `courses.update`: what is not given is cleared, but for owner and state."""
        course, given = self.known_course(asked.path["id"]), asked.body()
        kept = {"ownerId", "courseState"} - given.keys()
        differs = [n for n in sorted(MASK - kept) if given.get(n) != course.fields.get(n)]
        return self._change(course, given, differs)

    def delete(self, asked: Asked) -> Item:
        """Answer `courses.delete`, which names no state that a course must be in."""
        self._store.drop_course(self.known_course(asked.path["id"]))
        return {}

    def _change(self, course: Course, given: Item, mask: list[str]) -> Item:
        _check_texts(given)
        before = course.fields["courseState"]
        state = given.get("courseState") if "courseState" in mask else before
        if state != before and state not in MOVES[before]:
            raise precondition("CourseNotModifiable", f"{before} cannot become {state}.")
        others = [name for name in mask if name != "courseState"]
        if before in {"ARCHIVED", "DECLINED", "SUSPENDED"} and others:
            raise precondition("CourseNotModifiable", "The course is not active.")
        if "name" in mask and not given.get("name"):
            raise GoogleError(400, "Course name is required.")
        if "ownerId" in mask:
            self._own(course, str(given.get("ownerId") or ""))
        for name in mask:
            if name == "ownerId":
                continue
            if given.get(name) in (None, ""):
                course.fields.pop(name, None)
            else:
                course.fields[name] = given[name]
        self._store.touch(course)
        return dict(course.fields)

    def aliases(self, asked: Asked) -> Item:
        """Answer `courses.aliases.list`."""
        course = self.known_course(asked.path["course"])
        return self._page(asked, "aliases", [{"alias": a} for a in course.aliases], usual=100)

    def add_alias(self, asked: Asked) -> Item:
        """Answer `courses.aliases.create`."""
        course, alias = self.known_course(asked.path["course"]), asked.body().get("alias")
        _check_alias(alias)
        if self._store.course(str(alias)) is not None:
            raise GoogleError(409, "Requested entity already exists")
        course.aliases.append(str(alias))
        return {"alias": alias}

    def remove_alias(self, asked: Asked) -> Item:
        """Answer `courses.aliases.delete`."""
        course, alias = self.known_course(asked.path["course"]), asked.path["alias"]
        if alias not in course.aliases:
            raise not_found()
        course.aliases.remove(alias)
        return {}

    def members(self, asked: Asked) -> Item:
        """Answer `courses.teachers.list` and `courses.students.list`."""
        listed = asked.path["list"]
        members = self.known_course(asked.path["course"]).members[listed].values()
        found = [shown_member(one, asked) for one in members]
        return self._page(asked, listed, found, usual=30)

    def member(self, asked: Asked) -> Item:
        """Answer `get` of a teacher or student."""
        course = self.known_course(asked.path["course"])
        user = self.known_user(asked.path["user"])
        found = course.members[asked.path["list"]].get(user["id"])
        if found is None:
            raise not_found()
        return shown_member(found, asked)

    def add_member(self, asked: Asked) -> Item:
        """Answer `create` of a teacher or student."""
        course = self.known_course(asked.path["course"])
        user = self.known_user(str(asked.body().get("userId") or ""))
        return shown_member(self.join(course, asked.path["list"], user), asked)

    def join(self, course: Course, listed: str, user: Item) -> Item:
        """Put somebody into a course, if everything speaks for it."""
        if any(user["id"] in members for members in course.members.values()):
            # in either role: a user has one
            raise GoogleError(409, "Requested entity already exists")
        self.check_can_join(course, listed)
        if user["suspended"]:
            raise GoogleError(403, "The user is not active.")
        return self._store.join(course, listed, user["id"])

    def check_can_join(self, course: Course, listed: str) -> None:
        """See that a course takes another member."""
        self._check_modifiable(course)
        limits = self._store.limits
        if sum(len(members) for members in course.members.values()) >= limits.members:
            raise precondition("CourseMemberLimitReached", "The course is full.")
        if listed == "teachers" and len(course.members["teachers"]) >= limits.teachers:
            raise precondition("CourseTeacherLimitReached", "The course has enough teachers.")

    def remove_member(self, asked: Asked) -> Item:
        """Answer `delete` of a teacher or student."""
        course = self.known_course(asked.path["course"])
        user = self._store.user(asked.path["user"])
        listed = asked.path["list"]
        if user is None or user["id"] not in course.members[listed]:
            raise not_found()
        if course.fields["ownerId"] == user["id"]:
            raise precondition("CannotRemoveCourseOwner", "The owner cannot be removed.")
        self._check_modifiable(course)
        if course.folder_of == user["id"]:
            course.folder_of = None
            raise precondition("CannotRemoveCourseFolderOwner", "The folder has not moved yet.")
        del course.members[listed][user["id"]]
        return {}

    def known_course(self, key: str) -> Course:
        """Return a course by id or alias, or say that it is not found."""
        course = self._store.course(key)
        if course is None:
            raise not_found()
        return course

    def known_user(self, key: str) -> Item:
        """Return an account, or say that it is not found; a new one may take its time."""
        user = self._store.user(key)
        if user is None:
            raise not_found()
        if self._store.misses.get(user["id"], 0) > 0:
            self._store.misses[user["id"]] -= 1
            raise not_found()
        return user

    def _check_modifiable(self, course: Course) -> None:
        if course.fields["courseState"] in {"ARCHIVED", "DECLINED", "SUSPENDED"}:
            raise precondition("CourseNotModifiable", "The course is not active.")
        owner = self._store.users.get(course.fields["ownerId"])
        if owner is None or owner["suspended"]:
            raise precondition("InactiveCourseOwner", "The owner is suspended, or gone.")

    def _own(self, course: Course, key: str) -> None:
        owner = self.known_user(key)
        if owner["id"] not in course.members["teachers"] or owner["suspended"]:
            raise precondition("IneligibleOwner", "The owner must be an active co-teacher.")
        if owner["id"] != course.fields["ownerId"] and self._store.limits.folder_lags:
            course.folder_of = course.fields["ownerId"]
        course.fields["ownerId"] = owner["id"]

    def _is_asked_for(self, course: Course, asked: Asked, states: set[str]) -> bool:
        if states and course.fields["courseState"] not in states:
            return False
        for name, listed in (("teacherId", "teachers"), ("studentId", "students")):
            if key := asked.one(name):
                user = self._store.user(key)
                if user is None or user["id"] not in course.members[listed]:
                    return False
        return True

    def _page(self, asked: Asked, key: str, items: list[Item], *, usual: int) -> Item:
        return page_of(
            key,
            items,
            asked.one("pageSize"),
            asked.one("pageToken"),
            usual=usual,
            most=self._store.limits.page_size,
        )


def shown_profile(profile: Item, asked: Asked) -> Item:
    """Return a profile as a request may see it: the address needs a scope of its own."""
    if may(asked.scopes, "classroom.profile.emails"):
        return profile
    return {name: value for name, value in profile.items() if name != "emailAddress"}


def shown_member(member: Item, asked: Asked) -> Item:
    """Return a teacher or student as a request may see them."""
    return {**member, "profile": shown_profile(member["profile"], asked)}


def _check_alias(alias: object) -> None:
    is_one = isinstance(alias, str) and alias.startswith(("d:", "p:")) and len(alias) > 2
    if not is_one or len(str(alias)) > ALIAS_LENGTH:
        raise GoogleError(400, "The alias is not valid.")


def _check_texts(given: Item) -> None:
    for name, most in LENGTHS.items():
        value = given.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > most):
            raise GoogleError(400, f"{name} is too long, or no text.")
    if any(sign in str(given.get("name", "")) for sign in ("http://", "https://", "www.")):
        raise precondition("CourseTitleCannotContainUrl", "The title contains a URL.")
