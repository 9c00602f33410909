"""Waiting for jobs: in this process where nothing else runs them, else by looking again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

from console.cli.output import stderr
from console.cli.session import Session
from shared.db import asking, views
from shared.db.why import why_job
from shared.domain.states import UNFINISHED, JobState

#: Seconds between two looks at whether it is so by now.
POLL_S = 0.25
#: Seconds between two looks at why it is not.
LOOK_S = 1.0


def wait_until(session: Session, is_done: Callable[[], bool]) -> None:
    """Wait until something is so; with the embedded broker, run what is to be run meanwhile.

    Raises:
        BellringerError: a thread has died, so that it will never be.
    """
    if session.settings.is_embedded_broker:
        # scheduler, workers and all that they need: imported where they run
        from console.embedded import Embedded

        with Embedded(session.settings, session.database) as embedded:
            embedded.wait(is_done)
        return
    pause = threading.Event()
    while not is_done():
        pause.wait(POLL_S)


def wait_for_jobs(
    session: Session, job_ids: Collection[int], timeout_s: float | None = None
) -> str | None:
    """Wait until these jobs have ended; on standard error, say what for whenever that changes.

    Args:
        session: whose database and settings.
        job_ids: which, upstream first; unknown ones count as ended.
        timeout_s: how long; None: for ever.

    Returns:
        What was waited for still when the time was over; None: all have ended.

    Raises:
        BellringerError: see `wait_until`.
    """
    waiting = _Waiting(session, job_ids, timeout_s)
    wait_until(session, waiting.is_over)
    return waiting.gave_up


def warn_unless_it_runs(session: Session) -> None:
    """Tell who does not wait that nobody else runs the job."""
    if session.settings.is_embedded_broker:
        stderr.print(
            "The job is kept. Nothing runs it until you wait for it (--wait), or set"
            " BELLRINGER_BROKER_URL and start a scheduler and workers.",
            markup=False,
        )


class _Waiting:
    """What one wait has seen and told so far."""

    def __init__(self, session: Session, job_ids: Collection[int], timeout_s: float | None) -> None:
        self._session = session
        self._job_ids = job_ids
        self._timeout_s = timeout_s
        self._is_embedded = session.settings.is_embedded_broker
        self._started = time.monotonic()
        self._look_at = self._started + LOOK_S
        self._told: str | None = None
        self.gave_up: str | None = None

    def is_over(self) -> bool:
        """Whether all have ended, or the time is over."""
        with self._session.database.read() as connection:
            states = views.job_states(connection, self._job_ids)
        left = [job_id for job_id in self._job_ids if states.get(job_id) in UNFINISHED]
        if not left:
            return True
        now = time.monotonic()
        if self._timeout_s is not None and now - self._started >= self._timeout_s:
            self.gave_up = f"after {self._timeout_s:g} s, {self._why(left[0])}"
            return True
        # in embedded mode this process takes what is queued: nobody need start a worker
        is_ours = self._is_embedded and states[left[0]] is JobState.QUEUED
        if now >= self._look_at and not is_ours:
            self._look_at = now + LOOK_S
            # the first holds the others back, or is told of before them
            self._tell(self._why(left[0]))
        return False

    def _why(self, job_id: int) -> str:
        tenant_id = asking.tenant_of(self._session.gate, job_id)
        return why_job(self._session.database, tenant_id, job_id, with_progress=False).sentence

    def _tell(self, reason: str) -> None:
        if reason != self._told:
            self._told = reason
            stderr.print(reason, markup=False, soft_wrap=True)
