"""Sign-in by name and password, and the change of one's own password.

Whoever fails is told the same, and after the same work, whether there is no such account, it has no
password, it is disabled or the password is another (OWASP Authentication Cheat Sheet). Each such
decision is logged, without what was typed (OWASP ASVS 4.0.3, 7.1.1 and 7.2.1).
"""

from __future__ import annotations

from sqlalchemy import Connection

from console.accounts.attempts import Attempt, Client
from console.accounts.password_rules import MAX_CHARACTERS, check_password, problem_of
from console.accounts.passwords import hash_password, is_outdated, is_password
from console.accounts.random_ids import digest_of
from console.accounts.sessions import NewSession, Session, Sessions
from shared.db import accounts, one_time_links, sessions
from shared.db.accounts import Account
from shared.db.audit import AuditEntry, record
from shared.db.engine import Database
from shared.domain.access import AuditOutcome, Via
from shared.errors import ConfigurationError, UnauthenticatedError

#: One text for every reason.
WRONG = "the name or the password is wrong"


def sign_in(
    open_sessions: Sessions, name: str, password: str, client: Client, *, former: str | None = None
) -> NewSession:
    """Sign somebody in. Commits; writes the audit log.

    Args:
        open_sessions: into which they are taken.
        name: the sign-in name, as it was typed.
        password: as it was typed.
        client: where the request comes from.
        former: the session id that the browser came with, which ends.

    Raises:
        UnauthenticatedError: name and password do not belong together, or the account is disabled.
        ThrottledError: too many attempts have failed.
    """
    database = open_sessions.database
    attempt = Attempt.of(name, client.address)
    attempt.begin(database)
    with database.read() as connection:
        account, known = accounts.find_credentials(connection, name)
    is_right = _is_right(known, password)
    if account is None or known is None or not is_right or account.disabled_at is not None:
        _refuse(database, account, "sign_in", client)
        raise UnauthenticatedError(WRONG)
    opened = _take_in(open_sessions, account, known, password, client, former)
    if opened is None:
        _refuse(database, account, "sign_in", client)
        raise UnauthenticatedError(WRONG)
    attempt.succeed(database)
    return opened


def change_password(
    open_sessions: Sessions, session: Session, current: str, new: str, client: Client
) -> NewSession:
    """Change the password of who is signed in, and sign them out everywhere else. Commits.

    Their API tokens stay; links to their password do not.

    Args:
        open_sessions: in which they are.
        session: by which they ask.
        current: the password so far.
        new: the one from now on.
        client: where the request comes from.

    Returns:
        The session with which they go on.

    Raises:
        ConfigurationError: the current password is another, or the new one cannot be set.
        ThrottledError: too many attempts have failed.
    """
    database = open_sessions.database
    check_password(new, session.account.name)
    attempt = Attempt.of(session.account.name, client.address)
    attempt.begin(database)
    with database.read() as connection:
        known = accounts.password_hash_of(connection, session.account.id)
    if known is None or not _is_right(known, current):
        _refuse(database, session.account, "change_password", client)
        raise ConfigurationError("current_password", "it is another one", "Give the one so far.")
    if current == new:
        raise ConfigurationError("password", "it is the one so far", "Give another one.")
    made = hash_password(new)
    with database.write() as connection:
        now = database.now(connection)
        if not accounts.replace_password_hash(connection, session.account.id, known, made, now):
            raise ConfigurationError(
                "current_password", "it was changed at this moment", "Sign in with the new one."
            )
        opened = enter(connection, open_sessions, session.account.id, "change_password", client)
    attempt.succeed(database)
    return opened


def enter(
    connection: Connection, open_sessions: Sessions, account_id: int, action: str, client: Client
) -> NewSession:
    """Sign in who has just set a password, in a caller's transaction.

    All other sessions of the account end, and links to its password do nothing any more.
    """
    now = open_sessions.database.now(connection)
    sessions.end_sessions(connection, account_id)
    one_time_links.drop_links(connection, account_id)
    accounts.note_sign_in(connection, account_id, now)
    account = accounts.get_account(connection, account_id)
    record(connection, _entry(action, AuditOutcome.ALLOWED, account, client), now)
    return open_sessions.open(connection, account, client, now)


def _take_in(
    open_sessions: Sessions,
    account: Account,
    known: str,
    password: str,
    client: Client,
    former: str | None,
) -> NewSession | None:
    """Open the session; None: the account was disabled, or its password changed, at this moment."""
    # hashed before the transaction, which should hold its locks for as short as it can
    renewed = hash_password(password) if is_outdated(known) else known
    is_weak = problem_of(password, account.name) is not None
    database = open_sessions.database
    with database.write() as connection:
        now = database.now(connection)
        if not accounts.replace_password_hash(connection, account.id, known, renewed, None):
            return None
        if accounts.get_account(connection, account.id).disabled_at is not None:
            return None
        if is_weak:
            # the rules have become stricter since it was set
            accounts.require_new_password(connection, account.id)
        if former is not None:
            sessions.end_session(connection, digest_of(former))
        accounts.note_sign_in(connection, account.id, now)
        current = accounts.get_account(connection, account.id)
        record(connection, _entry("sign_in", AuditOutcome.ALLOWED, current, client), now)
        return open_sessions.open(connection, current, client, now)


def _is_right(known: str | None, password: str) -> bool:
    """Compare a password that may be of any length; one that cannot be set costs no more."""
    is_possible = len(password) <= 4 * MAX_CHARACTERS
    return is_password(known, password if is_possible else "") and is_possible


def _refuse(database: Database, account: Account | None, action: str, client: Client) -> None:
    with database.write() as connection:
        entry = _entry(action, AuditOutcome.DENIED, account, client)
        record(connection, entry, database.now(connection))


def _entry(
    action: str, outcome: AuditOutcome, account: Account | None, client: Client
) -> AuditEntry:
    """Tell who it was; a name that is nobody's is not told: people type passwords there."""
    return AuditEntry(
        action=action,
        outcome=outcome,
        via=Via.CONSOLE,
        account_id=None if account is None else account.id,
        account=None if account is None else account.name,
        address=client.address,
    )
