"""A tenant's home: its apps in their order, what each does, did last and does next.

It takes a fixed number of queries, each of which costs what the tenant has now: apps, unfinished
jobs, schedules, what waits for a person. None looks through history.

An app is `{"app", "name", "connector", "tier", "modes", "position", "after", "state",
"closed", "paused_at", "paused_reason", "last_outcome", "jobs": [...], "last_job",
"next_run": {"at", "mode"} or None, "schedules": [...], "ended_on", "quarantined",
"pending_approvals", "open_conflicts"}`:

- `state`: `running`, `waiting` (the reason stands with its first job), `paused`, `idle` or
  `never_run`;
- `closed`: why it takes no jobs now (paused, suspended, rollover), None: it does;
- `jobs`: its unfinished ones, two at most and plans and approved ones beside, the first
  first, each `{"id", "mode", "trigger", "state", "reason", "waits_for", "progress",
  "asked_by", "due_at", "not_before", "queued_at", "started_at", "cancel_requested_at"}`;
  `progress` is `{"done", "total", "step", "percent", "rate", "left_s", "last_read",
  "left_if_as_last_s"}`: rate and time left as `shared.domain.pace.Pace` has them; how many records
  the last job of this mode read, where no total is known, and the time left if it is as many;
- `last_job`: as `shared.db.job_pages.last_ended` has it;
- `schedules`: `{"mode", "next_run_at", "ended_on", "description", "zone"}` each; `ended_on` of the
  app is the last date of all, where none of its schedules runs again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from shared.db.attention import list_attention
from shared.db.gate import TenantView, load
from shared.db.job_pages import last_ended
from shared.db.open_work import Open, count_open
from shared.db.tables import apps, jobs, schedules, tenants
from shared.db.views import Shown, ended_on, iso, show_rollover
from shared.domain.pace import pace_of
from shared.domain.recurrence import Recurrence
from shared.domain.states import UNFINISHED, JobState, Tier
from shared.domain.tiers import Hold, Skip, decide
from shared.domain.waiting import describe_hold

#: Totals that together are what a job has read.
_READ = ("added", "updated", "unchanged", "quarantined")
_IN_ORDER = (JobState.RUNNING, JobState.QUEUED, JobState.HELD)


def show_home(connection: Connection, tenant_id: int, now: datetime) -> Shown:
    """Return what a tenant's home shows.

    Args:
        connection: a reading transaction.
        tenant_id: whose; it exists.
        now: the database's clock.

    Returns:
        `{"tenant", "zone", "suspended_at", "suspended_reason", "rollover", "now",
        "tiers": [{"tier", "apps": [...]}], "attention": [...], "pending_approvals",
        "open_conflicts", "duplicates"}`: the tiers in their order, each with its apps in theirs;
        `attention` as `shared.db.attention.list_attention` returns it; `duplicates` as `Open` has
        them, and an app as the top of this module tells.
    """
    row = connection.execute(select(tenants).where(tenants.c.id == tenant_id)).one()
    waiting = count_open(connection, tenant_id)
    shown: dict[str, list[Shown]] = {tier: [] for tier in Tier}
    for app in _shown(connection, row, now, waiting):
        shown[app["tier"]].append(app)
    return {
        "tenant": row.name,
        "zone": row.zone,
        "suspended_at": iso(row.suspended_at),
        "suspended_reason": row.suspended_reason,
        "rollover": show_rollover(row),
        "now": iso(now),
        "tiers": [{"tier": tier, "apps": of_tier} for tier, of_tier in shown.items() if of_tier],
        "attention": list_attention(connection, tenant_id),
        **_open(waiting),
    }


def show_app_now(
    connection: Connection, tenant_id: int, app_id: int, now: datetime
) -> Shown | None:
    """Return one app as `show_home` shows it, None: the tenant has none of this id."""
    row = connection.execute(select(tenants).where(tenants.c.id == tenant_id)).one()
    found = _shown(connection, row, now, count_open(connection, tenant_id), app_id)
    return found[0] if found else None


def _shown(
    connection: Connection,
    tenant: Row[Any],
    now: datetime,
    waiting: Open,
    app_id: int | None = None,
) -> list[Shown]:
    """Return a tenant's apps in their order, or one of them."""
    gate = load(connection, [tenant.id], now)[tenant.id]
    listed = _apps(connection, tenant.id, app_id)
    ids = [app.id for app in listed]
    unfinished = _unfinished(connection, gate, now)
    planned = _schedules(connection, ids)
    last = last_ended(connection, ids)
    return [
        {
            **_app(app, tenant.name, gate),
            "state": _state(app, unfinished[app.id], last.get(app.id)),
            "jobs": [_expected(job, last.get(app.id)) for job in unfinished[app.id]],
            "last_job": last.get(app.id),
            **_planned(planned[app.id]),
            "quarantined": app.last_quarantined or 0,
            "pending_approvals": waiting.approvals.get(app.id, 0),
            "open_conflicts": waiting.conflicts.get(app.id, 0),
        }
        for app in listed
    ]


def _open(waiting: Open) -> Shown:
    return {
        "pending_approvals": sum(waiting.approvals.values()),
        "open_conflicts": sum(waiting.conflicts.values()),
        "duplicates": waiting.duplicates,
    }


def _apps(connection: Connection, tenant_id: int, app_id: int | None) -> Sequence[Row[Any]]:
    other = apps.alias("other")
    query: Select[Any] = (
        select(
            *(column for column in apps.c if column.name not in {"secrets", "config", "cursor"}),
            other.c.name.label("after"),
        )
        .join(other, other.c.id == apps.c.after_app_id, isouter=True)
        .where(apps.c.tenant_id == tenant_id, apps.c.removed_at.is_(None))
        .order_by(apps.c.position)
    )
    if app_id is not None:
        query = query.where(apps.c.id == app_id)
    return connection.execute(query).all()


def _app(app: Row[Any], tenant: str, gate: TenantView) -> Shown:
    return {
        "app": f"{tenant}/{app.name}",
        "name": app.name,
        "connector": app.connector,
        "tier": app.tier,
        "modes": app.modes,
        "position": app.position,
        "after": app.after,
        "closed": gate.apps[app.id].closed or gate.policy.closed.get(Tier(app.tier)),
        "paused_at": iso(app.paused_at),
        "paused_reason": app.paused_reason,
        "last_outcome": app.last_outcome,
    }


def _state(app: Row[Any], unfinished: Sequence[Shown], last: Shown | None) -> str:
    if unfinished:
        return "running" if unfinished[0]["state"] == JobState.RUNNING else "waiting"
    if app.paused_at is not None:
        return "paused"
    return "idle" if last else "never_run"


def _unfinished(
    connection: Connection, gate: TenantView, now: datetime
) -> defaultdict[int, list[Shown]]:
    """Return the tenant's unfinished jobs by app, the running one first."""
    rows = connection.execute(
        select(jobs)
        .where(jobs.c.tenant_id == gate.id, jobs.c.state.in_(sorted(UNFINISHED)))
        .order_by(jobs.c.wave, jobs.c.id)
    ).all()
    told = _waits(gate, now) if any(row.state == JobState.HELD for row in rows) else {}
    found: defaultdict[int, list[Shown]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: _IN_ORDER.index(JobState(row.state))):
        reason, waits_for = told.get(row.id, (row.reason, None))
        if row.state == JobState.QUEUED:
            reason = row.reason or f"waits for a free worker of tier {row.tier}"
        job = gate.jobs.get(row.id)
        found[row.app_id].append(
            {
                "id": row.id,
                "mode": row.mode,
                "trigger": row.trigger,
                "state": row.state,
                "reason": reason,
                "waits_for": waits_for,
                "progress": _progress(row.progress, job.percent if job else None),
                "asked_by": row.asked_by,
                "due_at": iso(row.due_at),
                "not_before": iso(row.not_before),
                "queued_at": iso(row.queued_at),
                "started_at": iso(row.started_at),
                "cancel_requested_at": iso(row.cancel_requested_at),
            }
        )
    return found


def _progress(told: Mapping[str, Any] | None, percent: int | None) -> Shown | None:
    if not told:
        return None
    step, done, total = told.get("step"), told.get("done", 0), told.get("total")
    pace = pace_of(done, total, told.get("elapsed_s"))
    return {"done": done, "total": total, "step": step, "percent": percent, **asdict(pace)}


def _expected(job: Shown, last: Shown | None) -> Shown:
    """Add how much is left of a read whose end nobody tells, if it is as much as the last one."""
    progress = job["progress"]
    if progress is None:
        return job
    read = None
    is_read = progress["total"] is None and str(progress["step"]).startswith("reading")
    if is_read and last and last["state"] == JobState.SUCCEEDED and last["mode"] == job["mode"]:
        read = sum(last["totals"][name] for name in _READ)
    rate, done = progress["rate"], progress["done"]
    left = (read - done) / rate if read and rate and read > done else None
    told = {"last_read": read, "left_if_as_last_s": None if left is None else round(left, 1)}
    return {**job, "progress": {**progress, **told}}


def _waits(gate: TenantView, now: datetime) -> dict[int, tuple[str | None, int | None]]:
    """Return what each held job waits for, in words, and the job; by id."""
    told: dict[int, tuple[str | None, int | None]] = {}
    for decision in decide(gate.jobs.values(), gate.apps, gate.policy, now):
        reason, on = gate.reasons[decision.job_id], None
        match decision:
            case Hold():
                on = decision.on
                words = describe_hold(decision, gate.jobs, gate.apps, gate.zone, with_progress=True)
                # after a failure its reason is the failure
                is_retry = decision.until is not None and reason
                reason = f"{words}; the last try failed: {reason}" if is_retry else words
            case Skip():
                reason = f"is about to be skipped: {decision.reason}"
        told[decision.job_id] = (reason, on)
    return told


def _schedules(connection: Connection, app_ids: Sequence[int]) -> defaultdict[int, list[Row[Any]]]:
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(
        select(schedules)
        .where(schedules.c.app_id.in_(app_ids), schedules.c.removed_at.is_(None))
        .order_by(schedules.c.app_id, schedules.c.mode)
    ):
        found[row.app_id].append(row)
    return found


def _planned(rows: Iterable[Row[Any]]) -> Shown:
    """Return when an app runs next, and which of its schedules have ended."""
    rows = list(rows)
    # full before incremental at one instant: it absorbs the other
    upcoming = sorted(
        (row for row in rows if row.next_run_at is not None),
        key=lambda row: (row.next_run_at, row.mode),
    )
    shown = [
        {
            "mode": row.mode,
            "next_run_at": iso(row.next_run_at),
            "ended_on": ended_on(row.recurrence, row.ended_at),
            "description": Recurrence.from_json(row.recurrence).describe(),
            "zone": row.recurrence["zone"],
        }
        for row in rows
    ]
    ended = [one["ended_on"] for one in shown if one["ended_on"]]
    return {
        "next_run": {"at": iso(upcoming[0].next_run_at), "mode": upcoming[0].mode}
        if upcoming
        else None,
        "schedules": shown,
        "ended_on": max(ended) if ended and not upcoming else None,
    }
