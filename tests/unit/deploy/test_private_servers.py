"""What `deploy/services` rests on: processes, ports, the folder, packages, the compose fallback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from ipaddress import ip_address
from pathlib import Path

import pytest
from private_servers import chromium, containers, lifecycle, packages, processes
from private_servers.active_directory import SambaAD, address
from private_servers.errors import ServiceError, UnavailableError
from private_servers.ports import FIRST, LAST, reserved
from private_servers.processes import MARK, Process
from private_servers.rabbitmq import speaks_amqp
from private_servers.site import Site, locked

NAMES = [f"{kind.name}.{purpose}" for kind in lifecycle.SERVERS for purpose in kind.purposes]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(300)"]


def test_a_process_with_another_start_time_is_not_ours() -> None:
    child = subprocess.Popen(SLEEPER)
    try:
        real = processes.identify(child.pid)
        assert real is not None
        impostor = Process(child.pid, real.started + 1)
        processes.end([impostor], grace_s=0)
        assert child.poll() is None, "a pid that changed hands was signalled"
        processes.end([real], grace_s=5)
        assert not processes.is_alive(real)
    finally:
        child.kill()
        child.wait()


def test_a_zombie_counts_as_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is not reaped
    assert Path(f"/proc/{child.pid}").exists()
    assert processes.identify(child.pid) is None
    child.wait()


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = (
        "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "pathlib.Path(sys.argv[1]).touch(); time.sleep(300)"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(ready)])
    try:
        process = processes.identify(child.pid)
        assert process is not None
        while not ready.exists():
            assert child.poll() is None
        processes.end([process], grace_s=0.2)
        assert child.wait() == -9
    finally:
        child.kill()
        child.wait()


def test_marked_finds_orphans_by_their_whole_token() -> None:
    env = {MARK: "feedfacefeedface", "PATH": os.environ["PATH"]}
    child = subprocess.Popen(SLEEPER, env=env)
    try:
        deadline_probe = threading.Event()
        found: list[Process] = []
        for _ in range(2000):
            # Until it has started the new program, its environment is still ours.
            found = processes.marked("feedfacefeedface")
            if found:
                break
            deadline_probe.wait(0.02)
        assert [process.pid for process in found] == [child.pid]
        assert processes.marked("feedface") == []
    finally:
        child.kill()
        child.wait()


def test_run_shows_the_end_of_what_failed() -> None:
    with pytest.raises(ServiceError, match="boom"):
        processes.run([sys.executable, "-c", "import sys; print('boom'); sys.exit(3)"])


def test_ports_are_free_distinct_and_below_the_ephemeral_range() -> None:
    with reserved(NAMES) as ports:
        assert set(ports) == set(NAMES)
        assert len(set(ports.values())) == len(NAMES)
        for port in ports.values():
            assert FIRST <= port <= LAST
            # As a server does, with SO_REUSEADDR: a connection of an earlier server that still
            # lingers in TIME_WAIT on this port keeps nobody from listening on it.
            with socket.create_server(("127.0.0.1", port)):
                pass


def test_a_reserved_port_is_not_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    with reserved(["first"]) as first:
        taken = first["first"]
        # somebody else on this machine may have any one of the others
        offered = [taken, *(port for port in range(FIRST, LAST + 1) if port != taken)]
        monkeypatch.setattr("random.sample", lambda *_args, **_kwargs: offered)
        with reserved(["second"]) as second:
            assert second["second"] != taken


def test_a_site_survives_being_written_and_read(tmp_path: Path) -> None:
    site = Site.create(tmp_path)
    secret = site.password("rabbitmq", "operator")
    site.record("rabbitmq", Process(4711, 12345))
    again = Site.load(tmp_path)
    assert again == site
    assert again.password("rabbitmq", "operator") == secret
    assert again.password("postgresql", "operator") != secret
    assert (tmp_path / "site.json").stat().st_mode & 0o077 == 0


def test_processes_of_an_earlier_boot_are_forgotten(tmp_path: Path) -> None:
    site = Site.create(tmp_path)
    site.record("rabbitmq", Process(1, 1))
    state = json.loads((tmp_path / "site.json").read_text())
    (tmp_path / "site.json").write_text(json.dumps({**state, "boot": "another"}))
    again = Site.load(tmp_path)
    assert again is not None
    assert again.processes == {}


def test_the_lock_is_exclusive_and_goes_with_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    inside: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with locked(folder):
            # A lock on a file that is no longer there would keep nobody out.
            inside.append("second" if (folder / "lock").exists() else "unlocked")
        entered.set()

    with locked(folder):
        other = threading.Thread(target=second)
        other.start()
        assert not entered.wait(0.2)
        inside.append("first")
    other.join(10)
    # The first took the folder away when it left; the second must have made it anew.
    assert inside == ["first", "second"]
    assert not folder.exists()


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "_POLICY", path)
    return path


def test_daemons_are_forbidden_only_while_packages_are_installed(policy: Path) -> None:
    with packages._no_daemons():
        assert subprocess.run([policy], check=False).returncode == 101
    assert not policy.exists()


def test_the_machines_own_rule_comes_back_even_after_a_failure(policy: Path) -> None:
    policy.write_text("#!/bin/sh\nexit 104\n")
    policy.chmod(0o755)

    def install() -> None:
        with packages._no_daemons():
            assert subprocess.run([policy], check=False).returncode == 101
            raise ServiceError("apt failed")

    with pytest.raises(ServiceError):
        install()
    assert subprocess.run([policy], check=False).returncode == 104
    assert [entry.name for entry in policy.parent.iterdir()] == ["policy-rc.d"]


def test_a_rule_that_a_killed_run_left_is_taken_away(policy: Path) -> None:
    policy.write_text(packages._OURS)
    with packages._no_daemons():
        pass
    assert not policy.exists()


class NotInstalled:
    name = "rabbitmq"
    packages = ("rabbitmq-server",)

    @classmethod
    def is_installed(cls) -> bool:
        return False


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "SERVERS", (NotInstalled,))
    monkeypatch.setattr(packages, "can_install", lambda: False)


@pytest.mark.usefixtures("nothing_installed")
def test_without_anything_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "answers", lambda: False)
    with pytest.raises(UnavailableError, match=r"apt-get install .*rabbitmq-server.*Docker"):
        lifecycle._choose_backend()


@pytest.mark.usefixtures("nothing_installed")
def test_containers_take_over_where_nothing_can_be_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(containers, "answers", lambda: True)
    assert lifecycle._choose_backend() == "compose"


def test_an_active_directory_says_why_it_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "can_install", lambda: False)
    monkeypatch.setattr(SambaAD, "is_installed", classmethod(lambda _: False))
    monkeypatch.setattr(SambaAD, "why_not", classmethod(lambda _: None))
    with pytest.raises(UnavailableError, match=r"apt-get install .*samba-ad-dc") as caught:
        lifecycle._need_on_request("samba")
    assert "Docker" not in str(caught.value)
    monkeypatch.undo()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="389 and 636"):
        lifecycle._need_on_request("samba")


def test_a_browser_is_installed_once_and_only_where_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    here: dict[str, str] = {}
    monkeypatch.setattr(shutil, "which", here.get)
    monkeypatch.setattr(packages, "can_install", lambda: False)
    with pytest.raises(UnavailableError, match=r"apt-get install .*chromium") as caught:
        chromium.ensure()
    assert "Docker" not in str(caught.value)

    asked: list[tuple[str, ...]] = []

    def install(names: tuple[str, ...], *, or_containers: bool) -> None:
        asked.append(names)
        here["chromium"] = "/usr/bin/chromium"

    monkeypatch.setattr(packages, "can_install", lambda: True)
    monkeypatch.setattr(packages, "install", install)
    assert [chromium.ensure(), chromium.ensure()] == [Path("/usr/bin/chromium")] * 2
    assert asked == [("chromium",)]


def test_addresses_of_two_directories_differ_and_are_on_loopback() -> None:
    tokens = ("00" * 8, "ff" * 8, "7f007f00" * 2)
    found = [ip_address(address(Site(Path("/x"), token))) for token in tokens]
    assert len(set(found)) == 3
    assert all(one.is_loopback and one.packed[1] >= 64 and 0 < one.packed[3] < 255 for one in found)


def test_something_else_on_a_port_does_not_speak_amqp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _address = server.accept()
            with connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")

        other = threading.Thread(target=answer)
        other.start()
        assert not speaks_amqp(port)
        other.join(10)
    assert not speaks_amqp(port)


def test_the_compose_project_publishes_every_port_on_loopback(tmp_path: Path) -> None:
    site = Site.create(tmp_path)
    site.ports = {name: 20000 + number for number, name in enumerate(NAMES)}
    containers.write_project(site)
    written = json.loads((tmp_path / "compose" / "compose.json").read_text())
    services = written["services"]
    assert set(services) == {kind.name for kind in lifecycle.SERVERS}
    assert written["name"].endswith(site.token)
    published = [port for service in services.values() for port in service["ports"]]
    assert len(published) == 5
    assert all(port.startswith("127.0.0.1:") for port in published)
    volumes = [*services["rabbitmq"]["volumes"], *services["openssh"]["volumes"]]
    mounted = [volume.split(":")[0] for volume in volumes if volume.startswith("/")]
    assert len(mounted) == 5
    assert all(Path(source).exists() for source in mounted)


def test_only_fresh_units_are_disabled_by_their_own_names(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(packages, "run", lambda command, **_: ran.append(command))
    monkeypatch.setattr(packages, "_has_systemd", lambda: True)
    packages._disable(["openssh-server", "postgresql"])
    assert ran[0][3:] == ["ssh.service", "ssh.socket", "postgresql.service"]


def test_compose_takes_the_project(tmp_path: Path) -> None:
    compose = ["docker", "compose"]
    if shutil.which("docker") is None or (
        subprocess.run([*compose, "version"], capture_output=True, check=False).returncode != 0
    ):
        pytest.skip("Docker Compose v2 is not on this machine")
    site = Site.create(tmp_path)
    site.ports = {name: 20000 + number for number, name in enumerate(NAMES)}
    containers.write_project(site)
    file = str(tmp_path / "compose" / "compose.json")
    done = subprocess.run(
        [*compose, "-f", file, "config", "--quiet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
