"""PowerSchool as a source and as a writer: full reads, reads by data version, and write-back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from connectors.network import Network
from connectors.sdk import ReadRequest, RecordWrite, WriteResult
from connectors.transport.http import HttpClient, account_of
from connectors.vendors.powerschool.changes import Changes
from connectors.vendors.powerschool.checking import check
from connectors.vendors.powerschool.client import Client
from connectors.vendors.powerschool.config import PowerSchoolConfig
from connectors.vendors.powerschool.full_read import full_read
from connectors.vendors.powerschool.mapping import STUDENT
from connectors.vendors.powerschool.scope import Scope
from connectors.vendors.powerschool.shape import shape_of
from connectors.vendors.powerschool.wire import NAME, Session, Wire
from connectors.vendors.powerschool.write_back import write_students
from shared.clock import SystemClock
from shared.domain.pacing import Rate
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError

#: Students in one call of `POST /ws/v1/student`.
WRITE_BATCH = 50


def _today() -> date:
    return SystemClock().now().date()


class PowerSchool:
    """One district's server.

    Args:
        config: address and credentials.
        network: where it may go, and whose budgets it shares.
        wait: waits some seconds between tries; tests hand in their own.
        today: gives the day, by which a school year has begun.
    """

    batch_size = WRITE_BATCH

    def __init__(
        self,
        config: PowerSchoolConfig,
        network: Network | None = None,
        wait: Callable[[float], object] | None = None,
        today: Callable[[], date] = _today,
    ) -> None:
        self._config = config
        self._network = network
        self._wait = wait
        self._today = today
        self._session = Session()

    def check(self) -> None:
        """Sign in, ask for a little of all that is read, and see whether students can be written.

        Raises:
            ConnectorError: says which setting or permission is missing.
        """
        with self._http() as http:
            client = self._client(http)
            client.wire.sign_in()
            check(self._config, client, self._scope(client))

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield everything, or what has changed since the cursor; without a cursor, everything.

        Raises:
            PermanentConnectorError: incremental is asked for without an application name.
            ConnectorError: the server failed; nothing of the read counts.
        """
        application = self._config.application_name
        with self._http() as http:
            client = self._client(http)
            scope = self._scope(client)
            if request.mode is Mode.FULL:
                yield from full_read(self._config, client, scope, request.cursor)
            elif application is None:
                raise PermanentConnectorError(
                    NAME,
                    "application_name is not set, and an incremental sync needs it: set it to the"
                    " data version subscription's, or sync in full",
                )
            elif request.cursor is None:
                yield from full_read(self._config, client, scope, None)
            else:
                changes = Changes(self._config, client, scope)
                yield from changes.read(application, request.cursor)

    def accepts(self, kind: Kind, external_id: str) -> bool:
        """Return whether it is a student: staff cannot be written by this API."""
        return kind is Kind.USERS and external_id.startswith(STUDENT)

    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        """Write students' e-mail addresses and usernames; each one's result is looked at.

        Raises:
            TransientConnectorError: the batch was not answered.
        """
        if kind is not Kind.USERS:
            raise PermanentConnectorError(NAME, f"{kind} cannot be written")
        with self._http() as http:
            return write_students(self._client(http), shape_of(self._config), writes)

    def _client(self, http: HttpClient) -> Client:
        return Client(Wire(self._config, http, self._session))

    def _scope(self, client: Client) -> Scope:
        return Scope(self._config, client, self._today)

    def _rates(self) -> tuple[Rate, ...]:
        interval_ms = self._config.interval_ms
        return (Rate(1, interval_ms / 1000),) if interval_ms else ()

    def _http(self) -> HttpClient:
        return HttpClient(
            NAME,
            self._config.address,
            network=self._network,
            account=account_of(NAME, str(self._config.url), self._config.client_id),
            rates=self._rates(),
            timeout_s=self._config.timeout_s,
            deadline_s=self._config.deadline_s,
            wait=self._wait,
        )
