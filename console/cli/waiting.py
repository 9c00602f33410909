"""Waiting for jobs: in this process where nothing else runs them, else by looking again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

from console.cli.output import stderr
from console.service import jobs
from console.service.desk import Desk, LocalDesk
from shared.domain.states import JobState

#: Seconds between two looks at whether it is so by now.
POLL_S = 0.25
#: Seconds between two looks at why it is not.
LOOK_S = 1.0


#: A job by its tenant's name and its id.
Named = tuple[str, int]


def wait_until(desk: Desk, is_done: Callable[[], bool]) -> None:
    """Wait until something is so; with the embedded broker, run what is to be run meanwhile.

    Raises:
        BellringerError: a thread has died, so that it will never be.
    """
    if isinstance(desk, LocalDesk) and desk.means.settings.is_embedded_broker:
        # scheduler, workers and all that they need: imported where they run
        from console.embedded import Embedded

        with Embedded(desk.means.settings, desk.means.database) as embedded:
            embedded.wait(is_done)
        return
    pause = threading.Event()
    while not is_done():
        pause.wait(POLL_S)


def wait_for_jobs(
    desk: Desk, wanted: Collection[Named], timeout_s: float | None = None
) -> str | None:
    """Wait until these jobs have ended; on standard error, say what for whenever that changes.

    Args:
        desk: where they are.
        wanted: which, upstream first; unknown ones count as ended.
        timeout_s: how long; None: for ever.

    Returns:
        What was waited for still when the time was over; None: all have ended.

    Raises:
        BellringerError: see `wait_until`.
    """
    waiting = _Waiting(desk, wanted, timeout_s)
    wait_until(desk, waiting.is_over)
    return waiting.gave_up


def warn_unless_it_runs(desk: Desk) -> None:
    """Tell who does not wait that nobody else runs the job."""
    if isinstance(desk, LocalDesk) and desk.means.settings.is_embedded_broker:
        stderr.print(
            "The job is kept. Nothing runs it until you wait for it (--wait), start a console, or"
            " set BELLRINGER_BROKER_URL and start a scheduler and workers.",
            markup=False,
        )


class _Waiting:
    """What one wait has seen and told so far."""

    def __init__(self, desk: Desk, wanted: Collection[Named], timeout_s: float | None) -> None:
        self._desk = desk
        self._wanted = wanted
        self._timeout_s = timeout_s
        self._is_embedded = isinstance(desk, LocalDesk) and desk.means.settings.is_embedded_broker
        self._started = time.monotonic()
        self._look_at = self._started + LOOK_S
        self._told: str | None = None
        self.gave_up: str | None = None

    def is_over(self) -> bool:
        """Whether all have ended, or the time is over."""
        states = self._unfinished()
        left = [named for named in self._wanted if named[1] in states]
        if not left:
            return True
        now = time.monotonic()
        if self._timeout_s is not None and now - self._started >= self._timeout_s:
            self.gave_up = f"after {self._timeout_s:g} s, {self._why(left[0])}"
            return True
        # in embedded mode this process takes what is queued: nobody need start a worker
        is_ours = self._is_embedded and states[left[0][1]] == JobState.QUEUED
        if now >= self._look_at and not is_ours:
            self._look_at = now + LOOK_S
            # the first holds the others back, or is told of before them
            self._tell(self._why(left[0]))
        return False

    def _unfinished(self) -> dict[int, str]:
        """Return the states of the tenants' jobs that have not ended, by id."""
        tenants = dict.fromkeys(tenant for tenant, _ in self._wanted)
        return {
            job["id"]: job["state"]
            for tenant in tenants
            for job in self._desk.call(
                jobs.list_jobs, tenant=tenant, state="unfinished", limit=10_000
            )
        }

    def _why(self, named: Named) -> str:
        tenant, job = named
        answer = self._desk.call(jobs.explain_job, tenant=tenant, job=job, with_progress=False)
        return str(answer["sentence"])

    def _tell(self, reason: str) -> None:
        if reason != self._told:
            self._told = reason
            stderr.print(reason, markup=False, soft_wrap=True)
