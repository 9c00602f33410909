"""The private servers for real: up, stop, start, kill, down, two folders, and no leftovers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import paramiko
import pika
import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "deploy" / "services"


class Servers(Protocol):
    """What `tests/conftest.py` hands out, as far as it is used here."""

    folder: Path
    environment: dict[str, str]

    def start(self, name: str) -> None: ...
    def stop(self, name: str) -> None: ...
    def kill(self, name: str) -> None: ...
    def status(self) -> dict[str, dict[str, object]]: ...
    def manage(self, method: str, path: str, body: object = None) -> object: ...


def services(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SERVICES), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=170)


def processes_with(token: str) -> list[int]:
    """Return the pids whose environment carries the token; zombies have none."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and token.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def shared_memory_keys() -> set[str]:
    """Return the keys of the machine's System V shared memory."""
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {line.split()[0] for line in lines}


@pytest.fixture
def folder(tmp_path: Path, servers: Servers) -> Iterator[Path]:
    """A folder for servers of this test's own; `servers` has seen to it that they can be had."""
    del servers
    own = tmp_path / "own"
    yield own
    services("down", "--dir", str(own))


def test_env_leads_to_servers_that_answer(servers: Servers) -> None:
    # an Active Directory beside them, where a test has asked for one
    assert [name for name in servers.environment if "_LDAP_" not in name] == [
        "BELLRINGER_DATABASE_URL",
        "BELLRINGER_BROKER_URL",
        "BELLRINGER_MANAGEMENT_URL",
        "BELLRINGER_SFTP_URL",
        "BELLRINGER_SFTP_HOST_KEY",
        "BELLRINGER_SFTP_KEY_FILE",
        "BELLRINGER_SFTP_FOLDER",
    ]
    with psycopg.connect(servers.environment["BELLRINGER_DATABASE_URL"]) as connection:
        row = connection.execute("SHOW server_version_num").fetchone()
    assert row is not None
    assert int(row[0]) >= 150000
    broker = pika.BlockingConnection(
        pika.URLParameters(servers.environment["BELLRINGER_BROKER_URL"])
    )
    broker.close()
    overview = servers.manage("GET", "/overview")
    assert isinstance(overview, dict)
    assert overview["node"].startswith("bellringer-")


def test_our_definitions_are_loaded(servers: Servers) -> None:
    policies = servers.manage("GET", "/policies/%2F")
    written = json.loads((ROOT / "deploy" / "rabbitmq" / "definitions.json").read_text())
    assert isinstance(policies, list)
    assert {policy["name"] for policy in policies} == {p["name"] for p in written["policies"]}
    users = servers.manage("GET", "/users")
    assert isinstance(users, list)
    assert {user["name"] for user in users} == {"bellringer", "operator"}


def test_passwords_are_required_and_listeners_are_on_loopback(servers: Servers) -> None:
    url = urlsplit(servers.environment["BELLRINGER_DATABASE_URL"])
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url._replace(netloc=f"bellringer:wrong@127.0.0.1:{url.port}").geturl())
    ours = {
        port
        for row in servers.status().values()
        for port in row["ports"].values()  # type: ignore[attr-defined]
    }
    listening = [line.split()[1] for table in ("tcp", "tcp6") for line in _sockets(table)]
    hosts = {address.partition(":")[0] for address in listening if int(address[-4:], 16) in ours}
    # 127.0.0.0/8, its first byte last
    assert {host for host in hosts if not (len(host) == 8 and host.endswith("7F"))} <= {
        "00000000000000000000000001000000"
    }
    assert len(hosts) > 0


def _sockets(table: str) -> list[str]:
    """Return the listening sockets (state 0A) of a table in /proc/net."""
    lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    return [line for line in lines if line.split()[3] == "0A"]


def test_each_test_has_its_own_virtual_host_and_database(
    broker_url: str, database_url: str, servers: Servers
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    channel = connection.channel()
    channel.queue_declare("here", durable=True)
    connection.close()
    vhost = urlsplit(broker_url).path.removeprefix("/")
    queues = servers.manage("GET", "/queues/%2F")
    assert queues == []
    queue = servers.manage("GET", f"/queues/{vhost}/here")
    assert isinstance(queue, dict)
    assert queue["type"] == "quorum"
    with psycopg.connect(database_url) as session:
        count = session.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
    assert count == (0,)


def test_any_database_url_is_one_of_each(any_database_url: str) -> None:
    assert any_database_url.split(":")[0] in {"sqlite", "postgresql"}


def test_up_again_keeps_processes_and_ports(servers: Servers) -> None:
    before = servers.status()
    assert services("up", "--dir", str(servers.folder)).returncode == 0
    assert servers.status() == before


def test_a_broker_that_was_down_comes_back_with_its_messages(servers: Servers) -> None:
    url = servers.environment["BELLRINGER_BROKER_URL"]
    # Stopped first: what was declared less than some seconds before a SIGKILL may be gone, since
    # Mnesia writes its log with a delay, and a fresh quorum queue finds no leader (seen on 3.10).
    for word in ("stop", "kill"):
        publish(url, "kept", word.encode())
        try:
            getattr(servers, word)("rabbitmq")
            assert servers.status()["rabbitmq"]["state"] == "stopped"
            with pytest.raises(pika.exceptions.AMQPConnectionError):
                pika.BlockingConnection(pika.URLParameters(url))
        finally:
            servers.start("rabbitmq")
    assert fetch_all(url, "kept") == [b"stop", b"kill"]


def publish(url: str, queue: str, body: bytes) -> None:
    """Publish one persistent message, confirmed."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "classic"})
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2))


def fetch_all(url: str, queue: str) -> list[bytes]:
    """Take every message of a queue and remove it."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        bodies = []
        while (body := channel.basic_get(queue, auto_ack=True)[2]) is not None:
            bodies.append(body)
        channel.queue_delete(queue)
    return bodies


@pytest.mark.parametrize("word", ["stop", "kill"])
def test_a_database_that_was_down_comes_back_with_its_rows(
    word: str, servers: Servers, database_url: str
) -> None:
    with psycopg.connect(database_url) as session:
        session.execute("CREATE TABLE kept AS SELECT 1 AS x")
    try:
        getattr(servers, word)("postgresql")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(database_url)
    finally:
        servers.start("postgresql")
    with psycopg.connect(database_url) as session:
        assert session.execute("SELECT x FROM kept").fetchone() == (1,)


def sign_in(environment: dict[str, str], **proof: object) -> paramiko.SSHClient:
    """Sign in to the SFTP server, its host key pinned."""
    url = urlsplit(environment["BELLRINGER_SFTP_URL"])
    kind, key = environment["BELLRINGER_SFTP_HOST_KEY"].split()
    client = paramiko.SSHClient()
    line = f"[127.0.0.1]:{url.port} {kind} {key}"
    entry = paramiko.hostkeys.HostKeyEntry.from_line(line)
    assert entry is not None
    client.get_host_keys().add(entry.hostnames[0], kind, entry.key)
    client.connect(
        "127.0.0.1",
        url.port or 0,
        url.username,
        allow_agent=False,
        look_for_keys=False,
        timeout=20,
        **proof,  # type: ignore[arg-type]
    )
    return client


def test_sftp_takes_the_key_and_shows_its_own_folder(servers: Servers) -> None:
    environment = servers.environment
    with sign_in(environment, key_filename=environment["BELLRINGER_SFTP_KEY_FILE"]) as client:
        sftp = client.open_sftp()
        folder = sftp.normalize(".")
        assert folder == urlsplit(environment["BELLRINGER_SFTP_URL"]).path
        with sftp.open("kept.txt", "wb") as file:
            file.write(b"kept")
        # nothing but SFTP, whatever is asked for
        _, answer, _ = client.exec_command("touch elsewhere")
        assert answer.channel.recv_exit_status() != 0
    kept = Path(environment["BELLRINGER_SFTP_FOLDER"]) / "kept.txt"
    assert kept.read_bytes() == b"kept"
    kept.unlink()
    with pytest.raises(paramiko.AuthenticationException):
        sign_in(environment, password="whatever")


@pytest.mark.parametrize("word", ["stop", "kill"])
def test_an_sftp_server_that_was_down_shows_the_same_key(word: str, servers: Servers) -> None:
    proof = {"key_filename": servers.environment["BELLRINGER_SFTP_KEY_FILE"]}
    try:
        with sign_in(servers.environment, **proof) as client:
            getattr(servers, word)("openssh")
            # the session is gone with it
            with pytest.raises((EOFError, OSError, paramiko.SSHException)):
                client.open_sftp().listdir()
        with pytest.raises(OSError, match="Unable to connect"):
            sign_in(servers.environment, **proof)
    finally:
        servers.start("openssh")
    with sign_in(servers.environment, **proof) as client:
        client.open_sftp().close()


def test_a_second_folder_disturbs_nobody_and_down_leaves_nothing(
    servers: Servers, folder: Path
) -> None:
    first = servers.status()
    assert services("up", "--dir", str(folder)).returncode == 0
    rows = json.loads(services("status", "--json", "--dir", str(folder)).stdout)
    ports = {port for row in rows for port in row["ports"].values()}
    assert not ports & {p for row in first.values() for p in row["ports"].values()}  # type: ignore[attr-defined]
    site = json.loads((folder / "site.json").read_text())
    token = site["token"]
    assert processes_with(token)
    keys = services("env", "--dir", str(folder)).stdout
    assert servers.environment["BELLRINGER_SFTP_HOST_KEY"] not in keys
    home = Path(site["places"].get("postgresql", folder / "postgresql"))
    memory_key = (home / "data" / "postmaster.pid").read_text().splitlines()[6].split()[0]
    assert memory_key in shared_memory_keys()

    # A cluster that died by SIGKILL leaves its shared memory to whoever cleans up.
    assert services("kill", "postgresql", "--dir", str(folder)).returncode == 0
    assert services("down", "--dir", str(folder)).returncode == 0

    assert memory_key not in shared_memory_keys()

    assert processes_with(token) == []
    assert not any(listens(port) for port in ports)
    assert not folder.exists()
    assert list(Path("/tmp").glob(f"*{token}*")) == []  # noqa: S108 - where a fallback would lie
    assert servers.status() == first


def test_what_a_killed_up_left_is_found_and_ended(folder: Path) -> None:
    command = [sys.executable, str(SERVICES), "up", "--dir", str(folder)]
    half = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    # As soon as its first server is written down, it dies before the next.
    while not _has_processes(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    half.send_signal(signal.SIGKILL)
    half.wait()
    token = json.loads((folder / "site.json").read_text())["token"]
    assert services("down", "--dir", str(folder)).returncode == 0
    assert processes_with(token) == []
    assert not folder.exists()


def _has_processes(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "site.json").read_text())["processes"])
    except FileNotFoundError:
        return False


def test_a_pid_that_changed_hands_gets_no_signal(servers: Servers, folder: Path) -> None:
    """A recorded pid is ours only with its start time: this very process must survive `down`."""
    del servers
    folder.mkdir()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    stranger = {"pid": os.getpid(), "started": 1}
    site = {
        "token": "0000000000000000",
        "backend": "native",
        "ports": {},
        "passwords": {},
        "processes": {"rabbitmq": stranger, "postgresql": stranger},
        "places": {},
        "made": [],
        "boot": boot,
    }
    (folder / "site.json").write_text(json.dumps(site))
    down = services("down", "--dir", str(folder))
    assert down.returncode == 0, down.stderr
    assert not folder.exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    refused = services("up", "--dir", str(tmp_path))
    assert refused.returncode == 1
    assert "not empty" in refused.stderr
    assert services("down", "--dir", str(tmp_path)).returncode == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["precious.txt"]


def test_env_before_up_says_what_to_run(tmp_path: Path) -> None:
    refused = services("env", "--dir", str(tmp_path / "none"))
    assert refused.returncode == 1
    assert "deploy/services up" in refused.stderr
    assert refused.stdout == ""
