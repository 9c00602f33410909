"""Forgets what of accounts is over: sessions, links, counts of failures, old audit entries."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, delete, select

from shared.db.account_tables import audit_log, one_time_links, sessions, throttles
from shared.db.engine import Database

#: Rows of one table that are forgotten in one transaction.
FORGOTTEN_TOGETHER = 10_000


def forget_access(database: Database, *, audit_days: int, limit: int = FORGOTTEN_TOGETHER) -> int:
    """Forget what is over; returns the most rows that one table lost. Commits.

    Where that is `limit` there may be more. Tokens stay, expired or revoked: they are few, and
    their owners see by them what they once gave away.

    Args:
        database: of the accounts.
        audit_days: how old an entry of the audit log becomes, in days.
        limit: rows a table.
    """
    with database.write() as connection:
        now = database.now(connection)
        ended = (
            (sessions, sessions.c.digest, sessions.c.expires_at),
            (one_time_links, one_time_links.c.digest, one_time_links.c.expires_at),
            (throttles, throttles.c.key, throttles.c.forget_at),
        )
        counts = [_forget(connection, table, key, over < now, limit) for table, key, over in ended]
        counts.append(_forget_audit(connection, now - timedelta(days=audit_days), limit))
    return max(counts)


def _forget(
    connection: Connection,
    table: Table,
    key: ColumnElement[str],
    is_over: ColumnElement[bool],
    limit: int,
) -> int:
    # what somebody has locked is in use: it is not over any more, or is forgotten the next time
    over = select(key).where(is_over).limit(limit).with_for_update(skip_locked=True)
    return connection.execute(delete(table).where(key.in_(over))).rowcount


def _forget_audit(connection: Connection, before: datetime, limit: int) -> int:
    # ids grow with time: the oldest are looked at, not the whole log
    oldest = select(audit_log.c.id, audit_log.c.at).order_by(audit_log.c.id).limit(limit).subquery()
    old = select(oldest.c.id).where(oldest.c.at < before)
    return connection.execute(delete(audit_log).where(audit_log.c.id.in_(old))).rowcount
