"""The roles of accounts. Each function works in its caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from shared.db.account_tables import accounts, grants
from shared.domain.roles import Grant, Role


def grants_of(connection: Connection, account_id: int) -> tuple[Grant, ...]:
    """Return the roles of an account, in no order; at most one in each place."""
    return grants_of_all(connection, [account_id]).get(account_id, ())


def grants_of_all(
    connection: Connection, account_ids: Collection[int]
) -> dict[int, tuple[Grant, ...]]:
    """Return the roles of several accounts by account; who has none is not in it."""
    rows = connection.execute(
        select(grants.c.account_id, grants.c.role, grants.c.tenant_id)
        .where(grants.c.account_id.in_(account_ids))
        .order_by(grants.c.id)
    )
    found: defaultdict[int, list[Grant]] = defaultdict(list)
    for row in rows:
        found[row.account_id].append(Grant(Role(row.role), row.tenant_id))
    return {account_id: tuple(held) for account_id, held in found.items()}


def set_grant(connection: Connection, account_id: int, grant: Grant, now: datetime) -> Grant | None:
    """Give an account a role in a place, instead of the one that it had there; returns that."""
    former = remove_grant(connection, account_id, grant.tenant_id)
    connection.execute(
        insert(grants).values(
            account_id=account_id, role=grant.role, tenant_id=grant.tenant_id, created_at=now
        )
    )
    return former


def remove_grant(connection: Connection, account_id: int, tenant_id: int | None) -> Grant | None:
    """Take an account's role in a tenant, or (None) in every tenant; returns what it was."""
    removed = connection.execute(
        delete(grants)
        .where(grants.c.account_id == account_id, _in_place(tenant_id))
        .returning(grants.c.role)
    ).scalar_one_or_none()
    return None if removed is None else Grant(Role(removed), tenant_id)


def administrators(connection: Connection) -> frozenset[int]:
    """Return the ids of the accounts that can sign in as administrators."""
    query = (
        select(accounts.c.id)
        .join(grants, grants.c.account_id == accounts.c.id)
        .where(
            grants.c.tenant_id.is_(None),
            grants.c.role == Role.ADMINISTRATOR,
            accounts.c.disabled_at.is_(None),
            accounts.c.password_hash.is_not(None),
        )
    )
    return frozenset(connection.execute(query).scalars())


def lock_administrators(connection: Connection) -> frozenset[int]:
    """Return the ids of the accounts that can sign in as administrators; they stay so.

    Until the end of the transaction nobody else gets past this, as long as there is one: two who
    take the role from each other come one after the other.
    """
    query = (
        select(grants.c.id)
        .where(grants.c.tenant_id.is_(None), grants.c.role == Role.ADMINISTRATOR)
        .order_by(grants.c.id)
        .with_for_update()
    )
    connection.execute(query).all()
    # a statement of its own sees what was committed while the locks were waited for
    return administrators(connection)


def _in_place(tenant_id: int | None) -> ColumnElement[bool]:
    return grants.c.tenant_id.is_(None) if tenant_id is None else grants.c.tenant_id == tenant_id
