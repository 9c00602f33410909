"""What has moved since an instant: what a set of changes must hold beside what has changed itself.

A set of changes brings a receiver from the bulk set of an earlier instant to that of now. So a
record is in it also when it has stood still, but what it names has come into the set, or gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.oneroster.ids import Ids
from connectors.oneroster.roles import RoleRow, RolesByUser
from connectors.oneroster.selection import NAMED, REQUIRED_FIELDS, Selection
from connectors.sdk import ChangesReader
from shared.domain.records import FIELDS, Kind, decode_list, field_names


class Moves:
    """Which records may have come into the set, or gone from it.

    Args:
        roster: the hub.
        selection: of the hub as it is.
        since: the instant of the set before, aware.

    Attributes:
        moved: by kind, ids of records that may have come into the set since, or gone from it.
        at: when the hub changed last, ISO 8601; "": not since.
        demographics: the users whose demographics are active.
    """

    def __init__(self, roster: ChangesReader, selection: Selection, since: datetime) -> None:
        self.since = since
        self.at = ""
        self.moved: defaultdict[Kind, Ids] = defaultdict(Ids)
        self.demographics = Ids()
        self._roster = roster
        self._selection = selection
        for kind in NAMED:
            self._find_moved(kind)
        self._find_users()
        for kind in (Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
            for row in roster.changes(kind, (), since):
                self._note(row)
        for row in roster.rows(Kind.DEMOGRAPHICS, ("userSourcedId",)):
            self.demographics.add(str(row[1]))

    def concern(self, kind: Kind) -> bool:
        """Return whether a record of a kind may be among the changes without its own change."""
        named = [field.ref for field in FIELDS[kind] if field.ref is not None]
        return any(self.moved[ref] for ref in (kind, *named))

    def touch(self, kind: Kind, row: Sequence[str | None], names: Sequence[str]) -> bool:
        """Return whether something that a record names has come or gone.

        Args:
            kind: of the record.
            row: its id, and the values of `names`.
            names: of fields.
        """
        if kind is Kind.USERS and row[0] in self.moved[kind]:
            return True
        places = {name: place for place, name in enumerate(names, start=1)}
        for field in FIELDS[kind]:
            if field.ref is None or field.name not in places or not self.moved[field.ref]:
                continue
            value = row[places[field.name]]
            named = decode_list(value) if field.many else (value,)
            if any(id_ in self.moved[field.ref] for id_ in named):
                return True
        return False

    def _note(self, row: Sequence[str | None]) -> None:
        self.at = max(self.at, row[2] or "")

    def _find_moved(self, kind: Kind) -> None:
        changed = Ids()
        for row in self._roster.changes(kind, (), self.since):
            sourced_id, history = str(row[0]), row[3]
            changed.add(sourced_id)
            self._note(row)
            # what is new was named by nothing that has stood still
            if history == "back" or sourced_id not in self._selection.held[kind]:
                self.moved[kind].add(sourced_id)
        if not self._required_moved(kind):
            return
        names = [field.name for field in REQUIRED_FIELDS[kind] if field.ref is not None]
        for row in self._roster.rows(kind, names):
            if row[0] not in changed and self.touch(kind, row, names):
                self.moved[kind].add(str(row[0]))

    def _required_moved(self, kind: Kind) -> bool:
        return any(field.ref and self.moved[field.ref] for field in REQUIRED_FIELDS[kind])

    def _find_users(self) -> None:
        """A user comes and goes with their roles, and 1.1 writes the roles on the user."""
        new = Ids()
        for row in self._roster.changes(Kind.USERS, (), self.since):
            self._note(row)
            sourced_id, history = str(row[0]), row[3]
            if history == "new":
                new.add(sourced_id)
            elif history == "back" or sourced_id not in self._selection.held[Kind.USERS]:
                self.moved[Kind.USERS].add(sourced_id)
        for row in self._roster.changes(Kind.ROLES, ("userSourcedId",), self.since):
            self._note(row)
            if row[4] not in new:
                self.moved[Kind.USERS].add(str(row[4]))
        # whoever has lost a role to another user
        for user in self._roster.former(Kind.ROLES, "userSourcedId", self.since):
            if user not in new:
                self.moved[Kind.USERS].add(user)
        if self.moved[Kind.ORGS]:
            for row in self._roster.rows(Kind.ROLES, ("userSourcedId", "orgSourcedId")):
                if row[2] in self.moved[Kind.ORGS]:
                    self.moved[Kind.USERS].add(str(row[1]))


def removed_roles_by_user(roster: ChangesReader, since: datetime) -> RolesByUser:
    """Read the roles that were removed since an instant, beside the users."""
    names = field_names(Kind.ROLES)
    return RolesByUser(
        _removed(roster.changes(Kind.ROLES, names, since, order_by=("userSourcedId",)))
    )


def _removed(changes: Iterator[tuple[str | None, ...]]) -> Iterator[RoleRow]:
    for sourced_id, status, _, _, *values in changes:
        if status == "tobedeleted":
            yield (sourced_id, *values)
