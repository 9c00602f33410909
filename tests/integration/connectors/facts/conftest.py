"""Simulated FACTS servers over real HTTP, and the connector that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import count
from typing import Any

import httpx
import pytest

from connectors import registry
from connectors.district.generate import generate
from connectors.district.model import District
from connectors.network import Network, parse_networks
from connectors.sdk import ReadRequest
from connectors.simulator.server import SimulatorServer
from connectors.vendors.facts.source import Facts, open_facts
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode

HERE = Network(allowed=parse_networks("127.0.0.0/8"))
Items = list[Batch | Refused | ReadCertificate]
Known = dict[tuple[Kind, str], dict[str, str | None]]
TODAY = date(2026, 11, 24)
STUDENTS = 26


class Vendor:
    """One simulated server."""

    def __init__(self, district: District, settings: dict[str, str], http: httpx.Client) -> None:
        self.district = district
        self.settings = settings
        self.waits: list[float] = []
        self._http = http

    def source(
        self,
        *,
        wait: Callable[[float], object] | None = None,
        today: date = TODAY,
        network: Network = HERE,
        **changes: Any,
    ) -> Facts:
        config = registry.parse_config(registry.get("facts"), {**self.settings, **changes})
        found = open_facts(config, network, wait=wait or self.waits.append, today=lambda: today)
        assert isinstance(found, Facts)
        return found

    def fault(self, name: str, **how: Any) -> None:
        self.ask("POST", "faults", [{"name": name, **how}])

    def set(self, **values: Any) -> None:
        self.ask("POST", "settings", values)

    def edit(self, table: str, *key: Any, **changes: Any) -> None:
        self.ask("PATCH", f"records/{table}/{','.join(map(str, key))}", changes)

    def put(self, table: str, *key: Any, **record: Any) -> None:
        self.ask("PUT", f"records/{table}/{','.join(map(str, key))}", record)

    def remove(self, table: str, *key: Any) -> None:
        self.ask("DELETE", f"records/{table}/{','.join(map(str, key))}")

    def record(self, table: str, *key: Any) -> dict[str, Any]:
        return self.ask("GET", f"records/{table}/{','.join(map(str, key))}")

    def requests(self) -> list[str]:
        return self.ask("GET", "requests")

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Ask as a stranger's client would."""
        headers = {
            "Ocp-Apim-Subscription-Key": self.settings["subscription_key"],
            "Facts-Api-Key": self.settings["api_key"],
        }
        return self._http.get(f"{self.settings['url']}{path}", params=params, headers=headers)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self.settings['url']}/_simulator/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def pool() -> Iterator[Callable[[str], tuple[District, dict[str, str]]]]:
    """One server, on which each test mounts a vendor of its own."""
    base = generate("oak", seed=7, students=STUDENTS)
    places = count()
    with SimulatorServer([]) as server:

        def mounted(connector: str) -> tuple[District, dict[str, str]]:
            district = replace(base, name=f"oak{next(places)}")
            return base, dict(server.mount(registry.get(connector), district).settings)

        yield mounted


@pytest.fixture
def vendor(pool: Any, http: httpx.Client) -> Vendor:
    return Vendor(*pool("facts"), http)


@pytest.fixture
def serve(http: httpx.Client) -> Callable[[District], Any]:
    @contextmanager
    def serving(district: District) -> Iterator[Vendor]:
        with SimulatorServer([district]) as server:
            yield Vendor(district, dict(server.settings[district.name]["facts"]), http)

    return serving


def read(source: Facts) -> Items:
    """Read to the end; the certificate is the last item, and the only one."""
    items = list(source.read(ReadRequest(Mode.FULL)))
    ends = [isinstance(item, ReadCertificate) for item in items]
    assert ends == [False] * (len(items) - 1) + [True]
    return items


def rows(items: Items) -> Known:
    """Return all rows by kind and id; no id comes twice."""
    found: Known = {}
    for item in items:
        if isinstance(item, Batch):
            for row in item.rows:
                assert (item.kind, row[0]) not in found, f"{item.kind} {row[0]} came twice"
                found[item.kind, str(row[0])] = dict(zip(item.fields, row[1:], strict=True))
    return found


def of_kind(known: Known, kind: Kind) -> dict[str, dict[str, str | None]]:
    return {key: values for (of, key), values in known.items() if of is kind}


def refused(items: Items) -> list[Refused]:
    return [item for item in items if isinstance(item, Refused)]


@pytest.fixture
def kit() -> Any:
    """The functions above, since tests of this tree are no package."""

    class Kit:
        read = staticmethod(read)
        rows = staticmethod(rows)
        of_kind = staticmethod(of_kind)
        refused = staticmethod(refused)
        here = HERE
        students = STUDENTS

    return Kit
