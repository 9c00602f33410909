"""A folder of a test's own on the real SFTP server, and lines to it that fail on purpose."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connectors.network import Network, parse_networks

#: Where the servers of tests are.
HERE = Network(allowed=parse_networks("127.0.0.0/8, ::1/128"))
_NUMBERS = itertools.count(1)
_ENDLESS = 1 << 62


class SftpSite:
    """A folder on the server.

    Attributes:
        folder: as this machine sees it.
        settings: by which a connector reaches it.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        url = urlsplit(environment["BELLRINGER_SFTP_URL"])
        name = f"test-{os.getpid()}-{next(_NUMBERS)}"
        served = Path(environment["BELLRINGER_SFTP_FOLDER"])
        self.folder = served / name
        self.folder.mkdir()
        os.chown(self.folder, served.stat().st_uid, served.stat().st_gid)
        self.settings: dict[str, Any] = {
            "sftp_host": str(url.hostname),
            "sftp_port": url.port,
            "sftp_user": str(url.username),
            "sftp_host_key": environment["BELLRINGER_SFTP_HOST_KEY"],
            "sftp_private_key": Path(environment["BELLRINGER_SFTP_KEY_FILE"]).read_text(),
            "sftp_path": f"{url.path}/{name}",
            "sftp_timeout_s": 20,
        }

    def contents(self) -> dict[str, bytes]:
        """What lies there, by name."""
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def times(self) -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in self.folder.iterdir()}

    def remove(self) -> None:
        shutil.rmtree(self.folder)


class Line:
    """A line to a server that stalls for good once so many bytes of a client have gone through it.

    Attributes:
        port: to be called instead of the server's.
        stalled: set when that has happened.
    """

    def __init__(self, port: int, after: int | None = None, host: str = "127.0.0.1") -> None:
        self._host = host
        self.stalled = threading.Event()
        self._server = port
        self._left = _ENDLESS if after is None else after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stall_after(self, count: int) -> None:
        """Stall once so many more bytes have come."""
        self._left = count

    def heal(self) -> None:
        """Let through whatever comes on new connections."""
        self._left = _ENDLESS

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((self._host, self._server))
                self._sockets += [client, server]
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(4096):
                if counts:
                    self._left -= len(block)
                    if self._left < 0:
                        self.stalled.set()
                        return
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def line(port: int, after: int | None = None, host: str = "127.0.0.1") -> Iterator[Line]:
    made = Line(port, after, host)
    try:
        yield made
    finally:
        made.close()
