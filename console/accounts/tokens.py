"""API tokens: shown once, for some permissions, for a while.

A token may what its scopes and the roles of its account both allow, as they are when it is used.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from console.accounts.caller import Caller
from console.accounts.managing import managed
from console.accounts.random_ids import digest_of
from console.accounts.token_format import SHOWN_CHARACTERS, is_token, new_token
from shared.db import accounts, api_tokens, grants
from shared.db.accounts import Account
from shared.db.api_tokens import ApiToken
from shared.db.engine import Database
from shared.domain.access import Via
from shared.domain.roles import Grant, Permission, allows, may_manage, tenants_allowed
from shared.errors import ConfigurationError, ForbiddenError, NotFoundError

log = logging.getLogger(__name__)

#: The longest that a token lasts.
MAX_DAYS = 365
#: The longest name, in characters.
MAX_NAME = 80
#: When a token was last used is written once in so many seconds.
TOUCH_S = 60.0


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just issued; it is never shown again.

    Attributes:
        id: its number.
        token: what a program sends.
        prefix: its first characters, which stay visible.
        expires_at: from when on it lets nobody in.
    """

    id: int
    token: str
    prefix: str
    expires_at: datetime


class Tokens:
    """The tokens of all accounts.

    Args:
        database: keeps their digests.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def issue(
        self,
        caller: Caller,
        name: str,
        *,
        scopes: Collection[Permission],
        days: int,
        tenant_id: int | None = None,
        account: str | None = None,
    ) -> NewToken:
        """Issue a token. Commits.

        One that is asked for by a token ends with it at the latest.

        Args:
            caller: who asks.
            name: what it is for.
            scopes: the permissions that it is for, at least one.
            days: how long it lasts.
            tenant_id: the one tenant that it is for; None: all where its account has a role.
            account: whose it is, by name; None: the caller's own.

        Raises:
            ConfigurationError: an argument is wrong, or the account may less than the scopes.
            NotFoundError: there is no such account, or not for the caller to see.
            ForbiddenError: the token would let its holder do more than the caller may.
        """
        _check(name, scopes, days)
        token = new_token()
        prefix = token[:SHOWN_CHARACTERS]
        with self.database.write() as connection:
            owner = _owner(connection, caller, account)
            _check_scopes(connection, caller, owner, frozenset(scopes), tenant_id)
            now = self.database.now(connection)
            expires_at = now + timedelta(days=days)
            if caller.expires_at is not None:
                # else whoever has found a token has access for as long as they like
                expires_at = min(expires_at, caller.expires_at)
            token_id = api_tokens.add_token(
                connection,
                digest_of(token),
                account_id=owner.id,
                name=name.strip(),
                prefix=prefix,
                scopes=frozenset(scopes),
                tenant_id=tenant_id,
                now=now,
                expires_at=expires_at,
            )
        return NewToken(token_id, token, prefix, expires_at)

    def caller(self, presented: str, address: str | None) -> Caller | None:
        """Return who asks by a token, None: it lets nobody in. Commits, at most once a minute."""
        found = self._find(presented) if is_token(presented) else None
        if found is None:
            log.warning("a token of the API was refused, from %s", address or "an unknown address")
            return None
        token, account, held = found
        return Caller(
            name=account.name,
            via=Via.API,
            grants=held,
            scopes=token.scopes,
            tenant_id=token.tenant_id,
            account_id=account.id,
            address=address,
            token_id=token.id,
            expires_at=token.expires_at,
        )

    def revoke(self, caller: Caller, token_id: int) -> ApiToken:
        """Let nobody in by a token any more. Commits.

        Raises:
            NotFoundError: there is no such token, or not for the caller to see.
        """
        with self.database.write() as connection:
            token = api_tokens.get_token(connection, token_id)
            if token is None or not _may_revoke(connection, caller, token):
                raise NotFoundError(
                    "token", "there is none of this number", "List them: bellringer tokens list"
                )
            api_tokens.revoke_token(connection, token_id, self.database.now(connection))
        return token

    def _find(self, presented: str) -> tuple[ApiToken, Account, tuple[Grant, ...]] | None:
        with self.database.read() as connection:
            now = self.database.now(connection)
            found = api_tokens.find_token(connection, digest_of(presented), now)
            if found is None:
                return None
            token, account = found
            held = grants.grants_of(connection, account.id)
        last = token.last_used_at
        if last is None or now - last >= timedelta(seconds=TOUCH_S):
            with self.database.write() as connection:
                api_tokens.touch_token(connection, token.id, now)
        return token, account, held


def _check(name: str, scopes: Collection[Permission], days: int) -> None:
    if not 1 <= len(name.strip()) <= MAX_NAME or not name.isprintable():
        raise ConfigurationError("name", "it cannot be one", f"Give 1 to {MAX_NAME} characters.")
    if not scopes:
        raise ConfigurationError(
            "scopes", "there are none", f"Give one of {', '.join(Permission)}."
        )
    if not 1 <= days <= MAX_DAYS:
        raise ConfigurationError("days", f"{days} is too few or too many", f"Give 1 to {MAX_DAYS}.")


def _owner(connection: Connection, caller: Caller, name: str | None) -> Account:
    if name is not None:
        found = accounts.find_account(connection, name)
        if found is not None and found.id == caller.account_id:
            return found
        # whoever may set an account's password may as well give a token of it away
        return managed(connection, caller, name)[0]
    if caller.account_id is None:
        raise ConfigurationError("account", "there is no account to issue it for", "Name one.")
    return accounts.get_account(connection, caller.account_id)


def _check_scopes(
    connection: Connection,
    caller: Caller,
    owner: Account,
    scopes: frozenset[Permission],
    tenant_id: int | None,
) -> None:
    """See that a token does something, and no more than who asks for it may."""
    if owner.id != caller.account_id and tenant_id is None and not _governs_all(caller):
        # what the account is given elsewhere later is not for who issues this token
        raise ForbiddenError("a token of somebody else's account is for a tenant: name yours")
    held = grants.grants_of(connection, owner.id)
    for scope in sorted(scopes):
        if tenant_id is None:
            has_any = tenants_allowed(held, scope) != frozenset()
        else:
            has_any = allows(held, scope, tenant_id)
        if not has_any:
            fix = "Give less, or give the account the role first."
            raise ConfigurationError("scopes", f"the account may not {scope} there", fix)
    if caller.token_id is not None and Permission.GOVERN not in (caller.scopes or ()):
        raise ForbiddenError(f"a token issues others if it is for {Permission.GOVERN}")
    if caller.scopes is not None and not scopes <= caller.scopes:
        raise ForbiddenError("a token issues none that may more than itself")
    if caller.tenant_id is not None and caller.tenant_id != tenant_id:
        raise ForbiddenError("a token of one tenant issues none for others")


def _may_revoke(connection: Connection, caller: Caller, token: ApiToken) -> bool:
    """Whether a token is the caller's own, or reaches no further than where the caller governs.

    By a token, its own end can be asked for; that of others by one that governs alone.
    """
    if caller.token_id is not None and token.id == caller.token_id:
        return True
    if token.account_id == caller.account_id and _may_of_own(caller, token):
        return True
    if token.tenant_id is not None and caller.may(Permission.GOVERN, token.tenant_id):
        return True
    held = grants.grants_of(connection, token.account_id)
    return may_manage(caller.grants, held, caller.scopes, caller.tenant_id)


def _may_of_own(caller: Caller, token: ApiToken) -> bool:
    if caller.token_id is None:
        return True
    reaches = caller.tenant_id is None or caller.tenant_id == token.tenant_id
    return reaches and Permission.GOVERN in (caller.scopes or ())


def _governs_all(caller: Caller) -> bool:
    return caller.may(Permission.GOVERN, None)
