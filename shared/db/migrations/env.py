"""Alembic's environment: the connection is handed in, no file is read."""

from alembic import context

from shared.db import account_tables, hub_tables, review_tables
from shared.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
# imported so that their tables are in the metadata
assert account_tables.accounts is not None  # noqa: S101
assert hub_tables.HUB  # noqa: S101
assert review_tables.approvals is not None  # noqa: S101
with context.begin_transaction():
    context.run_migrations()
