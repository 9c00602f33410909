"""The settings of where files go: a folder here, or one that is reached by SFTP."""

from __future__ import annotations

import posixpath
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from connectors.sdk import AbsolutePath
from connectors.transport.folder import FolderPlace
from connectors.transport.places import Place
from connectors.transport.sftp_server import SftpServer, check_one_place


class SftpDrop(SftpServer):
    """A folder on an SFTP server, to which files go."""

    sftp_rename: Literal["posix", "remove_first"] = "posix"
    """posix: a file is replaced in one step. remove_first: for a server that cannot; the file is
    missing for a moment then."""
    sftp_confirm: bool = True
    """Whether to look at a file's size after sending it; a server may forbid it."""
    unchanged: Literal["leave", "send"] = "leave"
    """leave: a file that is there already is left alone, with its time. send: it is sent again."""

    def place(self, connector: str, *, around: bool = False) -> Place:
        """Return where the files go, not open yet.

        Args:
            connector: whose errors it raises.
            around: the folder in which that lies which the settings name, instead of this itself.
        """
        # SSH takes its time to import, and most apps have no use for it
        from connectors.transport.sftp import SftpPlace

        folder = (posixpath.dirname(self.sftp_path) or ".") if around else self.sftp_path
        return SftpPlace(connector, self, folder)


class Drop(SftpDrop):
    """A folder here, or one on an SFTP server."""

    path: AbsolutePath | None = None
    """A folder on the worker's machine."""

    sftp_only: ClassVar[bool] = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        check_one_place(self.path, self.sftp_host)
        return self

    def place(self, connector: str, *, around: bool = False) -> Place:
        """Return where the files go, not open yet."""
        if self.path is None:
            return super().place(connector, around=around)
        return FolderPlace(connector, self.path.parent if around else self.path)

    @property
    def address(self) -> str:
        """The place as one line, without secrets."""
        return super().address if self.path is None else str(self.path)
