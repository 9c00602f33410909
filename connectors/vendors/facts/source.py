"""FACTS as a source: its own API, or its OneRoster services by the engine of `oneroster_rest`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from connectors.network import Network
from connectors.oneroster.rest.source import OneRosterRest
from connectors.sdk import ReadRequest
from connectors.transport.http import HttpClient, account_of
from connectors.vendors.facts.checking import check
from connectors.vendors.facts.client import NAME, Client
from connectors.vendors.facts.config import FactsConfig
from connectors.vendors.facts.reading import Reading
from shared.clock import SystemClock
from shared.domain.reading import Batch, ReadCertificate, Refused


def _today() -> date:
    return SystemClock().now().date()


def open_facts(
    config: FactsConfig,
    network: Network | None = None,
    *,
    wait: Callable[[float], object] | None = None,
    today: Callable[[], date] = _today,
) -> Facts | OneRosterRest:
    """Open a school's FACTS by the interface that its settings name.

    Args:
        config: address and keys.
        network: where it may go, and whose budgets it shares.
        wait: waits some seconds between tries; tests hand in their own.
        today: gives the day, by which a school year has begun.
    """
    if config.interface == "oneroster":
        return OneRosterRest(config.oneroster(), network, name=NAME, wait=wait)
    return Facts(config, network, wait=wait, today=today)


class Facts:
    """One school's FACTS by its own API; see `open_facts`."""

    def __init__(
        self,
        config: FactsConfig,
        network: Network | None = None,
        *,
        wait: Callable[[float], object] | None = None,
        today: Callable[[], date] = _today,
    ) -> None:
        self._config = config
        self._network = network
        self._wait = wait
        self._today = today

    def check(self) -> None:
        """Ask every list for one record, as a read would.

        Raises:
            ConnectorError: says which key, setting or permission is wrong.
        """
        with self._http() as http:
            check(Client(self._config, http), self._config)

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield everything, whatever the mode: FACTS tells no changes.

        Raises:
            ConnectorError: the server failed; nothing of the read counts.
        """
        del request
        with self._http() as http:
            yield from Reading(self._config, Client(self._config, http), self._today()).read()

    def _http(self) -> HttpClient:
        config = self._config
        # the budget is the subscription's, whichever schools and apps use it
        key = config.subscription_key.get_secret_value() if config.subscription_key else ""
        return HttpClient(
            NAME,
            config.address,
            network=self._network,
            account=account_of(NAME, str(config.url), key),
            rates=config.api_rates,
            timeout_s=config.timeout_s,
            deadline_s=config.deadline_s,
            wait=self._wait,
        )
