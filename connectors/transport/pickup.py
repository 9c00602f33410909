"""The settings of files that are read: they lie here, or are fetched by SFTP first.

Nothing is read that is still being written: it must stand still for a while, and is compared again
once it has been fetched.
"""

from __future__ import annotations

import posixpath
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from connectors.sdk import AbsolutePath
from connectors.transport.sftp_server import SftpServer, check_one_place
from shared.errors import PermanentConnectorError, TransientConnectorError

if TYPE_CHECKING:
    from paramiko import SFTPClient

#: How the names of files end that are still being written.
UNFINISHED = (".part", ".tmp", ".filepart")
#: Limits against folders that are none of ours.
MAX_FILES = 200
MAX_FILE_BYTES = 4 * 1024**3

#: A file's size in bytes, and when it was changed.
Stamp = tuple[int, int]


class Pickup(SftpServer):
    """A folder of files or one file, here or on an SFTP server."""

    path: AbsolutePath | None = None
    """A folder, or one file, on the worker's machine."""
    quiet_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Seconds for which the files must have stood still before they are read."""

    sftp_only: ClassVar[bool] = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        check_one_place(self.path, self.sftp_host)
        return self

    @contextmanager
    def fetched(
        self,
        connector: str,
        folder: Path | None,
        is_wanted: Callable[[str], bool],
        wait: Callable[[float], object],
    ) -> Iterator[Path]:
        """Bring what lies on the server here, and remove it at the end.

        Args:
            connector: whose errors are raised.
            folder: an empty one in which it is kept meanwhile; None: one that is made for it.
            is_wanted: whether a file of a folder is, by its name.
            wait: waits some seconds.

        Yields:
            The path of a folder, or of one file, as it was on the server.

        Raises:
            PermanentConnectorError: names the setting.
            TransientConnectorError: the server does not answer, or the files are being written.
        """
        with tempfile.TemporaryDirectory(prefix="bellringer-", dir=folder) as made:
            yield self._fetch(connector, Path(made), is_wanted, wait)

    def _fetch(
        self,
        connector: str,
        into: Path,
        is_wanted: Callable[[str], bool],
        wait: Callable[[float], object],
    ) -> Path:
        # SSH takes its time to import, and most apps have no use for it
        from connectors.transport.sftp_errors import telling
        from connectors.transport.ssh import sftp_session

        with (
            sftp_session(connector, self) as session,
            telling(connector, self, self.address, "be read"),
        ):
            is_folder = stat.S_ISDIR(session.stat(self.sftp_path).st_mode or 0)
            found = self._stamps(connector, session, is_folder, is_wanted)
            if self.quiet_s:
                wait(self.quiet_s)
                if self._stamps(connector, session, is_folder, is_wanted) != found:
                    raise TransientConnectorError(
                        connector, "the files are still being written", 30
                    )
            for name, (size, _) in found.items():
                there = posixpath.join(self.sftp_path, name) if is_folder else self.sftp_path
                with (into / name).open("wb") as file:
                    # of a file that grows meanwhile no more is taken than it had
                    session.getfo(there, file, max_concurrent_prefetch_requests=64)
                    if file.tell() != size:
                        raise TransientConnectorError(connector, f"{name} changed while it came")
            if self._stamps(connector, session, is_folder, is_wanted) != found:
                raise TransientConnectorError(connector, "the files changed while they came", 30)
        return into if is_folder else into / next(iter(found))

    def _stamps(
        self,
        connector: str,
        session: SFTPClient,
        is_folder: bool,
        is_wanted: Callable[[str], bool],
    ) -> Mapping[str, Stamp]:
        """Return the state of each file that is wanted, by name."""
        if not is_folder:
            status = session.stat(self.sftp_path)
            name = posixpath.basename(self.sftp_path.rstrip("/"))
            found = {name: (status.st_size or 0, int(status.st_mtime or 0))}
        else:
            listed = [
                entry
                for entry in session.listdir_attr(self.sftp_path)
                if stat.S_ISREG(entry.st_mode or 0)
            ]
            for entry in listed:
                if entry.filename.endswith(UNFINISHED):
                    raise TransientConnectorError(
                        connector, f"{entry.filename} is still being written", 30
                    )
            found = {
                entry.filename: (entry.st_size or 0, int(entry.st_mtime or 0))
                for entry in sorted(listed, key=lambda entry: entry.filename)
                if is_wanted(entry.filename)
            }
        self._check_bounds(connector, found)
        return found

    def _check_bounds(self, connector: str, found: Mapping[str, Stamp]) -> None:
        problem = f"it holds {len(found)} files" if len(found) > MAX_FILES else None
        for name, (size, _) in found.items():
            if size > MAX_FILE_BYTES:
                problem = f"{name} has {size} bytes, more than {MAX_FILE_BYTES}"
        if problem:
            raise PermanentConnectorError(connector, f"sftp_path: {self.address}: {problem}")
