"""Rows on their way to the hub: made of items, gathered into batches, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from connectors.vendors.powerschool import mapping
from connectors.vendors.powerschool.mapping import FIELDS, BadItemError
from connectors.vendors.powerschool.shape import Shape
from connectors.vendors.powerschool.wire import Item
from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import Kind

_PREFIXES: Mapping[Kind, str] = {
    Kind.ORGS: "school:",
    Kind.ACADEMIC_SESSIONS: "term:",
    Kind.COURSES: "course:",
    Kind.CLASSES: "section:",
    Kind.USERS: mapping.STUDENT,
    Kind.ENROLLMENTS: "enrollment:",
    Kind.DEMOGRAPHICS: mapping.STUDENT,
}

#: Rows of one batch; a section's list alone would be a small one.
BATCH_ROWS = 500


class Rows:
    """Gathers rows by kind, and gives a batch when there are enough.

    Attributes:
        shape: of users.
        counts: rows given, by kind.
    """

    def __init__(self, shape: Shape | None = None) -> None:
        self.shape = shape or Shape()
        self.counts: Counter[Kind] = Counter()
        self._waiting: dict[Kind, list[Row]] = {kind: [] for kind in FIELDS}

    def add(self, kind: Kind, rows: Iterable[Row]) -> Iterator[Batch]:
        """Take rows, and yield what is enough for a batch."""
        waiting = self._waiting[kind]
        waiting += rows
        if len(waiting) >= BATCH_ROWS:
            yield self._batch(kind)

    def make(
        self, kind: Kind, items: Sequence[Item], make: Callable[[Item], Row]
    ) -> Iterator[Batch | Refused]:
        """Make rows of items; what cannot be made into one is refused by itself."""
        rows = []
        for item in items:
            try:
                rows.append(make(item))
            except BadItemError as error:
                yield _refused(kind, item, error)
        yield from self.add(kind, rows)

    def students(
        self, items: Sequence[Item], agents: Mapping[str, Sequence[str]] | None = None
    ) -> Iterator[Batch | Refused]:
        """Make the rows of students: user, role and demographics each.

        Args:
            items: the students.
            agents: by DCID, the external ids of those who stand for a student.
        """
        told = agents or {}
        yield from self.make(
            Kind.USERS,
            items,
            lambda item: self.shape.student_row(item, told.get(mapping.text(item, "id") or "", ())),
        )
        known = [item for item in items if mapping.text(item, "id")]
        roles = [mapping.student_role_row(item) for item in known]
        yield from self.add(Kind.ROLES, [role for role in roles if role is not None])
        yield from self.make(Kind.DEMOGRAPHICS, known, mapping.demographics_row)

    def staff(
        self, items: Sequence[Item], school: str, seen: set[str]
    ) -> Iterator[Batch | Refused]:
        """Make the rows of a school's staff: one user over all schools, a role at each.

        Args:
            items: the staff.
            school: its DCID.
            seen: the users of the schools before; those of this one are added.
        """
        known = [item for item in items if mapping.text(item, "id")]
        new = [item for item in known if mapping.staff_id(item) not in seen]
        yield from self.make(Kind.USERS, new, lambda item: self.shape.staff_row(item, school))
        roles = []
        for item in known:
            user = mapping.staff_id(item)
            roles.append(mapping.role_row(user, "teacher", school, is_primary=user not in seen))
            seen.add(user)
        yield from self.add(Kind.ROLES, roles)

    def rest(self, *, is_full: bool) -> Iterator[Batch]:
        """Yield what is still waiting; in a full read a kind without records gets its batch too."""
        for kind, rows in self._waiting.items():
            if rows or (is_full and not self.counts[kind]):
                yield self._batch(kind)

    def _batch(self, kind: Kind) -> Batch:
        rows, self._waiting[kind] = self._waiting[kind], []
        self.counts[kind] += len(rows)
        return Batch(kind, self.shape.fields(kind), rows)


def _refused(kind: Kind, item: Item, error: BadItemError) -> Refused:
    # what names the record, and nothing more of it
    source = {name: mapping.text(item, name) for name in ("id", "local_id", error.field)}
    return Refused(kind, _external_id(kind, item), error.field, error.reason, source)


def _external_id(kind: Kind, item: Item) -> str:
    """Return the id that the row would have had: what is refused must not be taken for gone."""
    key = mapping.text(item, "id")
    if key is None:
        return "without an id"
    if kind is Kind.USERS and "users_dcid" in item:
        return mapping.staff_id(item)
    return f"{_PREFIXES.get(kind, '')}{key}"
