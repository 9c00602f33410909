"""What people are shown of approvals and plans, as JSON-ready dictionaries."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    func,
    select,
)

from shared.db.hub_tables import HUB
from shared.db.review_tables import approval_rows, approvals, plan_rows
from shared.db.tables import apps, jobs, tenants
from shared.db.views import Shown, iso
from shared.domain.records import Kind

#: Rows that are fetched at once.
PAGE = 1000
_orgs = HUB[Kind.ORGS].alias("school")


def list_approvals(
    connection: Connection,
    *,
    tenant: str | None = None,
    app_id: int | None = None,
    state: str | None = None,
    job_id: int | None = None,
) -> list[Shown]:
    """Return approvals, newest first; `job_id` is of the job that proposed them."""
    query = _approvals().order_by(approvals.c.id.desc())
    for column, wanted in (
        (tenants.c.name, tenant),
        (approvals.c.app_id, app_id),
        (approvals.c.state, state),
        (approvals.c.job_id, job_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    return [_approval(connection, row) for row in connection.execute(query).all()]


def show_approval(connection: Connection, approval_id: int) -> Shown | None:
    """Return an approval with its rows and the names of their records, None: there is none."""
    row = connection.execute(_approvals().where(approvals.c.id == approval_id)).one_or_none()
    if row is None:
        return None
    kind = Kind(row.kind)
    hub = HUB[kind]
    name, source = _named(hub, kind)
    query = (
        select(approval_rows, name.label("name"))
        .select_from(
            approval_rows.join(
                source,
                and_(
                    hub.c.tenant_id == row.tenant_id,
                    hub.c.sourced_id == approval_rows.c.sourced_id,
                ),
                isouter=True,
            )
        )
        .where(approval_rows.c.approval_id == approval_id)
        .order_by(approval_rows.c.external_id)
    )
    return {
        **_approval(connection, row),
        "rows": [
            {
                "external_id": one.external_id,
                "new_external_id": one.new_external_id,
                "sourced_id": one.sourced_id,
                "name": one.name,
                "state": one.state,
            }
            for one in connection.execute(query)
        ],
    }


def list_plan_rows(
    connection: Connection,
    job_id: int,
    *,
    ops: Collection[str] = (),
    limit: int | None = None,
) -> Iterator[Shown]:
    """Yield the rows of a plan job in their order, a page of them in memory at once."""
    query = (
        select(plan_rows, _orgs.c.name.label("school_name"))
        .join(jobs, jobs.c.id == plan_rows.c.job_id)
        .join(
            _orgs,
            and_(_orgs.c.tenant_id == jobs.c.tenant_id, _orgs.c.sourced_id == plan_rows.c.school),
            isouter=True,
        )
        .where(plan_rows.c.job_id == job_id)
        .order_by(plan_rows.c.n)
    )
    if ops:
        query = query.where(plan_rows.c.op.in_(sorted(ops)))
    if limit is not None:
        query = query.limit(limit)
    for row in connection.execute(query, execution_options={"yield_per": PAGE}):
        yield {
            "op": row.op,
            "kind": row.kind,
            "external_id": row.external_id,
            "sourced_id": row.sourced_id,
            "school": row.school,
            "school_name": row.school_name,
            "before": json.loads(row.before) if row.before else None,
            "after": json.loads(row.after) if row.after else None,
            "reason": row.reason,
        }


def _approvals() -> Select[Any]:
    return (
        select(
            approvals,
            tenants.c.name.label("tenant"),
            apps.c.name.label("app"),
            _orgs.c.name.label("school_name"),
        )
        .join(apps, apps.c.id == approvals.c.app_id)
        .join(tenants, tenants.c.id == approvals.c.tenant_id)
        .join(
            _orgs,
            and_(
                _orgs.c.tenant_id == approvals.c.tenant_id,
                _orgs.c.sourced_id == approvals.c.school,
            ),
            isouter=True,
        )
    )


def _approval(connection: Connection, row: Row[Any]) -> Shown:
    carried = connection.execute(
        select(jobs.c.id, jobs.c.state)
        .where(jobs.c.app_id == row.app_id, jobs.c.approval_id == row.id)
        .order_by(jobs.c.id.desc())
        .limit(1)
    ).one_or_none()
    school = row.school_name or row.school
    where = f" of {school}" if school else ""
    if "along" in row.counts:
        where += f" ({row.counts['along']} went along with approval {row.counts['with']})"
    return {
        "id": row.id,
        "tenant": row.tenant,
        "app": f"{row.tenant}/{row.app}",
        "op": row.op,
        "kind": row.kind,
        "school": row.school,
        "school_name": row.school_name,
        "what": f"{row.op} {row.counts['proposed']} of {row.counts['of']} {row.kind}{where}",
        "counts": row.counts,
        "state": row.state,
        "proposed_by_job": row.job_id,
        "created_at": iso(row.created_at),
        "deadline_at": iso(row.deadline_at),
        "decided_at": iso(row.decided_at),
        "decided_by": row.decided_by,
        "job": carried.id if carried else None,
        "job_state": carried.state if carried else None,
    }


def _named(hub: Any, kind: Kind) -> tuple[ColumnElement[Any], FromClause]:
    """Return what a person calls a record of a kind, and the tables that tell it."""
    users, classes = HUB[Kind.USERS].alias("person"), HUB[Kind.CLASSES].alias("lesson")

    def full(user: Any) -> ColumnElement[Any]:
        return func.coalesce(user.c.given_name, "") + " " + func.coalesce(user.c.family_name, "")

    def with_person() -> Any:
        person = and_(
            users.c.tenant_id == hub.c.tenant_id, users.c.sourced_id == hub.c.user_sourced_id
        )
        return hub.join(users, person, isouter=True)

    match kind:
        case Kind.USERS:
            return full(hub), hub
        case Kind.ORGS:
            return hub.c.name, hub
        case Kind.ROLES:
            return full(users) + ", " + hub.c.role, with_person()
        case Kind.DEMOGRAPHICS:
            return full(users), with_person()
        case Kind.ENROLLMENTS:
            lesson = and_(
                classes.c.tenant_id == hub.c.tenant_id,
                classes.c.sourced_id == hub.c.class_sourced_id,
            )
            title = func.coalesce(classes.c.title, "?")
            both = with_person().join(classes, lesson, isouter=True)
            return full(users) + " in " + title, both
        case _:
            return hub.c.title, hub
