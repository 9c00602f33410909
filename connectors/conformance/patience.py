"""Waiting without time: what a connector waits for goes by at once, and is counted."""

from __future__ import annotations

import threading

from connectors.network import LocalPacer, Network, parse_networks

#: Networks that the simulators' servers and a user's own test servers are in.
HERE = parse_networks("127.0.0.0/8,::1/128")


class Patience:
    """A clock that only waiting moves, with a network that waits and paces by it.

    Attributes:
        waited_s: the waits that were asked for, in order.
    """

    def __init__(self) -> None:
        self.waited_s: list[float] = []
        self._lock = threading.Lock()
        self._is_over = False

    def wait(self, seconds: float) -> bool:
        """Let so much time go by; nobody asks to stop, as long as the kit is at work.

        Raises:
            SystemExit: it no longer is: this ends the thread of a check that would never end.
        """
        with self._lock:
            if self._is_over:
                raise SystemExit
            self.waited_s.append(seconds)
        return False

    def end(self) -> None:
        """Let nobody wait any more."""
        with self._lock:
            self._is_over = True

    def now(self) -> float:
        """Return how much has gone by, in seconds."""
        with self._lock:
            return sum(self.waited_s)

    def network(self) -> Network:
        """Return a network that may reach this machine, and takes no time."""
        return Network(LocalPacer(self.now), HERE, self.wait)
