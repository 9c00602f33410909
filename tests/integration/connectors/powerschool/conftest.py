"""A simulated PowerSchool over real HTTP, and the connector that talks to it."""

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
from connectors.vendors.powerschool.source import PowerSchool
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode

HERE = Network(allowed=parse_networks("127.0.0.0/8"))
Items = list[Batch | Refused | ReadCertificate]
Known = dict[tuple[Kind, str], dict[str, str | None]]
TODAY = date(2026, 11, 24)


class Vendor:
    """One simulated server."""

    def __init__(self, district: District, settings: dict[str, str], http: httpx.Client) -> None:
        self.district = district
        self.settings = settings
        self.waits: list[float] = []
        self._http = http

    def source(
        self, *, wait: Callable[[float], object] | None = None, today: date = TODAY, **changes: Any
    ) -> PowerSchool:
        connector = registry.get("powerschool")
        config = registry.parse_config(connector, {**self.settings, **changes})
        return PowerSchool(config, HERE, wait=wait or self.waits.append, today=lambda: today)

    def fault(self, name: str, **how: Any) -> None:
        self._ask("POST", "faults", [{"name": name, **how}])

    def set(self, **values: Any) -> None:
        self._ask("POST", "settings", values)

    def edit(self, table: str, dcid: int, **changes: Any) -> None:
        self._ask("PATCH", f"{table}/{dcid}", changes)

    def put(self, table: str, record: dict[str, Any]) -> None:
        self._ask("POST", table, record)

    def remove(self, table: str, dcid: int) -> None:
        self._ask("DELETE", f"{table}/{dcid}")

    def record(self, table: str, dcid: int) -> dict[str, Any]:
        return self._ask("GET", f"{table}/{dcid}")

    def requests(self) -> list[str]:
        return self._ask("GET", "requests")

    def writes(self) -> list[dict[str, Any]]:
        return self._ask("GET", "writes")

    def put_extension(self, dcid: int, **values: str) -> None:
        """Change a student's extension as another client would, by the table's own path."""
        url, pair = (
            self.settings["url"],
            (self.settings["client_id"], self.settings["client_secret"]),
        )
        form = {"grant_type": "client_credentials"}
        token = self._http.post(f"{url}/oauth/access_token", auth=pair, data=form).json()
        answer = self._http.put(
            f"{url}/ws/schema/table/u_students_extension/{dcid}",
            headers={"Authorization": f"Bearer {token['access_token']}"},
            json={"tables": {"u_students_extension": values}},
        )
        answer.raise_for_status()

    def add_student(self, dcid: int, *, like: int = 5000, **changes: Any) -> None:
        record = self.record("students", like) | {"id": dcid, "local_id": 900_000 + dcid}
        enrolled = changes.pop("school_enrollment", {})
        record["school_enrollment"] = record["school_enrollment"] | enrolled
        self.put("students", record | changes)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self.settings['url']}/_simulator/{path}", json=body)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def pool() -> Iterator[Callable[[], tuple[District, dict[str, str]]]]:
    """One server, on which each test mounts a vendor of its own."""
    base = generate("oak", seed=7, students=26)
    places = count()
    with SimulatorServer([]) as server:

        def mounted() -> tuple[District, dict[str, str]]:
            district = replace(base, name=f"oak{next(places)}")
            return base, dict(server.mount(registry.get("powerschool"), district).settings)

        yield mounted


@pytest.fixture
def vendor(pool: Any, http: httpx.Client) -> Vendor:
    return Vendor(*pool(), http)


@pytest.fixture
def serve(http: httpx.Client) -> Callable[[District], Any]:
    @contextmanager
    def serving(district: District) -> Iterator[Vendor]:
        with SimulatorServer([district]) as server:
            settings = dict(server.settings[district.name]["powerschool"])
            yield Vendor(district, settings, http)

    return serving


def cut_to(district: District, students: int) -> District:
    """Return a district of one school with so many students, all in its first section."""
    numbers = [student.person.number for student in district.students]
    school = district.schools[0].number
    section = next(section for section in district.sections if section.school == school)
    return replace(
        district,
        schools=district.schools[:1],
        courses=tuple(course for course in district.courses if course.number == section.course),
        teachers=tuple(t for t in district.teachers if t.person.number == section.teacher),
        students=tuple(replace(s, school=school) for s in district.students[:students]),
        sections=(replace(section, students=tuple(numbers[:students])),),
    )


def read(source: PowerSchool, mode: Mode = Mode.FULL, cursor: str | None = None) -> Items:
    """Read to the end; the certificate is the last item, and the only one."""
    items = list(source.read(ReadRequest(mode, cursor)))
    assert [isinstance(item, ReadCertificate) for item in items] == [False] * (len(items) - 1) + [
        True
    ]
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


@pytest.fixture
def kit() -> Any:
    """The functions above, since tests of this tree are no package."""

    class Kit:
        cut_to = staticmethod(cut_to)
        read = staticmethod(read)
        rows = staticmethod(rows)
        of_kind = staticmethod(of_kind)

    return Kit
