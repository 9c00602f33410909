"""The socket on which the console listens: taken first, so that a port in use is told at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import ConfigurationError


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen on an address.

    Raises:
        ConfigurationError: it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            problem = f"{host}:{port} cannot be listened on: {error.strerror}"
            raise ConfigurationError("--port", problem, "Give another.") from error
        yield listener
