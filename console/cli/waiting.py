"""Waiting for jobs: in this process where nothing else runs them, else by looking again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from console.cli.output import stderr
from console.cli.session import Session
from console.embedded import Embedded
from shared.db import views
from shared.domain.states import UNFINISHED


def wait_until(session: Session, is_done: Callable[[], bool]) -> None:
    """Wait until something is so; with the embedded broker, run what is to be run meanwhile.

    Raises:
        BellringerError: a thread has died, so that it will never be.
    """
    if session.settings.is_embedded_broker:
        with Embedded(session.settings, session.database) as embedded:
            embedded.wait(is_done)
        return
    pause = threading.Event()
    while not is_done():
        pause.wait(0.25)


def wait_for_jobs(session: Session, job_ids: Collection[int]) -> None:
    """Wait until these jobs have ended; see `wait_until`."""

    def is_done() -> bool:
        with session.database.read() as connection:
            found = [views.show_job(connection, job_id) for job_id in job_ids]
        return all(job is None or job["state"] not in UNFINISHED for job in found)

    wait_until(session, is_done)


def warn_unless_it_runs(session: Session) -> None:
    """Tell who does not wait that nobody else runs the job."""
    if session.settings.is_embedded_broker:
        stderr.print(
            "The job is kept. Nothing runs it until you wait for it (--wait), or set"
            " BELLRINGER_BROKER_URL and start a scheduler and workers.",
            markup=False,
        )
