"""Why: the one reason why an app or a job has not run, and when it will."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from shared.db.engine import Database
from shared.db.gate import TenantView, load
from shared.db.tables import apps, jobs, schedules
from shared.db.tenants import removals_suspended
from shared.domain.states import JobState, Tier
from shared.domain.tiers import Hold, Release, Skip, decide
from shared.domain.waiting import describe_hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The answer to a `why`.

    Attributes:
        app: `TENANT/NAME`.
        job: the job that the answer is about; None: the app has no unfinished job.
        state: that job's state, or the last one's.
        reason: one sentence.
        waits_for: the job that it waits for.
        next_run_at: the app's next slot; None: no schedule will fire.
    """

    app: str
    job: int | None
    state: str | None
    reason: str
    waits_for: int | None
    next_run_at: datetime | None

    @property
    def sentence(self) -> str:
        """The reason with its subject."""
        subject = f"job {self.job} of {self.app}" if self.job else self.app
        return f"{subject} {self.reason}"


def why_app(database: Database, tenant_id: int, app_id: int) -> Why:
    """Say why an app is not running now: its first unfinished job's reason, or its schedule's."""
    with database.read() as connection:
        tenant = load(connection, [tenant_id], database.now(connection))[tenant_id]
        own = sorted(
            (job for job in tenant.jobs.values() if job.app_id == app_id),
            key=lambda job: (job.wave, job.id),
        )
        if own:
            return _why_job(connection, database, tenant, own[0].id)
        return _why_idle(connection, tenant, app_id, database.now(connection))


def why_job(database: Database, tenant_id: int, job_id: int, *, with_progress: bool = True) -> Why:
    """Say why a job has not started, or how it ended.

    Args:
        database: where the job is.
        tenant_id: whose it is.
        job_id: which.
        with_progress: also tell how far what runs is; without it, the same reason stays the same.
    """
    with database.read() as connection:
        tenant = load(connection, [tenant_id], database.now(connection))[tenant_id]
        return _why_job(connection, database, tenant, job_id, with_progress=with_progress)


def _why_job(
    connection: Connection,
    database: Database,
    tenant: TenantView,
    job_id: int,
    *,
    with_progress: bool = True,
) -> Why:
    row = connection.execute(
        select(jobs, apps.c.name.label("app"))
        .join(apps, apps.c.id == jobs.c.app_id)
        .where(jobs.c.id == job_id)
    ).one()
    reason, on = _reason(row, tenant, database.now(connection), with_progress=with_progress)
    return Why(
        app=f"{tenant.name}/{row.app}",
        job=job_id,
        state=row.state,
        reason=reason,
        waits_for=on,
        next_run_at=_next_run_at(connection, row.app_id),
    )


def _reason(
    row: Row[Any], tenant: TenantView, now: datetime, *, with_progress: bool
) -> tuple[str, int | None]:
    match JobState(row.state):
        case JobState.HELD:
            return _held(row, tenant, now, with_progress=with_progress)
        case JobState.QUEUED:
            return (
                f"is queued since {row.queued_at:%Y-%m-%dT%H:%M:%SZ}: the next free worker of tier"
                f" {row.tier} takes it; if none does, start one: bellringer worker --tier"
                f" {row.tier}"
            ), None
        case JobState.RUNNING:
            job = tenant.jobs.get(row.id)
            told = ""
            if with_progress and job is not None and job.percent is not None:
                told = f", {job.percent} %"
            if row.cancel_requested_at is not None:
                at = f"{row.cancel_requested_at:%Y-%m-%dT%H:%M:%SZ}"
                told += f", asked to stop at {at}: it does at its next beat"
            return f"is running, attempt {row.attempt}{told}", None
        case state:
            return f"{state} at {row.finished_at:%Y-%m-%dT%H:%M:%SZ}" + (
                f": {row.reason}" if row.reason else ""
            ), None


def _held(
    row: Row[Any], tenant: TenantView, now: datetime, *, with_progress: bool
) -> tuple[str, int | None]:
    for decision in decide(tenant.jobs.values(), tenant.apps, tenant.policy, now):
        if decision.job_id != row.id:
            continue
        match decision:
            case Hold():
                told = describe_hold(
                    decision, tenant.jobs, tenant.apps, tenant.zone, with_progress=with_progress
                )
                if decision.until is not None and row.reason:
                    told += f"; the last try failed: {row.reason}"
                return told, decision.on
            case Skip(_, reason):
                return f"is about to be skipped: {reason}", None
            case Release():
                return "may start: the scheduler queues it in a moment", None
    return row.reason or "waits for its turn", None


def _why_idle(connection: Connection, tenant: TenantView, app_id: int, now: datetime) -> Why:
    app = tenant.apps[app_id]
    next_run_at = _next_run_at(connection, app_id)
    last = connection.execute(
        select(jobs.c.id, jobs.c.state, jobs.c.reason, jobs.c.finished_at)
        .where(jobs.c.app_id == app_id)
        .order_by(jobs.c.id.desc())
        .limit(1)
    ).one_or_none()
    closed = app.closed or tenant.policy.closed.get(app.tier)
    if closed:
        reason = f"takes no jobs: {closed}"
    elif next_run_at is not None:
        reason = f"is not due before {next_run_at:%Y-%m-%dT%H:%M:%SZ}"
    else:
        reason = _unscheduled(connection, app_id)
    if last is not None:
        told = f" ({last.reason})" if last.reason else ""
        reason += f"; its last job, {last.id}, {last.state}{told}"
    suspended = removals_suspended(connection, tenant.id, now)
    if suspended is not None and suspended != closed and app.tier is not Tier.EXPORT:
        reason += f"; it removes nothing now: {suspended}"
    return Why(
        app=f"{tenant.name}/{app.name}",
        job=None,
        state=last.state if last else None,
        reason=reason,
        waits_for=None,
        next_run_at=next_run_at,
    )


def _unscheduled(connection: Connection, app_id: int) -> str:
    ended = connection.execute(
        select(schedules.c.ended_at)
        .where(
            schedules.c.app_id == app_id,
            schedules.c.removed_at.is_(None),
            schedules.c.ended_at.is_not(None),
        )
        .order_by(schedules.c.ended_at.desc())
    ).scalar()
    if ended is not None:
        return f"its schedule ended on {ended:%Y-%m-%d}"
    return "has no schedule: set one with bellringer schedules set, or use run-now"


def _next_run_at(connection: Connection, app_id: int) -> datetime | None:
    found: datetime | None = connection.execute(
        select(schedules.c.next_run_at)
        .where(schedules.c.app_id == app_id, schedules.c.next_run_at.is_not(None))
        .order_by(schedules.c.next_run_at)
        .limit(1)
    ).scalar()
    return found
