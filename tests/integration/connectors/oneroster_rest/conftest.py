"""Simulated OneRoster servers over real HTTP, and the connectors that read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from connectors import registry
from connectors.district.generate import generate
from connectors.network import Network, parse_networks
from connectors.oneroster.rest.source import OneRosterRest
from connectors.sdk import ReadRequest
from connectors.simulator.server import SimulatorServer
from connectors.vendors.skyward.source import open_skyward
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode

HERE = Network(allowed=parse_networks("127.0.0.0/8"))
Items = list[Batch | Refused | ReadCertificate]
Known = dict[tuple[Kind, str], dict[str, str | None]]
STUDENTS = 26
#: Districts of the shared server; more than tests that take one.
POOL = 150


class Vendor:
    """One simulated server of a connector."""

    def __init__(self, connector: str, settings: dict[str, str], http: httpx.Client) -> None:
        self.connector = connector
        self.settings = settings
        self.waits: list[float] = []
        self.http = http

    def source(
        self, *, wait: Callable[[float], object] | None = None, **changes: Any
    ) -> OneRosterRest:
        config = registry.parse_config(registry.get(self.connector), {**self.settings, **changes})
        opening = open_skyward if self.connector == "skyward" else OneRosterRest
        return opening(config, HERE, wait=wait or self.waits.append)

    def fault(self, name: str, **how: Any) -> None:
        self._ask("POST", "faults", [{"name": name, **how}])

    def set(self, **values: Any) -> None:
        self._ask("POST", "settings", values)

    def edit(self, collection: str, key: str, **changes: Any) -> None:
        self._ask("PATCH", f"records/{collection}/{key}", changes)

    def put(self, collection: str, key: str, **record: Any) -> None:
        self._ask("PUT", f"records/{collection}/{key}", record)

    def remove(self, collection: str, key: str) -> None:
        self._ask("DELETE", f"records/{collection}/{key}")

    def requests(self) -> list[str]:
        return self._ask("GET", "requests")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.settings['url']}/_simulator/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def pool() -> Iterator[SimulatorServer]:
    base = generate("oak", seed=7, students=STUDENTS)
    with SimulatorServer([replace(base, name=f"oak{place}") for place in range(POOL)]) as server:
        yield server


@pytest.fixture(scope="session")
def unused(pool: SimulatorServer) -> Iterator[str]:
    return iter(pool.settings)


@pytest.fixture
def take(
    pool: SimulatorServer, unused: Iterator[str], http: httpx.Client
) -> Callable[[str], Vendor]:
    return lambda connector: Vendor(connector, dict(pool.settings[next(unused)][connector]), http)


@pytest.fixture
def vendor(take: Callable[[str], Vendor]) -> Vendor:
    return take("oneroster_rest")


@pytest.fixture
def skyward(take: Callable[[str], Vendor]) -> Vendor:
    return take("skyward")


def read(source: OneRosterRest, mode: Mode = Mode.FULL, cursor: str | None = None) -> Items:
    """Read to the end; the certificate is the last item, and the only one."""
    items = list(source.read(ReadRequest(mode, cursor)))
    ends = [isinstance(item, ReadCertificate) for item in items]
    assert ends == [False] * (len(items) - 1) + [True]
    return items


def rows(items: Items) -> Known:
    """Return all rows by kind and id, "" and None alike; no id comes twice."""
    found: Known = {}
    for item in items:
        if isinstance(item, Batch):
            for row in item.rows:
                assert (item.kind, row[0]) not in found, f"{item.kind} {row[0]} came twice"
                values = [value or None for value in row[1:]]
                found[item.kind, str(row[0])] = dict(zip(item.fields, values, strict=True))
    return found


def deleted(items: Items) -> set[tuple[Kind, str]]:
    return {(i.kind, key) for i in items if isinstance(i, Batch) for key in i.deleted}


@pytest.fixture
def kit() -> Any:
    """The functions above, since tests of this tree are no package."""

    class Kit:
        read = staticmethod(read)
        rows = staticmethod(rows)
        deleted = staticmethod(deleted)
        students = STUDENTS
        network = HERE

    return Kit
