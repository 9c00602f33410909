"""What each word of the command line does, under the folder's lock."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from private_servers import active_directory, containers, openssh, packages
from private_servers.active_directory import SambaAD
from private_servers.errors import ServiceError, UnavailableError
from private_servers.openssh import OpenSSH
from private_servers.ports import reserved
from private_servers.postgresql import DATABASE, PostgreSQL
from private_servers.postgresql import USER as DATABASE_USER
from private_servers.processes import end_marked
from private_servers.rabbitmq import APP_USER, OPERATOR, RabbitMQ
from private_servers.server import Server
from private_servers.site import Site, locked

#: The servers of every site, in the order in which they start; they end in the opposite one.
SERVERS: tuple[type[Server], ...] = (PostgreSQL, RabbitMQ, OpenSSH)
#: Made when `start` names it for the first time, since few need it and it takes its time.
ON_REQUEST: tuple[type[SambaAD], ...] = (SambaAD,)
KNOWN: tuple[type[Server], ...] = (*SERVERS, *ON_REQUEST)
#: Seconds that a server may take until it answers.
READY_S = 120


@dataclass(frozen=True)
class Row:
    """One server, as `status` shows it.

    Attributes:
        name: the server.
        state: `running`, `stopped`, or `absent` when nothing was made.
        pid: its main process; None when it does not run or runs in a container.
        ports: by purpose.
    """

    name: str
    state: str
    pid: int | None
    ports: dict[str, int]


def up(folder: Path) -> None:
    """Start whatever does not run, and wait until all of it answers; idempotent.

    Raises:
        UnavailableError: a server cannot be had on this machine.
        ServiceError: a server did not start; what was new is taken down again.
    """
    _interrupt_on_term()
    with locked(folder):
        site = Site.load(folder)
        is_new = site is None
        site = Site.create(folder) if site is None else site
        try:
            _start_all(site)
        except BaseException:
            # KeyboardInterrupt too: a folder that never was up leaves nothing behind.
            if is_new:
                _take_down(site)
            raise


def down(folder: Path, *, keep: bool = False) -> None:
    """Stop everything and remove it; with `keep`, data and ports stay for the next `up`."""
    if not folder.exists():
        _say("nothing runs")
        return
    with locked(folder):
        site = Site.load(folder)
        if site is None:
            _say("nothing runs")
        elif keep:
            _stop_all(site)
        else:
            _take_down(site)


def environment(folder: Path) -> dict[str, str]:
    """Return the variables that lead to the servers, in the order to print them.

    Raises:
        ServiceError: the servers were never up.
    """
    site = _existing(folder)
    return {
        **(_environment_of_all(site) if _is_whole(site) else {}),
        **(active_directory.environment(site) if SambaAD.name in site.made else {}),
    }


def status(folder: Path) -> list[Row]:
    """Return a row a server, in the order of `KNOWN`; waits for nobody.

    What is made on request has one once it was made.
    """
    site = Site.load(folder)
    rows = []
    for kind in KNOWN:
        if site is None or kind.name not in site.made:
            if kind in SERVERS:
                rows.append(Row(kind.name, "absent", None, {}))
            continue
        state = "running" if _server(kind, site).is_running() else "stopped"
        process = site.processes.get(kind.name) if state == "running" else None
        pid = None if process is None else process.pid
        ports = {purpose: site.ports[f"{kind.name}.{purpose}"] for purpose in kind.purposes}
        rows.append(Row(kind.name, state, pid, ports))
    return rows


def start(folder: Path, name: str) -> None:
    """Start one server that was stopped or killed, on its data and ports; wait for it.

    One that is made on request is made now, where it is not there, in a site of its own if need be.

    Raises:
        UnavailableError: it is not there, and cannot be had on this machine.
    """
    _interrupt_on_term()
    with locked(folder):
        kind = _kind(name)
        is_new = Site.load(folder) is None and kind in ON_REQUEST
        site = Site.create(folder) if is_new else _existing(folder, name)
        try:
            server = _server(kind, site)
            if name not in site.made:
                _need_on_request(name)
                _make(server, site)
            _start(server)
        except BaseException:
            # KeyboardInterrupt too: a folder that never was up leaves nothing behind.
            if is_new:
                _take_down(site)
            raise


def stop(folder: Path, name: str) -> None:
    """Stop one server in good order; data and ports stay."""
    with locked(folder):
        _server(_kind(name), _existing(folder, name)).stop()


def kill(folder: Path, name: str) -> None:
    """End one server by SIGKILL; data and ports stay."""
    with locked(folder):
        _server(_kind(name), _existing(folder, name)).kill()


def _start_all(site: Site) -> None:
    if not site.made:
        site.backend = _choose_backend()
        site.save()
    elif site.backend == "native":
        # made when there were fewer servers
        _need(_install_missing(SERVERS))
    names = [f"{kind.name}.{purpose}" for kind in SERVERS for purpose in kind.purposes]
    with reserved([name for name in names if name not in site.ports]) as ports:
        site.ports |= ports
        site.save()
        servers = [_server(kind, site) for kind in _kinds_of(site)]
        if not any(server.is_running() for server in servers):
            # What a crashed run started and could not write down any more would hold our ports.
            end_marked(site.token)
        for server in servers:
            if server.name not in site.made:
                _make(server, site)
        started = [server for server in servers if not server.is_running()]
        for server in started:
            _say(f"{server.name}: start")
            server.start()
        for server in servers:
            server.wait_ready(READY_S)
            _say(f"{server.name}: ready")


def _make(server: Server, site: Site) -> None:
    _say(f"{server.name}: make")
    server.stop()
    server.make()
    site.made.append(server.name)
    site.save()


def _start(server: Server) -> None:
    if not server.is_running():
        server.start()
    server.wait_ready(READY_S)


def _stop_all(site: Site) -> None:
    for kind in reversed(_kinds_of(site)):
        _server(kind, site).stop()
        _say(f"{kind.name}: stopped")
    end_marked(site.token)


def _take_down(site: Site) -> None:
    for kind in reversed(_kinds_of(site)):
        _server(kind, site).abandon()
        _say(f"{kind.name}: stopped")
    # Whatever a crash kept from being written down carries our token.
    end_marked(site.token)
    for kind in KNOWN:
        _server(kind, site).remove()
    containers.remove(site)
    site.remove()


def _kinds_of(site: Site) -> list[type[Server]]:
    """Return the servers that every site has, and those that this one was asked for."""
    return [kind for kind in KNOWN if kind in SERVERS or kind.name in site.made]


def _choose_backend() -> str:
    """Return `native` or `compose`; installs what is missing where it may.

    Raises:
        UnavailableError: neither can be had.
    """
    wanted = _install_missing(SERVERS)
    if wanted and containers.answers():
        return "compose"
    _need(wanted)
    return "native"


def _need_on_request(name: str) -> None:
    for kind in ON_REQUEST:
        if kind.name == name:
            if (reason := kind.why_not()) is not None:
                raise UnavailableError(reason)
            if wanted := _install_missing((kind,)):
                raise UnavailableError(packages.advice(wanted, or_containers=False))


def _install_missing(kinds: Sequence[type[Server]]) -> list[str]:
    """Install what is missing where it may; returns the packages that still are."""
    missing = _missing(kinds)
    if missing and packages.can_install():
        _say(f"install {' '.join(missing)}")
        packages.install(missing, or_containers=all(kind in SERVERS for kind in kinds))
        missing = _missing(kinds)
    return missing


def _missing(kinds: Sequence[type[Server]]) -> list[str]:
    return [package for kind in kinds if not kind.is_installed() for package in kind.packages]


def _need(missing: list[str]) -> None:
    if missing:
        raise UnavailableError(packages.advice(missing))


def _server(kind: type[Server], site: Site) -> Server:
    is_contained = site.backend == "compose" and kind in SERVERS
    return containers.Container(kind, site) if is_contained else kind(site)


def _kind(name: str) -> type[Server]:
    for kind in KNOWN:
        if kind.name == name:
            return kind
    known = ", ".join(kind.name for kind in KNOWN)
    raise ServiceError(f"{name}: no such server. Name one of {known}.")


def _existing(folder: Path, name: str | None = None) -> Site:
    """Return a site in which a server is or may be; without a name, any that was up.

    Raises:
        ServiceError: there is none.
    """
    site = Site.load(folder)
    is_there = site is not None and (name in site.made or _is_whole(site))
    if site is None or not (is_there or (name is None and site.made)):
        raise ServiceError(f"nothing is up in {folder}. Run `deploy/services up` first.")
    return site


def _is_whole(site: Site) -> bool:
    """Return whether the servers that every site has were made, and not one on request alone."""
    return {kind.name for kind in SERVERS} <= set(site.made)


def _environment_of_all(site: Site) -> dict[str, str]:
    def authority(server: str, user: str, purpose: str) -> str:
        port = site.ports[f"{server}.{purpose}"]
        return f"{user}:{site.password(server, user)}@127.0.0.1:{port}"

    sql = authority(PostgreSQL.name, DATABASE_USER, "sql")
    return {
        "BELLRINGER_DATABASE_URL": f"postgresql://{sql}/{DATABASE}",
        "BELLRINGER_BROKER_URL": f"amqp://{authority(RabbitMQ.name, APP_USER, 'amqp')}/%2F",
        "BELLRINGER_MANAGEMENT_URL": f"http://{authority(RabbitMQ.name, OPERATOR, 'management')}",
        **openssh.environment(site),
    }


def _interrupt_on_term() -> None:
    """Let SIGTERM clean up as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _say(text: str) -> None:
    sys.stderr.write(f"services: {text}\n")
