"""The scheduler's loops in one process: ticker, sweeper, relay, and the two consumers.

Several schedulers at once are safe, and share the work.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import OperationalError

from shared.db.engine import brief as database_brief
from shared.observability import brief

log = logging.getLogger(__name__)

#: The longest wait of a loop that fails again and again, in seconds.
MAX_WAIT_S = 30.0


@dataclass
class Loop:
    """A step that is made again and again.

    Attributes:
        name: of its thread.
        run_once: makes the step.
        every_s: seconds between two steps.
        wake: set to make the next step at once.
    """

    name: str
    run_once: Callable[[], object]
    every_s: float
    wake: threading.Event = field(default_factory=threading.Event)

    def run(self, stop: threading.Event) -> None:
        """Make the step until `stop` is set; a failure is logged, and waited out."""
        wait_s = self.every_s
        while not stop.is_set():
            try:
                self.run_once()
                wait_s = self.every_s
            # a loop outlives whatever its step meets: the database or the broker comes back
            except Exception as error:
                wait_s = min(MAX_WAIT_S, max(wait_s, 0.5) * 2)
                log.error("%s failed, again in %.0f s: %s", self.name, wait_s, _brief(error))
                log.debug("%s", self.name, exc_info=error)
            self.wake.wait(wait_s)
            self.wake.clear()


class Service:
    """Runs loops and consumers, each in a thread, until it is told to stop.

    Args:
        loops: steps to repeat.
        consumers: by name, functions that run until the event they are handed is set.
    """

    def __init__(
        self,
        loops: Sequence[Loop],
        consumers: Sequence[tuple[str, Callable[[threading.Event], None]]] = (),
    ) -> None:
        self._loops = loops
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=loop.run, args=(self._stop,), name=loop.name, daemon=True)
            for loop in loops
        ]
        self._threads += [
            threading.Thread(target=run, args=(self._stop,), name=name, daemon=True)
            for name, run in consumers
        ]

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 25) -> None:
        """Stop every thread and wait for each; idempotent."""
        self._stop.set()
        for loop in self._loops:
            loop.wake.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)

    def dead(self) -> list[str]:
        """Return the names of threads that have ended although nobody stopped them."""
        if self._stop.is_set():
            return []
        return [thread.name for thread in self._threads if not thread.is_alive()]


def _brief(error: Exception) -> str:
    """Return an error in one line; where the database is gone, with what its driver says."""
    if isinstance(error, OperationalError):
        return f"{type(error).__name__}: {database_brief(error)}"
    return brief(error)
