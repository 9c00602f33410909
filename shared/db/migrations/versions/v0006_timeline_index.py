"""Indexes by which a period of a tenant's jobs is found."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index(
        "ix_jobs_ended",
        "jobs",
        ["tenant_id", "finished_at", "due_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL"),
        sqlite_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_long",
        "jobs",
        ["tenant_id", "finished_at", "due_at"],
        unique=False,
        postgresql_where=sa.text("finished_at - due_at > interval '1 day'"),
        sqlite_where=sa.text("julianday(finished_at) - julianday(due_at) > 1"),
    )
