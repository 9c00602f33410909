"""The audit log: written, and read page by page. A row is never changed.

Each function works in its caller's transaction, so what is told has happened, and the other way
round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from shared.db.account_tables import audit_log
from shared.db.tables import tenants
from shared.db.views import iso
from shared.domain.access import AuditOutcome, Via


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What somebody did, or was refused.

    Attributes:
        action: one word: `sign_in`, or an operation's name.
        outcome: what came of it.
        via: how they asked.
        account_id: who; None: nobody whom we know, or the command.
        account: their name; of the command, who ran it.
        tenant_id: in which tenant; None: in none.
        target: to what: an app, a job, an account.
        address: from where.
        detail: more, as JSON; no secret, and nothing of a roster.
    """

    action: str
    outcome: AuditOutcome
    via: Via
    account_id: int | None = None
    account: str | None = None
    tenant_id: int | None = None
    target: str | None = None
    address: str | None = None
    detail: Mapping[str, Any] | None = None


def record(connection: Connection, entry: AuditEntry, now: datetime) -> None:
    """Write something into the log."""
    connection.execute(
        insert(audit_log).values(
            at=now,
            action=entry.action,
            outcome=entry.outcome,
            via=entry.via,
            account_id=entry.account_id,
            account=entry.account,
            tenant_id=entry.tenant_id,
            target=entry.target,
            address=entry.address,
            detail=None if entry.detail is None else dict(entry.detail),
        )
    )


def list_audit(
    connection: Connection,
    *,
    tenant_id: int | None = None,
    before: int | None = None,
    action: str | None = None,
    account: str | None = None,
    outcome: str | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Return a page of the log, newest first, ready for JSON.

    Args:
        connection: to read with.
        tenant_id: of this tenant alone; None: of all, and what was of none.
        before: an entry's id; the page begins after it. None: with the newest.
        action: this one alone.
        account: of this one alone, by its name.
        outcome: with this outcome alone.
        limit: entries a page.
    """
    query = (
        select(audit_log, tenants.c.name.label("tenant"))
        .join(tenants, tenants.c.id == audit_log.c.tenant_id, isouter=True)
        .order_by(audit_log.c.id.desc())
        .limit(limit)
    )
    wanted = {"tenant_id": tenant_id, "action": action, "account": account, "outcome": outcome}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(audit_log.c[name] == value)
    if before is not None:
        query = query.where(audit_log.c.id < before)
    return [
        {
            "id": row.id,
            "at": iso(row.at),
            "account": row.account,
            "tenant": row.tenant,
            "via": row.via,
            "action": row.action,
            "target": row.target,
            "outcome": row.outcome,
            "address": row.address,
            "detail": row.detail,
        }
        for row in connection.execute(query)
    ]
