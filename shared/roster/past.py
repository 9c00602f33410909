"""The hub as it was: the change log, undone backwards in SQL from the records as they are.

A field's value at an instant is what the earliest change after it found there; where none came,
what the record holds now. Only records that have changed since cost more than the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Subquery,
    Text,
    case,
    cast,
    column,
    func,
    literal_column,
    select,
)

from shared.db.hub_tables import HUB, change_log, snake
from shared.domain.records import Kind, field_names

#: Columns that every record has, whatever its kind; the change log tells only of the first.
_OWN = ("status", "dateLastModified", "createdAt", "sourcedId")


def moment(at: datetime, *, is_postgresql: bool) -> str:
    """Return an instant as SQL."""
    told = at.astimezone(UTC)
    if is_postgresql:
        return f"CAST('{told.isoformat()}' AS timestamptz)"
    return f"'{told.replace(tzinfo=None).isoformat(' ', timespec='microseconds')}'"


def table_at(connection: Connection, kind: Kind, tenant_id: int, as_of: datetime) -> str:
    """Return `records_at` of all fields as the text of a query without parameters."""
    is_postgresql = connection.dialect.name == "postgresql"
    at: ColumnElement[Any] = literal_column(moment(as_of, is_postgresql=is_postgresql))
    then = records_at(kind, tenant_id, at, field_names(kind), is_postgresql=is_postgresql)
    return str(
        select(then).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    )


def records_at(
    kind: Kind,
    tenant_id: int,
    as_of: datetime | ColumnElement[Any],
    fields: Sequence[str],
    *,
    is_postgresql: bool,
) -> Subquery:
    """Return a query for a tenant's records of a kind at an instant, removed ones among them.

    Args:
        kind: which.
        tenant_id: whose.
        as_of: the instant, aware.
        fields: OneRoster's names of those that are wanted.
        is_postgresql: which of the two databases it is for.

    Returns:
        The columns tenant_id, sourced_id, status, created_at, date_last_modified and the fields',
        named as the kind's table names them.
    """
    hub = HUB[kind].c
    names = [name for name in dict.fromkeys(fields) if name not in _OWN]
    undone = _undone(kind, tenant_id, as_of, ["status", *names], is_postgresql=is_postgresql)
    then = [
        case(
            (undone.c[f"has_{snake(name)}"] == 1, undone.c[f"was_{snake(name)}"]),
            else_=hub[snake(name)],
        ).label(snake(name))
        for name in ("status", *names)
    ]
    log = change_log.c
    last = (
        select(func.max(log.at))
        .where(
            log.tenant_id == tenant_id,
            log.kind == kind,
            log.sourced_id == hub.sourced_id,
            log.at <= as_of,
        )
        .scalar_subquery()
    )
    modified = case(
        (hub.date_last_modified <= as_of, hub.date_last_modified),
        else_=func.coalesce(last, hub.created_at),
    ).label("date_last_modified")
    return (
        select(hub.tenant_id, hub.sourced_id, hub.created_at, modified, *then)
        .join_from(HUB[kind], undone, undone.c.sourced_id == hub.sourced_id, isouter=True)
        .where(hub.tenant_id == tenant_id, hub.created_at <= as_of)
        .subquery(f"{snake(kind)}_then")
    )


def _undone(
    kind: Kind,
    tenant_id: int,
    as_of: datetime | ColumnElement[Any],
    names: Sequence[str],
    *,
    is_postgresql: bool,
) -> Subquery:
    """Return a query, a row a record that has changed since: whether a field did, and from what."""
    log = change_log.c
    before = (
        func.json_each_text(cast(log.before, JSON)) if is_postgresql else func.json_each(log.before)
    )
    told = before.table_valued(
        column("key", Text), column("value", Text), name="b", joins_implicitly=True
    )
    first = (
        select(
            log.sourced_id,
            told.c.key,
            told.c.value,
            func.row_number()
            .over(partition_by=(log.sourced_id, told.c.key), order_by=log.id)
            .label("place"),
        )
        .where(
            log.tenant_id == tenant_id,
            log.kind == kind,
            log.at > as_of,
            told.c.key.in_(names),
        )
        .subquery("first_changes")
    )
    moved = [
        made
        for name in names
        for made in (
            func.max(case((first.c.key == name, first.c.value))).label(f"was_{snake(name)}"),
            func.max(case((first.c.key == name, 1))).label(f"has_{snake(name)}"),
        )
    ]
    return (
        select(first.c.sourced_id, *moved)
        .where(first.c.place == 1)
        .group_by(first.c.sourced_id)
        .subquery("undone")
    )
