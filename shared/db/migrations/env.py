"""Alembic's environment: the connection is handed in, no file is read."""

from alembic import context

from shared.db import hub_tables
from shared.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
assert hub_tables.HUB  # noqa: S101 - imported so that its tables are in the metadata
with context.begin_transaction():
    context.run_migrations()
