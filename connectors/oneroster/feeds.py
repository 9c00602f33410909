"""The records that go into a set, in passes: one for a bulk set, up to two for a set of changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from connectors.oneroster.ids import Ids
from connectors.oneroster.layout import HEADERS
from connectors.oneroster.moves import Moves, removed_roles_by_user
from connectors.oneroster.roles import RoleRow
from connectors.oneroster.selection import NAMED, Selection, required_of, roles_by_user
from connectors.sdk import ChangesReader, RosterReader
from shared.domain.records import Kind, field_names

ACTIVE, GONE = "active", "tobedeleted"
#: Kinds whose ids the selection has found; the others are looked at as they go by.
_FOUND = frozenset({*NAMED, Kind.USERS})
#: Kinds that are read beside the users, in the order of their ids.
_BESIDE_USERS = frozenset({Kind.ROLES, Kind.DEMOGRAPHICS})

Row = tuple[str | None, ...]


class Record(NamedTuple):
    """One record that goes: its status and time, both "" in a bulk set, and the hub's row."""

    status: str
    modified: str
    row: Row


class UserRoles(Protocol):
    """Gives each user's roles, for users who are asked for in rising order of their ids."""

    def of(self, user: str) -> list[RoleRow]:
        """Return the roles."""
        ...


class Feed(Protocol):
    """What goes into a set.

    Attributes:
        selection: of the hub as it is.
        mode: as the manifest calls it.
    """

    selection: Selection
    mode: str

    def passes(self, kind: Kind) -> Iterator[Iterator[Record]]:
        """Yield the records of a kind; those of one pass are in order."""
        ...

    def roles(self) -> UserRoles:
        """Return the active roles, for one pass over the users."""
        ...

    def removed_roles(self) -> UserRoles:
        """Return the roles that users may have had until a moment ago, for one pass."""
        ...


class BulkFeed:
    """All records that go.

    Args:
        roster: the hub.
        version: "1.1" or "1.2".
    """

    mode = "bulk"

    def __init__(self, roster: RosterReader, version: str) -> None:
        self.selection = Selection(roster, version)
        self._roster = roster
        self._version = version

    def passes(self, kind: Kind) -> Iterator[Iterator[Record]]:
        """Yield the records of a kind, in one pass."""
        going = _Going(self.selection, kind, fields_of(self._version, kind))
        rows = self._roster.rows(kind, going.names, order_by=_order(kind))
        yield (Record("", "", row) for row in rows if going.goes(row))

    def roles(self) -> UserRoles:
        """Return the active roles, for one pass over the users."""
        return roles_by_user(self._roster)

    def removed_roles(self) -> UserRoles:
        """Return none: what is removed is in no bulk set."""
        return _NoRoles()


class ChangesFeed:
    """The records that have changed since an instant, and those that others moved.

    Args:
        roster: the hub.
        version: "1.1" or "1.2".
        since: aware; what changed at this very instant is among it.
    """

    mode = "delta"

    def __init__(self, roster: ChangesReader, version: str, since: datetime) -> None:
        self.selection = Selection(roster, version)
        self._roster = roster
        self._version = version
        self._since = since
        self._moves = Moves(roster, self.selection, since)

    def passes(self, kind: Kind) -> Iterator[Iterator[Record]]:
        """Yield the records of a kind that have changed, then those that have stood still."""
        going = _Going(self.selection, kind, fields_of(self._version, kind))
        changed = Ids()
        yield self._changed(going, changed)
        if self._moves.concern(kind):
            yield self._moved(going, changed)

    def roles(self) -> UserRoles:
        """Return the active roles, for one pass over the users."""
        return roles_by_user(self._roster)

    def removed_roles(self) -> UserRoles:
        """Return the roles that were removed since, for one pass over the users."""
        return removed_roles_by_user(self._roster, self._since)

    def _changed(self, going: _Going, changed: Ids) -> Iterator[Record]:
        kind = going.kind
        found = self._roster.changes(kind, going.names, self._since, order_by=_order(kind))
        for sourced_id, status, modified, _, *values in found:
            row = (sourced_id, *values)
            changed.add(str(sourced_id))
            if status == ACTIVE and going.goes(row):
                yield Record(ACTIVE, str(modified), row)
            elif kind is Kind.DEMOGRAPHICS and self._has_others(row, status):
                continue
            elif going.is_whole(row):
                # also what was never sent: to be told of it as gone asks nothing of a receiver
                yield Record(GONE, str(modified), row)

    def _moved(self, going: _Going, changed: Ids) -> Iterator[Record]:
        rows = self._roster.rows(going.kind, going.names, order_by=_order(going.kind))
        for row in rows:
            if str(row[0]) in changed or not self._moves.touch(going.kind, row, going.names):
                continue
            if going.goes(row):
                yield Record(ACTIVE, self._moves.at, row)
            elif going.is_whole(row):
                yield Record(GONE, self._moves.at, row)

    def _has_others(self, row: Row, status: str | None) -> bool:
        """A user's demographics have the user's id: what goes is not gone if others came."""
        return status == GONE and row[1] in self._moves.demographics


class _Going:
    """Says of a kind's rows which of them go."""

    def __init__(self, selection: Selection, kind: Kind, names: Sequence[str]) -> None:
        self.kind = kind
        self.names = names
        self._selection = selection
        self._required = required_of(kind, names)
        self._ids = selection.held[kind] if kind in _FOUND else None

    def goes(self, row: Row) -> bool:
        if self._ids is not None:
            return row[0] in self._ids
        return self._selection.goes(self.kind, self._required(row))

    def is_whole(self, row: Row) -> bool:
        return all(value and value.strip() for value in self._required(row))


class _NoRoles:
    def of(self, user: str) -> list[RoleRow]:
        del user
        return []


def fields_of(version: str, kind: Kind) -> tuple[str, ...]:
    """Return the fields of a kind that a version's set is made from."""
    names = field_names(kind)
    if kind is not Kind.USERS:
        return names
    # 1.1 has no column for the primary org, but names it first among a user's orgs
    header = {*HEADERS[version][kind][0], "primaryOrgSourcedId"}
    return tuple(name for name in names if name in header)


def _order(kind: Kind) -> tuple[str, ...]:
    return ("userSourcedId",) if kind in _BESIDE_USERS else ("sourcedId",)
