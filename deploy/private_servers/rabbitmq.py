"""A private RabbitMQ node (3.10 to 4.x): own name, cookie, ports, data and epmd."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import ClassVar

from private_servers.errors import ServiceError
from private_servers.processes import (
    Process,
    descendants,
    end,
    is_alive,
    log_tail,
    send,
    spawn,
    wait_gone,
)
from private_servers.server import clean_env
from private_servers.site import Site, remove_tree

#: The user of scheduler and workers.
APP_USER = "bellringer"
#: The user of the management API: makes virtual hosts, reads every queue.
OPERATOR = "operator"

#: Debian's own wrapper in /usr/sbin changes the user; this one does not.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_DEFINITIONS = Path(__file__).resolve().parent.parent / "rabbitmq" / "definitions.json"

_CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {prometheus}
load_definitions = {definitions}
log.console = false
log.file.level = info
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 200MB
collect_statistics_interval = 1000
"""
#: Queue lengths in the management API follow within a second, as tests want to read them.
_ADVANCED = "[{rabbit, [{quorum_tick_interval, 1000}]}].\n"
#: Listen on loopback only, leave epmd to us, and give the processor back when idle.
_ERL_ARGS = (
    "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false"
    " +sbwt none +sbwtdcpu none +sbwtdio none"
)


class RabbitMQ:
    """One RabbitMQ node with the management and Prometheus plugins."""

    name: ClassVar[str] = "rabbitmq"
    packages: ClassVar[tuple[str, ...]] = ("rabbitmq-server",)
    purposes: ClassVar[tuple[str, ...]] = (
        "amqp",
        "management",
        "prometheus",
        "distribution",
        "epmd",
    )

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether the node and epmd are on this machine."""
        return _server_binary() is not None and shutil.which("epmd") is not None

    def __init__(self, site: Site) -> None:
        """Bind to a site."""
        self._site = site
        self._home = site.folder / self.name
        self._log = self._home / "output.log"

    def make(self) -> None:
        """Write configuration and definitions; the node makes its data when it starts."""
        remove_tree(self._home)
        definitions = self._home / "definitions"
        definitions.mkdir(parents=True)
        self._home.chmod(0o700)
        cookie = self._home / ".erlang.cookie"
        cookie.touch(mode=0o600)
        cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o400)
        config = _CONFIG.format(definitions=definitions, **self._ports())
        (self._home / "rabbitmq.conf").write_text(config)
        (self._home / "advanced.config").write_text(_ADVANCED)
        (self._home / "plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        shutil.copyfile(_DEFINITIONS, definitions / "10-topology.json")
        (definitions / "20-users.json").write_text(json.dumps(users(self._site)))

    def start(self) -> None:
        """Start epmd when it does not run, then the node."""
        if not self._runs("epmd"):
            self._start_epmd()
        binary = _server_binary()
        if binary is None:
            raise ServiceError("rabbitmq-server is no longer installed")
        env = clean_env(self._site, self._home) | self._node_env()
        # With RABBITMQ_ALLOW_INPUT the script becomes the node instead of waiting beside it.
        node = spawn([str(binary), "-noinput"], env=env, log=self._log)
        self._site.record(self.name, node)

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the node speaks AMQP and lets the operator in."""
        deadline = time.monotonic() + timeout_s
        while not (self._speaks_amqp() and self._knows_operator()):
            if not self.is_running():
                raise ServiceError(f"rabbitmq ended while it started:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise ServiceError(f"rabbitmq is not ready after {timeout_s:g} s:\n{self._tail()}")
            time.sleep(0.1)

    def is_running(self) -> bool:
        """Tell whether the node runs."""
        return self._runs(self.name)

    def stop(self) -> None:
        """End the node in good order, and epmd last."""
        self._end(self.name, grace_s=60)
        self._end("epmd", grace_s=5)

    def kill(self) -> None:
        """End the node by SIGKILL; epmd stays, as it would on a machine of its own."""
        node = self._site.processes.get(self.name)
        if node is None:
            return
        family = [node, *descendants(node)]
        send(node, signal.SIGKILL)
        # Its port programs end by themselves when they lose the node.
        end(wait_gone(family, 5), grace_s=1)
        self._site.record(self.name, None)

    def abandon(self) -> None:
        """End the node by SIGKILL, which spares the six seconds of a good end, and epmd."""
        self.kill()
        self.stop()

    def remove(self) -> None:
        """Remove the node's folder."""
        remove_tree(self._home)

    def _end(self, name: str, *, grace_s: float) -> None:
        process = self._site.processes.get(name)
        if process is None:
            return
        family = [process, *descendants(process)]
        end([process], grace_s=grace_s)
        end(wait_gone(family, 5), grace_s=1)
        self._site.record(name, None)

    def _start_epmd(self) -> None:
        """Start the port mapper as our own process: Erlang would leave a daemon behind."""
        port = self._ports()["epmd"]
        epmd = shutil.which("epmd")
        if epmd is None:
            raise ServiceError("epmd is no longer installed")
        command = [epmd, "-address", "127.0.0.1", "-port", str(port)]
        env = clean_env(self._site, self._home)
        process = spawn(command, env=env, log=self._home / "epmd.log")
        self._site.record("epmd", process)
        deadline = time.monotonic() + 10
        while not _listens(port):
            if not is_alive(process) or time.monotonic() > deadline:
                raise ServiceError(f"epmd does not run:\n{log_tail(self._home / 'epmd.log')}")
            time.sleep(0.02)

    def _node_env(self) -> dict[str, str]:
        ports, home = self._ports(), self._home
        return {
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_NODENAME": f"bellringer-{self._site.token}@localhost",
            "RABBITMQ_CONF_ENV_FILE": "/nonexistent",
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
            "RABBITMQ_CONFIG_FILES": str(home / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(home / "schema"),
            "RABBITMQ_DIST_PORT": str(ports["distribution"]),
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": str(home / "erl_crash.dump"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERL_ARGS,
        }

    def _ports(self) -> dict[str, int]:
        return {purpose: self._site.ports[f"{self.name}.{purpose}"] for purpose in self.purposes}

    def _runs(self, name: str) -> bool:
        process: Process | None = self._site.processes.get(name)
        return process is not None and is_alive(process)

    def _speaks_amqp(self) -> bool:
        return speaks_amqp(self._ports()["amqp"])

    def _knows_operator(self) -> bool:
        return knows_operator(self._ports()["management"], self._site.password(self.name, OPERATOR))

    def _tail(self) -> str:
        logs = sorted((self._home / "log").glob("*.log"))
        return "\n".join(log_tail(log) for log in [self._log, *logs])


def users(site: Site) -> dict[str, object]:
    """Return the definitions of our two users: the application's, and the operator's."""
    everything = {"vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    tags = {APP_USER: "", OPERATOR: "administrator"}
    return {
        "users": [
            {"name": name, "password": site.password(RabbitMQ.name, name), "tags": tag}
            for name, tag in tags.items()
        ],
        "permissions": [{"user": name, **everything} for name in tags],
    }


def speaks_amqp(port: int) -> bool:
    """Tell whether an AMQP 0-9-1 server answers the protocol header (method frame: type 1)."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


def knows_operator(port: int, password: str) -> bool:
    """Tell whether the management API lets the operator in: definitions are loaded by then."""
    token = base64.b64encode(f"{OPERATOR}:{password}".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/whoami", headers={"Authorization": f"Basic {token}"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _server_binary() -> Path | None:
    if _DEBIAN.exists():
        return _DEBIAN
    found = shutil.which("rabbitmq-server")
    return None if found is None else Path(found)
