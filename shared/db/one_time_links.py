"""Links that let somebody in once. Each function works in its caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, text, update

from shared.db.account_tables import one_time_links
from shared.db.inserting import insert_into
from shared.domain.access import LinkPurpose


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that was not used yet, and still may be.

    Attributes:
        purpose: what it does.
        account_id: whose password it sets; None: it makes the account.
        expires_at: from when on it does nothing.
    """

    purpose: LinkPurpose
    account_id: int | None
    expires_at: datetime


def put_link(
    connection: Connection,
    digest: str,
    purpose: LinkPurpose,
    account_id: int | None,
    *,
    now: datetime,
    life_s: float,
) -> datetime:
    """Make a link, in the place of the one before of its purpose and account.

    Returns:
        From when on it does nothing.
    """
    expires_at = now + timedelta(seconds=life_s)
    made = insert_into(connection, one_time_links).values(
        digest=digest,
        purpose=purpose,
        account_id=account_id,
        created_at=now,
        expires_at=expires_at,
    )
    replaced = {
        name: made.excluded[name] for name in ("digest", "created_at", "expires_at", "used_at")
    }
    if account_id is None:
        only = text("account_id IS NULL")
        made = made.on_conflict_do_update(
            index_elements=["purpose"], index_where=only, set_=replaced
        )
    else:
        made = made.on_conflict_do_update(index_elements=["account_id"], set_=replaced)
    connection.execute(made)
    return expires_at


def find_link(connection: Connection, digest: str, now: datetime) -> OpenLink | None:
    """Return a link that may be used; it stays so."""
    row = connection.execute(
        select(
            one_time_links.c.purpose, one_time_links.c.account_id, one_time_links.c.expires_at
        ).where(
            one_time_links.c.digest == digest,
            one_time_links.c.used_at.is_(None),
            one_time_links.c.expires_at > now,
        )
    ).one_or_none()
    if row is None:
        return None
    return OpenLink(LinkPurpose(row.purpose), row.account_id, row.expires_at)


def use_link(connection: Connection, digest: str, now: datetime) -> bool:
    """Use a link up; returns whether it could be: of several who try, one gets True."""
    changed = connection.execute(
        update(one_time_links)
        .where(
            one_time_links.c.digest == digest,
            one_time_links.c.used_at.is_(None),
            one_time_links.c.expires_at > now,
        )
        .values(used_at=now)
    )
    return changed.rowcount == 1


def drop_links(connection: Connection, account_id: int) -> int:
    """Make an account's links useless; returns how many there were."""
    return connection.execute(
        delete(one_time_links).where(one_time_links.c.account_id == account_id)
    ).rowcount
