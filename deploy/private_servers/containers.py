"""The same servers by Docker Compose, for machines where they cannot be installed.

The compose file is written into the site's folder as JSON, which is YAML. Ports are published on
127.0.0.1 alone, and the project's name carries the site's token.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import ClassVar

from private_servers.errors import ServiceError
from private_servers.openssh import COMPOSE_USER as SFTP_USER
from private_servers.openssh import OpenSSH, make_keys, speaks_ssh
from private_servers.postgresql import DATABASE
from private_servers.postgresql import USER as DATABASE_USER
from private_servers.processes import run
from private_servers.rabbitmq import OPERATOR, RabbitMQ, knows_operator, speaks_amqp, users
from private_servers.server import Server
from private_servers.site import Site, remove_tree

_TOPOLOGY = Path(__file__).resolve().parent.parent / "rabbitmq" / "definitions.json"
_PULL_TIMEOUT_S = 900


def answers() -> bool:
    """Tell whether a Docker engine answers and Compose v2 is there."""
    if shutil.which("docker") is None:
        return False
    try:
        run(["docker", "compose", "version"], env=dict(os.environ), timeout_s=20)
        run(["docker", "info"], env=dict(os.environ), timeout_s=20)
    except ServiceError:
        return False
    return True


class Container:
    """A server of a site that runs as a service of the site's compose project."""

    name: ClassVar[str] = "container"
    packages: ClassVar[tuple[str, ...]] = ()
    purposes: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether containers can run here."""
        return answers()

    def __init__(self, kind: type[Server], site: Site) -> None:
        """Bind one server to a site's compose project."""
        self.name = kind.name  # type: ignore[misc]
        self._site = site

    def make(self) -> None:
        """Write the project's files; its data is made when it starts."""
        write_project(self._site)

    def start(self) -> None:
        """Start the service; the first time this pulls its image."""
        _compose(self._site, "up", "-d", "--no-deps", self.name)

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the service answers in its own protocol."""
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if time.monotonic() > deadline:
                log = _compose(self._site, "logs", "--tail", "15", self.name)
                raise ServiceError(f"{self.name} is not ready after {timeout_s:g} s:\n{log}")
            time.sleep(0.5)

    def is_running(self) -> bool:
        """Tell whether the service's container runs."""
        if not _file(self._site).exists():
            return False
        listed = _compose(self._site, "ps", "-q", "--status", "running", self.name)
        return bool(listed.strip())

    def stop(self) -> None:
        """Stop the service in good order."""
        if _file(self._site).exists():
            _compose(self._site, "stop", "-t", "60", self.name)

    def kill(self) -> None:
        """End the service by SIGKILL."""
        if self.is_running():
            _compose(self._site, "kill", self.name)

    def abandon(self) -> None:
        """End the service by SIGKILL; its container goes next."""
        self.kill()

    def remove(self) -> None:
        """Nothing of its own: `remove` of this module takes the whole project away."""

    def _answers(self) -> bool:
        ports = self._site.ports
        if self.name == RabbitMQ.name:
            password = self._site.password(RabbitMQ.name, OPERATOR)
            return speaks_amqp(ports["rabbitmq.amqp"]) and knows_operator(
                ports["rabbitmq.management"], password
            )
        if self.name == OpenSSH.name:
            return speaks_ssh(ports[f"{OpenSSH.name}.sftp"])
        probe = ("pg_isready", "-h", "127.0.0.1", "-U", DATABASE_USER, "-d", DATABASE)
        try:
            _compose(self._site, "exec", "-T", self.name, *probe)
        except ServiceError:
            return False
        return True


def write_project(site: Site) -> None:
    """Write the compose file and what it mounts into the site's folder."""
    home = _file(site).parent
    remove_tree(home)
    definitions = home / "definitions"
    definitions.mkdir(parents=True)
    shutil.copyfile(_TOPOLOGY, definitions / "10-topology.json")
    (definitions / "20-users.json").write_text(json.dumps(users(site)))
    (home / "openssh" / "files").mkdir(parents=True)
    # whoever the container's user is here
    (home / "openssh" / "files").chmod(0o777)
    make_keys(home / "openssh")
    (home / "rabbitmq.conf").write_text("load_definitions = /etc/rabbitmq/definitions\n")
    _file(site).touch(mode=0o600)
    _file(site).write_text(json.dumps(project(site), indent=1))


def project(site: Site) -> dict[str, object]:
    """Return the compose project of a site."""
    home = _file(site).parent

    def published(server: str, **inside: int) -> list[str]:
        return [f"127.0.0.1:{site.ports[f'{server}.{key}']}:{port}" for key, port in inside.items()]

    return {
        "name": f"bellringer-{site.token}",
        "services": {
            "rabbitmq": {
                "image": "rabbitmq:4-management",
                "hostname": "rabbitmq",
                "ports": published("rabbitmq", amqp=5672, management=15672, prometheus=15692),
                "volumes": [
                    f"{home}/rabbitmq.conf:/etc/rabbitmq/conf.d/90-bellringer.conf:ro",
                    f"{home}/definitions:/etc/rabbitmq/definitions:ro",
                    "rabbitmq:/var/lib/rabbitmq",
                ],
            },
            "postgresql": {
                "image": "postgres:16",
                "ports": published("postgresql", sql=5432),
                "environment": {
                    "POSTGRES_USER": DATABASE_USER,
                    "POSTGRES_PASSWORD": site.password("postgresql", DATABASE_USER),
                    "POSTGRES_DB": DATABASE,
                },
                "volumes": ["postgresql:/var/lib/postgresql/data"],
            },
            "openssh": {
                "image": "atmoz/sftp:debian",
                "command": f"{SFTP_USER}::::files",
                "ports": published("openssh", sftp=22),
                "volumes": [
                    f"{home}/openssh/host_key:/etc/ssh/ssh_host_ed25519_key:ro",
                    f"{home}/openssh/client_key.pub:/home/{SFTP_USER}/.ssh/keys/client.pub:ro",
                    f"{home}/openssh/files:/home/{SFTP_USER}/files",
                ],
            },
        },
        "volumes": {"rabbitmq": {}, "postgresql": {}},
    }


def remove(site: Site) -> None:
    """Remove the site's containers, networks, volumes and files; does nothing without any."""
    if _file(site).exists():
        _compose(site, "down", "--volumes", "--remove-orphans", "--timeout", "30")
    remove_tree(_file(site).parent)


def _file(site: Site) -> Path:
    return site.folder / "compose" / "compose.json"


def _compose(site: Site, *arguments: str) -> str:
    command = ["docker", "compose", "-f", str(_file(site)), *arguments]
    return run(command, env=dict(os.environ), timeout_s=_PULL_TIMEOUT_S)
