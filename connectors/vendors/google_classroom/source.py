"""Google Classroom as a source, a writer and a provisioner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from connectors.network import Network
from connectors.sdk import ReadRequest, RecordWrite, RosterReader, WriteOutcome, WriteResult
from connectors.transport.http import HttpClient, account_of
from connectors.vendors.google_classroom import guardians, mapping
from connectors.vendors.google_classroom.access import NAME
from connectors.vendors.google_classroom.accounts import Accounts
from connectors.vendors.google_classroom.budgets import TwoBudgets
from connectors.vendors.google_classroom.client import Client, Refusal, Session
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from connectors.vendors.google_classroom.courses import Courses
from connectors.vendors.google_classroom.members import Members
from connectors.vendors.google_classroom.reading import FullRead
from connectors.vendors.google_classroom.refusals import refused
from connectors.vendors.google_classroom.units import Units
from shared.domain.limits import Limit
from shared.domain.pacing import Rate
from shared.domain.provisioning import EndedRecord, Linked, NewRecord, Result, Step
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.domain.user_roles import ROLE_READS
from shared.errors import PermanentConnectorError

#: Records between two looks at the lease: some seconds of requests.
BATCH = 25


class GoogleClassroom:
    """One district's Workspace.

    Args:
        config: key, administrator and policy.
        network: where it may go, and whose budgets it shares.
        wait: waits some seconds between tries; tests hand in their own.
    """

    batch_size = BATCH

    def __init__(
        self,
        config: GoogleClassroomConfig,
        network: Network | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._config = config
        self._network = network or Network()
        self._wait = wait
        self._session = Session()
        members = [
            Step(Kind.ENROLLMENTS, "role", frozenset({role})) for role in ("teacher", "student")
        ]
        accounts = [Step(Kind.USERS)] if config.manage_users else []
        self.steps: Sequence[Step] = [*accounts, Step(Kind.CLASSES), *members]
        self.reads: Mapping[Kind, tuple[str, ...]] = {
            **mapping.READS,
        }
        self.follows = frozenset(
            {
                *((Kind.USERS,) if config.guardians else ()),
                *((Kind.ROLES,) if config.moves_accounts else ()),
            }
        )
        self._placed: Mapping[str, str] = {}
        read = [
            *(mapping.ACCOUNT_READS if config.manage_users else ()),
            *(guardians.READS if config.guardians else ()),
        ]
        if read:
            self.reads = {**self.reads, Kind.USERS: tuple(dict.fromkeys(read))}
        if config.manage_users:
            self.reads = {**self.reads, Kind.ROLES: ROLE_READS}

    def check(self) -> None:
        """Sign in, read an account and a course, and see that owner and units exist.

        Raises:
            ConnectorError: says which setting or delegation is missing.
        """
        with self._client() as client:
            client.sign_in()
            few = {"customer": self._config.customer, "maxResults": 1}
            client.get("/admin/directory/v1/users", few)
            client.get("/v1/courses", {"courseStates": ["ACTIVE"], "pageSize": 1})
            accounts = Accounts(self._config, client, Courses(self._config, client))
            accounts.check_owner(NAME)
            accounts.check_units(NAME)

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield accounts, linked courses and their members.

        Raises:
            PermanentConnectorError: something else than a full read is asked for.
            ConnectorError: Google failed; nothing of the read counts.
        """
        if request.mode is not Mode.FULL:
            raise PermanentConnectorError(NAME, "Google tells no changes of rosters: sync in full")
        with self._client() as client:
            found = FullRead(self._config, client, request.linked)
            self._placed = found.placed
            yield from found.read()

    def accepts(self, kind: Kind, external_id: str) -> bool:
        """Return whether a record's fields are kept in step."""
        del external_id
        return kind is Kind.CLASSES or (kind is Kind.USERS and self._config.manage_users)

    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        """Write fields of courses, and names of accounts; only what differs is sent."""
        with self._client() as client:
            return [self._written(client, kind, write) for write in writes]

    def left_out(self, kind: Kind, values: Mapping[str, str | None]) -> str | None:
        """Return why a record is not made, in words that follow a number; None: it is."""
        if kind is Kind.USERS:
            return mapping.why_no_account(values, self._config.account_domains)
        return None

    def create(self, kind: Kind, records: Sequence[NewRecord], linked: Linked) -> Sequence[Result]:
        """Make accounts, courses or memberships, one after the other."""
        with self._client() as client:
            courses = Courses(self._config, client)
            accounts = Accounts(self._config, client, courses)
            members = Members(self._config, client, courses)
            make: Mapping[Kind, Callable[[NewRecord], Result]] = {
                Kind.USERS: accounts.create,
                Kind.CLASSES: lambda record: courses.create(record, linked),
                Kind.ENROLLMENTS: members.create,
            }
            return [make[kind](record) for record in records]

    def end(self, kind: Kind, records: Sequence[EndedRecord], linked: Linked) -> Sequence[Result]:
        """Take members out, archive courses, suspend accounts, one after the other."""
        with self._client() as client:
            courses = Courses(self._config, client)
            accounts = Accounts(self._config, client, courses)
            members = Members(self._config, client, courses)
            end: Mapping[Kind, Callable[[EndedRecord], Result]] = {
                Kind.USERS: lambda record: accounts.suspend(record, linked),
                Kind.CLASSES: courses.archive,
                Kind.ENROLLMENTS: lambda record: members.remove(record, linked),
            }
            return [end[kind](record) for record in records]

    def follow(
        self,
        roster: RosterReader,
        linked: Linked,
        confirm: Callable[[], None],
        limit: Limit,
        *,
        is_plan: bool,
    ) -> Mapping[str, int]:
        """Keep guardians and units in step, where that is asked for."""
        told: dict[str, int] = {}
        with self._client() as client:
            if Kind.ROLES in self.follows:
                units = Units(self._config, client, self._placed)
                told.update(units.follow(roster, linked, confirm, is_plan=is_plan))
            if Kind.USERS in self.follows:
                # who gets an account was handed over before, and is not left out by this
                leaves_out = not self._config.manage_users
                keeper = guardians.Guardians(client, limit, leaves_out=leaves_out)
                told.update(keeper.follow(roster, linked, confirm, is_plan=is_plan))
        return told

    def _written(self, client: Client, kind: Kind, write: RecordWrite) -> WriteResult:
        courses = Courses(self._config, client)
        if kind is Kind.CLASSES:
            said = courses.patch(write.external_id, mapping.course_body(write.values))
            held = {} if isinstance(said, Refusal) else mapping.held_of(said)
        elif kind is Kind.USERS:
            values = dict(write.values)
            said = Accounts(self._config, client, courses).rename(write.external_id, values)
            name = {} if isinstance(said, Refusal) else said.get("name") or {}
            held = {field: name.get(theirs) for field, theirs in mapping.NAME_FIELDS.items()}
        else:
            raise PermanentConnectorError(NAME, f"fields of {kind} cannot be written")
        if isinstance(said, Refusal):
            told = refused("", said).reason
            return WriteResult(write.external_id, WriteOutcome.REJECTED, {}, told)
        taken = {name: held.get(name) for name in write.values}
        return WriteResult(write.external_id, WriteOutcome.CONFIRMED, taken)

    @contextmanager
    def _client(self) -> Iterator[Client]:
        config, key = self._config, self._config.key["client_email"]
        project = account_of(NAME, str(config.classroom_url), key)
        rate = Rate(config.client_requests_per_minute, 60)
        network = replace(self._network, pacer=TwoBudgets(self._network.pacer, project, rate))
        with HttpClient(
            NAME,
            str(config.classroom_url),
            setting="classroom_url",
            network=network,
            account=account_of(NAME, str(config.classroom_url), f"{key}\n{config.admin}"),
            rates=(Rate(config.user_requests_per_minute, 60),),
            timeout_s=config.timeout_s,
            deadline_s=config.deadline_s,
            wait=self._wait,
        ) as http:
            yield Client(config, http, self._session, self._wait)
