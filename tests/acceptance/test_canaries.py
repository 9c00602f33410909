"""Nothing of anybody's leaves by a side door: log, queue, metric, audit log, traceback.

People with names, addresses, birth dates and secrets that stand nowhere else go through everything:
import, 2-way, export, a broken file, a bug, the console. Then all that a process tells is searched.
"""

from __future__ import annotations

import dataclasses
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from sqlalchemy import select

from connectors.district.generate import generate
from connectors.district.model import District, Person
from connectors.district.oneroster_files import write_oneroster
from connectors.simulator.server import SimulatorServer
from shared.db.account_tables import audit_log
from shared.db.hub_tables import HUB
from shared.db.tenants import add_tenant
from shared.domain.records import Kind
from shared.domain.roles import Permission, Role
from tests.console_site import PASSWORD, ConsoleSite, embedded_settings
from tests.deployment import Deployment, wait_until

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

#: What stands nowhere but in this district.
GIVEN, FAMILY, ADDRESS, PHONE = "Zxqgiven", "Zxqfamily", "zxqaddress", "5550199731"
BORN = date(1907, 3, 9)
DROP_TOKEN = "zxqdroptoken" + "t" * 30
TYPED = "zxqtypedpassword"
CANARIES = (GIVEN, FAMILY, ADDRESS, PHONE, BORN.isoformat(), "19070309", DROP_TOKEN, TYPED)
#: One file that no parser takes, and that quotes a person where it breaks.
BROKEN = f'sourcedId,status\n"{GIVEN}" {FAMILY},"{ADDRESS}\n'


def marked(district: District) -> District:
    """Return the district with every person's data replaced by what can be searched for."""

    def mark(person: Person) -> Person:
        return dataclasses.replace(
            person,
            given_name=GIVEN,
            family_name=f"{FAMILY}{person.number}",
            email=f"{ADDRESS}{person.number}@mail.example",
            phone=PHONE,
            birth_date=BORN,
        )

    def of(members: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(dataclasses.replace(one, person=mark(one.person)) for one in members)

    return dataclasses.replace(
        district,
        teachers=of(district.teachers),
        students=of(district.students),
        guardians=tuple(mark(person) for person in district.guardians),
    )


@dataclass
class Told:
    """All that the processes have told, by where."""

    places: dict[str, str]

    def check(self, more: tuple[str, ...] = ()) -> None:
        assert all(self.places.values()), "a place that tells nothing proves nothing"
        for place, text in self.places.items():
            for canary in (*CANARIES, *more):
                found = re.search(re.escape(canary), text, re.IGNORECASE)
                around = text[max(0, found.start() - 200) : found.end() + 50] if found else ""
                assert found is None, f"{place} tells {canary!r}: …{around}"


@pytest.fixture
def run(servers, database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(database_url, broker_url, tmp_path)
    district = marked(generate("ash", seed=3, students=20))
    with SimulatorServer([district]) as server:
        add_tenant(made.gate, "ash", "America/New_York")
        source, broken = tmp_path / "oneroster.zip", tmp_path / "broken"
        write_oneroster(district, source)
        broken.mkdir()
        for name in ("manifest", "orgs", "users"):
            (broken / f"{name}.csv").write_text(BROKEN)
        out, taken = tmp_path / "out", tmp_path / "taken"
        taken.write_text("a file where a folder is to be")
        for app, connector, values in (
            ("sis", "oneroster_csv", {"path": str(source), "quiet_s": 0}),
            ("broken", "oneroster_csv", {"path": str(broken), "quiet_s": 0}),
            ("powerschool", "powerschool", dict(server.settings["ash"]["powerschool"])),
            ("ls", "lightspeed", {"path": str(out), "http_token": DROP_TOKEN}),
            ("cannot", "lightspeed", {"path": str(taken / "out")}),
        ):
            made.add_app("ash", app, connector, values)
        try:
            yield made
        finally:
            made.close()


def test_no_process_tells_what_it_carries(run: Deployment, servers, broker_url: str) -> None:
    ports = {name: _free_port() for name in ("scheduler-0", "worker-import", "console")}
    loud = {"BELLRINGER_LOG_LEVEL": "DEBUG", "BELLRINGER_LOG_FORMAT": "json"}
    run.start("scheduler-0", "scheduler", BELLRINGER_METRICS_PORT=str(ports["scheduler-0"]), **loud)
    told = Told({})
    watched = _Watched(servers, broker_url)
    wait_until(watched.is_there, 60)
    watched.bind()
    for app in ("sis", "broken"):
        run.ask(f"ash/{app}", cascade=app == "sis")
    wait_until(lambda: watched.count("sync.import") == 2, 60)
    told.places["sync.import"] = watched.peek("sync.import")
    for tier in ("import", "two_way", "export"):
        port = {"BELLRINGER_METRICS_PORT": str(ports["worker-import"])} if tier == "import" else {}
        run.start(f"worker-{tier}", "worker", "--tier", tier, **loud, **port)
    run.drain(120)
    with run.database.read() as connection:
        users = connection.execute(select(HUB[Kind.USERS].c.given_name)).scalars().all()
    assert GIVEN in users, "the canaries have arrived"
    assert GIVEN in "".join(path.read_text() for path in (run.folder / "out").glob("*.csv"))
    secrets = _use_the_console(run, ports["console"], loud)
    told.places["events"] = watched.peek(watched.queue)
    for name in ("scheduler-0", "worker-import"):
        told.places[f"metrics of {name}"] = httpx.get(f"http://127.0.0.1:{ports[name]}").text
    with run.database.read() as connection:
        told.places["audit log"] = str(connection.execute(select(audit_log)).all())
    run.close()
    for name in run.processes:
        told.places[f"log of {name}"] = (run.folder / f"{name}.log").read_text(encoding="utf-8")
    told.check(secrets)


def _use_the_console(run: Deployment, port: int, loud: dict[str, str]) -> tuple[str, ...]:
    """Look at people, type a password wrong, send tokens; return the secrets that were given."""
    site = ConsoleSite(run.database, embedded_settings(run.database))
    site.add_account("boss", (Role.ADMINISTRATOR, None), password=True)
    token = site.token_of("boss", Permission.VIEW)
    run.start("console", "console", "--port", str(port), **loud)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        wait_until(lambda: _is_up(client), 60)
        wrong = client.post("/sign-in", data={"name": "boss", "password": TYPED})
        assert wrong.status_code == 422
        client.post("/sign-in", data={"name": TYPED, "password": PASSWORD})
        assert client.post("/sign-in", data={"name": "boss", "password": PASSWORD}).is_redirect
        found = client.get("/tenants/ash/roster/users", params={"search": FAMILY})
        assert found.status_code == 200
        assert FAMILY in found.text, "the page shows them, as it should"
        for path in (f"/tenants/ash/{FAMILY}", f"/setup/{TYPED}", f"/api/v1/tenants/{GIVEN}/apps"):
            assert client.get(path).status_code == 404
        bearer = {"authorization": f"Bearer {token}"}
        assert client.get("/api/v1/tenants", headers=bearer).status_code == 200
        off = {"authorization": f"Bearer {TYPED}"}
        assert client.get("/api/v1/tenants", headers=off).status_code == 401
        assert client.get(f"/drop/ash/ls/{DROP_TOKEN}/users-v2.csv").status_code == 200
        session = client.cookies["bellringer"]
    return token, session, PASSWORD


def _is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


class _Watched:
    """The broker, seen by its operator: a queue of our own gets every event."""

    def __init__(self, servers, broker_url: str) -> None:
        self._servers = servers
        self._vhost = quote(urlsplit(broker_url).path.removeprefix("/"), safe="")
        self.queue = "watched"

    def is_there(self) -> bool:
        names = {one["name"] for one in self._servers.manage("GET", f"/queues/{self._vhost}")}
        return {"sync.import", "bellringer.completions"} <= names

    def bind(self) -> None:
        base = f"/queues/{self._vhost}/{self.queue}"
        self._servers.manage("PUT", base, {"durable": True})
        path = f"/bindings/{self._vhost}/e/bellringer.events/q/{self.queue}"
        self._servers.manage("POST", path, {"routing_key": "#"})

    def count(self, queue: str) -> int:
        return len(self._get(queue))

    def peek(self, queue: str) -> str:
        return str(self._get(queue))

    def _get(self, queue: str) -> list[dict[str, Any]]:
        body = {"count": 100, "ackmode": "ack_requeue_true", "encoding": "auto"}
        got: list[dict[str, Any]] = self._servers.manage(
            "POST", f"/queues/{self._vhost}/{queue}/get", body
        )
        return got


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
