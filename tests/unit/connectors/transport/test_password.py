"""Signing in by password, and a server without OpenSSH's extension.

An OpenSSH server that is not root knows no passwords: this one is paramiko's own, and serves a folder.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from connectors import registry
from connectors.network import Network
from connectors.sdk import RenderedFile
from connectors.transport.drop import SftpDrop
from connectors.transport.places import deliver, sha256
from shared.errors import PermanentConnectorError
from tests.sftp_site import HERE
from tests.unit.connectors.transport.test_drop import pem

KEY = paramiko.RSAKey.generate(2048)
USER, PASSWORD = "district", "corr3ct"


class Login(paramiko.ServerInterface):
    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        is_right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class Folder(paramiko.SFTPServerInterface):
    """Serves one folder; it renames, and has no extension to do so over a file."""

    def __init__(self, server: Any, *args: Any, folder: Path, **more: Any) -> None:
        super().__init__(server, *args, **more)
        self._folder = folder

    def _real(self, path: str) -> Path:
        return self._folder / path.lstrip("/")

    def _try(self, call: Any, *args: Any) -> Any:
        try:
            call(*args)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return paramiko.SFTP_OK

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(os.stat(self._real(path)))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def list_folder(self, path: str) -> Any:
        return [
            paramiko.SFTPAttributes.from_stat(entry.stat(), entry.name)
            for entry in self._real(path).iterdir()
        ]

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            number = os.open(self._real(path), flags, 0o644)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle = paramiko.SFTPHandle(flags)
        name = "wb" if flags & (os.O_WRONLY | os.O_RDWR) else "rb"
        file = os.fdopen(number, name)
        handle.readfile = handle.writefile = file  # type: ignore[attr-defined]
        handle.stat = lambda: paramiko.SFTPAttributes.from_stat(os.fstat(number))  # type: ignore[method-assign]
        return handle

    def rename(self, oldpath: str, newpath: str) -> Any:
        if self._real(newpath).exists():
            return paramiko.SFTP_FAILURE
        return self._try(os.rename, self._real(oldpath), self._real(newpath))

    def remove(self, path: str) -> Any:
        return self._try(os.remove, self._real(path))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The settings of a server that lets one user in, by a password."""
    served = tmp_path / "served"
    served.mkdir()
    listener = socket.create_server(("127.0.0.1", 0))
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transports.append(transport)
            transport.add_server_key(KEY)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Folder, folder=served)
            transport.start_server(server=Login())

    thread = threading.Thread(target=serve)
    thread.start()
    yield {
        "sftp_host": "127.0.0.1",
        "sftp_port": listener.getsockname()[1],
        "sftp_user": USER,
        "sftp_host_key": f"{KEY.get_name()} {KEY.get_base64()}",
        "sftp_password": PASSWORD,
        "sftp_timeout_s": 10,
    }
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)
    for transport in transports:
        transport.close()
        transport.join(10)


def a_file(folder: Path, text: str) -> tuple[RenderedFile]:
    path = folder / "one.csv"
    path.write_text(text)
    return (RenderedFile(path, 1, sha256(path)),)


def test_the_right_password_opens_the_folder(server: dict[str, Any], tmp_path: Path) -> None:
    with SftpDrop(**server, sftp_rename="remove_first").within(HERE).place("test") as there:
        there.probe()
        deliver(a_file(tmp_path, "x\n1\n"), there)
        deliver(a_file(tmp_path, "x\n2\n"), there)
        assert there.names() == {"one.csv"}
    assert (tmp_path / "served" / "one.csv").read_text() == "x\n2\n"


def test_a_wrong_password_or_a_key_where_none_is_taken_is_named(server: dict[str, Any]) -> None:
    drop = SftpDrop(**{**server, "sftp_password": "wr0ng"})
    with pytest.raises(PermanentConnectorError, match=r"sftp_password: .* does not let") as refused:
        drop.within(HERE).place("test").__enter__()
    assert "wr0ng" not in str(refused.value)
    drop = SftpDrop(**server, sftp_private_key=pem())
    with pytest.raises(PermanentConnectorError, match=r"sftp_private_key: .* but by password"):
        drop.within(HERE).place("test").__enter__()


def test_a_server_that_cannot_replace_a_file_is_told_how_to_live_with_it(
    server: dict[str, Any], tmp_path: Path
) -> None:
    told = "sftp_rename: the server cannot replace a file in one step"
    with (
        pytest.raises(PermanentConnectorError, match=told),
        SftpDrop(**server).within(HERE).place("test") as there,
    ):
        deliver(a_file(tmp_path, "x\n1\n"), there)
    assert list((tmp_path / "served").iterdir()) == []


def test_no_session_goes_into_a_network_that_is_not_allowed(server: dict[str, Any]) -> None:
    told = "127.0.0.1 is inside a private network, which no app may reach"
    with pytest.raises(PermanentConnectorError, match=told):
        SftpDrop(**server).place("test").__enter__()
    for name in ("clever_csv", "lightspeed", "finalsite", "oneroster_csv", "oneroster_csv_export"):
        connector = registry.get(name)
        opened = connector.connect(connector.config.model_validate(server), Network())
        with pytest.raises(PermanentConnectorError, match=told):
            opened.check()
    zipped = registry.get("lightspeed")
    config = zipped.config.model_validate({**server, "format": "oneroster-1.2"})
    with pytest.raises(PermanentConnectorError, match=told):
        zipped.connect(config, Network()).check()
