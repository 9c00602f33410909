"""Which of the hub's records a set holds.

A set must be whole: a record goes only if all that its version requires is there, the records that
it names among it.

Source: OneRoster CSV binding 1.1 (2017-04-17) and 1.2 (2022-06-06), on referential integrity.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from connectors.oneroster.ids import Ids
from connectors.oneroster.layout import may_extend, words_of
from connectors.oneroster.roles import ORG, RoleRow, RolesByUser
from connectors.sdk import RosterReader
from shared.domain.records import FIELDS, Field, Kind, decode_list, field_names

#: By kind, the fields without which a record is none.
REQUIRED_FIELDS: Mapping[Kind, tuple[Field, ...]] = {
    kind: tuple(field for field in fields if field.required) for kind, fields in FIELDS.items()
}
#: The kinds that others name; users come by their roles.
NAMED = (Kind.ORGS, Kind.ACADEMIC_SESSIONS, Kind.COURSES, Kind.CLASSES)

Values = Sequence[str | None]


class _Check(NamedTuple):
    """What a required field's value must be."""

    name: str
    words: frozenset[str]
    extends: bool
    held: Ids | None
    many: bool


class Selection:
    """Which records go, found in one pass over what they require.

    Args:
        roster: the hub.
        version: "1.1" or "1.2".

    Attributes:
        held: by kind, the ids of the records that go, of the kinds that others name.
        schools: the orgs of type school among them.
        school_years: the sessions that are school years.
        left_out: reason → number of active records that do not go.
    """

    def __init__(self, roster: RosterReader, version: str) -> None:
        self.version = version
        self.held: defaultdict[Kind, Ids] = defaultdict(Ids)
        self.schools = Ids()
        self.school_years = Ids()
        self.left_out: Counter[str] = Counter()
        self._checks = {kind: self._compile(kind) for kind in Kind}
        self._required_of_role = required_of(Kind.ROLES, field_names(Kind.ROLES))
        for kind in NAMED:
            names = [field.name for field in REQUIRED_FIELDS[kind]]
            for row in roster.rows(kind, names):
                if self.goes(kind, row[1:]):
                    self._hold(kind, row)
        roles = roles_by_user(roster)
        names = [field.name for field in REQUIRED_FIELDS[Kind.USERS]]
        for row in roster.rows(Kind.USERS, names):
            user = str(row[0])
            if self.goes(Kind.USERS, row[1:]) and self._has_role(roles.of(user)):
                self.held[Kind.USERS].add(user)
            else:
                roster.leave_out(Kind.USERS, user)

    def goes(self, kind: Kind, required: Values) -> bool:
        """Return whether a record goes, by the values of its required fields; else count why."""
        why = self._problem(kind, required)
        if why is not None:
            self.left_out[f"{kind} {why}"] += 1
        return why is None

    def known_roles(self, roles: Sequence[RoleRow]) -> list[RoleRow]:
        """Return those of a user's roles that the version knows, in orgs that go."""
        orgs = self.held[Kind.ORGS]
        required = self._required_of_role
        return [
            role
            for role in roles
            if role[ORG] in orgs and self._problem(Kind.ROLES, required(role), alone=True) is None
        ]

    def _has_role(self, roles: Sequence[RoleRow]) -> bool:
        if self.known_roles(roles):
            return True
        self.left_out[f"users without a role that OneRoster {self.version} knows"] += 1
        return False

    def _hold(self, kind: Kind, row: Values) -> None:
        self.held[kind].add(str(row[0]))
        if kind is Kind.ORGS and row[2] == "school":
            self.schools.add(str(row[0]))
        if kind is Kind.ACADEMIC_SESSIONS and row[2] == "schoolYear":
            self.school_years.add(str(row[0]))

    def _problem(self, kind: Kind, required: Values, *, alone: bool = False) -> str | None:
        """Return what is wrong with a record; alone: whatever has become of what it names."""
        for check, value in zip(self._checks[kind], required, strict=True):
            if not value or value.isspace():
                return f"without {check.name}"
            if check.words and value not in check.words:
                if not (check.extends and value.startswith("ext:")):
                    return f"whose {check.name} OneRoster {self.version} does not know"
            elif check.held is not None and not alone:
                named = decode_list(value) if check.many else (value,)
                if not any(id_ in check.held for id_ in named):
                    return f"whose {check.name} is not in the set"
        return None

    def _compile(self, kind: Kind) -> list[_Check]:
        return [
            _Check(
                field.name,
                words_of(self.version, kind, field),
                may_extend(self.version, kind, field),
                self._held_for(kind, field.ref) if field.ref is not None else None,
                field.many,
            )
            for field in REQUIRED_FIELDS[kind]
        ]

    def _held_for(self, kind: Kind, ref: Kind) -> Ids:
        return self.schools if (kind, ref) == (Kind.CLASSES, Kind.ORGS) else self.held[ref]


def required_of(kind: Kind, names: Sequence[str]) -> Callable[[Sequence[str | None]], Values]:
    """Return a function that picks the values of a kind's required fields out of a row.

    Args:
        kind: whose.
        names: of the row's values, which follow its id.
    """
    places = [1 + names.index(field.name) for field in REQUIRED_FIELDS[kind]]
    return lambda row: [row[place] for place in places]


def roles_by_user(roster: RosterReader) -> RolesByUser:
    """Read the active roles beside the users."""
    names = field_names(Kind.ROLES)
    return RolesByUser(roster.rows(Kind.ROLES, names, order_by=("userSourcedId",)))
