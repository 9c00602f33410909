"""Free loopback ports, which stay free while a server is stopped and started again."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator, Sequence

from private_servers.errors import ServiceError

#: Below the range from which Linux gives ports to outgoing connections (32768–60999): a stopped
#: server's port is not taken by a passing client.
FIRST, LAST = 20000, 31999


class Reservation:
    """Ports that no other run of this tool on the machine takes before ours are listened on.

    A reservation is an abstract socket named after the port: it leaves no file, and it ends with
    this process however that ends.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self) -> int:
        """Return a port that is free on 127.0.0.1 and reserve it.

        Raises:
            ServiceError: none is free.
        """
        for port in random.sample(range(FIRST, LAST + 1), k=500):
            if _is_free(port) and self._reserve(port):
                return port
        raise ServiceError(f"no free port between {FIRST} and {LAST} on 127.0.0.1")

    def _reserve(self, port: int) -> bool:
        guard = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            guard.bind(f"\0bellringer-services-port-{port}")
        except OSError:
            guard.close()
            return False
        self._held.append(guard)
        return True

    def release(self) -> None:
        """Give all reservations back."""
        for guard in self._held:
            guard.close()
        self._held.clear()


@contextlib.contextmanager
def reserved(names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Reserve a port a name for as long as the block runs."""
    reservation = Reservation()
    try:
        yield {name: reservation.take() for name in names}
    finally:
        reservation.release()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
