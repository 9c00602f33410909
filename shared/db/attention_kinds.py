"""Each kind of thing that needs a person, found by an index over what is open now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, literal, or_, select

from shared.db.job_pages import last_ended
from shared.db.open_work import COUNTED, apps_in_conflict, conflicts_by_app, count_conflicts
from shared.db.review_tables import approvals, duplicate_counts
from shared.db.review_views import approval_what, approvals_shown
from shared.db.tables import apps, tenants
from shared.db.views import Shown, iso
from shared.domain.states import JobState

#: Items by their keys, by which a page goes on.
Keyed = list[tuple[int, Shown]]


def _item(kind: str, tenant: str, app: str | None, what: str, **more: Any) -> Shown:
    own = ("count", "since", "deadline_at", "approval", "records", "school", "job")
    item = dict.fromkeys(own)
    named = None if app is None else f"{tenant}/{app}"
    return {"kind": kind, "tenant": tenant, "app": named, "what": what, **item, **more}


def _pending(connection: Connection, tenant_id: int | None, after: int | None, limit: int) -> Keyed:
    """Return pending approvals, the one that lapses first first."""
    query = (
        approvals_shown()
        .where(approvals.c.state == "pending")
        .order_by(approvals.c.deadline_at, approvals.c.id)
        .limit(limit)
    )
    if tenant_id is not None:
        query = query.where(approvals.c.tenant_id == tenant_id)
    if after is not None:
        deadline = connection.execute(
            select(approvals.c.deadline_at).where(approvals.c.id == after)
        ).scalar_one_or_none()
        if deadline is None:
            return []
        query = query.where(
            or_(
                approvals.c.deadline_at > deadline,
                and_(approvals.c.deadline_at == deadline, approvals.c.id > after),
            )
        )
    return [
        (
            row.id,
            _item(
                "removals" if row.op == "remove" else "renames",
                row.tenant,
                row.app,
                f"{approval_what(row)} waits for approval",
                count=row.counts["proposed"],
                since=iso(row.created_at),
                deadline_at=iso(row.deadline_at),
                approval=row.id,
                records=row.kind,
                school=row.school_name or row.school,
                job=row.job_id,
            ),
        )
        for row in connection.execute(query)
    ]


def _apps(
    connection: Connection,
    tenant_id: int | None,
    after: int | None,
    limit: int,
    *where: ColumnElement[bool],
) -> Sequence[Row[Any]]:
    query: Select[Any] = (
        select(
            apps.c.id,
            apps.c.name,
            apps.c.paused_at,
            apps.c.paused_reason,
            apps.c.last_read_job,
            apps.c.last_quarantined,
            tenants.c.name.label("tenant"),
        )
        .join(tenants, tenants.c.id == apps.c.tenant_id)
        .where(apps.c.removed_at.is_(None), *where)
        .order_by(apps.c.id)
        .limit(limit)
    )
    if tenant_id is not None:
        query = query.where(apps.c.tenant_id == tenant_id)
    if after is not None:
        query = query.where(apps.c.id > after)
    return connection.execute(query).all()


def _failed(connection: Connection, tenant_id: int | None, after: int | None, limit: int) -> Keyed:
    # the word itself, since a bound value leads to no partial index
    failed = apps.c.last_outcome == literal(JobState.FAILED.value, literal_execute=True)
    rows = _apps(connection, tenant_id, after, limit, failed)
    last = last_ended(connection, [row.id for row in rows])
    found = []
    for row in rows:
        job = last.get(row.id)
        # a later job that was skipped is no run: the failure is told without its reason
        is_it = job is not None and job["state"] == JobState.FAILED
        told = f": {job['reason']}" if job is not None and is_it and job["reason"] else ""
        found.append(
            (
                row.id,
                _item(
                    "failed",
                    row.tenant,
                    row.name,
                    f"the last run failed{told}",
                    since=job["finished_at"] if job is not None and is_it else None,
                    job=job["id"] if job is not None and is_it else None,
                ),
            )
        )
    return found


def _quarantine(
    connection: Connection, tenant_id: int | None, after: int | None, limit: int
) -> Keyed:
    rows = _apps(
        connection,
        tenant_id,
        after,
        limit,
        apps.c.last_quarantined > literal(0, literal_execute=True),
    )
    return [
        (
            row.id,
            _item(
                "quarantine",
                row.tenant,
                row.name,
                (
                    "1 record of the last read is in quarantine"
                    if row.last_quarantined == 1
                    else f"{row.last_quarantined} records of the last read are in quarantine"
                ),
                count=row.last_quarantined,
                job=row.last_read_job,
            ),
        )
        for row in rows
    ]


def _paused(connection: Connection, tenant_id: int | None, after: int | None, limit: int) -> Keyed:
    return [
        (
            row.id,
            _item(
                "paused",
                row.tenant,
                row.name,
                "is paused" + (f": {row.paused_reason}" if row.paused_reason else ""),
                since=iso(row.paused_at),
            ),
        )
        for row in _apps(connection, tenant_id, after, limit, apps.c.paused_at.is_not(None))
    ]


def _conflicts(
    connection: Connection, tenant_id: int | None, after: int | None, limit: int
) -> Keyed:
    """Return the apps that have open conflicts, found by steps from one app to the next."""
    if tenant_id is not None:
        counted = conflicts_by_app(connection, tenant_id)
        ids = sorted(app for app in counted if after is None or app > after)[:limit]
    else:
        ids = apps_in_conflict(connection, after=after or 0, limit=limit)
        counted = {app: count_conflicts(connection, app) for app in ids}
    if not ids:
        return []
    rows = {row.id: row for row in _apps(connection, tenant_id, None, limit, apps.c.id.in_(ids))}
    return [
        (
            app,
            _item(
                "conflicts",
                rows[app].tenant,
                rows[app].name,
                (
                    "1 conflict waits for a decision"
                    if counted[app] == 1
                    else f"{_at_least(counted[app])} conflicts wait for a decision"
                ),
                count=counted[app],
            ),
        )
        for app in ids
        if app in rows
    ]


def _at_least(count: int) -> str:
    return f"{count} or more" if count >= COUNTED else str(count)


def _duplicates(
    connection: Connection, tenant_id: int | None, after: int | None, limit: int
) -> Keyed:
    query = (
        select(duplicate_counts, tenants.c.name.label("tenant"))
        .join(tenants, tenants.c.id == duplicate_counts.c.tenant_id)
        .where(duplicate_counts.c.pairs > literal(0, literal_execute=True))
        .order_by(duplicate_counts.c.tenant_id)
        .limit(limit)
    )
    if tenant_id is not None:
        query = query.where(duplicate_counts.c.tenant_id == tenant_id)
    if after is not None:
        query = query.where(duplicate_counts.c.tenant_id > after)
    return [
        (
            row.tenant_id,
            _item(
                "duplicates",
                row.tenant,
                None,
                (
                    "1 pair of users looks like one person"
                    if row.pairs == 1
                    else f"{row.pairs} pairs of users look like one person each"
                ),
                count=row.pairs,
                since=iso(row.at),
            ),
        )
        for row in connection.execute(query)
    ]


#: Looks for one kind: of whom (None: of all), after which key, and how many at most.
Source = Callable[[Connection, int | None, int | None, int], Keyed]
#: By the name in a cursor, the kinds in their order.
SOURCES: Mapping[str, Source] = {
    "approvals": _pending,
    "failed": _failed,
    "conflicts": _conflicts,
    "duplicates": _duplicates,
    "quarantine": _quarantine,
    "paused": _paused,
}
