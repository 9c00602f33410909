"""The full read: accounts, linked courses, and who is in these.

Google tells no changes of rosters, and none of accounts: whatever is read is read whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from connectors.vendors.google_classroom import mapping, unknown_courses
from connectors.vendors.google_classroom.client import Client, Item, segment
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from shared.domain.provisioning import Linked
from shared.domain.reading import Batch, ReadCertificate, Refused, Row
from shared.domain.records import Kind
from shared.domain.states import Mode

#: All states of a course; asked for by name, since the pages differ on what is given without.
STATES = ("ACTIVE", "PROVISIONED", "ARCHIVED", "DECLINED", "SUSPENDED")
#: States of courses whose teachers made them and use them.
_IN_USE = frozenset({"ACTIVE"})


class FullRead:
    """One read of everything.

    Args:
        config: what is asked for.
        client: the wire.
        linked: which courses and accounts stand for records of the hub; None: nobody knows.

    Attributes:
        placed: where accounts may have to move, by account in use: the one of the two units that
            it is in.
    """

    def __init__(
        self, config: GoogleClassroomConfig, client: Client, linked: Linked | None
    ) -> None:
        self._config = config
        self._client = client
        self._linked = linked
        self.placed: dict[str, str] = {}
        self._counts: Counter[Kind] = Counter()
        self._seen: Counter[str] = Counter()

    def read(self) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield accounts, courses and members, then the certificate."""
        config = self._config
        yield from self._accounts()
        if config.pull_unknown_courses:
            for batch in unknown_courses.surroundings(config):
                self._counts[batch.kind] += len(batch.rows)
                yield batch
        yield from self._courses()
        if not self._counts[Kind.ENROLLMENTS]:
            yield self._batch(Kind.ENROLLMENTS, mapping.ENROLLMENT_FIELDS, [])
        joins = {Kind.USERS}
        if not config.pull_unknown_courses:
            joins.add(Kind.CLASSES)
        if not config.pull_members:
            joins.add(Kind.ENROLLMENTS)
        # the setting's own school, year and course are no list of the vendor's: none of them can go
        kinds = (Kind.USERS, Kind.CLASSES, Kind.ENROLLMENTS)
        yield ReadCertificate(
            mode=Mode.FULL,
            complete=frozenset(kinds),
            counts={kind: self._counts[kind] for kind in {*kinds, *self._counts}},
            filter_fingerprint=f"unknown={config.pull_unknown_courses} {config.membership}",
            evidence={name: str(count) for name, count in sorted(self._seen.items())},
            joins=frozenset(joins),
            defaults=unknown_courses.defaults() if config.pull_unknown_courses else {},
        )

    def _batch(self, kind: Kind, fields: tuple[str, ...], rows: list[Row]) -> Batch:
        self._counts[kind] += len(rows)
        return Batch(kind, fields, rows)

    def _known(self, kind: Kind, items: list[Item]) -> set[str]:
        if self._linked is None:
            return set()
        return set(self._linked.sourced_ids(kind, [str(item.get("id")) for item in items]))

    def _accounts(self) -> Iterator[Batch | Refused]:
        """Yield the accounts in use, and those out of use that stand for somebody all the same.

        A suspended account that is not linked would bring back who has left.
        """
        fields = mapping.user_fields(self._config)
        params = {
            "customer": self._config.customer,
            "maxResults": self._config.page_size,
            "orderBy": "email",
            "projection": "full",
        }
        for page in self._client.pages("/admin/directory/v1/users", "users", params):
            linked = self._known(Kind.USERS, page)
            rows: list[Row] = []
            for user in page:
                if not user.get("id"):
                    yield self._without_id(Kind.USERS)
                elif mapping.is_active(user) or str(user["id"]) in linked:
                    rows.append(mapping.user_row(user, self._config))
                    self._note_unit(user)
                else:
                    self._seen["accounts out of use, left alone"] += 1
            yield self._batch(Kind.USERS, fields, rows)

    def _note_unit(self, user: Item) -> None:
        if self._config.moves_accounts and mapping.is_active(user):
            unit = mapping.unit_of(str(user.get("orgUnitPath") or ""), self._config)
            if unit is not None:
                self.placed[str(user["id"])] = unit

    def _courses(self) -> Iterator[Batch | Refused]:
        fields = tuple(mapping.COURSE_FIELDS)
        params = {"courseStates": list(STATES), "pageSize": self._config.page_size}
        for page in self._client.pages("/v1/courses", "courses", params):
            linked = self._known(Kind.CLASSES, page)
            taken = [course for course in page if str(course.get("id")) in linked]
            other = [course for course in page if course.get("id") and course not in taken]
            yield from (self._without_id(Kind.CLASSES) for c in page if not c.get("id"))
            yield self._batch(Kind.CLASSES, fields, [mapping.course_row(c) for c in taken])
            for course in taken:
                self._seen[f"linked courses, {course.get('courseState', 'of no state')}"] += 1
                yield from self._members(str(course["id"]))
            for course in other:
                yield from self._unknown(course)

    def _unknown(self, course: Item) -> Iterator[Batch]:
        """Count a course that nobody knows; take it where that is asked for, and it is a teacher's.

        One with an alias of the domain was made by a program: by us, where the answer was lost, and
        then making it again finds it.
        """
        told = "courses that are not linked"
        if not self._config.pull_unknown_courses:
            self._seen[f"{told}, left alone"] += 1
            return
        key = str(course["id"])
        path = f"/v1/courses/{segment(key)}/aliases"
        aliases = [one for page in self._client.pages(path, "aliases") for one in page]
        if course.get("courseState") not in _IN_USE or any(
            str(one.get("alias", "")).startswith("d:") for one in aliases
        ):
            self._seen[f"{told}, made by a program or out of use"] += 1
            return
        self._seen[f"{told}, taken"] += 1
        yield self._batch(Kind.CLASSES, tuple(mapping.COURSE_FIELDS), [mapping.course_row(course)])
        yield from self._members(key)

    def _members(self, course: str) -> Iterator[Batch]:
        fields = mapping.ENROLLMENT_FIELDS
        params = {"pageSize": self._config.page_size}
        found: set[str] = set()
        for role, listed in mapping.LISTS.items():
            path = f"/v1/courses/{segment(course)}/{listed}"
            for page in self._client.pages(path, listed, params):
                rows = [
                    mapping.member_row(course, role, str(member["userId"]))
                    for member in page
                    if member.get("userId")
                ]
                found.update(str(row[0]) for row in rows)
                yield self._batch(Kind.ENROLLMENTS, fields, rows)
        if self._config.membership == "invite":
            yield from self._invited(course, found)

    def _invited(self, course: str, members: set[str]) -> Iterator[Batch]:
        """Yield those who were asked to join: to the hub they are members already."""
        roles = {"TEACHER": "teacher", "STUDENT": "student"}
        params = {"courseId": course, "pageSize": self._config.page_size}
        for page in self._client.pages("/v1/invitations", "invitations", params):
            rows = [
                mapping.member_row(course, roles[one["role"]], str(one["userId"]))
                for one in page
                if one.get("role") in roles and one.get("userId")
            ]
            new = [row for row in rows if row[0] not in members]
            self._seen["invitations that wait"] += len(new)
            yield self._batch(Kind.ENROLLMENTS, mapping.ENROLLMENT_FIELDS, new)

    def _without_id(self, kind: Kind) -> Refused:
        self._counts[kind] += 1
        return Refused(kind, "without an id", "sourcedId", "Google gave a record without an id", {})
