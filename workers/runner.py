"""The runner: claim, beat, procedure, finish (T3, T4). It alone maps errors to outcomes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from shared.broker.relay import Relay
from shared.db import claiming
from shared.db.claiming import Assignment, Outcome, Refusal, Terms
from shared.db.gate import Gate
from shared.domain.states import JobState, Tier
from shared.errors import (
    BellringerError,
    ConflictError,
    ConnectorError,
    TransientConnectorError,
)
from shared.messages import Publication
from workers.control import (
    CancelledError,
    Control,
    LeaseLostError,
    OverdueError,
    ShuttingDownError,
)
from workers.folders import fresh_folder

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Apply = Callable[[Connection], Outcome]

#: Waits between tries to reach a database that is down, in seconds; the last one repeats.
DATABASE_WAITS_S = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Work:
    """What a procedure works with."""

    assignment: Assignment
    gate: Gate
    control: Control
    #: An empty folder of this attempt's own, removed after it.
    folder: Path


#: A tier's procedure: does the long work outside any transaction, returns what T4 applies.
Procedure = Callable[[Work], Apply]


class Runner:
    """Runs one job at a time in each thread that calls it.

    Args:
        gate: of the database.
        relay: publishes what a commit causes.
        procedures: by tier.
        terms: lease, deadline and retries.
        beat_s: seconds between two beats.
        worker: this process, as `HOST:PID`.
        work_dir: where each attempt gets a folder.
        stopping: set when the process shuts down.
    """

    def __init__(
        self,
        gate: Gate,
        relay: Relay,
        procedures: Mapping[Tier, Procedure],
        *,
        terms: Terms,
        beat_s: float,
        worker: str,
        work_dir: Path,
        stopping: threading.Event,
    ) -> None:
        self._gate = gate
        self._relay = relay
        self._procedures = procedures
        self._terms = terms
        self._beat_s = beat_s
        self._worker = worker
        self._work_dir = work_dir
        self._stopping = stopping

    def run(self, job_id: int) -> None:
        """Run a job that a message named. Returns in any case but a shutdown before the claim."""
        worker = f"{self._worker}:{threading.get_ident()}"
        claim = partial(claiming.claim, self._gate, job_id, worker=worker, terms=self._terms)
        try:
            claimed, publications = self._patiently(claim)
        except OperationalError:
            # the message is done with, the job is not: it is queued still, and the sweep knows
            log.warning("job %d was not claimed: the database is down, and we stop", job_id)
            return
        self._relay.publish_now(publications)
        if isinstance(claimed, Refusal):
            log.info("job %d was not claimed: %s", job_id, claimed.reason)
            return
        log.info("job %d, attempt %d: %s starts", job_id, claimed.attempt, claimed.connector)
        try:
            self._relay.publish_now(self._work(claimed))
        except (ConflictError, LeaseLostError) as error:
            log.warning("job %d, attempt %d: dropped: %s", job_id, claimed.attempt, error)
        except OperationalError:
            log.warning("job %d: the database is down, and we stop; its lease ends", job_id)

    def _work(self, assignment: Assignment) -> list[Publication]:
        """Run the procedure and end the attempt; returns what is to be relayed."""
        beat = partial(self._beat, assignment)
        with Control(beat, self._beat_s, self._stopping) as control:
            try:
                return self._succeed(assignment, control)
            except (ConflictError, LeaseLostError):
                raise
            # every way in which a procedure can end badly is mapped here, and nowhere else
            except Exception as error:  # noqa: BLE001
                return self._patiently(partial(self._end_badly, assignment, error))

    def _succeed(self, assignment: Assignment, control: Control) -> list[Publication]:
        folder = self._work_dir / f"job-{assignment.job_id}-{assignment.attempt}"
        with fresh_folder(folder):
            work = Work(assignment, self._gate, control, folder)
            apply = self._procedures[assignment.tier](work)
            control.checkpoint()
            finish = partial(claiming.finish, self._gate, assignment, apply)
            return self._patiently(finish, until=control)

    def _end_badly(self, assignment: Assignment, error: Exception) -> list[Publication]:
        fail = partial(claiming.fail, self._gate, assignment)
        retry = partial(claiming.retry_later, self._gate, assignment, terms=self._terms)
        match error:
            case CancelledError():
                return fail(reason=str(error), state=JobState.CANCELLED)
            case OverdueError():
                return fail(reason=str(error))
            case ShuttingDownError():
                return claiming.give_back(self._gate, assignment)
            case TransientConnectorError():
                log.warning("job %d will be tried again: %s", assignment.job_id, error)
                return retry(reason=error.user_message, retry_after_s=error.retry_after_s)
            case OperationalError():
                log.warning("job %d will be tried again: the database failed", assignment.job_id)
                return retry(reason="the database could not be reached", retry_after_s=None)
            case ConnectorError():
                log.error("job %d failed: %s", assignment.job_id, error)
                return fail(reason=error.user_message)
            case BellringerError():
                log.error("job %d failed: %s", assignment.job_id, error)
                return fail(reason=str(error))
            case _:
                log.error("job %d failed on a bug", assignment.job_id, exc_info=error)
                return fail(reason=f"internal error: {type(error).__name__}; see the worker's log")

    def _beat(self, assignment: Assignment, progress: dict[str, Any] | None) -> claiming.Beat:
        return claiming.beat(self._gate, assignment, lease_s=self._terms.lease_s, progress=progress)

    def _patiently(self, step: Callable[[], Result], until: Control | None = None) -> Result:
        """Do a transaction again while the database cannot be reached.

        The lease bounds the patience: with `until`, a lost lease ends it.
        """
        waits_s = chain(DATABASE_WAITS_S, repeat(DATABASE_WAITS_S[-1]))
        while True:
            try:
                return step()
            except OperationalError as error:
                log.warning("the database failed (%s); again", type(error.orig).__name__)
                if self._stopping.wait(next(waits_s)):
                    raise
                if until is not None:
                    until.checkpoint()
