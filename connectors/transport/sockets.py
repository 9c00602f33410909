"""The sockets under HTTP: each goes to an address that was looked at, and none beyond a deadline.

A name is resolved once for a connection, and the connection goes to the very address that was
judged: a name server that answers something else the next time changes nothing.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import httpx

from connectors.network import Network
from connectors.transport.addresses import reachable_addresses


class Deadline:
    """When the request at hand must have ended.

    Args:
        clock: seconds that never go back.

    Attributes:
        ends_at: by that clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.ends_at = float("inf")

    @property
    def is_over(self) -> bool:
        """Whether it has passed."""
        return self._clock() > self.ends_at

    def cut(self, timeout: float | None, error: type[httpcore.TimeoutException]) -> float | None:
        """Return a timeout that ends no later than the deadline.

        Raises:
            TimeoutException: it has passed.
        """
        left = self.ends_at - self._clock()
        if left <= 0:
            raise error("the deadline has passed")
        if left == float("inf"):
            return timeout
        return left if timeout is None else min(timeout, left)


class GuardedBackend(httpcore.NetworkBackend):
    """Makes connections to addresses that may be reached.

    Args:
        vendor: the connector's name, for errors.
        network: says which addresses those are.
        deadline: of the request at hand.
    """

    def __init__(self, vendor: str, network: Network, deadline: Deadline) -> None:
        self._vendor = vendor
        self._network = network
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve the host, judge its addresses, and connect to one that may be reached.

        Raises:
            PermanentConnectorError: it has none.
            ConnectError: there is no such host, or nobody answers there.
        """
        failed: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in self._addresses(host, port):
            cut = self._deadline.cut(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(address, port, cut, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            return _TimedStream(stream, self._deadline)
        raise failed or httpcore.ConnectError("the host has no address")

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return reachable_addresses(self._vendor, self._network, host, port)
        except OSError as error:
            raise httpcore.ConnectError("the host's name cannot be resolved") from error


class _TimedStream(httpcore.NetworkStream):
    """A connection whose every step ends by the deadline: a server that drips gains no time."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.cut(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.cut(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        cut = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        return _TimedStream(
            self._inner.start_tls(ssl_context, server_hostname, cut), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class GuardedTransport(httpx.HTTPTransport):
    """httpx's transport over a `GuardedBackend`: no proxy, no HTTP/2, no socket of another kind."""

    def __init__(self, backend: GuardedBackend, tls: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=tls, trust_env=False, limits=limits)
        # httpx takes no backend; its pool is httpcore's, which does
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=backend,
        )
