"""Which people stand in which sheet, found in one pass over the users and their roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.flatfiles.columns import Record
from connectors.flatfiles.formats import grade_as, grade_words
from connectors.flatfiles.joining import Beside, Row, record_of
from connectors.sdk import RosterReader
from connectors.vendors.finalsite.config import FinalsiteConfig
from connectors.vendors.finalsite.layout import CONTACTS, LOCATIONS
from shared.domain.records import Kind, decode_list

FAMILY = frozenset({"guardian", "parent", "relative"})
ROLE_FIELDS = ("userSourcedId", "roleType", "role", "orgSourcedId")
_CONTACT_FIELDS = ("givenName", "familyName", "sms", "phone", "email")


@dataclass(frozen=True, slots=True)
class Person:
    """A row of a person's sheet: which sheet, and the record."""

    sheet: str
    record: Record


class People:
    """Reads the people of the hub.

    Args:
        config: of the export.
        roster: the hub.
        fields: by kind, what may be read.

    Attributes:
        faculty: by the hub's id, those who are sent.
        students: by the hub's id, their ImportIDs.
        left_out: reason → records that do not go.
    """

    def __init__(
        self,
        config: FinalsiteConfig,
        roster: RosterReader,
        fields: Mapping[Kind, tuple[str, ...]],
    ) -> None:
        self.faculty: dict[str, Record] = {}
        self.students: dict[str, str] = {}
        self.left_out: Counter[str] = Counter()
        self._config = config
        self._roster = roster
        self._fields = fields
        self._words = grade_words(config.grade_words)
        self._taken: set[str] = set()
        self._agents: dict[str, list[str]] = {}
        self._family: dict[str, Record] = {}
        named = {column.name for column in config.columns("parents")}
        #: The contacts that the sheet of parents has columns for.
        self._places = [
            place for place in CONTACTS if any(f"contact_{place}_" in name for name in named)
        ]

    def people(self) -> Iterator[Person]:
        """Yield the rows of faculty and students; family is kept until all are known."""
        orgs = self._fields[Kind.ORGS]
        names = {
            str(row[0]): record_of(row, orgs).get("name")
            for row in self._roster.rows(Kind.ORGS, orgs)
        }
        fields = self._fields[Kind.USERS]
        roles = Beside(self._roster.rows(Kind.ROLES, ROLE_FIELDS, order_by=("userSourcedId",)))
        for row in self._roster.rows(Kind.USERS, fields):
            user = record_of(row, fields)
            id_ = str(user["sourcedId"])
            made = self._person(user, sorted(roles.of(id_), key=_rank), names)
            if not made and id_ not in self._family:
                self._roster.leave_out(Kind.USERS, id_)
            yield from made

    def parents(self) -> Iterator[Record]:
        """Yield a row for every student who has a contact; to be asked after `people`."""
        told: set[str] = set()
        for student, import_id in self.students.items():
            agents = [id_ for id_ in self._agents.get(student, ()) if id_ in self._family]
            if beyond := len(agents) - len(self._places):
                self.left_out["contacts beyond those for whom there are columns"] += max(beyond, 0)
            record: dict[str, str | None] = {"student_id": import_id}
            for place, agent in zip(self._places, agents, strict=False):
                told.add(agent)
                for name, value in self._family[agent].items():
                    record[f"contact_{place}_{name}"] = value
            if len(record) > 1:
                yield record
        for id_ in self._family:
            if not (id_ in told or id_ in self.faculty or id_ in self.students):
                self._roster.leave_out(Kind.USERS, id_)

    def _person(
        self, user: dict[str, str | None], roles: Sequence[Row], names: Mapping[str, str | None]
    ) -> list[Person]:
        if not roles:
            self.left_out["users without a role"] += 1
            return []
        if user["enabledUser"] == "false":
            self.left_out["users that are not enabled"] += 1
            return []
        import_id = user[self._config.import_id]
        if not import_id or import_id in self._taken:
            why = "whose ImportID another has" if import_id else "without an ImportID"
            self.left_out[f"users {why}"] += 1
            return []
        self._taken.add(import_id)
        user["import_id"] = import_id
        id_ = str(user["sourcedId"])
        by_role = {str(row[3]): row for row in reversed(roles)}
        if family := [role for role in by_role if role in FAMILY]:
            self._keep(id_, user, family[-1])
        made = []
        staff = [row for row in roles if row[3] not in FAMILY | {"student"}]
        if staff:
            self.faculty[id_] = user
            made.append(Person("faculty", {**user, **_at(staff, names), "role": staff[0][3]}))
        if "student" in by_role:
            self.students[id_] = import_id
            if self._places:
                self._agents[id_] = decode_list(user.get("agentSourcedIds"))
            grade = grade_as(user.get("grades"), self._words)
            record = {**user, **_at([by_role["student"]], names), "grade": grade}
            made.append(Person("students", record))
        return made

    def _keep(self, id_: str, user: Record, role: str) -> None:
        if self._places:
            told = {name: user[name] for name in _CONTACT_FIELDS if name in user}
            self._family[id_] = {"id": user["import_id"], "relation": role, **told}


def _rank(role: Row) -> tuple[bool, str, str]:
    return role[2] != "primary", role[3] or "", role[4] or ""


def _at(roles: Sequence[Row], names: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the names of the places where someone has these roles."""
    found = list(dict.fromkeys(filter(None, (names.get(str(row[4])) for row in roles))))
    return {f"location_{place}": name for place, name in zip(LOCATIONS, found, strict=False)}
