"""Accounts on both databases, in two districts, under the clock that the test turns."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from sqlalchemy import Table

from console.accounts import passwords
from console.accounts.attempts import Client
from console.accounts.caller import Caller, owner
from console.accounts.links import (
    first_administrator_link,
    make_first_administrator,
    set_password,
    set_password_link,
)
from console.accounts.managing import add_account
from console.accounts.sessions import NewSession, Sessions
from console.accounts.signing_in import sign_in
from console.accounts.tokens import Tokens
from shared.db import account_tables, accounts
from shared.db.audit import list_audit
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.grants import grants_of
from shared.db.tables import metadata
from shared.db.tenants import add_tenant
from shared.domain.access import Via
from shared.domain.roles import Grant, Role
from shared.settings import load_settings

PASSWORD = "lantern gravel otter"
CLIENT = Client("192.0.2.1", "a browser")


class House:
    """A console with the districts `oak` and `elm`, and what tests do to its accounts."""

    def __init__(self, database: Database, clock: Any) -> None:
        self.database = database
        self.clock = clock
        self.sessions = Sessions(database, load_settings())
        self.tokens = Tokens(database)
        self.owner = owner()
        self.oak = add_tenant(Gate(database), "oak", "UTC")
        self.elm = add_tenant(Gate(database), "elm", "UTC")
        self._hash = passwords.hash_password(PASSWORD)

    def account(self, name: str, role: Role, tenant_id: int | None) -> Caller:
        """Add an account with a password, without the work of hashing one; returns it as caller."""
        made = add_account(self.database, self.owner, name, Grant(role, tenant_id))
        with self.database.write() as connection:
            accounts.set_password_hash(connection, made.id, self._hash, self.clock.now())
        return self.caller(name)

    def caller(self, name: str) -> Caller:
        """Return an account as it asks by the console."""
        with self.database.read() as connection:
            found = accounts.find_account(connection, name)
            assert found is not None
            return Caller(
                name=found.name,
                via=Via.CONSOLE,
                grants=grants_of(connection, found.id),
                account_id=found.id,
            )

    def sign_in(self, name: str, password: str = PASSWORD, **more: Any) -> NewSession:
        return sign_in(self.sessions, name, password, more.pop("client", CLIENT), **more)

    def first_administrator(self, name: str = "first") -> NewSession:
        link = first_administrator_link(self.database)
        return make_first_administrator(self.sessions, link.secret, name, PASSWORD, CLIENT)

    def set_password(self, by: Caller, name: str, password: str = PASSWORD) -> NewSession:
        link = set_password_link(self.database, by, name)
        return set_password(self.sessions, link.secret, password, CLIENT)

    def audit(self) -> list[tuple[str, str, str | None]]:
        """Return what the log tells, oldest first: action, outcome, account."""
        with self.database.read() as connection:
            told = list_audit(connection)
        return [(one["action"], one["outcome"], one["account"]) for one in reversed(told)]

    def everything(self) -> str:
        """Return all that is stored of accounts, as text."""
        tables = [table for table in metadata.sorted_tables if table.name in _OURS]
        with self.database.read() as connection:
            return repr([connection.execute(table.select()).all() for table in tables])


_OURS = {table.name for table in vars(account_tables).values() if isinstance(table, Table)}


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords without the work; what it costs is tested elsewhere."""
    hasher = PasswordHasher.from_parameters(CHEAPEST)
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    monkeypatch.setattr(passwords, "_DECOY", hasher.hash("nobody's"))


@pytest.fixture
def house(tables: Database, clock: Any) -> House:
    return House(tables, clock)
