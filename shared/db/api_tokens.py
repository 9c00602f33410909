"""API tokens. Each function works in its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from shared.db.account_tables import accounts, api_tokens, grants
from shared.db.accounts import ACCOUNT_COLUMNS, Account, account_of
from shared.domain.roles import Permission


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is known of a token; the token itself is not.

    Attributes:
        id: its number.
        account_id: whose it is.
        name: what it is for, in its owner's words.
        prefix: its first characters.
        scopes: the permissions that it is for.
        tenant_id: the one tenant that it is for; None: all where its account has a role.
        created_at: when it was issued.
        expires_at: from when on it lets nobody in.
        last_used_at: when it was last used, to the minute; None: never.
        revoked_at: when it was revoked; None: it was not.
    """

    id: int
    account_id: int
    name: str
    prefix: str
    scopes: frozenset[Permission]
    tenant_id: int | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def add_token(
    connection: Connection,
    digest: str,
    *,
    account_id: int,
    name: str,
    prefix: str,
    scopes: Collection[Permission],
    tenant_id: int | None,
    now: datetime,
    expires_at: datetime,
) -> int:
    """Add a token; returns its id."""
    made: int = connection.execute(
        insert(api_tokens)
        .values(
            digest=digest,
            account_id=account_id,
            name=name,
            prefix=prefix,
            scopes=sorted(scopes),
            tenant_id=tenant_id,
            created_at=now,
            expires_at=expires_at,
        )
        .returning(api_tokens.c.id)
    ).scalar_one()
    return made


def find_token(
    connection: Connection, digest: str, now: datetime
) -> tuple[ApiToken, Account] | None:
    """Return a token that lets somebody in, and whose it is: it holds, its account is enabled."""
    own = [column.label(f"token_{column.name}") for column in api_tokens.c]
    row = connection.execute(
        select(*ACCOUNT_COLUMNS, *own)
        .join(accounts, accounts.c.id == api_tokens.c.account_id)
        .where(
            api_tokens.c.digest == digest,
            api_tokens.c.revoked_at.is_(None),
            api_tokens.c.expires_at > now,
            accounts.c.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else (_token(row, "token_"), account_of(row))


def get_token(connection: Connection, token_id: int) -> ApiToken | None:
    """Return a token by its id, revoked or expired as it may be."""
    row = connection.execute(select(api_tokens).where(api_tokens.c.id == token_id)).one_or_none()
    return None if row is None else _token(row)


def touch_token(connection: Connection, token_id: int, now: datetime) -> None:
    """Note that a token was used."""
    connection.execute(
        update(api_tokens)
        .where(
            api_tokens.c.id == token_id,
            or_(api_tokens.c.last_used_at.is_(None), api_tokens.c.last_used_at < now),
        )
        .values(last_used_at=now)
    )


def revoke_token(connection: Connection, token_id: int, now: datetime) -> bool:
    """Revoke a token; returns whether it was not before."""
    changed = connection.execute(
        update(api_tokens)
        .where(api_tokens.c.id == token_id, api_tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return changed.rowcount == 1


def list_expiring(
    connection: Connection,
    now: datetime,
    *,
    tenant_id: int,
    account_id: int | None = None,
    within_days: int = 14,
    limit: int = 20,
) -> list[tuple[ApiToken, str]]:
    """Return tokens that hold now and will not in so many days, the first to go first.

    Args:
        connection: to read with.
        now: the database's clock.
        tenant_id: those alone that are for this tenant, or for all tenants and of an account that
            has a role in this very one.
        account_id: of this account, whatever its role; None: of any.
        within_days: how many.
        limit: the most that are told.

    Returns:
        Each with its account's name.
    """
    here = select(grants.c.account_id).where(grants.c.tenant_id == tenant_id)
    is_whose = (
        api_tokens.c.account_id.in_(here)
        if account_id is None
        else api_tokens.c.account_id == account_id
    )
    which: ColumnElement[bool] = or_(
        api_tokens.c.tenant_id == tenant_id, and_(api_tokens.c.tenant_id.is_(None), is_whose)
    )
    if account_id is not None:
        which = and_(which, is_whose)
    query = (
        select(api_tokens, accounts.c.name.label("account"))
        .join(accounts, accounts.c.id == api_tokens.c.account_id)
        .where(which, _expiring(now, within_days))
        .order_by(api_tokens.c.expires_at, api_tokens.c.id)
        .limit(limit)
    )
    return [(_token(row), row.account) for row in connection.execute(query)]


def count_expiring(connection: Connection, now: datetime, *, within_days: int = 14) -> int:
    """Count the tokens that hold now and will not in so many days."""
    query = (
        select(func.count())
        .select_from(api_tokens)
        .join(accounts, accounts.c.id == api_tokens.c.account_id)
        .where(_expiring(now, within_days))
    )
    return connection.execute(query).scalar_one()


def _expiring(now: datetime, within_days: int) -> ColumnElement[bool]:
    return and_(
        api_tokens.c.revoked_at.is_(None),
        api_tokens.c.expires_at > now,
        api_tokens.c.expires_at <= now + timedelta(days=within_days),
        accounts.c.disabled_at.is_(None),
    )


def _token(row: Row[Any], prefix: str = "") -> ApiToken:
    told = {
        column.name: getattr(row, prefix + column.name)
        for column in api_tokens.c
        if column.name != "digest"
    }
    return ApiToken(**{**told, "scopes": frozenset(map(Permission, told["scopes"]))})
