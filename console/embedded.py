"""Scheduler and workers in this process: the demo, and `run-now --wait` where nothing is set up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from scheduler.bootstrap import build as build_scheduler
from shared.broker.connect import Broker, open_broker
from shared.db.engine import Database
from shared.domain.states import Tier
from shared.errors import BellringerError
from shared.settings import Settings
from workers.actors import register
from workers.bootstrap import Pool
from workers.bootstrap import build as build_runner


class Embedded:
    """Every loop and a pool for all tiers, as a context manager.

    Args:
        settings: whose broker is the embedded one.
        database: where the jobs are.
        threads: jobs at once.
    """

    def __init__(self, settings: Settings, database: Database, *, threads: int = 4) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self.broker: Broker = open_broker(settings)
        self._service = build_scheduler(settings, database, self.broker)
        runner = build_runner(settings, database, self.broker, self._stopping)
        register(self.broker.dramatiq, runner.run)
        self._pool = Pool(self.broker, tuple(Tier), threads)

    def __enter__(self) -> Self:
        """Start everything."""
        self._pool.start()
        self._service.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything; running jobs are given back."""
        self._stopping.set()
        self._service.stop(self._settings.grace_s)
        self._pool.stop(self._settings.grace_s)
        self.broker.close()

    def dead(self) -> list[str]:
        """Return the names of threads that have died."""
        return [*self._service.dead(), *self._pool.dead()]

    def wait(self, is_done: Callable[[], bool], *, every_s: float = 0.1) -> None:
        """Wait until something is so.

        Raises:
            BellringerError: a thread has died, so that it will never be.
        """
        pause = threading.Event()
        started = time.monotonic()
        while not is_done():
            if dead := self.dead():
                raise BellringerError(f"a thread has died: {', '.join(dead)}")
            pause.wait(every_s if time.monotonic() - started < 60 else 1)
