"""What waits for a person, or was decided by one: approvals, conflicts, duplicates.

None has a foreign key to tenants or jobs: they are written inside a large apply.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from shared.db.tables import Id, UtcDateTime, metadata

#: Changes that wait for a person, by app, kind and school: removals above a limit, and renames that
#: only a likeness suggests.
approvals = Table(
    "approvals",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("tenant_id", BigInteger, nullable=False),
    Column("app_id", BigInteger, nullable=False),
    #: The job whose read proposed them.
    Column("job_id", BigInteger, nullable=False),
    Column("op", Text, nullable=False),
    Column("kind", Text, nullable=False),
    #: The school's sourcedId; None: records of no school.
    Column("school", Text),
    Column("state", Text, nullable=False),
    #: Of the rows it covers, each with its own.
    Column("fingerprint", Text, nullable=False),
    #: `{"proposed": n, "of": n}`, and once it was carried out `{"done": n, "moved": n}`. Where rows
    #: of it went with another one `{"along": n, "with": its id}`; they are proposed no more.
    Column("counts", JSON(none_as_null=True), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("deadline_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", Text),
    CheckConstraint("op IN ('remove', 'rename')", name="op"),
    CheckConstraint(
        "state IN ('pending', 'approved', 'rejected', 'lapsed', 'replaced')", name="state"
    ),
    Index("ix_approvals_tenant_id_state", "tenant_id", "state"),
    Index("ix_approvals_app_id_state", "app_id", "state"),
    Index("ix_approvals_tenant_id_id", "tenant_id", "id"),
    Index(
        "ix_approvals_deadline_at",
        "deadline_at",
        postgresql_where=text("state = 'pending'"),
        sqlite_where=text("state = 'pending'"),
    ),
)

#: The rows of an approval: a link each, as it was when a person was shown it.
approval_rows = Table(
    "approval_rows",
    metadata,
    Column("approval_id", BigInteger, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("sourced_id", Text, nullable=False),
    #: The id under which the app shows the record now, where a rename is proposed.
    Column("new_external_id", Text),
    #: Of the link; a row whose link has another one by now has moved, and is refused.
    Column("fingerprint", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'proposed'")),
    CheckConstraint("state IN ('proposed', 'done', 'moved')", name="state"),
)

#: What the newest plan job of each app would change, a row a record.
plan_rows = Table(
    "plan_rows",
    metadata,
    Column("job_id", BigInteger, primary_key=True),
    Column("n", BigInteger, primary_key=True),
    Column("app_id", BigInteger, nullable=False),
    #: One of `shared.roster.planning.Op`.
    Column("op", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    #: None: the record has no sourcedId before a run gives it one.
    Column("sourced_id", Text),
    #: The school's sourcedId; the app's own id of one that is new itself.
    Column("school", Text),
    #: The fields that would change, as JSON; of a quarantined record its source row.
    Column("before", Text),
    Column("after", Text),
    Column("reason", Text),
    Index("ix_plan_rows_app_id", "app_id"),
    #: The five removals among a million adds.
    Index("ix_plan_rows_op", "job_id", "op", "kind", "n"),
)

#: Fields that an app and the hub have both changed, and of which nobody is the owner.
conflicts = Table(
    "conflicts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("tenant_id", BigInteger, nullable=False),
    Column("app_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("sourced_id", Text, nullable=False),
    Column("field", Text, nullable=False),
    #: What both last agreed on, what the hub holds, and what the app holds.
    Column("base", Text),
    Column("ours", Text),
    Column("theirs", Text),
    Column("state", Text, nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime),
    Column("resolved_by", Text),
    #: What was chosen.
    Column("value", Text),
    #: gone: the two agree by themselves.
    CheckConstraint("state IN ('open', 'resolved', 'gone')", name="state"),
    Index("ix_conflicts_tenant_id_state", "tenant_id", "state"),
    Index(
        "uq_conflicts_open",
        "app_id",
        "kind",
        "external_id",
        "field",
        unique=True,
        postgresql_where=text("state = 'open'"),
        sqlite_where=text("state = 'open'"),
    ),
)

#: Two records that a person has judged: one person after all (merged), or two (distinct).
judged_pairs = Table(
    "judged_pairs",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    #: The record that stays, or the lesser of two ids.
    Column("first", Text, primary_key=True),
    Column("second", Text, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("by", Text),
    Column("at", UtcDateTime, nullable=False),
    CheckConstraint("verdict IN ('merged', 'distinct')", name="verdict"),
)

#: How many pairs of a tenant's users look like one person, as they were last counted.
duplicate_counts = Table(
    "duplicate_counts",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
    #: The hub's when they were counted.
    Column("hub_version", BigInteger, nullable=False),
    Column("pairs", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(
        "ix_duplicate_counts_some",
        "tenant_id",
        postgresql_where=text("pairs > 0"),
        sqlite_where=text("pairs > 0"),
    ),
)
