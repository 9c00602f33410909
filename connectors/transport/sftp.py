"""A place on an SFTP server.

Source: the SFTP protocol, version 3 (draft-ietf-secsh-filexfer-02), and OpenSSH's extension
`posix-rename@openssh.com` (its PROTOCOL file, 4.3), since version 3 itself renames over no file.
"""

from __future__ import annotations

import posixpath
import re
import secrets
import stat
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Self

from paramiko import SFTPClient, SSHException

from connectors.transport.drop import SftpDrop
from connectors.transport.sftp_errors import refused, telling
from connectors.transport.ssh import sftp_session
from shared.errors import PermanentConnectorError

_BLOCK = 256 * 1024


class SftpPlace:
    """A folder on a server, which must exist.

    A part is named `.NAME.TOKEN.part`, with a token of this delivery's own: a worker that has lost
    its lease and still sends cannot meddle with the parts of the one that follows it, and fails
    when that one has cleared its parts away.

    Args:
        connector: whose errors are raised.
        drop: the server, and how we sign in.
        folder: on the server.
    """

    def __init__(self, connector: str, drop: SftpDrop, folder: str) -> None:
        self._connector = connector
        self._drop = drop
        self._folder = folder
        self._token = secrets.token_hex(4)
        self._stack = ExitStack()
        self._session: SFTPClient | None = None
        self._parts: list[str] = []

    def __enter__(self) -> Self:
        """Sign in, and see that the folder is there."""
        with ExitStack() as stack:
            session = stack.enter_context(sftp_session(self._connector, self._drop))
            with self._telling("be found"):
                found = session.stat(self._folder).st_mode
            if found is not None and not stat.S_ISDIR(found):
                raise self._refused("is no folder")
            self._stack = stack.pop_all()
        self._session = session
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the parts of what has failed, as far as the server still hears us; sign out."""
        try:
            for part in self._parts:
                with suppress(FileNotFoundError):
                    self._sftp.remove(self._path(part))
        except (OSError, EOFError, SSHException):
            pass  # the next delivery clears them
        finally:
            self._stack.close()
            self._session = None

    def where(self, name: str) -> str:
        """Return a file's address."""
        return posixpath.join(self._address, name)

    def probe(self) -> None:
        """Put two empty files, let one replace the other, and remove it."""
        with self._telling("be written"):
            for name in (self._part("probe"), self._part("probe-2")):
                self._sftp.open(self._path(name), "wb").close()
                self._parts.append(name)
        self.move(self._part("probe"), self._part("probe-2"))
        with self._telling("be cleared: a file cannot be removed"):
            self._sftp.remove(self._path(self._part("probe-2")))
        self._parts.clear()

    def names(self) -> frozenset[str]:
        """Return the names of the files; none where the folder may not be listed."""
        try:
            with self._telling("be listed"):
                return frozenset(self._sftp.listdir(self._folder))
        except PermanentConnectorError:
            return frozenset()

    def read(self, name: str) -> Iterator[bytes] | None:
        """Yield a file in blocks."""
        return None if self.size(name) is None else self._blocks(name)

    def size(self, name: str) -> int | None:
        """Return a file's size."""
        try:
            with self._telling("be read"):
                return self._sftp.stat(self._path(name)).st_size
        except PermanentConnectorError:
            return None

    def put(self, file: Path, name: str) -> str:
        """Send a file; its size is compared where the server may be asked."""
        part = self._part(name)
        with self._telling("be written"):
            self._parts.append(part)
            self._sftp.put(str(file), self._path(part), confirm=self._drop.sftp_confirm)
        return part

    def move(self, part: str, name: str) -> None:
        """Rename a part over the file."""
        with self._telling("be written: a file cannot be renamed"):
            if self._drop.sftp_rename == "remove_first":
                if self.size(name) is not None:
                    self._sftp.remove(self._path(name))
                self._sftp.rename(self._path(part), self._path(name))
            else:
                self._sftp.posix_rename(self._path(part), self._path(name))
        self._parts.remove(part)

    def remove(self, name: str) -> None:
        """Remove a file."""
        with self._telling("be cleared: a file cannot be removed"):
            self._sftp.remove(self._path(name))

    def clear(self, names: Collection[str]) -> None:
        """Remove left parts, where the folder may be listed."""
        ours = re.compile(rf"\.({'|'.join(map(re.escape, names))})\.[0-9a-f]{{8}}\.part")
        for name in self.names():
            if ours.fullmatch(name):
                self.remove(name)

    @property
    def _address(self) -> str:
        return self._drop.address_of(self._folder)

    @property
    def _sftp(self) -> SFTPClient:
        if self._session is None:
            raise ValueError("the place is not open")
        return self._session

    def _part(self, name: str) -> str:
        return f".{name}.{self._token}.part"

    def _path(self, name: str) -> str:
        return posixpath.join(self._folder, name)

    def _blocks(self, name: str) -> Iterator[bytes]:
        """Yield a file in blocks; one that may not be read has none."""
        try:
            with self._telling("be read"), self._sftp.open(self._path(name), "rb") as file:
                file.prefetch()
                while block := file.read(_BLOCK):
                    yield block
        except PermanentConnectorError:
            return

    def _telling(self, what: str) -> AbstractContextManager[None]:
        return telling(self._connector, self._drop, self._address, what)

    def _refused(self, problem: str) -> PermanentConnectorError:
        return refused(self._connector, self._address, problem)
