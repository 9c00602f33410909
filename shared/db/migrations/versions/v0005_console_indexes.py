"""What the console asks for is found by an index, and not by a look at all of history."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

#: Fields of users that a search looks for the beginning of.
SEARCHED = (
    "given_name",
    "family_name",
    "preferred_given_name",
    "preferred_family_name",
    "email",
    "username",
)


def upgrade() -> None:
    op.add_column("apps", sa.Column("last_read_job", sa.BigInteger(), nullable=True))
    op.add_column("apps", sa.Column("last_quarantined", sa.Integer(), nullable=True))
    _fill_in()
    op.create_table(
        "duplicate_counts",
        sa.Column("tenant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hub_version", sa.BigInteger(), nullable=False),
        sa.Column("pairs", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_duplicate_counts")),
    )
    _index("ix_duplicate_counts_some", "duplicate_counts", ["tenant_id"], "pairs > 0")
    for name, condition in (
        ("failed", "last_outcome = 'failed'"),
        ("paused", "paused_at IS NOT NULL"),
        ("quarantined", "last_quarantined > 0"),
    ):
        _index(f"ix_apps_{name}", "apps", ["id"], f"removed_at IS NULL AND {condition}")
    badly = "state IN ('failed', 'skipped', 'cancelled')"
    for name, columns in (("", []), ("_tenant", ["tenant_id"]), ("_app", ["app_id"])):
        _index(f"ix_jobs_ended_badly{name}", "jobs", [*columns, "state", "id"], badly)
    _index("ix_jobs_approval_id", "jobs", ["approval_id"], "approval_id IS NOT NULL")
    _index("ix_approvals_tenant_id_id", "approvals", ["tenant_id", "id"])
    _index("ix_plan_rows_op", "plan_rows", ["job_id", "op", "kind", "n"])
    _index("ix_hub_users_org", "hub_users", ["tenant_id", "primary_org_sourced_id", "sourced_id"])
    _index("ix_hub_roles_org", "hub_roles", ["tenant_id", "org_sourced_id", "user_sourced_id"])
    if op.get_bind().dialect.name == "postgresql":
        # by its pattern it finds a beginning too, and equal ones as before
        op.drop_index("ix_hub_users_identifier", "hub_users")
        op.execute(
            "CREATE INDEX ix_hub_users_identifier ON hub_users"
            " (tenant_id, identifier text_pattern_ops)"
        )
        for name in SEARCHED:
            op.execute(
                f"CREATE INDEX ix_hub_users_{name} ON hub_users"
                f" (tenant_id, lower({name}) text_pattern_ops) WHERE {name} IS NOT NULL"
            )


def _index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    some = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=False, postgresql_where=some, sqlite_where=some)


def _fill_in() -> None:
    """Tell of each app which job of it read last, and how many records that left out."""
    connection = op.get_bind()
    reads = connection.execute(
        sa.text(
            "SELECT j.app_id, j.id, CAST(j.counts AS text) AS counts FROM jobs AS j"
            " JOIN (SELECT app_id, max(id) AS id FROM jobs WHERE certificate IS NOT NULL"
            " AND trigger NOT IN ('plan', 'approval') GROUP BY app_id) AS last ON last.id = j.id"
        )
    ).all()
    for app_id, job_id, told in reads:
        connection.execute(
            sa.text(
                "UPDATE apps SET last_read_job = :job, last_quarantined = :left_out WHERE id = :app"
            ),
            {"app": app_id, "job": job_id, "left_out": _quarantined(told)},
        )


def _quarantined(told: str | None) -> int:
    counts: dict[str, Any] = json.loads(told) if told else {}
    return sum(of.get("quarantined", 0) for of in counts.values() if isinstance(of, dict))
