"""Teachers and students of courses at Google, put in or invited, and taken out.

Source: Classroom API v1, `courses.teachers`, `courses.students`, `invitations`: a user is in a
course in one role alone, and an owner cannot be taken out.
"""

from __future__ import annotations

from connectors.vendors.google_classroom import mapping
from connectors.vendors.google_classroom.client import Client, Item, Refusal, segment
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from connectors.vendors.google_classroom.courses import Courses
from connectors.vendors.google_classroom.refusals import refused
from shared.domain.provisioning import Answer, EndedRecord, Linked, NewRecord, Result


class Members:
    """Makes and ends memberships.

    Args:
        config: whether they are put in or invited.
        client: the wire.
        courses: hands courses over.
    """

    def __init__(self, config: GoogleClassroomConfig, client: Client, courses: Courses) -> None:
        self._config = config
        self._client = client
        self._courses = courses

    def create(self, record: NewRecord) -> Result:
        """Put a user into a course, or invite them."""
        course, user = record.values["classSourcedId"] or "", record.values["userSourcedId"] or ""
        role = record.values["role"] or ""
        done = Result(record.sourced_id, Answer.DONE, mapping.member_id(course, role, user))
        if self._config.membership == "invite":
            body = {"courseId": course, "userId": user, "role": role.upper()}
            said = self._client.call("POST", "/v1/invitations", body)
        else:
            said = self._client.call("POST", self._list(course, role), {"userId": user})
        if not isinstance(said, Refusal):
            return done
        if said.status != 409:
            return refused(record.sourced_id, said)
        # somebody is there already: in this role, or in the other one
        if self._is_member(course, role, user) or self._invitation(course, role, user) is not None:
            return done
        told = "the user is in the course in the other role: take them out of it in Google"
        return Result(record.sourced_id, Answer.REJECTED, reason=told)

    def remove(self, record: EndedRecord, linked: Linked) -> Result:
        """Take a user out of a course; who owns it hands it over first."""
        done = Result(record.sourced_id, Answer.DONE)
        course, role, user = mapping.parts_of(record.external_id)
        if role == "teacher":
            found = self._client.find(f"/v1/courses/{segment(course)}")
            if found is None:
                return done
            if found.get("ownerId") == user:
                refusal = self._courses.hand_over(course, user, linked)
                if refusal is not None:
                    return refused(record.sourced_id, refusal)
        said = self._client.call("DELETE", f"{self._list(course, role)}/{segment(user)}")
        if isinstance(said, Refusal):
            if said.status != 404:
                return refused(record.sourced_id, said)
            invitation = self._invitation(course, role, user)
            if invitation is not None:
                self._client.call("DELETE", f"/v1/invitations/{segment(str(invitation['id']))}")
        return done

    def _list(self, course: str, role: str) -> str:
        return f"/v1/courses/{segment(course)}/{mapping.LISTS[role]}"

    def _is_member(self, course: str, role: str, user: str) -> bool:
        return self._client.find(f"{self._list(course, role)}/{segment(user)}") is not None

    def _invitation(self, course: str, role: str, user: str) -> Item | None:
        if self._config.membership != "invite":
            return None
        params = {"courseId": course, "userId": user}
        found = (
            one
            for page in self._client.pages("/v1/invitations", "invitations", params)
            for one in page
            if str(one.get("role", "")).lower() == role
        )
        return next(found, None)
