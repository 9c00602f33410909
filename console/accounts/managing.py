"""Accounts managed by who governs a tenant: added, given roles, disabled.

Nobody gives or takes a role that is more than their own, or for a tenant that they do not govern;
and the last administrator stays one. What is done here is written into the audit log by the desk at
which it is asked for.

Locks are taken in one order, here and where passwords are set: the account, the administrators'
roles, sessions, links.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from console.accounts.caller import Caller
from shared.db import accounts, grants, one_time_links, sessions
from shared.db.accounts import Account
from shared.db.engine import Database
from shared.domain.roles import Grant, Permission, Role, may_grant, may_manage
from shared.errors import ConfigurationError, ForbiddenError, NotFoundError


def add_account(database: Database, caller: Caller, name: str, grant: Grant) -> Account:
    """Add an account with its first role, without a password. Commits.

    Raises:
        ForbiddenError: the role is not the caller's to give.
        ConfigurationError: the name cannot be one, or is taken.
    """
    _check_may_grant(caller, grant)
    with database.write() as connection:
        now = database.now(connection)
        account_id = accounts.add_account(connection, name, now)
        grants.set_grant(connection, account_id, grant, now)
        return accounts.get_account(connection, account_id)


def give_grant(database: Database, caller: Caller, name: str, grant: Grant) -> Account:
    """Give an account a role in a place, instead of the one that it had there. Commits.

    Its sessions end: who may something else signs in anew. With a role in another place links to
    its password do nothing any more: whoever made one may not govern there.

    Raises:
        NotFoundError: there is no such account, or not for the caller to see.
        ForbiddenError: the role, or the one that it had, is not the caller's to give.
        ConfigurationError: it is the last administrator.
    """
    _check_may_grant(caller, grant)
    with database.write() as connection:
        account, held = seen(connection, caller, name)
        former = next((one for one in held if one.tenant_id == grant.tenant_id), None)
        if former == grant:
            return account
        if former is not None:
            _check_may_grant(caller, former)
            _check_not_last(connection, account, former)
        grants.set_grant(connection, account.id, grant, database.now(connection))
        sessions.end_sessions(connection, account.id)
        if former is None:
            one_time_links.drop_links(connection, account.id)
    return account


def take_grant(database: Database, caller: Caller, name: str, tenant_id: int | None) -> Account:
    """Take an account's role in a tenant, or (None) in every tenant. Commits.

    Its sessions end.

    Raises:
        NotFoundError: there is no such account, or not for the caller to see, or it has no role
            there.
        ForbiddenError: the role is not the caller's to take.
        ConfigurationError: it is the last administrator.
    """
    with database.write() as connection:
        account, held = seen(connection, caller, name)
        former = next((one for one in held if one.tenant_id == tenant_id), None)
        if former is None:
            raise NotFoundError("account", "it has no role there", "Look at its roles.")
        _check_may_grant(caller, former)
        _check_not_last(connection, account, former)
        grants.remove_grant(connection, account.id, tenant_id)
        sessions.end_sessions(connection, account.id)
    return account


def disable_account(database: Database, caller: Caller, name: str) -> Account:
    """Let nobody in by an account: its sessions and links end, its tokens do nothing. Commits.

    Raises:
        NotFoundError: there is no such account, or not for the caller to see.
        ForbiddenError: the account may what the caller may not.
        ConfigurationError: it is the last administrator.
    """
    with database.write() as connection:
        account, held = managed(connection, caller, name)
        for grant in held:
            _check_not_last(connection, account, grant)
        accounts.set_disabled(connection, account.id, database.now(connection))
        sessions.end_sessions(connection, account.id)
        one_time_links.drop_links(connection, account.id)
        return accounts.get_account(connection, account.id)


def enable_account(database: Database, caller: Caller, name: str) -> Account:
    """Let an account's owner in again, by the password that it had. Commits.

    Raises:
        NotFoundError: there is no such account, or not for the caller to see.
        ForbiddenError: the account may what the caller may not.
    """
    with database.write() as connection:
        account, _ = managed(connection, caller, name)
        accounts.set_disabled(connection, account.id, None)
        return accounts.get_account(connection, account.id)


def seen(connection: Connection, caller: Caller, name: str) -> tuple[Account, tuple[Grant, ...]]:
    """Return an account with a role where the caller governs, locked, and all its roles.

    Raises:
        NotFoundError: there is no such account, or not for the caller to see.
    """
    account = accounts.lock_account(connection, name)
    held = () if account is None else grants.grants_of(connection, account.id)
    if account is None or not _may_see(caller, held):
        raise NotFoundError(
            "account", "there is none of this name", "List them: bellringer accounts list"
        )
    return account, held


def managed(connection: Connection, caller: Caller, name: str) -> tuple[Account, tuple[Grant, ...]]:
    """Return an account that the caller may disable or let in, locked, and all its roles.

    Raises:
        NotFoundError: there is no such account, or not for the caller to see.
        ForbiddenError: the account may what the caller may not.
    """
    account, held = seen(connection, caller, name)
    if not may_manage(caller.grants, held, caller.scopes, caller.tenant_id):
        raise ForbiddenError("the account has roles that are not yours to give")
    return account, held


def _may_see(caller: Caller, held: Collection[Grant]) -> bool:
    if caller.may(Permission.GOVERN, None):
        return True
    return any(
        grant.tenant_id is not None and caller.may(Permission.GOVERN, grant.tenant_id)
        for grant in held
    )


def _check_may_grant(caller: Caller, grant: Grant) -> None:
    if not may_grant(caller.grants, grant, caller.scopes, caller.tenant_id):
        raise ForbiddenError(f"the role {grant.role} is not yours to give or take there")


def _check_not_last(connection: Connection, account: Account, grant: Grant) -> None:
    """See that an administrator is left who can sign in, once this one is none any more."""
    if grant.role != Role.ADMINISTRATOR:
        return
    if grants.lock_administrators(connection) == {account.id}:
        raise ConfigurationError(
            "account", "it is the last administrator", "Make another one first."
        )
