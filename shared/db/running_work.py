"""What goes on in all tenants at this moment: unfinished jobs counted, and who runs which."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from shared.db.job_pages import is_in
from shared.db.tables import apps, jobs, tenants
from shared.db.views import Shown, iso
from shared.domain.states import UNFINISHED, JobState, Tier

#: The most running jobs that are told.
MOST = 500


def count_unfinished(connection: Connection) -> list[Shown]:
    """Count the unfinished jobs of all tenants, by tier in the gate's order.

    Returns:
        A row a tier: `{"tier", "held", "queued", "running"}`.
    """
    rows = connection.execute(
        select(jobs.c.tier, jobs.c.state, func.count().label("n"))
        .where(is_in(UNFINISHED))
        .group_by(jobs.c.tier, jobs.c.state)
    )
    counted = {(row.tier, row.state): row.n for row in rows}
    return [
        {
            "tier": tier.value,
            **{
                state.value: counted.get((tier, state), 0)
                for state in (JobState.HELD, JobState.QUEUED, JobState.RUNNING)
            },
        }
        for tier in sorted(Tier, key=lambda one: one.rank)
    ]


def list_running(connection: Connection, now: datetime, *, limit: int = MOST) -> list[Shown]:
    """Return the running jobs of all tenants by worker, the longest first.

    Args:
        connection: a reading transaction.
        now: the database's clock.
        limit: the most that are told.

    Returns:
        Each as `{"worker", "job", "tenant", "app", "tier", "mode", "progress", "started_at",
        "running_s", "is_overdue"}`; `worker` is `HOST:PID:N`, and `is_overdue` tells that its lease
        is over, so that the sweep takes the job for lost.
    """
    rows = connection.execute(
        select(
            jobs.c.id,
            jobs.c.worker,
            jobs.c.tier,
            jobs.c.mode,
            jobs.c.progress,
            jobs.c.started_at,
            jobs.c.lease_until,
            apps.c.name.label("app"),
            tenants.c.name.label("tenant"),
        )
        .join(apps, apps.c.id == jobs.c.app_id)
        .join(tenants, tenants.c.id == jobs.c.tenant_id)
        # the first condition leads to the partial index
        .where(is_in(UNFINISHED), is_in({JobState.RUNNING}))
        .order_by(jobs.c.worker, jobs.c.started_at)
        .limit(limit)
    )
    return [
        {
            "worker": row.worker,
            "job": row.id,
            "tenant": row.tenant,
            "app": row.app,
            "tier": row.tier,
            "mode": row.mode,
            "progress": row.progress,
            "started_at": iso(row.started_at),
            "running_s": (now - row.started_at).total_seconds(),
            "is_overdue": row.lease_until is not None and row.lease_until < now,
        }
        for row in rows
    ]
