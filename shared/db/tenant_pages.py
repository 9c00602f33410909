"""Tenants by the page, each with how it is doing; a page costs what its own tenants have."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, case, func, select

from shared.db.job_pages import is_in
from shared.db.review_tables import approvals, conflicts
from shared.db.tables import apps, jobs, tenants
from shared.db.views import Shown, iso, show_rollover
from shared.domain.states import UNFINISHED, JobState

#: The most tenants of a page.
MOST = 200


def page_tenants(
    connection: Connection,
    *,
    tenant_ids: Collection[int] | None = None,
    search: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Shown:
    """Return a page of tenants by name.

    Args:
        connection: a reading transaction.
        tenant_ids: of these alone; None: of all.
        search: what their names begin with; None: any.
        after: the `after` of the page before this one, a name; None: the first page.
        limit: the most tenants, `MOST` at most.

    Returns:
        `{"tenants": [...], "after": name or None}`; None: there are no more. A tenant is
        `{"tenant", "zone", "suspended_at", "suspended_reason", "rollover", "apps", "paused",
        "failed", "running", "waiting", "pending_approvals", "open_conflicts"}`: numbers of apps, of
        those that are paused and of those whose last run failed; of jobs that run and that wait;
        of approvals and of conflicts.
    """
    limit = max(1, min(limit, MOST))
    query = select(tenants).order_by(tenants.c.name).limit(limit + 1)
    if tenant_ids is not None:
        query = query.where(tenants.c.id.in_(tenant_ids))
    if search:
        query = query.where(tenants.c.name.startswith(search.lower(), autoescape=True))
    if after is not None:
        query = query.where(tenants.c.name > after)
    rows = connection.execute(query).all()
    page = rows[:limit]
    ids = [row.id for row in page]
    of = _numbers(connection, ids)
    return {
        "tenants": [
            {
                "tenant": row.name,
                "zone": row.zone,
                "suspended_at": iso(row.suspended_at),
                "suspended_reason": row.suspended_reason,
                "rollover": show_rollover(row),
                **of[row.id],
            }
            for row in page
        ],
        "after": page[-1].name if len(rows) > limit else None,
    }


def _numbers(connection: Connection, ids: list[int]) -> dict[int, dict[str, int]]:
    names = ("apps", "paused", "failed", "running", "waiting")
    found = {id_: dict.fromkeys((*names, "pending_approvals", "open_conflicts"), 0) for id_ in ids}
    for query in _queries(ids):
        for row in connection.execute(query).mappings():
            found[row["tenant_id"]] |= {
                name: value or 0 for name, value in row.items() if name != "tenant_id"
            }
    return found


def _queries(ids: list[int]) -> list[Select[Any]]:
    def count_if(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    return [
        select(
            apps.c.tenant_id,
            func.count().label("apps"),
            count_if(apps.c.paused_at.is_not(None)).label("paused"),
            count_if(apps.c.last_outcome == JobState.FAILED).label("failed"),
        )
        .where(apps.c.tenant_id.in_(ids), apps.c.removed_at.is_(None))
        .group_by(apps.c.tenant_id),
        select(
            jobs.c.tenant_id,
            count_if(jobs.c.state == JobState.RUNNING).label("running"),
            count_if(jobs.c.state != JobState.RUNNING).label("waiting"),
        )
        .where(jobs.c.tenant_id.in_(ids), is_in(UNFINISHED))
        .group_by(jobs.c.tenant_id),
        select(approvals.c.tenant_id, func.count().label("pending_approvals"))
        .where(approvals.c.tenant_id.in_(ids), approvals.c.state == "pending")
        .group_by(approvals.c.tenant_id),
        select(conflicts.c.tenant_id, func.count().label("open_conflicts"))
        .where(conflicts.c.tenant_id.in_(ids), conflicts.c.state == "open")
        .group_by(conflicts.c.tenant_id),
    ]
