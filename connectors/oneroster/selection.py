"""Which of the hub's records a set holds.

A set must be whole: a record goes only if all that its version requires is there, the records that
it names among it.

Source: OneRoster CSV binding 1.1 (2017-04-17) and 1.2 (2022-06-06), on referential integrity.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from connectors.oneroster.ids import Ids
from connectors.oneroster.layout import ROLES_TO_1_1, allows
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

    def goes(self, kind: Kind, required: Values) -> bool:
        """Return whether a record goes, by the values of its required fields; else count why."""
        why = self._own_problem(kind, required) or self._lack(kind, required)
        if why is not None:
            self.left_out[f"{kind} {why}"] += 1
        return why is None

    def known_roles(self, roles: Sequence[RoleRow]) -> list[RoleRow]:
        """Return those of a user's roles that the version knows, in orgs that go."""
        orgs = self.held[Kind.ORGS]
        required = required_of(Kind.ROLES, field_names(Kind.ROLES))
        return [
            role
            for role in roles
            if role[ORG] in orgs and self._own_problem(Kind.ROLES, required(role)) is None
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

    def _own_problem(self, kind: Kind, required: Values) -> str | None:
        for field, value in zip(REQUIRED_FIELDS[kind], required, strict=True):
            if value is None or not value.strip():
                return f"without {field.name}"
            if field.vocabulary and not self._knows(kind, field, value):
                return f"whose {field.name} OneRoster {self.version} does not know"
        return None

    def _knows(self, kind: Kind, field: Field, value: str) -> bool:
        if self.version == "1.1" and kind is Kind.ROLES and field.name == "role":
            return value in ROLES_TO_1_1
        return allows(self.version, kind, field, value)

    def _lack(self, kind: Kind, required: Values) -> str | None:
        for field, value in zip(REQUIRED_FIELDS[kind], required, strict=True):
            if field.ref is None or value is None:
                continue
            held = self.held[field.ref]
            if kind is Kind.CLASSES and field.ref is Kind.ORGS:
                held = self.schools
            named = decode_list(value) if field.many else (value,)
            if not any(id_ in held for id_ in named):
                return f"whose {field.name} is not in the set"
        return None


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
