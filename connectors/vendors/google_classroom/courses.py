"""Courses at Google: made under their alias, archived, and given to another owner.

Source: Classroom API v1, `courses` (states, aliases, owners) and its page on common errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.vendors.google_classroom import mapping
from connectors.vendors.google_classroom.client import Client, Item, Refusal, segment
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from connectors.vendors.google_classroom.refusals import refused
from shared.domain.provisioning import Answer, EndedRecord, Linked, NewRecord, Result
from shared.domain.records import Kind

#: What Google says of a teacher who may not own a course, or is not to be found (yet).
_NO_OWNER = frozenset({"IneligibleOwner", "UserCannotOwnCourse", "InactiveCourseOwner"})


class Courses:
    """Makes and ends courses.

    Args:
        config: state and owner of new courses.
        client: the wire.
    """

    def __init__(self, config: GoogleClassroomConfig, client: Client) -> None:
        self._config = config
        self._client = client

    def create(self, record: NewRecord, linked: Linked) -> Result:
        """Make a course, or find the one that has the class's alias already."""
        if record.former is not None:
            found = self._client.find(f"/v1/courses/{segment(record.former)}")
            if found is not None:
                return self._taken_up(record, found)
        body = {
            "id": mapping.alias_of(record.sourced_id),
            "courseState": self._config.course_state,
            **mapping.course_body({n: v for n, v in record.values.items() if v}),
        }
        teachers = linked.members(record.sourced_id, "teacher")
        owners = list(dict.fromkeys([*teachers[:1], self._config.fallback_owner]))
        made: Item | Refusal = Refusal(400, "", "")
        for owner in owners:
            made = self._client.call("POST", "/v1/courses", {**body, "ownerId": owner})
            if not isinstance(made, Refusal):
                return _made(record, made)
            if made.status == 409:
                alias = segment(mapping.alias_of(record.sourced_id))
                found = self._client.find(f"/v1/courses/{alias}")
                if found is not None:
                    return self._taken_up(record, found)
            if made.code not in _NO_OWNER:
                break
        return (
            refused(record.sourced_id, made) if isinstance(made, Refusal) else _made(record, made)
        )

    def archive(self, record: EndedRecord) -> Result:
        """Archive a course; it is never deleted, since students' work is in it."""
        path = f"/v1/courses/{segment(record.external_id)}"
        found = self._client.find(path)
        # what was declined nobody sees, and Google lets nobody archive it
        if found is None or found.get("courseState") in {"ARCHIVED", "DECLINED"}:
            return Result(record.sourced_id, Answer.DONE)
        steps = (
            ["ACTIVE", "ARCHIVED"] if found.get("courseState") == "PROVISIONED" else ["ARCHIVED"]
        )
        for state in steps:
            said = self.patch(record.external_id, {"courseState": state})
            if isinstance(said, Refusal):
                return refused(record.sourced_id, said)
        return Result(record.sourced_id, Answer.DONE)

    def patch(self, course: str, fields: Mapping[str, str]) -> Item | Refusal:
        """Change some fields of a course, and no others."""
        return self._client.call(
            "PATCH",
            f"/v1/courses/{segment(course)}",
            dict(fields),
            {"updateMask": ",".join(sorted(fields))},
        )

    def owned_by(self, user: str) -> Iterable[str]:
        """Yield the courses in use that an account owns."""
        params = {"teacherId": user, "courseStates": ["ACTIVE", "PROVISIONED"]}
        for page in self._client.pages("/v1/courses", "courses", params):
            for course in page:
                if course.get("ownerId") == user:
                    yield str(course["id"])

    def hand_over(self, course: str, away: str, linked: Linked) -> Refusal | None:
        """Give a course that an account owns to another teacher; None: it is done.

        To the class's teachers in their order, else to whom the settings name. A new owner must be
        a teacher of the course before.
        """
        class_id = linked.sourced_ids(Kind.CLASSES, [course]).get(course)
        teachers = linked.members(class_id, "teacher") if class_id is not None else []
        said: Item | Refusal = Refusal(400, "CannotRemoveCourseOwner", "")
        for heir in [*teachers, self._config.fallback_owner]:
            if heir == away:
                continue
            path = f"/v1/courses/{segment(course)}/teachers"
            joined = self._client.call("POST", path, {"userId": heir})
            if isinstance(joined, Refusal) and joined.status != 409:
                said = joined
                continue
            said = self.patch(course, {"ownerId": heir})
            if not isinstance(said, Refusal):
                return None
        return said if isinstance(said, Refusal) else None

    def _taken_up(self, record: NewRecord, course: Item) -> Result:
        """Take a course that was there: made by a run whose answer was lost, or archived before."""
        if course.get("courseState") == "ARCHIVED":
            said = self.patch(str(course["id"]), {"courseState": "ACTIVE"})
            if isinstance(said, Refusal):
                return refused(record.sourced_id, said)
        return _made(record, course)


def _made(record: NewRecord, course: Item) -> Result:
    key = str(course.get("id") or "")
    if not key:
        return Result(
            record.sourced_id, Answer.LATER, reason="Google made it without telling an id"
        )
    return Result(record.sourced_id, Answer.DONE, key, mapping.held_of(course))
