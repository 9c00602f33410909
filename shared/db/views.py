"""What people are shown of tenants, apps, schedules and jobs, as JSON-ready dictionaries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from shared.db.tables import apps, job_events, jobs, schedules, tenants
from shared.domain.counts import count_totals
from shared.domain.recurrence import Recurrence
from shared.domain.states import UNFINISHED

Shown = dict[str, Any]


def iso(at: datetime | None) -> str | None:
    """Return an instant as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def list_tenants(connection: Connection, tenant_ids: Collection[int] | None = None) -> list[Shown]:
    """Return tenants by name, of these ids; None: all."""
    query = select(tenants).order_by(tenants.c.name)
    if tenant_ids is not None:
        query = query.where(tenants.c.id.in_(tenant_ids))
    return [show_tenant(row) for row in connection.execute(query)]


def show_tenant(row: Row[Any]) -> Shown:
    """Return a tenant."""
    return {
        "tenant": row.name,
        "zone": row.zone,
        "suspended_at": iso(row.suspended_at),
        "suspended_reason": row.suspended_reason,
        "max_concurrent": row.max_concurrent,
        "rollover": show_rollover(row),
    }


def show_rollover(row: Row[Any]) -> Shown | None:
    """Return a tenant's rollover, None: none is set."""
    if row.rollover_scope is None:
        return None
    return {
        "suspend": row.rollover_scope,
        "from": iso(row.rollover_from),
        "until": iso(row.rollover_until),
    }


def list_apps(
    connection: Connection,
    tenant: str | None = None,
    *,
    tenant_ids: Collection[int] | None = None,
) -> list[Shown]:
    """Return apps by tenant and place; their configs without secrets."""
    other = apps.alias("other")
    query = (
        select(apps, tenants.c.name.label("tenant"), other.c.name.label("after"))
        .join(tenants, tenants.c.id == apps.c.tenant_id)
        .join(other, other.c.id == apps.c.after_app_id, isouter=True)
        .where(apps.c.removed_at.is_(None))
        .order_by(tenants.c.name, apps.c.position)
    )
    if tenant is not None:
        query = query.where(tenants.c.name == tenant)
    if tenant_ids is not None:
        query = query.where(tenants.c.id.in_(tenant_ids))
    rows = connection.execute(query).all()
    is_all = tenant is None and tenant_ids is None
    upcoming = next_runs(connection, None if is_all else [row.id for row in rows])
    return [
        {
            "app": f"{row.tenant}/{row.name}",
            "connector": row.connector,
            "tier": row.tier,
            "modes": row.modes,
            "position": row.position,
            "after": row.after,
            "upstream_failed": row.upstream_failed,
            "config": row.config,
            "has_secrets": row.secrets is not None,
            "paused_at": iso(row.paused_at),
            "paused_reason": row.paused_reason,
            "last_outcome": row.last_outcome,
            "next_run_at": iso(upcoming.get(row.id)),
        }
        for row in rows
    ]


def next_runs(connection: Connection, app_ids: Collection[int] | None) -> Mapping[int, datetime]:
    """Return when apps run next by their schedules, by app id; None: of all apps."""
    query = (
        select(schedules.c.app_id, func.min(schedules.c.next_run_at).label("at"))
        .where(schedules.c.removed_at.is_(None), schedules.c.next_run_at.is_not(None))
        .group_by(schedules.c.app_id)
    )
    if app_ids is not None:
        query = query.where(schedules.c.app_id.in_(app_ids))
    return {row.app_id: row.at for row in connection.execute(query)}


def list_schedules(
    connection: Connection,
    app_id: int | None = None,
    *,
    tenant_ids: Collection[int] | None = None,
) -> list[Shown]:
    """Return schedules by app and mode: of one app, of tenants by their ids, or all."""
    query = (
        select(schedules, tenants.c.name.label("tenant"), apps.c.name.label("name"))
        .join(apps, apps.c.id == schedules.c.app_id)
        .join(tenants, tenants.c.id == schedules.c.tenant_id)
        .where(schedules.c.removed_at.is_(None))
        .order_by(tenants.c.name, apps.c.position, schedules.c.mode)
    )
    if app_id is not None:
        query = query.where(schedules.c.app_id == app_id)
    if tenant_ids is not None:
        query = query.where(schedules.c.tenant_id.in_(tenant_ids))
    return [
        {
            "app": f"{row.tenant}/{row.name}",
            "mode": row.mode,
            "recurrence": row.recurrence,
            "description": Recurrence.from_json(row.recurrence).describe(),
            "next_run_at": iso(row.next_run_at),
            "next_wall": row.next_wall,
            "ended_at": iso(row.ended_at),
            "ended_on": ended_on(row.recurrence, row.ended_at),
        }
        for row in connection.execute(query)
    ]


def ended_on(recurrence: Mapping[str, Any], ended_at: datetime | None) -> str | None:
    """Return the last date of a schedule that has ended, in its zone; None: it has not.

    Args:
        recurrence: as `Recurrence.to_json` wrote it.
        ended_at: when it was seen that no run is left.
    """
    if ended_at is None:
        return None
    if recurrence.get("until"):
        return str(recurrence["until"])
    return str(ended_at.astimezone(ZoneInfo(recurrence["zone"])).date())


def list_jobs(
    connection: Connection,
    *,
    tenant: str | None = None,
    tenant_ids: Collection[int] | None = None,
    app_id: int | None = None,
    state: str | None = None,
    limit: int = 50,
) -> list[Shown]:
    """Return jobs, newest first; `state` may also be `unfinished`."""
    query = jobs_shown().order_by(jobs.c.id.desc()).limit(limit)
    if tenant is not None:
        query = query.where(tenants.c.name == tenant)
    if tenant_ids is not None:
        query = query.where(jobs.c.tenant_id.in_(tenant_ids))
    if app_id is not None:
        query = query.where(jobs.c.app_id == app_id)
    if state is not None:
        wanted = sorted(UNFINISHED) if state == "unfinished" else [state]
        query = query.where(jobs.c.state.in_(wanted))
    return [job_shown(row) for row in connection.execute(query)]


def show_job(connection: Connection, job_id: int) -> Shown | None:
    """Return a job with its history, None: there is none."""
    row = connection.execute(
        jobs_shown(jobs.c.certificate, jobs.c.plan).where(jobs.c.id == job_id)
    ).one_or_none()
    if row is None:
        return None
    history = connection.execute(
        select(job_events).where(job_events.c.job_id == job_id).order_by(job_events.c.id)
    )
    return {
        **job_shown(row),
        "certificate": row.certificate,
        "plan": row.plan,
        "approval_id": row.approval_id,
        "events": [
            {
                "from": event.from_state,
                "to": event.to_state,
                "attempt": event.attempt,
                "actor": event.actor,
                "reason": event.reason,
                "at": iso(event.at),
            }
            for event in history
        ],
    }


#: What is shown of a job in a list; its certificate and its plan may be large.
_IN_A_LIST = tuple(column for column in jobs.c if column.name not in {"certificate", "plan"})


def jobs_shown(*columns: ColumnElement[Any]) -> Select[Any]:
    """Return a query of what `job_shown` shows of jobs, and further columns of theirs."""
    return (
        select(
            *_IN_A_LIST,
            *columns,
            tenants.c.name.label("tenant"),
            apps.c.name.label("app"),
            apps.c.connector.label("connector"),
        )
        .join(apps, apps.c.id == jobs.c.app_id)
        .join(tenants, tenants.c.id == jobs.c.tenant_id)
    )


def job_shown(row: Row[Any]) -> Shown:
    """Return a job of `jobs_shown` as it is listed."""
    return {
        "id": row.id,
        "tenant": row.tenant,
        "app": f"{row.tenant}/{row.app}",
        "connector": row.connector,
        "tier": row.tier,
        "mode": row.mode,
        "trigger": row.trigger,
        "state": row.state,
        "reason": row.reason,
        "attempt": row.attempt,
        "failures": row.failures,
        "wave": row.wave,
        "last_wave": row.last_wave,
        "asked_by": row.asked_by,
        "worker": row.worker,
        "progress": row.progress,
        "due_at": iso(row.due_at),
        "not_before": iso(row.not_before),
        "cancel_requested_at": iso(row.cancel_requested_at),
        "deadline_at": iso(row.deadline_at),
        "queued_at": iso(row.queued_at),
        "started_at": iso(row.started_at),
        "finished_at": iso(row.finished_at),
        "duration_s": duration_s(row.started_at, row.finished_at),
        "counts": row.counts,
        "totals": asdict(count_totals(row.counts)),
    }


def duration_s(started_at: datetime | None, finished_at: datetime | None) -> float | None:
    """Return how long a job has run in seconds; None: it never began, or has not ended."""
    if started_at is None or finished_at is None:
        return None
    return round((finished_at - started_at).total_seconds(), 3)
