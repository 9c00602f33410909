"""Budgets of requests that all workers share, by vendor account."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "vendor_budgets",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("period_s", sa.Double(), nullable=False),
        sa.Column("free_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "requests", "period_s", name=op.f("pk_vendor_budgets")),
    )
