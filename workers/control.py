"""What may end a running job from outside, and how its procedure learns of it.

A beat in a thread of its own keeps the lease; the procedure calls `checkpoint` between batches.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from sqlalchemy.exc import OperationalError

from shared.db.claiming import Beat
from shared.errors import BellringerError

log = logging.getLogger(__name__)

#: How often new progress is written, in seconds; without any, only every beat.
PROGRESS_S = 2.0


class Interrupted(BellringerError):
    """The job must stop where it is; nothing that it did so far counts."""


class LeaseLostError(Interrupted):
    """Somebody else owns the job by now: write nothing."""


class CancelledError(Interrupted):
    """A person wants it to end."""


class OverdueError(Interrupted):
    """Its deadline has passed."""


class ShuttingDownError(Interrupted):
    """The worker shuts down: the job is given back."""


class Control:
    """The lease of one running job, as a context manager.

    Args:
        beat: extends the lease, carrying the progress, and tells what it learned.
        beat_s: seconds between two beats.
        stopping: set when the worker shuts down.
    """

    def __init__(
        self,
        beat: Callable[[dict[str, Any] | None], Beat],
        beat_s: float,
        stopping: threading.Event,
    ) -> None:
        self._beat = beat
        self._beat_s = beat_s
        self._stopping = stopping
        self._done = threading.Event()
        self._last = Beat(is_mine=True)
        self._progress: dict[str, Any] | None = None
        self._phase: str | None = None
        self._since = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)

    def __enter__(self) -> Self:
        """Start to beat."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop to beat."""
        self._done.set()
        self._thread.join()

    def progress(self, step: str, done: int, total: int | None = None) -> None:
        """Tell how far the job is; shown from the next beat on. Then `checkpoint`.

        The step's first word is its phase, in which `done` goes on: `reading users`, then `reading
        classes`. How long the phase has gone on is kept with it, for a rate.
        """
        now, phase = time.monotonic(), step.partition(" ")[0]
        if phase != self._phase:
            # what is told first was done since the beginning
            self._since = now if self._phase is not None else self._since
            self._phase = phase
        elapsed_s = round(now - self._since, 1)
        self._progress = {"step": step, "done": done, "total": total, "elapsed_s": elapsed_s}
        self.checkpoint()

    def checkpoint(self) -> None:
        """See whether the job may go on.

        Raises:
            Interrupted: it may not; the subclass says why.
        """
        if not self._last.is_mine:
            raise LeaseLostError("the lease was lost")
        if self._last.is_cancelled:
            raise CancelledError("a person cancelled it")
        if self._last.is_overdue:
            raise OverdueError("its deadline has passed")
        if self._stopping.is_set():
            raise ShuttingDownError("the worker shuts down")

    def confirm(self) -> None:
        """Beat now, and see whether the job may go on: before each effect outside our database.

        Raises:
            Interrupted: it may not.
            OperationalError: the database could not be asked.
        """
        self._last = self._beat(self._progress)
        self.checkpoint()

    def _run(self) -> None:
        told, quiet_s = self._progress, 0.0
        turn_s = min(self._beat_s, PROGRESS_S)
        while not self._done.wait(turn_s):
            quiet_s += turn_s
            if self._progress is told and quiet_s < self._beat_s:
                continue
            told, quiet_s = self._progress, 0.0
            try:
                self._last = self._beat(told)
            except OperationalError as error:
                # the lease outlives some missed beats; the fence judges at the finish
                log.warning("a beat failed: %s", type(error.orig).__name__)
            if not self._last.is_mine:
                return
