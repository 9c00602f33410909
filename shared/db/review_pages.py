"""Approvals by the page and by school, and the rows of one by the page."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from shared.db.review_tables import approval_rows, approvals
from shared.db.review_views import approval_lines, approvals_shown, names_of
from shared.db.views import Shown
from shared.domain.records import Kind

#: The most approvals, or rows, of a page.
MOST = 500


def page_approvals(
    connection: Connection,
    tenant_id: int | None,
    *,
    tenant_ids: Collection[int] | None = None,
    app_id: int | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Shown:
    """Return a page of approvals, newest first.

    Args:
        connection: a reading transaction.
        tenant_id: whose; None: everybody's.
        tenant_ids: whose, where it is several tenants'; None: everybody's.
        app_id: of one app.
        state: pending, approved, rejected, lapsed or replaced; None: any.
        before: the `before` of the page before this one; None: the first page.
        limit: the most approvals, `MOST` at most.

    Returns:
        `{"approvals": [as review_views.list_approvals], "before": id or None}`.
    """
    limit = max(1, min(limit, MOST))
    query: Select[Any] = approvals_shown().order_by(approvals.c.id.desc()).limit(limit + 1)
    if tenant_id is not None:
        query = query.where(approvals.c.tenant_id == tenant_id)
    if tenant_ids is not None:
        query = query.where(approvals.c.tenant_id.in_(tenant_ids))
    if app_id is not None:
        query = query.where(approvals.c.app_id == app_id)
    if state is not None:
        query = query.where(approvals.c.state == state)
    if before is not None:
        query = query.where(approvals.c.id < before)
    rows = connection.execute(query).all()
    return {
        "approvals": approval_lines(connection, rows[:limit]),
        "before": rows[limit - 1].id if len(rows) > limit else None,
    }


def pending_by_school(
    connection: Connection, tenant_id: int, *, app_id: int | None = None
) -> list[Shown]:
    """Return a tenant's pending approvals by school, the one that lapses first first.

    Returns:
        `{"school", "school_name", "deadline_at", "count", "approvals": [...]}` each; `school` is
        None for records of no school, `deadline_at` the first of its approvals', `count` how many
        records they are about.
    """
    query: Select[Any] = (
        approvals_shown()
        .where(approvals.c.tenant_id == tenant_id, approvals.c.state == "pending")
        .order_by(approvals.c.deadline_at, approvals.c.id)
    )
    if app_id is not None:
        query = query.where(approvals.c.app_id == app_id)
    schools: dict[str | None, list[Shown]] = {}
    for line in approval_lines(connection, connection.execute(query).all()):
        schools.setdefault(line["school"], []).append(line)
    return [
        {
            "school": school,
            "school_name": lines[0]["school_name"],
            "deadline_at": lines[0]["deadline_at"],
            "count": sum(line["counts"]["proposed"] for line in lines),
            "approvals": lines,
        }
        for school, lines in schools.items()
    ]


def page_approval_rows(
    connection: Connection, approval_id: int, *, after: str | None = None, limit: int = 100
) -> Shown:
    """Return a page of an approval's rows by external id, with the names of their records.

    Args:
        connection: a reading transaction.
        approval_id: which; it exists.
        after: the `after` of the page before this one, an external id; None: the first page.
        limit: the most rows, `MOST` at most.

    Returns:
        `{"rows": [{"external_id", "new_external_id", "sourced_id", "name", "state"}], "after"}`.
    """
    limit = max(1, min(limit, MOST))
    of = connection.execute(select(approvals).where(approvals.c.id == approval_id)).one()
    query: Select[Any] = (
        select(approval_rows)
        .where(approval_rows.c.approval_id == approval_id)
        .order_by(approval_rows.c.external_id)
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(approval_rows.c.external_id > after)
    rows = connection.execute(query).all()
    page = rows[:limit]
    names = names_of(connection, of.tenant_id, Kind(of.kind), _ids(page))
    return {
        "rows": [
            {
                "external_id": row.external_id,
                "new_external_id": row.new_external_id,
                "sourced_id": row.sourced_id,
                "name": names.get(row.sourced_id),
                "state": row.state,
            }
            for row in page
        ],
        "after": page[-1].external_id if len(rows) > limit else None,
    }


def _ids(rows: Iterable[Row[Any]]) -> set[str]:
    return {row.sourced_id for row in rows}
