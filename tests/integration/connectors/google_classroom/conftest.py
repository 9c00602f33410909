"""A simulated Workspace over real HTTP, the connector that talks to it, and a hub between them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import google_auth_httplib2
import httplib2
import httpx
import pytest
from google.oauth2 import service_account
from sqlalchemy import select

from connectors import registry
from connectors.district.generate import generate
from connectors.district.model import District, Section
from connectors.district.oneroster_files import write_oneroster
from connectors.network import Network, parse_networks
from connectors.simulator.server import SimulatorServer
from connectors.vendors.google_classroom.source import GoogleClassroom
from shared.db import apps
from shared.db.asking import Ask, ask
from shared.db.claiming import Assignment, Terms, claim, fail, finish
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.hub_tables import HUB, LINKS
from shared.db.migrate import upgrade
from shared.db.tables import jobs, tenants
from shared.db.tenants import add_tenant
from shared.domain.records import Kind
from shared.domain.states import Tier
from shared.secrets import seal_secrets
from shared.settings import load_settings
from workers.importing import Importing
from workers.opening import Opener
from workers.runner import Work
from workers.two_way import TwoWay

HERE = Network(allowed=parse_networks("127.0.0.0/8"))
#: Districts of the shared server; more than tests that take one.
POOL = 120
#: What an administrator in a browser may do.
SCOPES = (
    *("classroom.courses", "classroom.rosters", "classroom.profile.emails"),
    *("classroom.guardianlinks.students", "admin.directory.user", "admin.directory.orgunit"),
)


def small(name: str) -> District:
    """Six classes of some forty students; those without an address are left out."""
    made = generate(name, seed=3, students=40)
    known = {s.person.number for s in made.students if s.person.email}
    sections = [
        replace(one, students=tuple(n for n in one.students if n in known))
        for one in made.sections[-6:]
    ]
    return replace(made, sections=tuple(sections))


class Workspace:
    """One simulated Workspace, as a test sees it from outside."""

    def __init__(self, district: District, settings: Mapping[str, str], http: httpx.Client) -> None:
        self.district = district
        self.settings = dict(settings)
        self.waits: list[float] = []
        self.url = self.settings["classroom_url"]
        self._http = http
        self._token: str | None = None

    def source(
        self, *, wait: Callable[[float], object] | None = None, **changes: Any
    ) -> GoogleClassroom:
        connector = registry.get("google_classroom")
        config = registry.parse_config(connector, {**self.settings, **changes})
        return GoogleClassroom(config, HERE, wait=wait or self.waits.append)

    def fault(self, name: str, **how: Any) -> None:
        self._control("POST", "faults", [{"name": name, **how}])

    def set(self, **values: Any) -> None:
        self._control("POST", "settings", values)

    def requests(self) -> list[str]:
        """Requests since the last look, those for tokens aside."""
        told = self._control("GET", "requests")
        self._control("DELETE", "requests")
        return [one for one in told if "/token" not in one]

    def writes(self) -> list[str]:
        return [one for one in self.requests() if not one.startswith("GET")]

    def api(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """Ask the services themselves, as an administrator in a browser would."""
        self._token = self._token or self._sign_in()
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = self._http.request(
            method, f"{self.url}{path}", json=body, params=params, headers=headers
        )
        return answer.json() | ({"status": answer.status_code} if answer.is_error else {})

    def courses(self) -> dict[str, dict[str, Any]]:
        return {c["name"]: c for c in self.api("GET", "/v1/courses").get("courses", [])}

    def members(self, course: str, listed: str = "students") -> set[str]:
        """Addresses of a course's members."""
        found = self.api("GET", f"/v1/courses/{course}/{listed}", pageSize=500).get(listed, [])
        return {one["profile"]["emailAddress"] for one in found}

    def account(self, email: str) -> dict[str, Any]:
        return self.api("GET", f"/admin/directory/v1/users/{email}")

    def _sign_in(self) -> str:
        key = json.loads(self.settings["service_account"])
        credentials = service_account.Credentials.from_service_account_info(
            {**key, "token_uri": self.settings["token_url"]},
            scopes=[f"https://www.googleapis.com/auth/{name}" for name in SCOPES],
            subject=self.settings["admin"],
        )
        with closing(httplib2.Http(timeout=30)) as http:
            credentials.refresh(google_auth_httplib2.Request(http))
        return str(credentials.token)

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self.url}/_simulator/{path}", json=body)
        answer.raise_for_status()
        return answer.json()


class _Control:
    def progress(self, step: str, done: int, total: int | None = None) -> None: ...
    def checkpoint(self) -> None: ...
    def confirm(self) -> None: ...


class Schools:
    """A district whose student system is a zip of files, and whose Google is simulated.

    Args:
        database: empty, or with the student system's first import in it.
        district: as the student system has it.
        folder: of the test's own.
    """

    def __init__(self, database: Database, district: District, folder: Path) -> None:
        self.database = database
        self.gate = Gate(database)
        self.district = district
        self._folder = folder
        self._zip = folder / "sis.zip"
        self._opener = Opener(None, HERE)
        self.put(district)
        with database.read() as connection:
            found = connection.execute(select(tenants.c.id)).scalar()
        sis = {"path": str(self._zip)}
        if found is None:
            self.tenant_id = add_tenant(self.gate, "oak", "UTC")
            self._add("sis", "oneroster_csv", sis, {})
        else:
            self.tenant_id = found
            apps.change_app(self.gate, "oak/sis", config=sis, secrets=None)
            self._is_new = False

    def with_google(self, workspace: Workspace) -> Schools:
        """Let it have a Workspace."""
        self.google = workspace
        settings = dict(workspace.settings)
        secret = {"service_account": settings.pop("service_account")}
        self.app_id = self._add("google", "google_classroom", settings, secret)
        return self

    def put(self, district: District) -> None:
        """Let the student system hold this."""
        self.district = district
        self._is_new = True
        write_oneroster(district, self._zip)

    def change(self, place: int, **changes: Any) -> None:
        """Let the student system have another section in place of one."""
        sections = list(self.district.sections)
        sections[place] = replace(sections[place], **changes)
        self.put(replace(self.district, sections=tuple(sections)))

    def section(self, place: int) -> Section:
        return self.district.sections[place]

    def title(self, place: int) -> str:
        names = {course.number: course.name for course in self.district.courses}
        return f"{names[self.section(place).course]} {self.section(place).number}"

    def course(self, place: int) -> dict[str, Any]:
        """The course of a section."""
        found = [c for c in self.google.courses().values() if self._is_of(c, place)]
        assert len(found) == 1, found
        return found[0]

    def emails(self, numbers: Any) -> set[str]:
        people = {s.person.number: s.person.email for s in self.district.students}
        people |= {t.person.number: t.person.email for t in self.district.teachers}
        return {people[number] for number in numbers}

    def settings(self, **values: Any) -> None:
        with self.database.read() as connection:
            row = apps.app_row(connection, "oak/google")
        config = {**row.config, **values}
        apps.change_app(self.gate, "oak/google", config=config, secrets=row.secrets)

    def rules(self, app: str = "google", **rules: Any) -> None:
        apps.set_rules(self.gate, f"oak/{app}", rules)

    def sync(self, **wish: Any) -> Any:
        """Run the student system's import and Google's sync; returns the latter's job."""
        self.run("sis")
        return self.run("google", **wish)

    def run(self, app: str, *, fails: type[Exception] | None = None, **wish: Any) -> Any:
        """Run a job as a worker does; `fails`: it is to die so.

        What the student system has and the hub was given before is not imported again.
        """
        if app == "sis":
            if not self._is_new:
                return None
            self._is_new = False
        job_id = ask(self.gate, Ask(app=f"oak/{app}", **wish)).job_id
        claimed, _ = claim(self.gate, job_id, worker="host:1:1", terms=Terms())
        assert isinstance(claimed, Assignment), claimed
        control: Any = _Control()
        made = {Tier.IMPORT: Importing, Tier.TWO_WAY: TwoWay}[claimed.tier](self._opener)
        work = Work(claimed, self.gate, control, self._folder)
        if fails is not None:
            with pytest.raises(fails):
                made(work)
            fail(self.gate, claimed, reason="it failed")
        else:
            finish(self.gate, claimed, made(work))
        with self.gate.locked([self.tenant_id]) as locked:
            locked.decide("releaser")
        with self.database.read() as connection:
            return connection.execute(select(jobs).where(jobs.c.id == job_id)).one()

    def hub(self, kind: Kind) -> dict[str, Any]:
        """The hub's active records, by id."""
        table = HUB[kind]
        with self.database.read() as connection:
            rows = connection.execute(select(table).where(table.c.status == "active"))
            return {row.sourced_id: row for row in rows}

    def links(self, kind: Kind) -> dict[str, str]:
        """Google's open links: external id → sourcedId."""
        table = LINKS[kind]
        with self.database.read() as connection:
            rows = connection.execute(
                select(table).where(table.c.app_id == self.app_id, table.c.ended_at.is_(None))
            )
            return {row.external_id: row.sourced_id for row in rows}

    def _is_of(self, course: dict[str, Any], place: int) -> bool:
        return course.get("section") == str(self.section(place).number)

    def _add(
        self, name: str, connector: str, config: Mapping[str, Any], secrets: Mapping[str, str]
    ) -> int:
        chosen = registry.get(connector)
        return apps.add_app(
            self.gate,
            apps.NewApp(
                tenant="oak",
                name=name,
                connector=connector,
                tier=chosen.tier,
                modes=chosen.capabilities.modes,
                config=config,
                secrets=seal_secrets(dict(secrets), None) if secrets else None,
            ),
        )


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def whole() -> District:
    return small("oak")


@pytest.fixture(scope="session")
def pool(whole: District) -> Iterator[SimulatorServer]:
    """One server with a district for each test that wants one to itself."""
    with SimulatorServer([replace(whole, name=f"oak{place}") for place in range(POOL)]) as server:
        yield server


@pytest.fixture(scope="session")
def unused(pool: SimulatorServer) -> Iterator[str]:
    return iter(pool.settings)


@pytest.fixture
def google(
    pool: SimulatorServer, unused: Iterator[str], http: httpx.Client, whole: District
) -> Workspace:
    name = next(unused)
    return Workspace(whole, pool.settings[name]["google_classroom"], http)


def _opened(file: Path) -> Database:
    url = f"sqlite:///{file}"
    return Database(load_settings(database_url=url).resolved_database_url())


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database into which the student system was imported, for tests to copy."""
    folder = tmp_path_factory.mktemp("imported")
    database = _opened(folder / "first.db")
    upgrade(database)
    Schools(database, small("oak"), folder).run("sis")
    database.dispose()
    return folder / "first.db"


@pytest.fixture
def schools(imported: Path, google: Workspace, tmp_path: Path) -> Iterator[Schools]:
    mine = tmp_path / "mine.db"
    with closing(sqlite3.connect(imported)) as first, closing(sqlite3.connect(mine)) as copy:
        first.backup(copy)
    database = _opened(mine)
    yield Schools(database, google.district, tmp_path).with_google(google)
    database.dispose()


@pytest.fixture
def both(database: Database, google: Workspace, tmp_path: Path) -> Schools:
    """The same on each database, for what they might do differently."""
    return Schools(database, google.district, tmp_path).with_google(google)
