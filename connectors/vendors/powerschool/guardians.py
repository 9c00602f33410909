"""Who stands for students, read from the server: student by student, or by the plugin's query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors.transport.outcomes import Outcome
from connectors.vendors.powerschool import mapping, queries
from connectors.vendors.powerschool.client import Client
from connectors.vendors.powerschool.config import PowerSchoolConfig
from connectors.vendors.powerschool.family import Tie, tie_of_row, ties_of
from connectors.vendors.powerschool.rows import Rows
from connectors.vendors.powerschool.wire import NAME, Item, changed
from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import Kind
from shared.errors import PermanentConnectorError, TransientConnectorError

DENIED = (
    "The plugin may not read contacts. accessLevelV1Api, which is for /ws/v1 alone, does not give"
    " it that right: set guardians_by=query, whose right is given by field in <access_request>, or"
    " guardians=none"
)


class Guardians:
    """Gives students' contacts, each of them as a user once.

    Args:
        config: which of them, and how they are asked for.
        client: the wire.
        rows: gathers what is made of them.
    """

    def __init__(self, config: PowerSchoolConfig, client: Client, rows: Rows) -> None:
        self._config = config
        self._client = client
        self._rows = rows
        self._users: set[str] = set()
        self._roles: set[str | None] = set()
        #: By student, once the query was read whole.
        self._agents: dict[str, list[str]] | None = None

    def read_all(self) -> Iterator[Batch | Refused]:
        """Yield everybody by the plugin's query, where that is how they are asked for."""
        if self._config.guardians == "none" or self._config.guardians_by != "query":
            return
        self._agents = {}
        for page in queries.rows(self._client.wire, self._query, {}):
            for row in page:
                student, tie = mapping.text(row, "student_dcid"), tie_of_row(row)
                if student is None or tie is None or not self._is_read(tie):
                    continue
                self._agents.setdefault(student, []).append(tie.contact)
                yield from self._give(tie, mapping.text(row, "school_dcid"))

    def of(self, items: Sequence[Item]) -> Iterator[Batch | Refused]:
        """Yield the rows of students, and of those who stand for them."""
        agents: dict[str, list[str]] = {}
        for item in items:
            key = mapping.text(item, "id")
            if key is None or self._config.guardians == "none":
                continue
            if self._agents is not None:
                agents[key] = self._agents.get(key, [])
                continue
            school = mapping.text(mapping.part(item, "school_enrollment"), "school_id")
            ties = [tie for tie in self._ties(key) if self._is_read(tie)]
            agents[key] = [tie.contact for tie in ties]
            for tie in ties:
                yield from self._give(tie, school)
        yield from self._rows.students(items, agents)

    @property
    def _query(self) -> str:
        return f"{self._config.query_prefix}.{queries.CONTACTS}"

    def _is_read(self, tie: Tie) -> bool:
        return self._config.guardians == "all" or tie.has_custody

    def _ties(self, student: str) -> Iterable[Tie]:
        if self._config.guardians_by == "query":
            asked = {"$q": f"contacts.student_dcid=={student}"}
            pages = queries.rows(self._client.wire, self._query, asked)
            return [tie for page in pages for row in page if (tie := tie_of_row(row))]
        return ties_of(contacts_of(self._client, student), student)

    def _give(self, tie: Tie, school: str | None) -> Iterator[Batch]:
        is_new = tie.contact not in self._users
        if is_new:
            self._users.add(tie.contact)
            primary = {"primaryOrgSourcedId": mapping.org_id(school)}
            user = self._rows.shape.row(tie.contact, {**tie.values, **primary})
            yield from self._rows.add(Kind.USERS, [user])
        if school is not None and school != "0":
            row = mapping.family_role_row(tie.contact, tie.role, school, is_primary=is_new)
            yield from self._rows.add(Kind.ROLES, self._once(row))

    def _once(self, row: Row) -> Iterator[Row]:
        if row[0] not in self._roles:
            self._roles.add(row[0])
            yield row


def contacts_of(client: Client, student: str) -> list[Item]:
    """Return a student's contacts.

    Raises:
        ConnectorError: the plugin may not read them, or the server is too old to have them.
    """
    path = f"/ws/contacts/student/{student}"
    answer = client.wire.signed("GET", path)
    if answer.status == 204:
        return []  # the student has none
    if answer.outcome is Outcome.MISSING:
        if client.one(f"/ws/v1/student/{student}", "student") is None:
            raise changed(path, "the student is gone")
        problem = f"{path}: status {answer.status}. Contacts need SIS 12.0 or later: set"
        raise PermanentConnectorError(NAME, f"{problem} guardians=none")
    found = client.wire.json(answer, path, DENIED)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise TransientConnectorError(NAME, f"{path}: the answer is no list of contacts")
    return found
