"""The timeline: what a tenant's jobs did in a period, and what each tier of many tenants did.

A period costs what ended in it or a day after it, not what the history holds: see `LONG_JOB`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    Subquery,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
    union_all,
)

from shared.db.gate import TenantView, load
from shared.db.tables import LONG_JOB, apps, job_events, jobs, tenants
from shared.db.views import Shown, iso
from shared.domain.phases import Holding, Life, Phase, Step, phases, worst
from shared.domain.states import UNFINISHED, JobState, Tier
from shared.domain.tiers import AppView, Hold, Skip, decide
from shared.domain.waiting import describe_hold

#: The most jobs that one timeline shows: a picture of more is no picture.
MAX_JOBS = 500
#: Tenants a page of the overview.
PAGE = 50

_A_DAY = timedelta(days=1)
_COLUMNS = (
    jobs.c.id,
    jobs.c.tenant_id,
    jobs.c.app_id,
    jobs.c.tier,
    jobs.c.mode,
    jobs.c.trigger,
    jobs.c.state,
    jobs.c.reason,
    jobs.c.wave,
    jobs.c.last_wave,
    jobs.c.attempt,
    jobs.c.due_at,
    jobs.c.created_at,
    jobs.c.queued_at,
    jobs.c.started_at,
    jobs.c.finished_at,
)


def tenant_timeline(
    connection: Connection,
    tenant_id: int,
    since: datetime,
    until: datetime,
    *,
    now: datetime,
    limit: int = MAX_JOBS,
) -> Shown:
    """Return what a tenant's jobs did in a period.

    Args:
        connection: a transaction that reads.
        tenant_id: an existing tenant's.
        since: the period's first instant, aware.
        until: the first one after it.
        now: the database's clock.
        limit: jobs at most; of more, those that ended first are left out.

    Returns:
        `tenant`, `zone`, `from`, `to`, `now`; `is_cut`: whether jobs were left out; `apps`: by
        tier in the gate's order, within it in the tenant's, removed ones if they have jobs here;
        `jobs`: by due time, those that were unfinished at any instant of the period, each with its
        `phases` (`kind`, `from`, `to`, `words`, `on`: the job that it waited for), from when it
        was due until it ended or now.
    """
    tenant = connection.execute(select(tenants).where(tenants.c.id == tenant_id)).one()
    found = _overlapping(connection, [tenant_id], since, until)
    order = (func.coalesce(found.c.finished_at, literal(now, jobs.c.finished_at.type)), found.c.id)
    newest = select(found).order_by(*(column.desc() for column in order)).limit(limit + 1)
    rows = list(connection.execute(newest))
    is_cut = len(rows) > limit
    rows = sorted(rows[:limit], key=lambda row: (row.due_at, row.id))
    shown_apps = _apps(connection, tenant_id, {row.app_id for row in rows})
    names = {row.id: f"{tenant.name}/{row.name}" for row in shown_apps}
    told = _phases(connection, tenant_id, rows, shown_apps, now)
    return {
        "tenant": tenant.name,
        "zone": tenant.zone,
        "from": iso(since),
        "to": iso(until),
        "now": iso(now),
        "is_cut": is_cut,
        "apps": [
            {"app": names[row.id], "tier": row.tier, "connector": row.connector}
            for row in shown_apps
        ],
        "jobs": [_job(row, names[row.app_id], told[row.id]) for row in rows],
    }


def timeline_of_all(
    connection: Connection,
    since: datetime,
    until: datetime,
    *,
    now: datetime,
    after: str = "",
    limit: int = PAGE,
    only: Collection[int] | None = None,
) -> Shown:
    """Return a page of tenants by name, with what each tier of each did in a period.

    Args:
        connection: a transaction that reads.
        since: the period's first instant, aware.
        until: the first one after it.
        now: the database's clock.
        after: the `next` of the page before.
        limit: tenants a page.
        only: ids of the tenants that may be shown; None: all.

    Returns:
        `from`, `to`, `now`; `next`: the name after which the next page starts, None: this is the
        last; `tenants`: each with `tenant`, `zone` and `tiers`, in the gate's order, of the tiers
        that had jobs: `tier`, `due_at` (the first), `started_at` (the first; None: none did),
        `until` (the last end, now where one is unfinished), `counts` by state, and `worst`, the
        state to look at first.
    """
    query = select(tenants.c.id, tenants.c.name, tenants.c.zone).where(tenants.c.name > after)
    if only is not None:
        query = query.where(tenants.c.id.in_(only))
    page = list(connection.execute(query.order_by(tenants.c.name).limit(limit + 1)))
    shown = page[:limit]
    spans = _spans(connection, [row.id for row in shown], since, until, now)
    return {
        "from": iso(since),
        "to": iso(until),
        "now": iso(now),
        "tenants": [
            {"tenant": row.name, "zone": row.zone, "tiers": spans.get(row.id, [])} for row in shown
        ],
        "next": shown[-1].name if len(page) > limit else None,
    }


def _overlapping(
    connection: Connection, tenant_ids: Collection[int], since: datetime, until: datetime
) -> Subquery:
    """Build the jobs of tenants that were unfinished at any instant of a period."""
    of_tenants = select(*_COLUMNS).where(
        jobs.c.tenant_id.in_(tenant_ids),
        jobs.c.due_at < until,
    )
    # in the statement's text, so that every plan may use the partial index
    unfinished: BindParameter[Any] = bindparam(
        "unfinished", sorted(UNFINISHED), expanding=True, literal_execute=True
    )
    ended: tuple[Select[Any], ...] = (
        of_tenants.where(jobs.c.finished_at >= since, jobs.c.finished_at < until + _A_DAY),
        of_tenants.where(
            jobs.c.finished_at >= since,
            jobs.c.finished_at >= until + _A_DAY,
            text(LONG_JOB[connection.dialect.name]),
        ),
    )
    return union_all(of_tenants.where(jobs.c.state.in_(unfinished)), *ended).subquery("found")


def _apps(connection: Connection, tenant_id: int, with_jobs: Collection[int]) -> list[Row[Any]]:
    rows = connection.execute(select(apps).where(apps.c.tenant_id == tenant_id))
    shown = [row for row in rows if row.removed_at is None or row.id in with_jobs]
    return sorted(shown, key=lambda row: (Tier(row.tier).rank, row.position, row.id))


def _phases(
    connection: Connection,
    tenant_id: int,
    rows: Iterable[Row[Any]],
    shown_apps: Iterable[Row[Any]],
    now: datetime,
) -> dict[int, list[Phase]]:
    """Tell the phases of each job, by its id."""
    rows = list(rows)
    steps = _steps(connection, [row.id for row in rows])
    views = {
        row.id: AppView(id=row.id, name=row.name, tier=Tier(row.tier), after=row.after_app_id)
        for row in shown_apps
    }
    lives = [
        Life(
            id=row.id,
            app_id=row.app_id,
            wave=row.wave,
            last_wave=row.last_wave,
            due_at=row.due_at,
            created_at=row.created_at,
            finished_at=row.finished_at,
            steps=steps[row.id],
        )
        for row in rows
    ]
    holdings: Mapping[int, Holding] = {}
    if any(row.state == JobState.HELD for row in rows):
        holdings = _holdings(load(connection, [tenant_id], now)[tenant_id], now)
    return {life.id: phases(life, lives, views, now, holdings.get(life.id)) for life in lives}


def _steps(connection: Connection, job_ids: Collection[int]) -> Mapping[int, list[Step]]:
    history = connection.execute(
        select(job_events.c.job_id, job_events.c.to_state, job_events.c.at, job_events.c.reason)
        .where(
            job_events.c.job_id.in_(job_ids),
            # an undo is no step of a job
            job_events.c.from_state.is_distinct_from(job_events.c.to_state),
        )
        .order_by(job_events.c.job_id, job_events.c.id)
    )
    steps: defaultdict[int, list[Step]] = defaultdict(list)
    for row in history:
        steps[row.job_id].append(Step(JobState(row.to_state), row.at, row.reason))
    return steps


def _holdings(tenant: TenantView, now: datetime) -> dict[int, Holding]:
    """Ask the gate why each of a tenant's held jobs is held now."""
    found: dict[int, Holding] = {}
    for decision in decide(tenant.jobs.values(), tenant.apps, tenant.policy, now):
        match decision:
            case Hold(job_id, cause, on):
                words = describe_hold(
                    decision, tenant.jobs, tenant.apps, tenant.zone, with_progress=True
                )
                found[job_id] = Holding(words, cause, on)
            case Skip(job_id, reason):
                found[job_id] = Holding(f"is about to be skipped: {reason}")
            case _:
                found[decision.job_id] = Holding("may start: the scheduler queues it in a moment")
    return found


def _job(row: Row[Any], app: str, told: Iterable[Phase]) -> Shown:
    return {
        "id": row.id,
        "app": app,
        "tier": row.tier,
        "mode": row.mode,
        "trigger": row.trigger,
        "state": row.state,
        "reason": row.reason,
        "attempt": row.attempt,
        "due_at": iso(row.due_at),
        "queued_at": iso(row.queued_at),
        "started_at": iso(row.started_at),
        "finished_at": iso(row.finished_at),
        "phases": [
            {
                "kind": phase.kind.value,
                "from": iso(phase.since),
                "to": iso(phase.until),
                "words": phase.words,
                "on": phase.on,
            }
            for phase in told
        ],
    }


def _spans(
    connection: Connection,
    tenant_ids: Collection[int],
    since: datetime,
    until: datetime,
    now: datetime,
) -> dict[int, list[Shown]]:
    """Return the spans of the tiers that had jobs, by tenant."""
    found = _overlapping(connection, tenant_ids, since, until)
    end = func.coalesce(found.c.finished_at, literal(now, jobs.c.finished_at.type))
    groups = connection.execute(
        select(
            found.c.tenant_id,
            found.c.tier,
            found.c.state,
            func.count().label("n"),
            func.min(found.c.due_at).label("due_at"),
            func.min(found.c.started_at).label("started_at"),
            func.max(case((found.c.started_at.is_not(None), end))).label("ran_until"),
            func.max(end).label("until"),
        ).group_by(found.c.tenant_id, found.c.tier, found.c.state)
    )
    by_tier: defaultdict[tuple[int, Tier], list[Row[Any]]] = defaultdict(list)
    for row in groups:
        by_tier[row.tenant_id, Tier(row.tier)].append(row)
    spans: defaultdict[int, list[Shown]] = defaultdict(list)
    for (tenant_id, tier), rows in sorted(
        by_tier.items(), key=lambda item: (item[0][0], item[0][1].rank)
    ):
        spans[tenant_id].append(_span(tier, rows))
    return spans


def _span(tier: Tier, rows: Iterable[Row[Any]]) -> Shown:
    rows = list(rows)
    started = [row.started_at for row in rows if row.started_at is not None]
    ran = [row.ran_until for row in rows if row.ran_until is not None]
    return {
        "tier": tier.value,
        "due_at": iso(min(row.due_at for row in rows)),
        "started_at": iso(min(started, default=None)),
        # what never ran ends where it was shut out; it stretches no tier that ran
        "until": iso(max(ran or [row.until for row in rows])),
        "counts": {row.state: row.n for row in sorted(rows, key=lambda row: row.state)},
        "worst": worst(JobState(row.state) for row in rows).value,
    }
