"""Who may use the console and the API, and the log of what they did.

No secret is kept: of passwords there is an Argon2id hash, and of what a program made at random
(session ids, tokens, links) a SHA-256 digest, from which nothing can be found again.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from shared.db.tables import Id, UtcDateTime, metadata
from shared.domain.access import AuditOutcome, LinkPurpose, Via
from shared.domain.roles import Role


def _one_of(name: str, values: Iterable[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{name} IN ({listed})", name=name)


def _unique_where(name: str, where: str, *columns: str) -> Index:
    return Index(
        name, *columns, unique=True, postgresql_where=text(where), sqlite_where=text(where)
    )


#: Who may sign in. An account is disabled, never deleted, since the audit log points to it.
accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    #: The sign-in name, in lower case.
    Column("name", Text, nullable=False, unique=True),
    #: None: no password was set yet, so nobody can sign in with one.
    Column("password_hash", Text),
    Column("password_changed_at", UtcDateTime),
    #: Whether a new password must be set before anything else is done.
    Column("must_change_password", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("signed_in_at", UtcDateTime),
)

#: The role of an account in a tenant, or (no tenant) in every one and for the whole instance.
grants = Table(
    "grants",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("tenant_id", Id, ForeignKey("tenants.id")),
    Column("created_at", UtcDateTime, nullable=False),
    _one_of("role", Role),
    CheckConstraint("role <> 'administrator' OR tenant_id IS NULL", name="administrator"),
    # each role may what the one below may: two in one place would say nothing more
    _unique_where("uq_grants_in_tenant", "tenant_id IS NOT NULL", "account_id", "tenant_id"),
    _unique_where("uq_grants_everywhere", "tenant_id IS NULL", "account_id"),
    Index("ix_grants_account_id", "account_id"),
    Index("ix_grants_tenant_id", "tenant_id"),
)

#: Who is signed in.
sessions = Table(
    "sessions",
    metadata,
    #: Of the random id that the cookie holds.
    Column("digest", Text, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    #: Kept to the minute.
    Column("last_seen_at", UtcDateTime, nullable=False),
    #: However busy it is.
    Column("expires_at", UtcDateTime, nullable=False),
    Column("address", Text),
    Column("user_agent", Text),
    Index("ix_sessions_account_id", "account_id"),
    Index("ix_sessions_expires_at", "expires_at"),
)

#: What programs use the API with.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    #: What it is for, in its owner's words.
    Column("name", Text, nullable=False),
    #: Its first characters, by which its owner knows it again.
    Column("prefix", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    #: The permissions that it is for, a sorted list.
    Column("scopes", JSON(none_as_null=True), nullable=False),
    #: The one tenant that it is for; None: all where its account has a role.
    Column("tenant_id", Id, ForeignKey("tenants.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    #: Kept to the minute.
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index("ix_api_tokens_account_id", "account_id"),
    Index("ix_api_tokens_tenant_id", "tenant_id"),
    Index("ix_api_tokens_expires_at", "expires_at"),
)

#: Links that let somebody in once, without a password.
one_time_links = Table(
    "one_time_links",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    #: Whose password it sets; None: it makes the account.
    Column("account_id", Id, ForeignKey("accounts.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    _one_of("purpose", LinkPurpose),
    CheckConstraint("(purpose = 'set_password') = (account_id IS NOT NULL)", name="account_id"),
    UniqueConstraint("account_id"),
    # a new link takes the place of the one before: of each kind there is one
    _unique_where("uq_one_time_links_first", "account_id IS NULL", "purpose"),
    Index("ix_one_time_links_expires_at", "expires_at"),
)

#: How often somebody has tried in vain of late, shared by all processes.
throttles = Table(
    "throttles",
    metadata,
    #: A digest of what is counted: a name that was typed may be a password in the wrong field.
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    #: Until then nothing is tried.
    Column("blocked_until", UtcDateTime),
    #: From then on it counts from nothing.
    Column("forget_at", UtcDateTime, nullable=False),
    Index("ix_throttles_forget_at", "forget_at"),
)

#: What people and programs did, and what was refused. It holds no secrets and nothing of a roster,
#: and has no foreign keys: it outlives what it tells of.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    #: None: nobody whom we know, or the command.
    Column("account_id", BigInteger),
    #: As it was then; of the command, who ran it.
    Column("account", Text),
    #: None: it was of no tenant.
    Column("tenant_id", BigInteger),
    Column("via", Text, nullable=False),
    #: What was done, one word: `sign_in`, or an operation's name.
    Column("action", Text, nullable=False),
    #: To what: an app, a job, an account.
    Column("target", Text),
    Column("outcome", Text, nullable=False),
    Column("address", Text),
    Column("detail", JSON(none_as_null=True)),
    _one_of("via", Via),
    _one_of("outcome", AuditOutcome),
    Index("ix_audit_log_tenant_id_id", "tenant_id", "id"),
    Index("ix_audit_log_account_id", "account", "id"),
    Index("ix_audit_log_action_id", "action", "id"),
    Index("ix_audit_log_outcome_id", "outcome", "id"),
)
