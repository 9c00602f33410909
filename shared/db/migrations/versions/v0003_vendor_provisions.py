"""What 2-way jobs make and end at their vendors."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    not_linked = sa.text("linked_job IS NULL AND state = 'confirmed'")
    op.create_table(
        "vendor_provisions",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("school", sa.Text(), nullable=True),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("linked_job", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("action IN ('create', 'end')", name=op.f("ck_vendor_provisions_action")),
        sa.CheckConstraint(
            "state IN ('intended', 'confirmed', 'rejected', 'later', 'held')",
            name=op.f("ck_vendor_provisions_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_provisions")),
    )
    op.create_index("ix_vendor_provisions_job_id", "vendor_provisions", ["job_id"], unique=False)
    op.create_index(
        "ix_vendor_provisions_not_linked",
        "vendor_provisions",
        ["app_id"],
        unique=False,
        postgresql_where=not_linked,
        sqlite_where=not_linked,
    )
