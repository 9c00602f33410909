"""Accounts and their passwords. Each function works in its caller's transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from shared.db.account_tables import accounts
from shared.db.inserting import insert_into
from shared.errors import ConfigurationError

_NAME = re.compile(r"[a-z0-9][a-z0-9._+@-]{0,126}")
#: What an `Account` is made of; the hash stays where it is.
ACCOUNT_COLUMNS = [column for column in accounts.c if column.name != "password_hash"] + [
    accounts.c.password_hash.is_not(None).label("has_password")
]


@dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in.

    Attributes:
        id: its number.
        name: the sign-in name, in lower case.
        has_password: whether one was set; else only a link or a token lets anybody in.
        must_change_password: whether a new one must be set before anything else is done.
        created_at: when it was made.
        password_changed_at: when its password was last set.
        disabled_at: since when nobody gets in; None: it is enabled.
        signed_in_at: when somebody last signed in with it.
    """

    id: int
    name: str
    has_password: bool
    must_change_password: bool
    created_at: datetime
    password_changed_at: datetime | None
    disabled_at: datetime | None
    signed_in_at: datetime | None


def account_of(row: Row[Any]) -> Account:
    """Return the account that a row with `ACCOUNT_COLUMNS` tells of."""
    return Account(
        id=row.id,
        name=row.name,
        has_password=row.has_password,
        must_change_password=row.must_change_password,
        created_at=row.created_at,
        password_changed_at=row.password_changed_at,
        disabled_at=row.disabled_at,
        signed_in_at=row.signed_in_at,
    )


def fold_name(name: str) -> str:
    """Return a sign-in name as it is kept: a name is one, however it is capitalised.

    >>> fold_name(" J.Doe@Example.org ")
    'j.doe@example.org'
    """
    return name.strip().lower()


def check_account_name(name: str) -> str:
    """Return a sign-in name as it is kept.

    Raises:
        ConfigurationError: it cannot be one.
    """
    folded = fold_name(name)
    if not _NAME.fullmatch(folded):
        raise ConfigurationError(
            "name",
            "it cannot be a sign-in name",
            "Give 1 to 127 of a-z 0-9 . _ + @ -, beginning with a letter or a digit.",
        )
    return folded


def add_account(connection: Connection, name: str, now: datetime) -> int:
    """Add an account without a password; returns its id.

    Raises:
        ConfigurationError: the name cannot be one, or is taken.
    """
    folded = check_account_name(name)
    made: int | None = connection.execute(
        insert_into(connection, accounts)
        .values(name=folded, must_change_password=False, created_at=now)
        .on_conflict_do_nothing()
        .returning(accounts.c.id)
    ).scalar_one_or_none()
    if made is None:
        raise ConfigurationError("name", f"the name {folded} is taken", "Give another name.")
    return made


def find_account(connection: Connection, name: str) -> Account | None:
    """Return the account of a sign-in name, however it is capitalised."""
    query = select(*ACCOUNT_COLUMNS).where(accounts.c.name == fold_name(name))
    row = connection.execute(query).one_or_none()
    return None if row is None else account_of(row)


def lock_account(connection: Connection, name: str) -> Account | None:
    """Return the account of a sign-in name; nobody else changes it until the transaction's end."""
    query = (
        select(*ACCOUNT_COLUMNS)
        .where(accounts.c.name == fold_name(name))
        .with_for_update(key_share=True)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else account_of(row)


def find_credentials(connection: Connection, name: str) -> tuple[Account | None, str | None]:
    """Return the account of a sign-in name and the hash of its password, where there are any.

    One query, whether there is such an account or not: it takes as long.
    """
    query: Select[Any] = select(*ACCOUNT_COLUMNS, accounts.c.password_hash).where(
        accounts.c.name == fold_name(name)
    )
    row = connection.execute(query).one_or_none()
    return (None, None) if row is None else (account_of(row), row.password_hash)


def get_account(connection: Connection, account_id: int) -> Account:
    """Return the account of an id, which was found before."""
    query = select(*ACCOUNT_COLUMNS).where(accounts.c.id == account_id)
    return account_of(connection.execute(query).one())


def password_hash_of(connection: Connection, account_id: int) -> str | None:
    """Return the hash of an account's password, None: none was set."""
    found: str | None = connection.execute(
        select(accounts.c.password_hash).where(accounts.c.id == account_id)
    ).scalar_one()
    return found


def set_password_hash(
    connection: Connection, account_id: int, password_hash: str, now: datetime
) -> None:
    """Set an account's password; it need not be changed any more."""
    connection.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(password_hash=password_hash, password_changed_at=now, must_change_password=False)
    )


def replace_password_hash(
    connection: Connection, account_id: int, old: str, new: str, now: datetime | None
) -> bool:
    """Replace the hash of a password, where nobody else has; returns whether that was so.

    Args:
        connection: of a transaction that writes.
        account_id: whose it is.
        old: the hash that was read.
        new: the one that takes its place.
        now: when the password was changed; None: it is the same one, hashed anew.
    """
    values: dict[str, Any] = {"password_hash": new}
    if now is not None:
        values |= {"password_changed_at": now, "must_change_password": False}
    changed = connection.execute(
        update(accounts)
        .where(accounts.c.id == account_id, accounts.c.password_hash == old)
        .values(values)
    )
    return changed.rowcount == 1


def require_new_password(connection: Connection, account_id: int) -> None:
    """Let an account do nothing before its password is changed."""
    connection.execute(
        update(accounts).where(accounts.c.id == account_id).values(must_change_password=True)
    )


def note_sign_in(connection: Connection, account_id: int, now: datetime) -> None:
    """Note when somebody signed in."""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(signed_in_at=now))


def set_disabled(connection: Connection, account_id: int, at: datetime | None) -> bool:
    """Disable an account, or enable it (None); returns whether it was not so before."""
    is_other = (
        accounts.c.disabled_at.is_not(None) if at is None else accounts.c.disabled_at.is_(None)
    )
    changed = connection.execute(
        update(accounts).where(accounts.c.id == account_id, is_other).values(disabled_at=at)
    )
    return changed.rowcount == 1
