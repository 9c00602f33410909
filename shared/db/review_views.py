"""What people are shown of approvals and plans, as JSON-ready dictionaries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
    query = approvals_shown().order_by(approvals.c.id.desc())
    for column, wanted in (
        (tenants.c.name, tenant),
        (approvals.c.app_id, app_id),
        (approvals.c.state, state),
        (approvals.c.job_id, job_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    return approval_lines(connection, connection.execute(query).all())


def show_approval(connection: Connection, approval_id: int) -> Shown | None:
    """Return an approval with its rows and the names of their records, None: there is none."""
    row = connection.execute(approvals_shown().where(approvals.c.id == approval_id)).one_or_none()
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
        **approval_lines(connection, [row])[0],
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


def approvals_shown() -> Select[Any]:
    """Return a query of approvals with the names of their tenants, apps and schools."""
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


def approval_what(row: Row[Any]) -> str:
    """Say what an approval of `approvals_shown` is about."""
    school = row.school_name or row.school
    where = f" of {school}" if school else ""
    if "along" in row.counts:
        where += f" ({row.counts['along']} went along with approval {row.counts['with']})"
    return f"{row.op} {row.counts['proposed']} of {row.counts['of']} {row.kind}{where}"


def approval_lines(connection: Connection, rows: Sequence[Row[Any]]) -> list[Shown]:
    """Return approvals of `approvals_shown` as they are listed, each with the job that does it."""
    query: Select[Any] = (
        select(jobs.c.id, jobs.c.state, jobs.c.approval_id)
        .where(jobs.c.approval_id.is_not(None), jobs.c.approval_id.in_([row.id for row in rows]))
        .order_by(jobs.c.id)
    )
    carried = {row.approval_id: row for row in connection.execute(query)}
    return [_approval(row, carried.get(row.id)) for row in rows]


def _approval(row: Row[Any], carried: Row[Any] | None) -> Shown:
    return {
        "id": row.id,
        "tenant": row.tenant,
        "app": f"{row.tenant}/{row.app}",
        "op": row.op,
        "kind": row.kind,
        "school": row.school,
        "school_name": row.school_name,
        "what": approval_what(row),
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


def names_of(
    connection: Connection, tenant_id: int, kind: Kind, sourced_ids: Collection[str]
) -> dict[str, str]:
    """Return what a person calls records of a kind, by sourcedId; of those that there are."""
    hub = HUB[kind]
    name, source = _named(hub, kind)
    rows = connection.execute(
        select(hub.c.sourced_id, name.label("name"))
        .select_from(source)
        .where(hub.c.tenant_id == tenant_id, hub.c.sourced_id.in_(sourced_ids))
    )
    return {row.sourced_id: row.name for row in rows}


def with_names(
    connection: Connection, tenant_id: int, rows: Iterable[Mapping[str, Any]], key: str
) -> list[dict[str, Any]]:
    """Return rows about records with the `name` of each; None: it is not there, or has none.

    Args:
        connection: of the database.
        tenant_id: whose records they are.
        rows: few of them, each with its `kind`.
        key: of a row, where its record's sourcedId stands.
    """
    given = list(rows)
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for row in given:
        if row[key]:
            ids[row["kind"]].add(row[key])
    names = {kind: names_of(connection, tenant_id, Kind(kind), some) for kind, some in ids.items()}
    return [{**row, "name": names.get(row["kind"], {}).get(row[key])} for row in given]


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
