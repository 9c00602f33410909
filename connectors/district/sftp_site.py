"""A vendor's SFTP site in memory: one folder, one user, a host key of its own.

It speaks SFTP version 3 with OpenSSH's `posix-rename@openssh.com`, as the servers do that vendors
run; there is nothing but its folder, and what has been put there is gone when it is closed.
"""

from __future__ import annotations

import logging
import posixpath
import secrets
import socket
import stat
import threading
import time
from typing import Any

import paramiko
from paramiko import ECDSAKey, ServerInterface, SFTPAttributes, SFTPHandle, SFTPServerInterface
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.sftp import (
    SFTP_FAILURE,
    SFTP_NO_SUCH_FILE,
    SFTP_OK,
    SFTP_PERMISSION_DENIED,
)

log = logging.getLogger(__name__)
# it tells each connection that hangs up with its traceback
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

#: The most that all files together may be, in bytes; beyond it the disk is full.
MAX_BYTES = 1024**3


class SftpSite:
    """Serves a folder on a port of this machine, in threads.

    Args:
        user: who may sign in.
        host: the address to listen on.

    Attributes:
        port: where it listens.
        user: who may sign in.
        password: by which.
        host_key: the line that a client pins.
        files: by name, what has been put there.
    """

    def __init__(self, user: str, host: str = "127.0.0.1") -> None:
        self.user = user
        self.password = secrets.token_urlsafe(18)
        self._key = ECDSAKey.generate()
        self.host_key = f"{self._key.get_name()} {self._key.get_base64()}"
        self.files: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self._times: dict[str, int] = {}
        self._transports: list[paramiko.Transport] = []
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="sftp-site", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up on everybody."""
        # an accept that waits is woken by it; a plain close would leave it waiting
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for transport in self._transports:
            transport.close()

    def has_room(self, size: int) -> bool:
        """Return whether a file of so many bytes still fits."""
        with self.lock:
            return size + sum(map(len, self.files.values())) <= MAX_BYTES

    def put(self, name: str, content: bytes) -> None:
        """Keep a file."""
        with self.lock:
            self.files[name] = content
            self._times[name] = int(time.time())

    def attributes(self, name: str) -> SFTPAttributes:
        """Return what is told of a file."""
        found = SFTPAttributes()
        found.filename = name
        found.st_mode = stat.S_IFREG | 0o640
        found.st_size = len(self.files[name])
        found.st_mtime = found.st_atime = self._times[name]
        return found

    def rename(self, old: str, new: str, *, over: bool) -> int:
        """Rename a file; over another one only where it is asked for."""
        with self.lock:
            if old not in self.files:
                return SFTP_NO_SUCH_FILE
            if new in self.files and not over:
                return SFTP_FAILURE
            self.files[new], self._times[new] = self.files.pop(old), self._times.pop(old)
            return SFTP_OK

    def remove(self, name: str) -> int:
        """Remove a file."""
        with self.lock:
            self._times.pop(name, None)
            return SFTP_OK if self.files.pop(name, None) is not None else SFTP_NO_SUCH_FILE

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Folder, self)
            self._transports = [one for one in self._transports if one.is_active()]
            self._transports.append(transport)
            try:
                # with an event it returns at once, and goes on in the transport's own thread
                transport.start_server(threading.Event(), _Door(self))
            except (paramiko.SSHException, EOFError, OSError) as error:
                log.warning("the SFTP site lost a client: %s", error)


class _Door(ServerInterface):
    """Lets the user in, to SFTP and nothing else."""

    def __init__(self, site: SftpSite) -> None:
        self._site = site

    def get_allowed_auths(self, username: str) -> str:
        del username
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        is_theirs = username == self._site.user and secrets.compare_digest(
            password.encode(), self._site.password.encode()
        )
        return AUTH_SUCCESSFUL if is_theirs else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        del chanid
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _Folder(SFTPServerInterface):
    """The folder, as one session sees it."""

    def __init__(self, server: ServerInterface, site: SftpSite, *args: Any, **more: Any) -> None:
        super().__init__(server, *args, **more)
        self._site = site

    def canonicalize(self, path: str) -> str:
        return posixpath.normpath(posixpath.join("/", path))

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        if self.canonicalize(path) != "/":
            return SFTP_NO_SUCH_FILE
        with self._site.lock:
            return [self._site.attributes(name) for name in sorted(self._site.files)]

    def stat(self, path: str) -> SFTPAttributes | int:
        name = self._name(path)
        if name == "":
            folder = SFTPAttributes()
            folder.st_mode = stat.S_IFDIR | 0o750
            return folder
        with self._site.lock:
            known = name is not None and name in self._site.files
            return self._site.attributes(str(name)) if known else SFTP_NO_SUCH_FILE

    def lstat(self, path: str) -> SFTPAttributes | int:
        return self.stat(path)

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> SFTPHandle | int:
        del attr
        name = self._name(path)
        if not name:
            return SFTP_NO_SUCH_FILE if name is None else SFTP_PERMISSION_DENIED
        is_written = bool(flags & 0b11)
        with self._site.lock:
            held = self._site.files.get(name)
        if held is None and not is_written:
            return SFTP_NO_SUCH_FILE
        return _File(self._site, name, None if is_written else held, flags)

    def remove(self, path: str) -> int:
        return self._site.remove(self._name(path) or "")

    def rename(self, oldpath: str, newpath: str) -> int:
        return self._renamed(oldpath, newpath, over=False)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return self._renamed(oldpath, newpath, over=True)

    def _renamed(self, old: str, new: str, *, over: bool) -> int:
        name = self._name(new)
        if not name:
            return SFTP_NO_SUCH_FILE if name is None else SFTP_PERMISSION_DENIED
        return self._site.rename(self._name(old) or "", name, over=over)

    def _name(self, path: str) -> str | None:
        """Return the name of a file of the folder, "" for the folder itself, None elsewhere."""
        folder, name = posixpath.split(self.canonicalize(path))
        return name if folder == "/" else None


class _File(SFTPHandle):
    """An open file: read from what was there, or kept once it is closed."""

    def __init__(self, site: SftpSite, name: str, held: bytes | None, flags: int) -> None:
        super().__init__(flags)
        self._site = site
        self._name = name
        self._held = held
        self._written = bytearray()

    def read(self, offset: int, length: int) -> bytes | int:
        if self._held is None:
            return SFTP_PERMISSION_DENIED
        return self._held[offset : offset + length]

    def write(self, offset: int, data: bytes) -> int:  # type: ignore[override]
        if self._held is not None:
            return SFTP_PERMISSION_DENIED
        if not self._site.has_room(offset + len(data)):
            return SFTP_FAILURE
        if offset > len(self._written):
            self._written.extend(bytes(offset - len(self._written)))
        self._written[offset : offset + len(data)] = data
        return SFTP_OK

    def stat(self) -> SFTPAttributes | int:
        found = SFTPAttributes()
        found.st_mode = stat.S_IFREG | 0o640
        found.st_size = len(self._written if self._held is None else self._held)
        return found

    def close(self) -> None:
        if self._held is None:
            self._site.put(self._name, bytes(self._written))
