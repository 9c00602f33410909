"""The one place where a job is made and where its state changes, with the history that both leave.

Callers hold the lock of the job's tenant (`shared.db.gate`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from shared.db.tables import apps, job_events, jobs, tenants
from shared.domain.states import TRANSITIONS, JobState, Tier, Trigger
from shared.messages import JobEventData, Publication, job_event

#: What a state needs beside its name; None clears.
_ENTERED: Mapping[JobState, Mapping[str, Any]] = {
    JobState.HELD: {"queued_at": None},
    JobState.QUEUED: {"republished": 0, "republished_at": None, "not_before": None},
}


def create(
    connection: Connection, rows: Sequence[Mapping[str, Any]], *, actor: str, at: datetime
) -> list[int]:
    """Insert held jobs and their first history row.

    Args:
        connection: a transaction that holds the tenants' locks.
        rows: column → value, without state and `created_at`.
        actor: who makes them.
        at: the database's clock.

    Returns:
        Their ids, in the order of `rows`.
    """
    if not rows:
        return []
    made = [{**row, "state": JobState.HELD, "created_at": at} for row in rows]
    ids = list(
        connection.execute(
            insert(jobs).returning(jobs.c.id, sort_by_parameter_order=True), made
        ).scalars()
    )
    _record(connection, [(job_id, 0) for job_id in ids], None, JobState.HELD, actor, None, at)
    return ids


def transition(
    connection: Connection,
    job_ids: Collection[int],
    from_: JobState,
    to: JobState,
    *,
    actor: str,
    at: datetime,
    reason: str | None = None,
    fence: int | None = None,
    **values: object,
) -> set[int]:
    """Move jobs from one state to another, all in one statement, and write their history.

    Args:
        connection: a transaction that holds the tenants' locks.
        job_ids: which.
        from_: the state that each must be in.
        to: the state to enter.
        actor: who moves them.
        at: the database's clock.
        reason: why, for a person.
        fence: the attempt that each must be at; None: any.
        values: further columns to set.

    Returns:
        The ids that were moved; the others were not in `from_`, or behind another fence.

    Raises:
        ValueError: no job may make this move.
    """
    if to not in TRANSITIONS[from_]:
        raise ValueError(f"a job never goes from {from_} to {to}")
    if not job_ids:
        return set()
    entered: dict[str, Any] = {"state": to, "reason": reason, **_ENTERED.get(to, {}), **values}
    if to is JobState.QUEUED:
        entered["queued_at"] = at
    if to.is_ended:
        entered["finished_at"] = at
    if from_ is JobState.RUNNING:
        entered |= {"lease_until": None, "worker": None}
    moved = (
        update(jobs)
        .where(jobs.c.id.in_(job_ids), jobs.c.state == from_)
        .values(entered)
        .returning(jobs.c.id, jobs.c.attempt)
    )
    if fence is not None:
        moved = moved.where(jobs.c.attempt == fence)
    won = [(row.id, row.attempt) for row in connection.execute(moved)]
    _record(connection, won, from_, to, actor, reason, at)
    return {job_id for job_id, _ in won}


def explain(connection: Connection, reasons: Mapping[int, str]) -> None:
    """Set the reason of held jobs whose state does not change."""
    if reasons:
        connection.execute(
            update(jobs)
            .where(jobs.c.id == bindparam("b_id"), jobs.c.state == JobState.HELD)
            .values(reason=bindparam("b_reason")),
            [{"b_id": job_id, "b_reason": reason} for job_id, reason in reasons.items()],
        )


def lock(connection: Connection, job_ids: Collection[int]) -> dict[int, Row[Any]]:
    """Lock jobs by id, in order, and return their rows. The tenant's lock comes first."""
    query = (
        select(jobs)
        .where(jobs.c.id.in_(job_ids))
        .order_by(jobs.c.id)
        .with_for_update(key_share=True)
    )
    return {row.id: row for row in connection.execute(query)}


def ended_events(
    connection: Connection, job_ids: Collection[int], *, at: datetime
) -> list[Publication]:
    """Make the completion events of jobs that ended in this transaction; the caller puts them."""
    if not job_ids:
        return []
    query = (
        select(jobs, tenants.c.name.label("tenant"), apps.c.name.label("app"))
        .join(tenants, tenants.c.id == jobs.c.tenant_id)
        .join(apps, apps.c.id == jobs.c.app_id)
        .where(jobs.c.id.in_(job_ids))
        .order_by(jobs.c.id)
    )
    return [
        job_event(
            JobEventData(
                job=row.id,
                tenant_id=row.tenant_id,
                tenant=row.tenant,
                app=f"{row.tenant}/{row.app}",
                tier=Tier(row.tier),
                state=JobState(row.state),
                attempt=row.attempt,
                wave=row.wave,
            ),
            event_id=f"job-{row.id}-{row.state}",
            at=at,
        )
        for row in connection.execute(query)
    ]


class Ended(Protocol):
    """What is asked of a job that ends: a row, or what its worker was assigned."""

    @property
    def app_id(self) -> int:
        """Whose it is."""
        ...

    @property
    def wave(self) -> int:
        """Of its first request."""
        ...

    @property
    def trigger(self) -> str:
        """Why it exists."""
        ...


def note_outcome(connection: Connection, job: Ended, outcome: JobState, **values: object) -> None:
    """Write how an app's last run ended, and in which wave; `values` sets further columns.

    What shows a plan or carries out an approval is no run of the app: it leaves the row alone, so
    that it neither shuts a gate nor clears the failure of a run.
    """
    if Trigger(job.trigger).is_run:
        connection.execute(
            update(apps)
            .where(apps.c.id == job.app_id)
            .values(last_outcome=outcome, last_wave=job.wave, **values)
        )


def last_counts(connection: Connection, app_id: int) -> dict[str, Any] | None:
    """Return the counts of an app's last run that succeeded, None: it has had none."""
    found: dict[str, Any] | None = connection.execute(
        select(jobs.c.counts)
        .where(
            jobs.c.app_id == app_id,
            jobs.c.state == JobState.SUCCEEDED,
            jobs.c.trigger.in_([trigger for trigger in Trigger if trigger.is_run]),
        )
        .order_by(jobs.c.id.desc())
        .limit(1)
    ).scalar()
    return found


def _record(
    connection: Connection,
    moved: Sequence[tuple[int, int]],
    from_: JobState | None,
    to: JobState,
    actor: str,
    reason: str | None,
    at: datetime,
) -> None:
    if moved:
        connection.execute(
            insert(job_events),
            [
                {
                    "job_id": job_id,
                    "from_state": from_,
                    "to_state": to,
                    "attempt": attempt,
                    "actor": actor,
                    "reason": reason,
                    "at": at,
                }
                for job_id, attempt in moved
            ],
        )
