"""A small SFTP server on this machine, for targets that deliver by SFTP alone.

It is what the kit needs and no more: one user, one folder, and the renaming that OpenSSH has. That
the transport gets on with a real OpenSSH, its own tests show.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko import (
    Ed25519Key,
    ServerInterface,
    SFTPAttributes,
    SFTPHandle,
    SFTPServer,
    SFTPServerInterface,
    Transport,
)
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.sftp import SFTP_OK

#: Seconds between two looks at whether the server is to end.
_LOOK_S = 0.2


class SftpSite:
    """Serves a folder to one user, in threads; a context manager.

    Args:
        root: what is `/` there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._password = secrets.token_hex(8)
        made = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
        )
        key_file = root / ".host_key"
        key_file.write_bytes(made)
        key_file.chmod(0o600)
        self._key = Ed25519Key.from_private_key_file(str(key_file))
        key_file.unlink()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_LOOK_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="sftp-site", daemon=True)

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop to serve."""
        self._stop.set()
        self._thread.join()
        self._listener.close()

    def settings(self, folder: Path) -> Mapping[str, str]:
        """Return the settings that lead to a folder below the root."""
        port = self._listener.getsockname()[1]
        return {
            "sftp_host": "127.0.0.1",
            "sftp_port": str(port),
            "sftp_user": "kit",
            "sftp_password": self._password,
            "sftp_host_key": f"{self._key.get_name()} {self._key.get_base64()}",
            "sftp_path": f"/{folder.relative_to(self._root)}",
        }

    def _accept(self) -> None:
        open_: list[Transport] = []
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            transport = Transport(client)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", SFTPServer, _Folder, self._root)
            transport.start_server(server=_Door(self._password), event=threading.Event())
            open_.append(transport)
        for transport in open_:
            transport.close()


class _Door(ServerInterface):
    """Lets in whoever has the password."""

    def __init__(self, password: str) -> None:
        self._password = password

    def check_auth_password(self, username: str, password: str) -> int:
        del username
        is_right = secrets.compare_digest(password, self._password)
        return AUTH_SUCCESSFUL if is_right else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        del kind, chanid
        return OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        del username
        return "password"


class _File(SFTPHandle):
    """An open file; paramiko reads and writes by its attributes `readfile` and `writefile`."""

    def __init__(self, descriptor: int, flags: int) -> None:
        super().__init__(flags)
        is_read = flags & os.O_ACCMODE == os.O_RDONLY
        self.readfile = self.writefile = os.fdopen(descriptor, "rb" if is_read else "wb")

    def stat(self) -> SFTPAttributes:
        return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _Folder(SFTPServerInterface):
    """The files below a root; what fails is told by the system's own number."""

    def __init__(self, server: ServerInterface, root: Path) -> None:
        super().__init__(server)
        self._root = root

    def list_folder(self, path: str) -> Any:
        try:
            entries = sorted(self._here(path).iterdir())
            return [SFTPAttributes.from_stat(one.stat(), one.name) for one in entries]
        except OSError as error:
            return _number(error)

    def stat(self, path: str) -> Any:
        try:
            return SFTPAttributes.from_stat(self._here(path).stat())
        except OSError as error:
            return _number(error)

    lstat = stat

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> Any:
        del attr
        try:
            return _File(os.open(self._here(path), flags, 0o600), flags)
        except OSError as error:
            return _number(error)

    def remove(self, path: str) -> int:
        try:
            self._here(path).unlink()
        except OSError as error:
            return _number(error)
        return SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        try:
            os.rename(self._here(oldpath), self._here(newpath))
        except OSError as error:
            return _number(error)
        return SFTP_OK

    posix_rename = rename

    def _here(self, path: str) -> Path:
        # canonical: no .. leads out of it
        return self._root / os.path.normpath(f"/{path}").lstrip("/")


def _number(error: OSError) -> int:
    return SFTPServer.convert_errno(error.errno or 0)
