"""One-time links: to the first administrator, and to a password that its owner alone knows.

There is no default password, and nobody sets one for somebody else (OWASP ASVS 4.0.3, 2.3.1 and
2.5.4). A link is shown once, to be handed on; its digest alone is kept.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from console.accounts.attempts import Client
from console.accounts.caller import Caller
from console.accounts.managing import managed
from console.accounts.password_rules import check_password
from console.accounts.passwords import hash_password
from console.accounts.random_ids import digest_of, is_random_id, new_random_id
from console.accounts.sessions import NewSession, Sessions
from console.accounts.signing_in import enter
from shared.db import accounts, grants, one_time_links
from shared.db.engine import Database
from shared.db.one_time_links import OpenLink
from shared.domain.access import LinkPurpose
from shared.domain.roles import Grant, Role
from shared.errors import ConfigurationError, NotFoundError

log = logging.getLogger(__name__)

#: How long the link to the first administrator does something.
FIRST_ADMINISTRATOR_S = 30 * 60
#: How long a link to a password does something.
SET_PASSWORD_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that was just made; nobody else knows its secret.

    Attributes:
        secret: what stands in its address.
        purpose: what it does.
        account: the name of whose password it sets; None: it makes the account.
        expires_at: from when on it does nothing.
    """

    secret: str
    purpose: LinkPurpose
    account: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link that somebody has opened.

    Attributes:
        purpose: what it does.
        account: the name of whose password it sets; None: it makes the account.
        expires_at: from when on it does nothing.
    """

    purpose: LinkPurpose
    account: str | None
    expires_at: datetime


def first_administrator_link(database: Database) -> NewLink:
    """Make the link to the first administrator, in the place of an older one. Commits.

    Raises:
        ConfigurationError: there is an administrator.
    """
    secret = new_random_id()
    with database.write() as connection:
        _check_there_is_none(connection)
        expires_at = one_time_links.put_link(
            connection,
            digest_of(secret),
            LinkPurpose.FIRST_ADMINISTRATOR,
            None,
            now=database.now(connection),
            life_s=FIRST_ADMINISTRATOR_S,
        )
    return NewLink(secret, LinkPurpose.FIRST_ADMINISTRATOR, None, expires_at)


def needs_first_administrator(database: Database) -> bool:
    """Return whether nobody can sign in as an administrator."""
    with database.read() as connection:
        return not grants.administrators(connection)


def set_password_link(database: Database, caller: Caller, name: str) -> NewLink:
    """Make a link to an account's password, in the place of an older one. Commits.

    Raises:
        NotFoundError: there is no such account, or not for the caller to see.
        ForbiddenError: the account may what the caller may not.
        ConfigurationError: the account is disabled.
    """
    secret = new_random_id()
    with database.write() as connection:
        account, _ = managed(connection, caller, name)
        if account.disabled_at is not None:
            raise ConfigurationError("account", "it is disabled", "Enable it first.")
        expires_at = one_time_links.put_link(
            connection,
            digest_of(secret),
            LinkPurpose.SET_PASSWORD,
            account.id,
            now=database.now(connection),
            life_s=SET_PASSWORD_S,
        )
    return NewLink(secret, LinkPurpose.SET_PASSWORD, account.name, expires_at)


def find_link(database: Database, secret: str) -> FoundLink:
    """Return what a link does; that it was looked at does not use it up.

    Raises:
        NotFoundError: it does nothing: it was used, replaced, is too old, or never was one.
    """
    with database.read() as connection:
        found = _open(connection, secret, database.now(connection))
        name = _account_name(connection, found)
    return FoundLink(found.purpose, name, found.expires_at)


def make_first_administrator(
    open_sessions: Sessions, secret: str, name: str, password: str, client: Client
) -> NewSession:
    """Make the first administrator by a link, and sign them in. Commits; writes the audit log.

    Raises:
        NotFoundError: the link does nothing.
        ConfigurationError: the name or the password cannot be one, or the name is taken; the link
            can still be used.
    """
    database = open_sessions.database
    folded = accounts.check_account_name(name)
    check_password(password, folded)
    with database.read() as connection:
        found = _open(connection, secret, database.now(connection))
    if found.purpose != LinkPurpose.FIRST_ADMINISTRATOR:
        raise _no_link()
    made = hash_password(password)
    with database.write() as connection:
        now = database.now(connection)
        _use(connection, secret, now)
        _check_there_is_none(connection)
        account_id = accounts.add_account(connection, folded, now)
        accounts.set_password_hash(connection, account_id, made, now)
        grants.set_grant(connection, account_id, Grant(Role.ADMINISTRATOR, None), now)
        return enter(connection, open_sessions, account_id, "make_first_administrator", client)


def set_password(open_sessions: Sessions, secret: str, password: str, client: Client) -> NewSession:
    """Set an account's password by a link, and sign its owner in. Commits; writes the audit log.

    All other sessions of the account end.

    Raises:
        NotFoundError: the link does nothing.
        ConfigurationError: the password cannot be one; the link can still be used.
    """
    database = open_sessions.database
    with database.read() as connection:
        found = _open(connection, secret, database.now(connection))
        name = _account_name(connection, found)
    if found.account_id is None or name is None:
        raise _no_link()
    check_password(password, name)
    made = hash_password(password)
    with database.write() as connection:
        now = database.now(connection)
        # the account first: whoever disables it locks it, and then its links
        accounts.set_password_hash(connection, found.account_id, made, now)
        _use(connection, secret, now)
        if accounts.get_account(connection, found.account_id).disabled_at is not None:
            raise _no_link()
        return enter(connection, open_sessions, found.account_id, "set_password", client)


def _open(connection: Connection, secret: str, now: datetime) -> OpenLink:
    found = None
    if is_random_id(secret):
        found = one_time_links.find_link(connection, digest_of(secret), now)
    if found is None:
        raise _no_link()
    return found


def _use(connection: Connection, secret: str, now: datetime) -> None:
    if not one_time_links.use_link(connection, digest_of(secret), now):
        raise _no_link()


def _account_name(connection: Connection, link: OpenLink) -> str | None:
    if link.account_id is None:
        return None
    return accounts.get_account(connection, link.account_id).name


def _check_there_is_none(connection: Connection) -> None:
    if grants.administrators(connection):
        raise ConfigurationError(
            "account",
            "there is an administrator",
            "Have them add accounts: bellringer accounts add.",
        )


def _no_link() -> NotFoundError:
    log.warning("a one-time link was refused: it was used, replaced, is too old, or never was one")
    return NotFoundError(
        "link", "it was used, replaced, or is too old", "Ask for a new one where it came from."
    )
