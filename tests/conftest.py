"""Fixtures for all tests: a clean environment, and real servers on request.

`servers` starts `deploy/services` once a session. A server that cannot be had skips a test on a
laptop and fails it in CI. Each test gets a virtual host and a database of its own.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from connectors.district.generate import generate
from connectors.simulator.server import SimulatorServer
from shared.db.engine import Database
from shared.db.migrate import upgrade
from shared.settings import load_settings
from tests.deployment import STUDENTS, TENANTS, Deployment
from tests.samba_directory import SambaDirectory, require_python_ldap

# how fast a shared machine is says nothing of the code; CI tries the same examples every time
settings.register_profile(
    "bellringer",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("bellringer")

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ROOT / "deploy" / "services"

#: What steers the tests themselves stays; everything else is a setting of somebody's shell.
_KEPT = {"BELLRINGER_BENCH", "BELLRINGER_FAULTS"}
#: A folder whose servers somebody else takes down, so that a run of tests need not start its own.
_GIVEN_FOLDER = os.environ.get("BELLRINGER_TEST_SERVICES_DIR")
_EX_UNAVAILABLE = 69
_URL_OF = {
    "rabbitmq": "BELLRINGER_BROKER_URL",
    "postgresql": "BELLRINGER_DATABASE_URL",
    "openssh": "BELLRINGER_SFTP_URL",
}
#: The first test that needs the servers waits for them, and for apt the very first time.
_FIRST_START_S = 900


class Servers:
    """The session's private servers.

    Attributes:
        folder: the folder that `deploy/services --dir` takes.
        environment: the variables that `deploy/services env` prints.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = _exports(self.run("env"))

    @property
    def management_url(self) -> str:
        return self.environment["BELLRINGER_MANAGEMENT_URL"]

    def run(self, word: str, *arguments: str) -> str:
        return _services(self.folder, word, *arguments)

    def start(self, name: str) -> None:
        """Start one server (`rabbitmq`, `postgresql`, `openssh`) and wait until it answers."""
        self.run("start", name)

    def ask_for(self, name: str) -> None:
        """Have one that is made on request (`samba`), or skip where it cannot be had."""
        command = [sys.executable, str(SERVICES), "start", name, "--dir", str(self.folder)]
        _end_unless_up(subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False))
        self.environment = _exports(self.run("env"))

    def stop(self, name: str) -> None:
        """Stop one server in good order; data and ports stay."""
        self.run("stop", name)

    def kill(self, name: str) -> None:
        """End one server by SIGKILL; data and ports stay."""
        self.run("kill", name)

    def status(self) -> dict[str, dict[str, object]]:
        """Return `status --json` by server; unlike the command it does not mind what is down."""
        command = [sys.executable, str(SERVICES), "status", "--json", "--dir", str(self.folder)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return {row["name"]: row for row in json.loads(shown.stdout)}

    def revive(self, name: str) -> None:
        """Start a server that an earlier test left stopped, so that one failure stays one."""
        url = urlsplit(self.environment[_URL_OF[name]])
        with socket.socket() as probe:
            is_up = probe.connect_ex((url.hostname or "", url.port or 0)) == 0
        if not is_up:
            self.start(name)

    def manage(self, method: str, path: str, body: object = None) -> object:
        """Ask the management API as the operator; `path` comes after `/api`."""
        url = urlsplit(self.management_url)
        token = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
        try:
            connection.request(
                method,
                f"/api{path}",
                body=None if body is None else json.dumps(body),
                headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        assert answer.status < 300, f"{method} {path}: {answer.status} {content.decode()}"
        return json.loads(content) if content else None

    def make_vhost(self, name: str) -> str:
        """Make a virtual host, its queues quorum by default; returns its URL."""
        # RabbitMQ 3.10 spells the field in one word, 4.x with underscores; each ignores the other.
        quorum = {"defaultqueuetype": "quorum", "default_queue_type": "quorum"}
        self.manage("PUT", f"/vhosts/{name}", quorum)
        broker = urlsplit(self.environment["BELLRINGER_BROKER_URL"])
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        for user in (broker.username, urlsplit(self.management_url).username):
            self.manage("PUT", f"/permissions/{name}/{user}", everything)
        return broker._replace(path=f"/{quote(name, safe='')}").geturl()

    def drop_vhost(self, name: str) -> None:
        """Remove a virtual host with its queues and connections."""
        self.manage("DELETE", f"/vhosts/{name}")

    def make_database(self, name: str, *, template: str = "template0") -> str:
        """Make a database, empty or as its template; returns its URL."""
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return (
            urlsplit(self.environment["BELLRINGER_DATABASE_URL"])._replace(path=f"/{name}").geturl()
        )

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        url = self.environment["BELLRINGER_DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())


def pytest_configure() -> None:
    """Forget every setting of the caller's shell, here and in the processes that tests start."""
    for name in list(os.environ):
        if name.startswith("BELLRINGER_") and name not in _KEPT:
            del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the servers, and let the first such test wait while they start."""
    needing = [item for item in items if _needs_servers(item)]
    for item in needing:
        item.add_marker(pytest.mark.services)
    asking = [item for item in needing if "samba" in getattr(item, "fixturenames", ())]
    for item in (*needing[:1], *asking[:1]):
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_FIRST_START_S))


@pytest.fixture(autouse=True)
def _no_settings_leak() -> Iterator[None]:
    """Undo settings that a test put into the environment without monkeypatch."""
    before = {name for name in os.environ if name.startswith("BELLRINGER_")}
    yield
    for name in {name for name in os.environ if name.startswith("BELLRINGER_")} - before:
        del os.environ[name]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The private servers of this session."""
    if _GIVEN_FOLDER:
        yield _up(Path(_GIVEN_FOLDER))
        return
    with tempfile.TemporaryDirectory(prefix="bellringer-") as parent:
        # The folder must let PostgreSQL's user through when we are root.
        Path(parent).chmod(0o711)
        folder = Path(parent) / "servers"
        try:
            yield _up(folder)
        finally:
            _services(folder, "down")


@pytest.fixture(scope="session")
def samba(servers: Servers) -> SambaDirectory:
    """The session's Active Directory, with some two thousand users who stay as they are."""
    require_python_ldap()
    servers.ask_for("samba")
    return SambaDirectory(servers.environment)


@pytest.fixture(scope="session")
def _names() -> Iterator[str]:
    """Names that no other test of any session on these servers has."""
    return (f"test_{os.getpid()}_{number}" for number in itertools.count(1))


@pytest.fixture
def broker_url(servers: Servers, _names: Iterator[str]) -> Iterator[str]:
    """An AMQP URL of a virtual host of this test's own."""
    servers.revive("rabbitmq")
    name = next(_names)
    yield servers.make_vhost(name)
    servers.drop_vhost(name)


@pytest.fixture
def management_url(servers: Servers) -> str:
    """The management API's URL with the operator's user and password, without a path."""
    return servers.management_url


@pytest.fixture(scope="session")
def _migrated_postgresql(servers: Servers, _names: Iterator[str]) -> Iterator[str]:
    """The name of a database at the newest schema, to be copied: to migrate takes far longer."""
    servers.revive("postgresql")
    name = next(_names)
    made = _database(servers.make_database(name))
    upgrade(made)
    made.dispose()
    yield name
    servers.drop_database(name)


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "bellringer.db"
    made = _database(f"sqlite:///{path}")
    upgrade(made)
    made.dispose()
    return path


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest, servers: Servers, _names: Iterator[str]
) -> Iterator[str]:
    """A URL of a PostgreSQL database of this test's own; empty, unless it asks for `database`."""
    servers.revive("postgresql")
    name = next(_names)
    template = "template0"
    if {"database", "deployment"} & set(request.fixturenames):
        template = request.getfixturevalue("_migrated_postgresql")
    yield servers.make_database(name, template=template)
    servers.drop_database(name)


@pytest.fixture
def make_database(servers: Servers, _names: Iterator[str]) -> Iterator[Callable[[str], str]]:
    """Make further databases of the test's own, each by a word; returns its URL."""
    made: list[str] = []

    def make(word: str) -> str:
        made.append(f"{next(_names)}_{word}")
        return servers.make_database(made[-1])

    yield make
    for name in made:
        servers.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A URL of an SQLite database of this test's own; the file does not exist yet."""
    return f"sqlite:///{tmp_path / 'bellringer.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database_url(request: pytest.FixtureRequest) -> str:
    """A URL of an empty database of this test's own, once a database that we support."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "database_url"}[request.param]
    url = request.getfixturevalue(fixture)
    assert isinstance(url, str)
    return url


def _needs_servers(item: pytest.Item) -> bool:
    if "servers" in getattr(item, "fixturenames", ()):
        return True
    call = getattr(item, "callspec", None)
    return call is not None and any(
        call.params.get(name) == "postgresql" for name in ("any_database_url", "tables")
    )


def _up(folder: Path) -> Servers:
    command = [sys.executable, str(SERVICES), "up", "--dir", str(folder)]
    _end_unless_up(subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False))
    return Servers(folder)


def _end_unless_up(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode == _EX_UNAVAILABLE and "CI" not in os.environ:
        pytest.skip(done.stderr.strip())
    if done.returncode != 0:
        word = done.args[2]
        pytest.fail(f"deploy/services {word} ended with {done.returncode}:\n{done.stderr}")


def _services(folder: Path, word: str, *arguments: str) -> str:
    command = [sys.executable, str(SERVICES), word, *arguments, "--dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"deploy/services {word}: {done.stderr}"
    return done.stdout


def _exports(text: str) -> dict[str, str]:
    """Read `export NAME=VALUE` lines as a shell does."""
    words = (shlex.split(line) for line in text.splitlines())
    return dict(assignment.split("=", 1) for _export, assignment in words)


@pytest.fixture
def deployment(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment with four small generated districts; its processes are not started yet."""
    districts = [generate(name, seed=i, students=STUDENTS) for i, name in enumerate(TENANTS)]
    with SimulatorServer(districts) as server:
        made = Deployment(database_url, broker_url, tmp_path)
        try:
            made.add_tenants(server, TENANTS, STUDENTS)
            yield made
        finally:
            made.close()


@pytest.fixture
def database(any_database_url: str, _migrated_sqlite: Path) -> Iterator[Database]:
    """An empty database at the newest schema, SQLite and PostgreSQL in turn."""
    if any_database_url.startswith("sqlite"):
        shutil.copy(_migrated_sqlite, any_database_url.removeprefix("sqlite:///"))
    made = _database(any_database_url)
    yield made
    made.dispose()


def _database(url: str) -> Database:
    return Database(load_settings(database_url=url).resolved_database_url())
