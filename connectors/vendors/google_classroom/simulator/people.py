"""The simulated Classroom API's invitations, profiles and guardians.

Source: the bundled discovery document of the Classroom API v1 (`invitations`, `userProfiles`).
"""

from __future__ import annotations

from connectors.vendors.google_classroom.simulator.answers import (
    GoogleError,
    Item,
    not_found,
    page_of,
    precondition,
)
from connectors.vendors.google_classroom.simulator.classroom import Classroom, shown_profile
from connectors.vendors.google_classroom.simulator.requests import Asked
from connectors.vendors.google_classroom.simulator.store import LISTS, Store, profile_of

#: Guardians of one student at most.
GUARDIANS = 20


class Asking:
    """Invitations to courses, and guardians, who are always asked.

    Args:
        store: what there is.
        classroom: knows courses and users.
    """

    def __init__(self, store: Store, classroom: Classroom) -> None:
        self._store = store
        self._classroom = classroom

    def profile(self, asked: Asked) -> Item:
        """Answer `userProfiles.get`."""
        user = self._classroom.known_user(asked.path["student"])
        return shown_profile(profile_of(user), asked)

    def invitations(self, asked: Asked) -> Item:
        """Answer `invitations.list`."""
        course, user = asked.one("courseId"), asked.one("userId")
        if not course and not user:
            raise GoogleError(400, "Give a user or a course.")
        if course:
            course = self._classroom.known_course(course).fields["id"]
        if user:
            user = self._classroom.known_user(user)["id"]
        found = [
            one
            for one in self._store.invitations.values()
            if course in ("", one["courseId"]) and user in ("", one["userId"])
        ]
        return self._page(asked, "invitations", found)

    def invite(self, asked: Asked) -> Item:
        """Answer `invitations.create`."""
        given = asked.body()
        course = self._classroom.known_course(str(given.get("courseId") or ""))
        user = self._classroom.known_user(str(given.get("userId") or ""))
        role = given.get("role")
        if role not in {*LISTS, "OWNER"}:
            raise GoogleError(400, "Invalid role.")
        key = course.fields["id"]
        there = any(
            (one["courseId"], one["userId"]) == (key, user["id"])
            for one in self._store.invitations.values()
        )
        if there or any(user["id"] in members for members in course.members.values()):
            raise GoogleError(409, "Requested entity already exists")
        self._classroom.check_can_join(course, LISTS.get(str(role), "teachers"))
        return self._store.invite(key, user["id"], str(role))

    def invitation(self, asked: Asked) -> Item:
        """Answer `invitations.get`."""
        return self._known_invitation(asked)

    def uninvite(self, asked: Asked) -> Item:
        """Answer `invitations.delete`."""
        del self._store.invitations[self._known_invitation(asked)["id"]]
        return {}

    def accept(self, asked: Asked) -> Item:
        """Answer `invitations.accept`, whoever asks: the invited user is taken to."""
        one = self._known_invitation(asked)
        course = self._classroom.known_course(one["courseId"])
        listed = LISTS.get(one["role"], "teachers")
        self._classroom.join(course, listed, self._store.users[one["userId"]])
        del self._store.invitations[one["id"]]
        return {}

    def guardians(self, asked: Asked) -> Item:
        """Answer `userProfiles.guardians.list`."""
        student = self._student(asked)
        found = [
            one
            for key, guardians in self._store.guardians.items()
            for one in guardians.values()
            if student in (None, key)
        ]
        return self._page(asked, "guardians", found)

    def guardian(self, asked: Asked) -> Item:
        """Answer `userProfiles.guardians.get`."""
        found = self._store.guardians.get(self._student(asked) or "", {})
        if asked.path["guardian"] not in found:
            raise not_found()
        return found[asked.path["guardian"]]

    def remove_guardian(self, asked: Asked) -> Item:
        """Answer `userProfiles.guardians.delete`."""
        found = self._store.guardians.get(self._student(asked) or "", {})
        if found.pop(asked.path["guardian"], None) is None:
            raise not_found()
        return {}

    def guardian_invitations(self, asked: Asked) -> Item:
        """Answer `userProfiles.guardianInvitations.list`: pending ones unless told otherwise."""
        student, states = self._student(asked), set(asked.many("states")) or {"PENDING"}
        email = asked.one("invitedEmailAddress")
        found = [
            one
            for one in self._store.guardian_invitations.values()
            if student in (None, one["studentId"])
            and one["state"] in states
            and email in ("", one["invitedEmailAddress"])
        ]
        return self._page(asked, "guardianInvitations", found)

    def invite_guardian(self, asked: Asked) -> Item:
        """Answer `userProfiles.guardianInvitations.create`."""
        student, email = self._student(asked), asked.body().get("invitedEmailAddress")
        if student is None or not isinstance(email, str) or "@" not in email:
            raise GoogleError(400, "Give a student and an address.")
        waiting = [
            one
            for one in self._store.guardian_invitations.values()
            if (one["studentId"], one["state"]) == (student, "PENDING")
        ]
        there = self._store.guardians.get(student, {}).values()
        if any(one["invitedEmailAddress"] == email for one in (*waiting, *there)):
            raise GoogleError(409, "Requested entity already exists")
        if len(waiting) + len(there) >= GUARDIANS:
            raise GoogleError(429, "The student has enough guardians.")
        return self._store.invite_guardian(student, email)

    def guardian_invitation(self, asked: Asked) -> Item:
        """Answer `userProfiles.guardianInvitations.get`."""
        one = self._store.guardian_invitations.get(asked.path["invitation"])
        if one is None or one["studentId"] != self._student(asked):
            raise not_found()
        return one

    def change_guardian_invitation(self, asked: Asked) -> Item:
        """Answer `userProfiles.guardianInvitations.patch`: it can only be withdrawn."""
        one = self.guardian_invitation(asked)
        if asked.one("updateMask") != "state" or asked.body().get("state") != "COMPLETE":
            raise GoogleError(400, "Only the state can be changed, to COMPLETE.")
        if one["state"] != "PENDING":
            raise precondition("InvalidState", "The invitation is complete.")
        one["state"] = "COMPLETE"
        return one

    def _known_invitation(self, asked: Asked) -> Item:
        found = self._store.invitations.get(asked.path["invitation"])
        if found is None:
            raise not_found()
        return found

    def _student(self, asked: Asked) -> str | None:
        """Return a student's id; None: `-`, which is all of them."""
        key = asked.path["student"]
        return None if key == "-" else str(self._classroom.known_user(key)["id"])

    def _page(self, asked: Asked, key: str, found: list[Item]) -> Item:
        return page_of(
            key,
            found,
            asked.one("pageSize"),
            asked.one("pageToken"),
            usual=500,
            most=self._store.limits.page_size,
        )
