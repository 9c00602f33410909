"""A OneRoster REST server as a source: in full, or by dateLastModified where it can filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from connectors.network import Network
from connectors.oneroster.rest.access import access_of
from connectors.oneroster.rest.client import Client
from connectors.oneroster.rest.config import OneRosterRestConfig
from connectors.oneroster.rest.reading import NOBODY, Reading
from connectors.oneroster.rest.shape import COLLECTIONS
from connectors.sdk import ReadRequest
from connectors.transport.http import HttpClient, account_of
from connectors.transport.outcomes import Outcome
from shared.clock import SystemClock
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError


class OneRosterRest:
    """One district's server.

    Args:
        config: address and credentials.
        network: where it may go, and whose budgets it shares.
        name: the connector's, for errors and the account's budget.
        identified: roles whose users, where they have no identifier, have the record's id for one.
        wait: waits some seconds between tries; tests hand in their own.
        now: gives the instant, for a server that tells none.
    """

    def __init__(
        self,
        config: OneRosterRestConfig,
        network: Network | None = None,
        *,
        name: str = "oneroster_rest",
        identified: frozenset[str] = NOBODY,
        wait: Callable[[float], object] | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._config = config
        self._network = network
        self._name = name
        self._identified = identified
        self._wait = wait
        self._now = now or SystemClock().now
        self._access = access_of(config)

    def check(self) -> None:
        """Sign in, and ask each collection for one record.

        Raises:
            PermanentConnectorError: says which setting is wrong, or all that the key may not read.
            TransientConnectorError: the server does not answer now.
        """
        with self._http() as http:
            client = self._client(http)
            denied = []
            for kind in self._kinds():
                answer = client.first(kind)
                if answer.outcome is Outcome.DENIED:
                    denied.append(client.denial(kind, answer).user_message)
                else:
                    client.items(answer, kind)
            if denied:
                raise PermanentConnectorError(self._name, "; ".join(denied))

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield everything, or what was modified since the cursor.

        Without a cursor, or where the server does not filter, an incremental read is a full one.

        Raises:
            ConnectorError: the server failed; nothing of the read counts.
        """
        with self._http() as http:
            client = self._client(http)
            since = request.cursor if request.mode is Mode.INCREMENTAL else None
            if since is not None and not self._filters(client):
                since = None
            yield from Reading(client, self._now(), since, self._identified).read()

    def _filters(self, client: Client) -> bool:
        return self._config.use_filter and all(map(client.can_filter, self._kinds()))

    def _kinds(self) -> list[Kind]:
        left_out = set() if self._config.demographics else {Kind.DEMOGRAPHICS}
        return [kind for kind in COLLECTIONS if kind not in left_out]

    def _client(self, http: HttpClient) -> Client:
        return Client(self._config, http, self._access)

    def _http(self) -> HttpClient:
        config = self._config
        return HttpClient(
            self._name,
            config.base_url,
            network=self._network,
            account=account_of(self._name, str(config.url), config.client_id),
            rates=config.rates,
            timeout_s=config.timeout_s,
            deadline_s=config.deadline_s,
            wait=self._wait,
        )
