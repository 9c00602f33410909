"""The hub lock: one writer of a tenant's roster at a time."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.hub_tables import hubs


def hub_lock(connection: Connection, tenant_id: int) -> int:
    """Take the tenant's hub lock until the transaction ends; returns the hub's version.

    Waiting for it is bounded by no timeout: an apply before ours may be large.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(hubs).values(tenant_id=tenant_id).on_conflict_do_nothing())
    version: int = connection.execute(
        select(hubs.c.version).where(hubs.c.tenant_id == tenant_id).with_for_update()
    ).scalar_one()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
    return version
