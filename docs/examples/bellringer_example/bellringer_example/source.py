"""The port: check, and read in full or what has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from bellringer_example.client import Client, Item
from bellringer_example.config import ExampleConfig
from bellringer_example.mapping import FIELDS, attempt, role_id, role_row, school_row, user_row
from connectors.network import Network
from connectors.sdk import ReadRequest
from connectors.transport.http import HttpClient, account_of
from shared.domain.reading import Batch, ReadCertificate, Refused, Row
from shared.domain.records import Kind
from shared.domain.states import Mode

NAME = "example_sis"


class ExampleSis:
    """One district's server.

    Args:
        config: address and credentials.
        network: where it may go, and whose budgets it shares.
    """

    def __init__(self, config: ExampleConfig, network: Network | None = None) -> None:
        self._config = config
        self._network = network

    def check(self) -> None:
        """Sign in and read a little.

        Raises:
            ConnectorError: says which setting or permission is missing.
        """
        with self._http() as http:
            client = Client(self._config, http)
            for what in ("schools", "people"):
                next(client.pages(what))

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield everything, or what has changed since the cursor, then the certificate.

        Raises:
            ConnectorError: the server failed; nothing of the read counts.
        """
        since = request.cursor if request.mode is Mode.INCREMENTAL else None
        counts: Counter[Kind] = Counter(dict.fromkeys(FIELDS, 0))
        with self._http() as http:
            client = Client(self._config, http)
            for page in client.pages("schools", since):
                yield from _batch(Kind.ORGS, page, counts)
            for page in client.pages("people", since):
                yield from _batch(Kind.USERS, page, counts)
                yield from _batch(Kind.ROLES, page, counts)
            yield ReadCertificate(
                mode=Mode.FULL if since is None else Mode.INCREMENTAL,
                complete=frozenset(FIELDS if since is None else ()),
                counts=dict(counts),
                cursor=client.revision,
                evidence={"revision": f"{since or 'everything'} to {client.revision}"},
            )

    def _http(self) -> HttpClient:
        config = self._config
        return HttpClient(
            NAME,
            str(config.url).rstrip("/"),
            network=self._network,
            account=account_of(NAME, str(config.url), config.client_id),
            timeout_s=config.timeout_s,
            deadline_s=config.deadline_s,
        )


_MAKE = {Kind.ORGS: school_row, Kind.USERS: user_row, Kind.ROLES: role_row}


def _batch(kind: Kind, page: Iterable[Item], counts: Counter[Kind]) -> Iterator[Batch | Refused]:
    rows: list[Row] = []
    deleted: list[str] = []
    for item in page:
        if item.get("removed"):
            key = str(item["id"])
            deleted.append(role_id(key) if kind is Kind.ROLES else key)
            continue
        made = attempt(kind, item, _MAKE[kind])
        if isinstance(made, Refused):
            yield made
        else:
            rows.append(made)
    counts[kind] += len(rows)
    yield Batch(kind, FIELDS[kind], rows, tuple(deleted))
