"""Conflicts: fields that the hub and a 2-way app have both changed, and that nobody owns.

The hub keeps its value, the app is left alone, and a person decides between the two.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, STAGES, change_log, hubs, snake
from shared.db.review_tables import conflicts
from shared.db.tables import apps, tenants
from shared.db.views import iso
from shared.domain.records import FIELDS, Kind
from shared.errors import ConfigurationError
from shared.roster.locking import hub_lock
from shared.roster.ownership import Ownership
from shared.roster.statements import OPEN, Statements

#: What a person may take: the hub's value, the app's, or another one.
CHOICES = ("hub", "app", "value")


def is_set(kind: Kind, field: str) -> bool:
    """Return whether a field holds a set, which is merged by element."""
    return next(one.many for one in FIELDS[kind] if one.name == field)


def is_conflict(ownership: Ownership, kind: Kind, field: str) -> str:
    """Return the condition: both sides have moved the field, and no rule says who is right.

    Over stage `s`, link `l` and hub `h`.
    """
    column = snake(field)
    base, ours, theirs = f"l.{column}", f"h.{column}", f"s.{column}"
    return (
        f"({theirs} IS DISTINCT FROM {ours}"
        f" AND {theirs} IS DISTINCT FROM {base} AND {ours} IS DISTINCT FROM {base}"
        f" AND NOT ({ownership.is_owner(kind, field)})"
        f" AND NOT ({ownership.is_settled(kind, field)}))"
    )


def may_conflict(ownership: Ownership, kind: Kind, field: str) -> bool:
    """Return whether a field can come into conflict at all."""
    return not (
        ownership.fills(kind, field)
        or is_set(kind, field)
        or ownership.is_owner(kind, field) == "1 = 1"
    )


def note_conflicts(
    run: Statements, kind: Kind, supplied: Sequence[str], ownership: Ownership
) -> int:
    """Note the conflicts of the open rows, before they are merged; returns how many are new.

    One that is open already learns what both sides hold now.
    """
    conditions = {
        field: is_conflict(ownership, kind, field)
        for field in supplied
        if may_conflict(ownership, kind, field)
    }
    if not conditions:
        return 0
    rows = (
        f" FROM {STAGES[kind].name} AS s"
        f" JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant AND h.sourced_id = s.sourced_id"
        f" JOIN {LINKS[kind].name} AS l ON l.app_id = :app AND l.external_id = s.external_id"
        f" WHERE {OPEN} AND s.is_new IS NULL AND h.status = 'active' AND "
    )
    if not run.value(f"SELECT count(*) {rows} ({' OR '.join(conditions.values())})"):
        return 0
    before = _count_open(run, kind)
    for field, condition in conditions.items():
        column = snake(field)
        run.run(
            "INSERT INTO conflicts (tenant_id, app_id, kind, external_id, sourced_id, field, base,"
            " ours, theirs, state, job_id, at)"
            " SELECT :tenant, :app, CAST(:kind AS text), s.external_id, s.sourced_id,"
            f" CAST(:field AS text), l.{column}, h.{column}, s.{column}, 'open', :job,"
            f" {run.instant()} {rows} {condition}"
            " ON CONFLICT (app_id, kind, external_id, field) WHERE state = 'open'"
            " DO UPDATE SET ours = excluded.ours, theirs = excluded.theirs,"
            " job_id = excluded.job_id",
            kind=kind,
            field=field,
        )
    return _count_open(run, kind) - before


def close_agreed(run: Statements, kind: Kind) -> None:
    """Close the app's conflicts in which hub and app have come to hold the same."""
    fields = run.rows(
        "SELECT DISTINCT field FROM conflicts WHERE app_id = :app AND kind = :kind"
        " AND state = 'open'",
        kind=kind,
    )
    for (field,) in fields:
        column = snake(str(field))
        run.run(
            f"UPDATE conflicts AS c SET state = 'gone', resolved_at = {run.instant()}"
            " WHERE c.app_id = :app AND c.kind = :kind AND c.field = :field AND c.state = 'open'"
            f" AND EXISTS (SELECT 1 FROM {HUB[kind].name} AS h JOIN {LINKS[kind].name} AS l"
            " ON l.sourced_id = h.sourced_id WHERE h.tenant_id = :tenant"
            " AND h.sourced_id = c.sourced_id AND l.app_id = :app"
            f" AND l.external_id = c.external_id AND l.{column} IS NOT DISTINCT FROM h.{column})",
            kind=kind,
            field=field,
        )


def _count_open(run: Statements, kind: Kind) -> int:
    return run.value(
        "SELECT count(*) FROM conflicts WHERE app_id = :app AND kind = :kind AND state = 'open'",
        kind=kind,
    )


def list_conflicts(
    connection: Connection, tenant_id: int, *, state: str | None = "open", limit: int = 1000
) -> list[dict[str, Any]]:
    """List a tenant's conflicts, oldest first, as JSON.

    Args:
        connection: a reading transaction.
        tenant_id: whose.
        state: open, resolved or gone; None: all.
        limit: the most rows.
    """
    query = (
        select(conflicts, apps.c.name.label("app"), tenants.c.name.label("tenant"))
        .join(apps, apps.c.id == conflicts.c.app_id)
        .join(tenants, tenants.c.id == conflicts.c.tenant_id)
        .where(conflicts.c.tenant_id == tenant_id)
        .order_by(conflicts.c.id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(conflicts.c.state == state)
    return [
        {
            "id": row.id,
            "app": f"{row.tenant}/{row.app}",
            "kind": row.kind,
            "record": row.sourced_id,
            "external_id": row.external_id,
            "field": row.field,
            "base": row.base,
            "hub": row.ours,
            "theirs": row.theirs,
            "state": row.state,
            "job": row.job_id,
            "at": iso(row.at),
            "resolved_at": iso(row.resolved_at),
            "resolved_by": row.resolved_by,
            "value": row.value,
        }
        for row in connection.execute(query)
    ]


def resolve_conflict(
    database: Database, conflict_id: int, choice: str, *, by: str | None, value: str | None = None
) -> str | None:
    """Decide a conflict; returns the value that the hub holds from now on. Commits.

    What the app holds otherwise is written to it by its next sync.

    Args:
        database: of the hub.
        conflict_id: which.
        choice: hub, app or value.
        by: who decides.
        value: what to take, where the choice is value.

    Raises:
        ConfigurationError: there is no such conflict, it is not open, or the choice is none.
    """
    if choice not in CHOICES:
        raise ConfigurationError(
            "--take", f"there is no choice {choice!r}", f"Take one of {', '.join(CHOICES)}."
        )
    with database.write() as connection:
        row = _open_conflict(connection, conflict_id)
        now = database.now(connection)
        kind, column = Kind(row.kind), snake(row.field)
        hub, link = HUB[kind], LINKS[kind]
        here = (hub.c.tenant_id == row.tenant_id) & (hub.c.sourced_id == row.sourced_id)
        ours = connection.execute(select(hub.c[column]).where(here)).scalar_one()
        theirs = connection.execute(
            select(link.c[column]).where(
                link.c.app_id == row.app_id, link.c.external_id == row.external_id
            )
        ).scalar_one()
        taken = {"hub": ours, "app": theirs, "value": value or None}[choice]
        if taken != ours:
            connection.execute(
                update(hub).where(here).values({column: taken, "date_last_modified": now})
            )
            _log(connection, row, ours, taken, app_id=row.app_id if choice == "app" else None,
                 by=by, at=now)  # fmt: skip
        connection.execute(
            update(conflicts)
            .where(conflicts.c.id == conflict_id)
            .values(state="resolved", resolved_at=now, resolved_by=by, value=taken)
        )
    return None if taken is None else str(taken)


def _open_conflict(connection: Connection, conflict_id: int) -> Row[Any]:
    """Return an open conflict, under its tenant's hub lock."""
    found = connection.execute(
        select(conflicts.c.tenant_id).where(conflicts.c.id == conflict_id)
    ).scalar_one_or_none()
    if found is None:
        raise ConfigurationError(
            "CONFLICT", f"there is none {conflict_id}", "List: bellringer conflicts list TENANT"
        )
    hub_lock(connection, found)
    row = connection.execute(select(conflicts).where(conflicts.c.id == conflict_id)).one()
    if row.state != "open":
        raise ConfigurationError(
            "CONFLICT", f"{conflict_id} is {row.state} already", "List the open ones."
        )
    return row


def _log(
    connection: Connection,
    row: Row[Any],
    before: str | None,
    after: str | None,
    *,
    app_id: int | None,
    by: str | None,
    at: datetime,
) -> None:
    """Write a person's choice to the change log, and raise the hub's version."""
    connection.execute(
        insert(change_log).values(
            actor=f"conflict {row.id} resolved by {by or 'somebody'}",
            app_id=app_id,
            tenant_id=row.tenant_id,
            kind=row.kind,
            sourced_id=row.sourced_id,
            op="update",
            before=json.dumps({row.field: before}),
            after=json.dumps({row.field: after}),
            at=at,
        )
    )
    connection.execute(
        update(hubs).where(hubs.c.tenant_id == row.tenant_id).values(version=hubs.c.version + 1)
    )
