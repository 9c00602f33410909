"""A worker's transactions: T3 claim, T3h beat, T4 finish, and the ends that are none of success.

The fence is the attempt: whoever no longer has it changes nothing. `finish` and its like take the
tenant's lock last, just before the job's, so that a large apply does not stop the tenant's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from shared.db import jobs as job_table
from shared.db.gate import Gate, Locked
from shared.db.tables import apps, jobs, tenants
from shared.domain.counts import count_totals
from shared.domain.retry import retry_delay_s
from shared.domain.states import JobState, Mode, Tier, Trigger
from shared.domain.tiers import Hold, Release, Skip, judge_claim
from shared.domain.waiting import describe_hold, describe_release
from shared.errors import ConflictError
from shared.messages import Publication


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long, how often and how far apart a job may be tried."""

    lease_s: float = 60
    deadline_s: float = 6 * 3600
    max_failures: int = 5
    retry_base_s: float = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A claimed job with all that its worker needs; `attempt` is the fence."""

    job_id: int
    attempt: int
    tenant_id: int
    tenant: str
    app_id: int
    app: str
    connector: str
    tier: Tier
    mode: Mode
    trigger: Trigger
    #: The approval that it carries out.
    approval_id: int | None
    wave: int
    config: Mapping[str, Any]
    secrets: str | None
    cursor: str | None
    position: int
    deadline_at: datetime
    #: What its success should say: that an upstream run had failed.
    note: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a job was not claimed, for the log; its message is done with."""

    reason: str


@dataclass(frozen=True, slots=True)
class Beat:
    """What a beat learned.

    Attributes:
        is_mine: whether the lease still holds; if not, stop at once and write nothing.
        is_cancelled: whether a person wants it to end.
        is_overdue: whether its deadline has passed.
    """

    is_mine: bool
    is_cancelled: bool = False
    is_overdue: bool = False


def claim(
    gate: Gate, job_id: int, *, worker: str, terms: Terms
) -> tuple[Assignment | Refusal, list[Publication]]:
    """T3: take a queued job, if the rules still let it start. Commits.

    Idempotent against doubled messages: a job that is not queued is refused and left alone.

    Returns:
        The assignment, or why there is none; and the publications to be relayed.
    """
    with gate.database.read() as connection:
        tenant_id = connection.execute(
            select(jobs.c.tenant_id).where(jobs.c.id == job_id)
        ).scalar_one_or_none()
    if tenant_id is None:
        return Refusal("there is no such job"), []
    with gate.locked([tenant_id]) as locked:
        job = job_table.lock(locked.connection, [job_id])[job_id]
        if job.state != JobState.QUEUED:
            return Refusal(f"it is {job.state}"), []
        verdict = _judge(locked, job)
        if isinstance(verdict, Refusal):
            locked.decide("worker")
            return verdict, locked.publications
        return _start(locked, job, verdict, worker, terms), locked.publications


def beat(
    gate: Gate,
    assignment: Assignment,
    *,
    lease_s: float,
    progress: Mapping[str, Any] | None,
) -> Beat:
    """T3h: extend the lease and write the progress. Commits; takes no tenant's lock."""
    with gate.database.write() as connection:
        now = gate.database.now(connection)
        row = connection.execute(
            update(jobs)
            .where(
                jobs.c.id == assignment.job_id,
                jobs.c.attempt == assignment.attempt,
                jobs.c.state == JobState.RUNNING,
            )
            .values(lease_until=now + timedelta(seconds=lease_s), progress=progress)
            .returning(jobs.c.cancel_requested_at, jobs.c.deadline_at)
        ).one_or_none()
    if row is None:
        return Beat(is_mine=False)
    return Beat(
        is_mine=True,
        is_cancelled=row.cancel_requested_at is not None,
        is_overdue=row.deadline_at is not None and row.deadline_at <= now,
    )


def check_fence(connection: Connection, assignment: Assignment) -> None:
    """See, without a lock, that the job is still this attempt's.

    Raises:
        ConflictError: it is not.
    """
    row = connection.execute(
        select(jobs.c.state, jobs.c.attempt).where(jobs.c.id == assignment.job_id)
    ).one()
    if row.state != JobState.RUNNING or row.attempt != assignment.attempt:
        raise ConflictError(f"job {assignment.job_id} is no longer attempt {assignment.attempt}'s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a procedure brings to the finish.

    Attributes:
        counts: by kind, counts of what happened.
        reason: what a person should know of a success, None mostly.
        cursor: the app's new cursor; None leaves the old one.
        scope: the app's new scope; None leaves the old one.
        certificate: the read's certificate, to keep with the job.
        plan: what the plan was, to keep with the job.
    """

    counts: Mapping[str, Any]
    reason: str | None = None
    cursor: str | None = None
    scope: str | None = None
    certificate: Mapping[str, Any] | None = None
    plan: Mapping[str, Any] | None = None


def finish(
    gate: Gate, assignment: Assignment, apply: Callable[[Connection], Outcome]
) -> list[Publication]:
    """T4: commit the roster change, the cursor, the counts, the end and its event together.

    Args:
        gate: of the database.
        assignment: the claimed job.
        apply: makes the roster change in the transaction that it is handed. It takes the tenant's
            hub lock first, and then looks at the fence (`check_fence`).

    Raises:
        ConflictError: the fence is lost; everything is rolled back.
    """
    with gate.database.write() as connection:
        outcome = apply(connection)
        locked = gate.lock_in(connection, [assignment.tenant_id])
        won = locked.end(
            [assignment.job_id],
            JobState.RUNNING,
            JobState.SUCCEEDED,
            actor="worker",
            reason=outcome.reason or assignment.note,
            fence=assignment.attempt,
            counts=outcome.counts,
            certificate=outcome.certificate,
            plan=outcome.plan,
        )
        if not won:
            raise ConflictError(f"job {assignment.job_id} was taken from its worker")
        values: dict[str, object] = {
            name: value
            for name, value in (("cursor", outcome.cursor), ("scope", outcome.scope))
            if value is not None
        }
        if outcome.certificate is not None:
            values["last_read_job"] = assignment.job_id
            values["last_quarantined"] = count_totals(outcome.counts).quarantined
        job_table.note_outcome(connection, assignment, JobState.SUCCEEDED, **values)
    return locked.publications


def fail(
    gate: Gate,
    assignment: Assignment,
    *,
    reason: str,
    state: JobState = JobState.FAILED,
) -> list[Publication]:
    """End a claimed job as failed or cancelled; a cancelled one says who wanted it. Commits.

    Raises:
        ConflictError: the fence is lost.
    """
    with _fenced(gate, assignment) as (locked, job):
        if state is JobState.CANCELLED and job.cancel_requested_at is not None:
            _end_cancelled(locked, job)
        else:
            locked.end([job.id], JobState.RUNNING, state, actor="worker", reason=reason)
            job_table.note_outcome(locked.connection, job, state)
    return locked.publications


def retry_later(
    gate: Gate,
    assignment: Assignment,
    *,
    reason: str,
    terms: Terms,
    retry_after_s: float | None,
) -> list[Publication]:
    """After a transient failure: hold the job until its next try, or fail it. Commits.

    It keeps its place as the app's first job, and holds back what is downstream.

    Raises:
        ConflictError: the fence is lost.
    """
    with _fenced(gate, assignment) as (locked, job):
        if job.cancel_requested_at is not None:
            _end_cancelled(locked, job)
            return locked.publications
        failures = job.failures + 1
        delay_s = retry_delay_s(
            failures,
            base_s=terms.retry_base_s,
            retry_after_s=retry_after_s,
            spread=assignment.job_id % 97 / 97,
        )
        not_before = locked.now + timedelta(seconds=delay_s)
        if failures >= terms.max_failures or not_before >= job.deadline_at:
            told = f"{reason} (failure {failures} of {terms.max_failures})"
            locked.end(
                [job.id],
                JobState.RUNNING,
                JobState.FAILED,
                actor="worker",
                reason=told,
                failures=failures,
            )
            job_table.note_outcome(locked.connection, job, JobState.FAILED)
        else:
            job_table.transition(
                locked.connection,
                [job.id],
                JobState.RUNNING,
                JobState.HELD,
                actor="worker",
                at=locked.now,
                reason=reason,
                failures=failures,
                not_before=not_before,
            )
    return locked.publications


def give_back(gate: Gate, assignment: Assignment) -> list[Publication]:
    """Queue a claimed job again, with a new message: its worker shuts down. No failure. Commits.

    Raises:
        ConflictError: the fence is lost.
    """
    with _fenced(gate, assignment) as (locked, job):
        if job.cancel_requested_at is not None:
            _end_cancelled(locked, job)
        else:
            requeue(locked, job, actor="worker", reason="given back: the worker shuts down")
    return locked.publications


def requeue(locked: Locked, job: Row[Any], *, actor: str, reason: str, **values: object) -> None:
    """Queue a running job again, with a new message."""
    job_table.transition(
        locked.connection,
        [job.id],
        JobState.RUNNING,
        JobState.QUEUED,
        actor=actor,
        at=locked.now,
        reason=reason,
        **values,  # type: ignore[arg-type]
    )
    locked.publish_job(job.id, Tier(job.tier), attempt=job.attempt)


def _end_cancelled(locked: Locked, job: Row[Any]) -> None:
    """End a running job that a person wants to end, with the reason that they left on it."""
    locked.end([job.id], JobState.RUNNING, JobState.CANCELLED, actor="worker", reason=job.reason)
    job_table.note_outcome(locked.connection, job, JobState.CANCELLED)


@contextmanager
def _fenced(gate: Gate, assignment: Assignment) -> Iterator[tuple[Locked, Row[Any]]]:
    with gate.locked([assignment.tenant_id]) as locked:
        job = job_table.lock(locked.connection, [assignment.job_id])[assignment.job_id]
        if job.state != JobState.RUNNING or job.attempt != assignment.attempt:
            raise ConflictError(f"job {job.id} was taken from its worker")
        yield locked, job


def _judge(locked: Locked, job: Row[Any]) -> Release | Refusal:
    """Judge a queued job again; put it back, skip or fail it where the rules are against it."""
    tenant = locked.load()[job.tenant_id]
    verdict = judge_claim(job.id, tenant.jobs.values(), tenant.apps, tenant.policy, locked.now)
    if isinstance(verdict, Skip):
        locked.end(
            [job.id], JobState.QUEUED, JobState.SKIPPED, actor="worker", reason=verdict.reason
        )
        return Refusal(verdict.reason)
    is_overdue = job.deadline_at is not None and job.deadline_at <= locked.now
    if isinstance(verdict, Release) and not is_overdue:
        return verdict
    reason = (
        describe_hold(verdict, tenant.jobs, tenant.apps, tenant.zone)
        if isinstance(verdict, Hold)
        else "its deadline has passed"
    )
    job_table.transition(
        locked.connection,
        [job.id],
        JobState.QUEUED,
        JobState.HELD,
        actor="worker",
        at=locked.now,
        reason=reason,
    )
    if is_overdue:
        fail_overdue(locked, job, actor="worker")
    return Refusal(reason)


def fail_overdue(locked: Locked, job: Row[Any], *, actor: str) -> None:
    """End a held job whose deadline has passed."""
    locked.end(
        [job.id],
        JobState.HELD,
        JobState.FAILED,
        actor=actor,
        reason=f"its deadline passed after {job.attempt} attempts: {job.reason}",
    )
    job_table.note_outcome(locked.connection, job, JobState.FAILED)


def _start(
    locked: Locked, job: Row[Any], verdict: Release, worker: str, terms: Terms
) -> Assignment:
    deadline_at = job.deadline_at or locked.now + timedelta(seconds=terms.deadline_s)
    attempt = job.attempt + 1
    note = describe_release(verdict)
    job_table.transition(
        locked.connection,
        [job.id],
        JobState.QUEUED,
        JobState.RUNNING,
        actor="worker",
        at=locked.now,
        reason=note,
        attempt=attempt,
        worker=worker,
        lease_until=locked.now + timedelta(seconds=terms.lease_s),
        started_at=job.started_at or locked.now,
        deadline_at=deadline_at,
        progress=None,
    )
    row = locked.connection.execute(
        select(apps, tenants.c.name.label("tenant"))
        .join(tenants, tenants.c.id == apps.c.tenant_id)
        .where(apps.c.id == job.app_id)
    ).one()
    return Assignment(
        job_id=job.id,
        attempt=attempt,
        tenant_id=job.tenant_id,
        tenant=row.tenant,
        app_id=job.app_id,
        app=row.name,
        connector=row.connector,
        tier=Tier(job.tier),
        mode=Mode(job.mode),
        trigger=Trigger(job.trigger),
        approval_id=job.approval_id,
        wave=job.wave,
        config=row.config,
        secrets=row.secrets,
        cursor=row.cursor,
        position=row.position,
        deadline_at=deadline_at,
        note=note,
    )
