"""Accounts, their sessions and their tokens, ready for JSON: what pages and commands show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from shared.db.account_tables import accounts, api_tokens, grants
from shared.db.accounts import ACCOUNT_COLUMNS, Account, account_of
from shared.db.grants import grants_of_all
from shared.db.sessions import sessions_of
from shared.db.tables import tenants
from shared.db.views import iso
from shared.domain.roles import Grant


def list_accounts(
    connection: Connection,
    *,
    tenant_id: int | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Return a page of accounts in the order of their names.

    Args:
        connection: to read with.
        tenant_id: those alone that have a role in this very tenant, which is then all that is told
            of their roles; None: all.
        after: a name; the page begins after it. None: with the first.
        limit: accounts a page.
    """
    query = select(*ACCOUNT_COLUMNS).order_by(accounts.c.name).limit(limit)
    if after is not None:
        query = query.where(accounts.c.name > after)
    if tenant_id is not None:
        here = select(grants.c.account_id).where(grants.c.tenant_id == tenant_id)
        query = query.where(accounts.c.id.in_(here))
    found = [account_of(row) for row in connection.execute(query)]
    held = grants_of_all(connection, [account.id for account in found])
    names = _tenant_names(connection, held.values())
    return [
        show_account(account, held.get(account.id, ()), names, tenant_id=tenant_id)
        for account in found
    ]


def show_account(
    account: Account,
    held: Iterable[Grant],
    tenant_names: Mapping[int, str],
    *,
    tenant_id: int | None = None,
) -> dict[str, Any]:
    """Return an account as it is shown.

    Args:
        account: which one.
        held: its roles.
        tenant_names: by id, at least those of its roles.
        tenant_id: the tenant for which it is shown: of its roles in others nothing is told.
    """
    return {
        "name": account.name,
        "roles": [
            {
                "role": grant.role,
                "tenant": None if grant.tenant_id is None else tenant_names[grant.tenant_id],
            }
            for grant in held
            if tenant_id is None or grant.tenant_id == tenant_id
        ],
        "has_password": account.has_password,
        "must_change_password": account.must_change_password,
        "is_disabled": account.disabled_at is not None,
        "created_at": iso(account.created_at),
        "password_changed_at": iso(account.password_changed_at),
        "disabled_at": iso(account.disabled_at),
        "signed_in_at": iso(account.signed_in_at),
    }


def describe_account(
    connection: Connection, account: Account, *, tenant_id: int | None = None
) -> dict[str, Any]:
    """Return one account with all its roles, as it sees itself, or for a tenant with that one."""
    held = grants_of_all(connection, [account.id])
    names = _tenant_names(connection, held.values())
    return show_account(account, held.get(account.id, ()), names, tenant_id=tenant_id)


def list_sessions(
    connection: Connection, account_id: int, *, now: datetime, idle_s: float
) -> list[dict[str, Any]]:
    """Return where an account is signed in; `session` is the digest by which one is ended."""
    return [
        {
            "session": session.digest,
            "signed_in_at": iso(session.created_at),
            "last_seen_at": iso(session.last_seen_at),
            "expires_at": iso(session.expires_at),
            "address": session.address,
            "user_agent": session.user_agent,
        }
        for session in sessions_of(connection, account_id, now=now, idle_s=idle_s)
    ]


def list_tokens(
    connection: Connection,
    *,
    now: datetime,
    account_id: int | None = None,
    tenant_id: int | None = None,
    limit: int = 500,
) -> list[dict[str, Any]]:
    """Return tokens that hold, expired ones and revoked ones, the newest first.

    Args:
        connection: to read with.
        now: by which they have expired or not.
        account_id: of this account alone.
        tenant_id: those alone that are for this tenant, or for all tenants and of an account that
            has a role in this very one.
        limit: the most that are told.
    """
    query: Select[Any] = (
        select(api_tokens, accounts.c.name.label("account"), tenants.c.name.label("tenant"))
        .join(accounts, accounts.c.id == api_tokens.c.account_id)
        .join(tenants, tenants.c.id == api_tokens.c.tenant_id, isouter=True)
        .order_by(api_tokens.c.id.desc())
        .limit(limit)
    )
    if account_id is not None:
        query = query.where(api_tokens.c.account_id == account_id)
    if tenant_id is not None:
        here = select(grants.c.account_id).where(grants.c.tenant_id == tenant_id)
        everywhere = api_tokens.c.tenant_id.is_(None) & api_tokens.c.account_id.in_(here)
        query = query.where(or_(api_tokens.c.tenant_id == tenant_id, everywhere))
    return [
        {
            "id": row.id,
            "account": row.account,
            "name": row.name,
            "prefix": row.prefix,
            "scopes": row.scopes,
            "tenant": row.tenant,
            "state": _state(row.revoked_at, row.expires_at, now),
            "created_at": iso(row.created_at),
            "expires_at": iso(row.expires_at),
            "last_used_at": iso(row.last_used_at),
            "revoked_at": iso(row.revoked_at),
        }
        for row in connection.execute(query)
    ]


def _state(revoked_at: datetime | None, expires_at: datetime, now: datetime) -> str:
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at <= now else "valid"


def _tenant_names(connection: Connection, held: Iterable[Iterable[Grant]]) -> dict[int, str]:
    ids = {grant.tenant_id for grants_ in held for grant in grants_ if grant.tenant_id is not None}
    rows = connection.execute(select(tenants.c.id, tenants.c.name).where(tenants.c.id.in_(ids)))
    return {row.id: row.name for row in rows}
