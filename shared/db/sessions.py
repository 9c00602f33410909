"""Who is signed in. Each function works in its caller's transaction.

A session is told by the SHA-256 digest of its random id: a copy of the table lets nobody in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, select, update

from shared.db.account_tables import accounts, sessions
from shared.db.accounts import ACCOUNT_COLUMNS, Account, account_of

#: How much of what a browser says of itself is kept, in characters.
USER_AGENT_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session by which somebody is signed in.

    Attributes:
        digest: of its id.
        account: who is signed in.
        created_at: when they signed in.
        last_seen_at: when they last asked for something, to the minute.
        expires_at: when it ends at the latest.
        address: from where they signed in.
        user_agent: what their browser says of itself, shortened.
    """

    digest: str
    account: Account
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None


def add_session(
    connection: Connection,
    digest: str,
    account_id: int,
    *,
    now: datetime,
    life_s: float,
    address: str | None,
    user_agent: str | None,
) -> datetime:
    """Sign somebody in; returns when the session ends at the latest."""
    expires_at = now + timedelta(seconds=life_s)
    connection.execute(
        insert(sessions).values(
            digest=digest,
            account_id=account_id,
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
            address=address,
            user_agent=None if user_agent is None else user_agent[:USER_AGENT_CHARACTERS],
        )
    )
    return expires_at


def find_session(
    connection: Connection, digest: str, *, now: datetime, idle_s: float
) -> OpenSession | None:
    """Return a session that is open: neither over nor idle too long, its account enabled."""
    found = _open(connection, now, idle_s, sessions.c.digest == digest)
    return found[0] if found else None


def sessions_of(
    connection: Connection, account_id: int, *, now: datetime, idle_s: float
) -> list[OpenSession]:
    """Return the open sessions of an account, the one that was seen last first."""
    return _open(connection, now, idle_s, sessions.c.account_id == account_id)


def touch_session(connection: Connection, digest: str, now: datetime) -> None:
    """Note that somebody asked for something."""
    connection.execute(
        update(sessions)
        .where(sessions.c.digest == digest, sessions.c.last_seen_at < now)
        .values(last_seen_at=now)
    )


def rename_session(connection: Connection, old: str, new: str) -> bool:
    """Go on with a session under another id; returns whether it was there."""
    changed = connection.execute(
        update(sessions).where(sessions.c.digest == old).values(digest=new)
    )
    return changed.rowcount == 1


def end_session(connection: Connection, digest: str) -> bool:
    """Sign a session out; returns whether it was there."""
    return connection.execute(delete(sessions).where(sessions.c.digest == digest)).rowcount == 1


def end_sessions(connection: Connection, account_id: int) -> int:
    """Sign an account out everywhere; returns of how many sessions."""
    return connection.execute(delete(sessions).where(sessions.c.account_id == account_id)).rowcount


def _open(
    connection: Connection, now: datetime, idle_s: float, *which: ColumnElement[bool]
) -> list[OpenSession]:
    query: Select[Any] = (
        select(
            *ACCOUNT_COLUMNS,
            sessions.c.digest,
            sessions.c.created_at.label("started_at"),
            sessions.c.last_seen_at,
            sessions.c.expires_at,
            sessions.c.address,
            sessions.c.user_agent,
        )
        .join(accounts, accounts.c.id == sessions.c.account_id)
        .where(
            *which,
            accounts.c.disabled_at.is_(None),
            sessions.c.expires_at > now,
            sessions.c.last_seen_at > now - timedelta(seconds=idle_s),
        )
        .order_by(sessions.c.last_seen_at.desc(), sessions.c.digest)
    )
    return [
        OpenSession(
            digest=row.digest,
            account=account_of(row),
            created_at=row.started_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            address=row.address,
            user_agent=row.user_agent,
        )
        for row in connection.execute(query)
    ]
