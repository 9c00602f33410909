"""The tables of the protocol: tenants, apps, schedules, slots, jobs and what they cause.

The hub's tables are in `shared.db.hub_tables`. SQL is the same on PostgreSQL 15+ and SQLite.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from shared.domain.states import UNFINISHED, JobState, Mode, Tier, Trigger


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in UTC; SQLite, which has no zone, keeps it without."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive instant, and take the zone off where the database has none."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone; every instant here is aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant in UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: An id; SQLite gives its own row ids only to INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _among(column: str, values: type[StrEnum] | Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _key() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _ref(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(target), nullable=nullable)


def _at(name: str, *, nullable: bool = True) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=nullable)


def _count(name: str, default: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def _words(name: str, *, nullable: bool = True) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


#: A district. Its row is the lock under which its jobs are decided.
tenants = Table(
    "tenants",
    metadata,
    _key(),
    Column("name", Text, nullable=False, unique=True),
    Column("zone", Text, nullable=False),
    _at("suspended_at"),
    _words("suspended_reason"),
    #: Jobs of one tier that may be queued or running at once.
    _count("max_concurrent", 4),
    #: The last wave given out.
    _count("wave"),
    #: The rollover: a period in which imports, or removals alone, are suspended.
    _words("rollover_scope"),
    _at("rollover_from"),
    _at("rollover_until"),
    #: `shared.roster.rules.TenantRules` as JSON; None: the defaults.
    _json("rules", nullable=True),
    _at("created_at", nullable=False),
    CheckConstraint("rollover_scope IN ('imports', 'removals')", name="rollover_scope"),
)

#: A configured connector. A removed one keeps its row, since its history points to it.
apps = Table(
    "apps",
    metadata,
    _key(),
    _ref("tenant_id", "tenants.id"),
    Column("name", Text, nullable=False),
    Column("connector", Text, nullable=False),
    Column("tier", Text, nullable=False),
    #: The modes that the connector can read in, a list; like the tier, its own word.
    _json("modes"),
    #: The tenant's order of its apps, 1 first: by it fields are owned.
    Column("position", Integer, nullable=False),
    #: An app of the same tier whose jobs are upstream of this one's.
    _ref("after_app_id", "apps.id", nullable=True),
    #: The connector's settings without its secrets.
    _json("config"),
    #: The connector's secrets, see `shared.secrets`; None: it has none.
    _words("secrets"),
    #: What to do when the last upstream run failed: run on the last good hub, or skip.
    Column("upstream_failed", Text, nullable=False, server_default=text("'run'")),
    _at("paused_at"),
    _words("paused_reason"),
    _at("removed_at"),
    #: State of the last run that ended, and its wave.
    _words("last_outcome"),
    Column("last_wave", Integer, nullable=True),
    #: The last run that read to its end, and how many records it left out into quarantine.
    Column("last_read_job", BigInteger, nullable=True),
    Column("last_quarantined", Integer, nullable=True),
    #: Where the next incremental read starts; written with the roster change that it covers.
    _words("cursor"),
    #: `shared.roster.rules.AppRules` as JSON; None: the defaults.
    _json("rules", nullable=True),
    #: Fingerprint of what the last complete read asked for: filters, schools, mapping.
    _words("scope"),
    _at("created_at", nullable=False),
    CheckConstraint(_among("tier", Tier), name="tier"),
    CheckConstraint("upstream_failed IN ('run', 'skip')", name="upstream_failed"),
    Index(
        "uq_apps_tenant_id_name",
        "tenant_id",
        "name",
        unique=True,
        postgresql_where=text("removed_at IS NULL"),
        sqlite_where=text("removed_at IS NULL"),
    ),
    #: What a person is shown first is found among a thousand tenants without a look at each.
    *(
        Index(
            f"ix_apps_{name}",
            "id",
            postgresql_where=text(f"removed_at IS NULL AND {condition}"),
            sqlite_where=text(f"removed_at IS NULL AND {condition}"),
        )
        for name, condition in (
            ("failed", "last_outcome = 'failed'"),
            ("paused", "paused_at IS NOT NULL"),
            ("quarantined", "last_quarantined > 0"),
        )
    ),
)

#: When an app runs in one mode. A removed one keeps its row, since its slots point to it.
schedules = Table(
    "schedules",
    metadata,
    _key(),
    _ref("tenant_id", "tenants.id"),
    _ref("app_id", "apps.id"),
    Column("mode", Text, nullable=False),
    #: `shared.domain.recurrence.Recurrence` as JSON, the zone within.
    _json("recurrence"),
    #: The next slot; None when the schedule has ended or is removed.
    _at("next_run_at"),
    #: The wall time that the next slot stands for, `YYYY-MM-DDTHH:MM`, in the recurrence's zone.
    _words("next_wall"),
    #: The version of the zone database by which `next_run_at` was computed.
    _words("zone_version"),
    _at("ended_at"),
    _at("removed_at"),
    _at("created_at", nullable=False),
    CheckConstraint(_among("mode", Mode), name="mode"),
    Index(
        "uq_schedules_app_id_mode",
        "app_id",
        "mode",
        unique=True,
        postgresql_where=text("removed_at IS NULL"),
        sqlite_where=text("removed_at IS NULL"),
    ),
    #: A tick costs what is due, not what exists.
    Index(
        "ix_schedules_due",
        "next_run_at",
        postgresql_where=text("next_run_at IS NOT NULL"),
        sqlite_where=text("next_run_at IS NOT NULL"),
    ),
)

_UNFINISHED_SQL = _among("state", sorted(UNFINISHED))
#: Ends that are rare, and for which history is searched.
ENDED_BADLY = (JobState.FAILED, JobState.SKIPPED, JobState.CANCELLED)
_ENDED_BADLY_SQL = _among("state", ENDED_BADLY)
_ACTIVE_SQL = _among("state", [JobState.QUEUED, JobState.RUNNING])

#: By dialect: a job that took more than a day from its due time to its end. Such are few, and so
#: what overlaps a period is found from the ends inside it and a day after, and among these.
LONG_JOB = {
    "postgresql": "finished_at - due_at > interval '1 day'",
    "sqlite": "julianday(finished_at) - julianday(due_at) > 1",
}

#: One sync of one app.
jobs = Table(
    "jobs",
    metadata,
    _key(),
    _ref("tenant_id", "tenants.id"),
    _ref("app_id", "apps.id"),
    Column("tier", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("state", Text, nullable=False),
    #: Why it is in its state, in words for a person.
    _words("reason"),
    #: The wave of its first request: those downstream wait for it by this one.
    Column("wave", Integer, nullable=False),
    #: The wave of its last request: up to this one it waits itself.
    Column("last_wave", Integer, nullable=False),
    #: The approval whose plan it carries out.
    Column("approval_id", Id, nullable=True),
    #: The job that it repeats.
    Column("retry_of", Id, nullable=True),
    #: Who asked.
    _words("asked_by"),
    #: When its first request was due.
    _at("due_at", nullable=False),
    #: A retry waits until then.
    _at("not_before"),
    #: The fencing token: one more with each claim.
    _count("attempt"),
    #: Transient failures and lost leases.
    _count("failures"),
    #: `HOST:PID:N` of the worker that holds it.
    _words("worker"),
    _at("lease_until"),
    _at("cancel_requested_at"),
    #: Set by the first claim; past it the job fails.
    _at("deadline_at"),
    _at("created_at", nullable=False),
    _at("queued_at"),
    #: When its message was last published again, and how often since it was queued.
    _at("republished_at"),
    _count("republished"),
    _at("started_at"),
    _at("finished_at"),
    #: `{"done": n, "total": n or null, "step": words, "elapsed_s": since the step's phase began}`.
    _json("progress", nullable=True),
    #: By kind: added, updated, removed, unchanged, quarantined.
    _json("counts", nullable=True),
    #: The read's certificate.
    _json("certificate", nullable=True),
    #: What its plan would change: the plan's hash, the hub's version, counts by kind.
    _json("plan", nullable=True),
    CheckConstraint(_among("tier", Tier), name="tier"),
    CheckConstraint(_among("mode", Mode), name="mode"),
    CheckConstraint(_among("trigger", Trigger), name="trigger"),
    CheckConstraint(_among("state", JobState), name="state"),
    CheckConstraint(f"({_UNFINISHED_SQL}) = (finished_at IS NULL)", name="finished_at"),
    CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="lease_until"),
    CheckConstraint("wave <= last_wave", name="waves"),
    #: An app never overlaps itself.
    Index(
        "uq_jobs_active",
        "app_id",
        unique=True,
        postgresql_where=text(_ACTIVE_SQL),
        sqlite_where=text(_ACTIVE_SQL),
    ),
    Index(
        "ix_jobs_unfinished",
        "tenant_id",
        postgresql_where=text(_UNFINISHED_SQL),
        sqlite_where=text(_UNFINISHED_SQL),
    ),
    Index(
        "ix_jobs_lease",
        "lease_until",
        postgresql_where=text("state = 'running'"),
        sqlite_where=text("state = 'running'"),
    ),
    Index(
        "ix_jobs_queued",
        "tier",
        "queued_at",
        postgresql_where=text("state = 'queued'"),
        sqlite_where=text("state = 'queued'"),
    ),
    Index("ix_jobs_app_id_id", "app_id", "id"),
    Index("ix_jobs_tenant_id_id", "tenant_id", "id"),
    #: The failed ones among a million jobs, the newest first: of all, of a tenant, of an app.
    *(
        Index(
            f"ix_jobs_ended_badly{name}",
            *columns,
            "state",
            "id",
            postgresql_where=text(_ENDED_BADLY_SQL),
            sqlite_where=text(_ENDED_BADLY_SQL),
        )
        for name, columns in (("", ()), ("_tenant", ("tenant_id",)), ("_app", ("app_id",)))
    ),
    Index(
        "ix_jobs_approval_id",
        "approval_id",
        postgresql_where=text("approval_id IS NOT NULL"),
        sqlite_where=text("approval_id IS NOT NULL"),
    ),
    #: A period of a tenant costs what ended in it, not what the tenant's history holds.
    Index(
        "ix_jobs_ended",
        "tenant_id",
        "finished_at",
        "due_at",
        postgresql_where=text("finished_at IS NOT NULL"),
        sqlite_where=text("finished_at IS NOT NULL"),
    ),
    #: The same columns: of two that narrow alike, SQLite takes the newer one.
    Index(
        "ix_jobs_long",
        "tenant_id",
        "finished_at",
        "due_at",
        postgresql_where=text(LONG_JOB["postgresql"]),
        sqlite_where=text(LONG_JOB["sqlite"]),
    ),
)

#: One due time of a schedule, recorded exactly once.
slots = Table(
    "slots",
    metadata,
    _key(),
    _ref("schedule_id", "schedules.id"),
    #: The instant.
    _at("slot", nullable=False),
    #: The wall time it stands for.
    _words("wall", nullable=False),
    #: fired, coalesced or skipped.
    Column("outcome", Text, nullable=False),
    _words("reason"),
    _ref("job_id", "jobs.id", nullable=True),
    _at("created_at", nullable=False),
    CheckConstraint("outcome IN ('fired', 'coalesced', 'skipped')", name="outcome"),
    UniqueConstraint("schedule_id", "slot"),
)

#: The history of a job: a row a transition, and one from its last state to the same when it is
#: undone.
job_events = Table(
    "job_events",
    metadata,
    _key(),
    _ref("job_id", "jobs.id"),
    #: None: the job was made.
    _words("from_state"),
    Column("to_state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    #: Who did it: ticker, intake, releaser, sweeper, worker, or a person.
    Column("actor", Text, nullable=False),
    _words("reason"),
    _at("at", nullable=False),
    Index("ix_job_events_job_id_id", "job_id", "id"),
)

#: Messages that a commit has caused and that no broker has confirmed yet.
outbox = Table(
    "outbox",
    metadata,
    _key(),
    Column("exchange", Text, nullable=False),
    Column("routing_key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    _json("headers"),
    Column("mandatory", Boolean, nullable=False),
    #: From then on the scheduler publishes it, should its committer not have.
    _at("relay_after", nullable=False),
    Index("ix_outbox_relay_after", "relay_after"),
)

#: Run-now messages seen, by who sent them and their message id.
inbox = Table(
    "inbox",
    metadata,
    _key(),
    #: "" where the broker names nobody.
    Column("user_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    _ref("job_id", "jobs.id", nullable=True),
    _at("received_at", nullable=False),
    UniqueConstraint("user_id", "message_id"),
    Index("ix_inbox_received_at", "received_at"),
)

#: How many requests a vendor account allows, shared by all who ask it; see `shared.domain.pacing`.
vendor_budgets = Table(
    "vendor_budgets",
    metadata,
    #: A digest of connector, address and user name.
    Column("account", Text, primary_key=True),
    Column("requests", Integer, primary_key=True, autoincrement=False),
    Column("period_s", Double, primary_key=True),
    #: When the next request would be on time, in seconds since 1970 by the database's clock.
    Column("free_at", Double, nullable=False),
)
