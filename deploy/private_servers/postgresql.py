"""A private PostgreSQL cluster (15 or newer), run by an unprivileged user, on TCP only."""

from __future__ import annotations

import re
import shutil
import signal
import time
from pathlib import Path
from typing import ClassVar

from private_servers.errors import ServiceError
from private_servers.home import Home
from private_servers.processes import (
    descendants,
    end,
    is_alive,
    log_tail,
    run,
    send,
    spawn,
    wait_gone,
)
from private_servers.server import clean_env
from private_servers.site import Site

#: The cluster's superuser, and the database that the URL names.
USER = DATABASE = "bellringer"

_OLDEST = 15
#: PostgreSQL refuses to run as root; the first of these that exists owns the cluster then.
_UNPRIVILEGED = ("postgres", "nobody")

_CONFIG = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
dynamic_shared_memory_type = mmap
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = off
"""


class PostgreSQL:
    """One PostgreSQL cluster with an empty database."""

    name: ClassVar[str] = "postgresql"
    packages: ClassVar[tuple[str, ...]] = ("postgresql",)
    purposes: ClassVar[tuple[str, ...]] = ("sql",)

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether the server's binaries are on this machine, new enough."""
        return _bin() is not None

    def __init__(self, site: Site) -> None:
        """Bind to a site."""
        self._site = site
        self._owned = Home(site, self.name, _UNPRIVILEGED)

    @property
    def _home(self) -> Path:
        return self._owned.path

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _log(self) -> Path:
        return self._home / "server.log"

    def make(self) -> None:
        """Make the cluster, its superuser and the database."""
        self.remove()
        self._owned.make()
        secret = self._home / "password"
        secret.touch(mode=0o600)
        secret.write_text(self._site.password(self.name, USER))
        self._owned.give(secret)
        try:
            self._run(
                "initdb",
                *("-D", str(self._data), "-U", USER, "-A", "scram-sha-256"),
                *("--pwfile", str(secret), "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            )
        finally:
            secret.unlink()
        with (self._data / "postgresql.conf").open("a") as config:
            config.write(_CONFIG.format(port=self._site.ports[f"{self.name}.sql"]))
        # The single-user mode needs neither a client program nor a running server.
        self._run(
            "postgres",
            *("--single", "-D", str(self._data), "postgres"),
            stdin=f"CREATE DATABASE {DATABASE};\n",
        )

    def start(self) -> None:
        """Start the cluster's first process."""
        self._clear_crash()
        postgres = str(_binary("postgres"))
        env = clean_env(self._site, self._home)
        process = spawn(
            [postgres, "-D", str(self._data)], env=env, log=self._log, user=self._owned.user
        )
        self._site.record(self.name, process)

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the cluster says that it accepts connections."""
        deadline = time.monotonic() + timeout_s
        while self._status() != "ready":
            if not self.is_running():
                raise ServiceError(f"postgresql ended while it started:\n{log_tail(self._log)}")
            if time.monotonic() > deadline:
                log = log_tail(self._log)
                raise ServiceError(f"postgresql is not ready after {timeout_s:g} s:\n{log}")
            time.sleep(0.05)

    def is_running(self) -> bool:
        """Tell whether the cluster's first process runs."""
        process = self._site.processes.get(self.name)
        return process is not None and is_alive(process)

    def stop(self) -> None:
        """End the cluster in PostgreSQL's fast mode: sessions are cut, data is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the first process by SIGKILL; its children end when they notice."""
        self._end(signal.SIGKILL)

    def abandon(self) -> None:
        """End the cluster in fast mode: only then its shared memory surely goes with it."""
        self.stop()

    def remove(self) -> None:
        """Remove the cluster's folder, wherever it had to be."""
        self._owned.remove()

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        env = clean_env(self._site, self._home)
        run([str(_binary(program)), *arguments], env=env, user=self._owned.user, stdin=stdin)

    def _end(self, signal_number: int) -> None:
        process = self._site.processes.get(self.name)
        if process is None:
            return
        family = [process, *descendants(process)]
        send(process, signal_number)
        if wait_gone([process], 60):
            end([process], grace_s=0)
        # A child that outlives the first process holds the shared memory that the next start needs.
        end(wait_gone(family, 10), grace_s=1)
        self._clear_crash()
        self._site.record(self.name, None)

    def _clear_crash(self) -> None:
        """Clear away what a crash leaves: the pid file, and a segment of System V shared memory.

        The pid in the file may be somebody else's by now, which PostgreSQL would take for its own;
        our lock and our record say that none of ours runs. Nothing is there after a good end.
        """
        lines = self._pid_file()
        if len(lines) >= 7:
            _free_shared_memory(*lines[6].split()[:2])
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _pid_file(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _status(self) -> str:
        """Return the status in the pid file, line 8.

        Source: PostgreSQL 15, src/include/utils/pidfile.h, LOCK_FILE_LINE_PM_STATUS.
        """
        lines = self._pid_file()
        process = self._site.processes.get(self.name)
        if process is None or len(lines) < 8 or lines[0] != str(process.pid):
            return ""
        return lines[7].strip()


def _free_shared_memory(key: str, segment: str) -> None:
    """Remove a segment to which nobody is attached; does nothing when it is not there.

    Source: proc(5), /proc/sysvipc/shm: key, shmid, perms, size, cpid, lpid, nattch.
    """
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[0], fields[1], fields[6]) == (key, segment, "0"):
            run(["ipcrm", "-m", segment])


def _binary(program: str) -> Path:
    folder = _bin()
    if folder is None:
        raise ServiceError("PostgreSQL is no longer installed")
    return folder / program


def _bin() -> Path | None:
    """Return the newest folder with `initdb` and `postgres`, None if there is none new enough."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += Path("/usr/lib/postgresql").glob("*/bin")
    versions = {folder: _version(folder) for folder in folders}
    fitting = [folder for folder, version in versions.items() if version >= _OLDEST]
    return max(fitting, key=lambda folder: versions[folder], default=None)


def _version(folder: Path) -> int:
    """Return the major version of the binaries, 0 if one is missing."""
    if not ((folder / "initdb").exists() and (folder / "postgres").exists()):
        return 0
    match = re.search(r"(\d+)", run([str(folder / "postgres"), "--version"]))
    return int(match[1]) if match else 0
