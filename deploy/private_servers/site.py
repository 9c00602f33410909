"""The folder of one set of servers: its lock, and what is written down about it.

`site.json` holds ports, passwords and processes (mode 0600); it is replaced as a whole, so a reader
sees the old or the new one. What was started is written down before anything else happens.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from private_servers.errors import ServiceError
from private_servers.processes import Process

_STATE = "site.json"
_LOCK = "lock"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass
class Site:
    """One set of private servers.

    Attributes:
        folder: where everything lies; nobody else's folder.
        token: marks our processes, names our node and project; unique to this site.
        backend: `native`, or `compose` where the servers run in containers.
        ports: by `server.purpose`, kept while the site exists.
        passwords: by `server.user`.
        processes: by name; those of an earlier boot are dropped when loaded.
        places: by server, a folder outside `folder` where its data had to go.
        made: servers whose data is complete; what is there of another is half-made.
    """

    folder: Path
    token: str
    backend: str = "native"
    ports: dict[str, int] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    @classmethod
    def create(cls, folder: Path) -> Site:
        """Make the folder and write a new site into it.

        Raises:
            ServiceError: the folder holds something that is not ours.
        """
        strangers = [entry.name for entry in folder.iterdir() if entry.name != _LOCK]
        if strangers:
            raise ServiceError(
                f"{folder} is not empty ({strangers[0]}). Give a new or empty folder with --dir."
            )
        site = cls(folder, token=secrets.token_hex(8))
        site.save()
        return site

    @classmethod
    def load(cls, folder: Path) -> Site | None:
        """Read the folder's site, None if there is none."""
        try:
            data = json.loads((folder / _STATE).read_text())
        except FileNotFoundError:
            return None
        is_same_boot = data.pop("boot") == _boot()
        processes = {name: Process(**value) for name, value in data.pop("processes").items()}
        return cls(folder, **data, processes=processes if is_same_boot else {})

    def save(self) -> None:
        """Write the site down."""
        data = asdict(self)
        del data["folder"]
        data["boot"] = _boot()
        new = self.folder / f"{_STATE}.new"
        new.touch(mode=0o600)
        new.write_text(json.dumps(data, indent=1))
        new.replace(self.folder / _STATE)

    def password(self, server: str, user: str) -> str:
        """Return the password of a server's user, made at the first call; hexadecimal digits."""
        return self.passwords.setdefault(f"{server}.{user}", secrets.token_hex(16))

    def record(self, name: str, process: Process | None) -> None:
        """Write a started process down, or that it is gone."""
        if process is None:
            self.processes.pop(name, None)
        else:
            self.processes[name] = process
        self.save()

    def remove(self) -> None:
        """Remove the site's own files; what else lies in the folder stays."""
        for name in (f"{_STATE}.new", _STATE):
            (self.folder / name).unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder with everything in it; does nothing when it is not there."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, made with the folder when missing; wait for whoever holds it.

    At the end the lock goes when the folder has no site any more, and the folder with it when it is
    empty. Whoever waited for a lock that was removed takes the new one.
    """
    lock = _acquire(folder)
    try:
        yield
    finally:
        if not (folder / _STATE).exists():
            (folder / _LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
        os.close(lock)


def _acquire(folder: Path) -> int:
    path = folder / _LOCK
    while True:
        # Others must be able to pass through: PostgreSQL runs as another user when we are root.
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            is_current = os.fstat(lock).st_ino == path.stat().st_ino
        except FileNotFoundError:
            is_current = False
        if is_current:
            return lock
        os.close(lock)


def _boot() -> str:
    return _BOOT_ID.read_text().strip()
