"""Tenants: added, suspended, resumed. Each function works in its caller's transaction, locked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared.db.gate import Gate, rollover_of
from shared.db.tables import tenants
from shared.domain.rollover import Rollover
from shared.domain.zones import check_zone
from shared.errors import ConfigurationError, NotFoundError
from shared.messages import Publication

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def check_name(name: str, what: str) -> str:
    """Return a name that can stand in `TENANT/NAME`.

    Raises:
        ConfigurationError: it cannot.
    """
    if not _SLUG.fullmatch(name):
        raise ConfigurationError(
            what, f"{name!r} is no name", "Give 1 to 63 of a-z 0-9 - _, beginning with a-z 0-9."
        )
    return name


def add_tenant(gate: Gate, name: str, zone: str) -> int:
    """Add a tenant; returns its id. Commits.

    Raises:
        ConfigurationError: the name or the zone is wrong, or the name is taken.
    """
    check_name(name, "TENANT")
    check_zone(zone)
    try:
        with gate.database.write() as connection:
            now = gate.database.now(connection)
            made: int = connection.execute(
                insert(tenants).values(name=name, zone=zone, created_at=now).returning(tenants.c.id)
            ).scalar_one()
    except IntegrityError as error:
        raise ConfigurationError(
            "TENANT", f"there is a tenant {name} already", "Give another name."
        ) from error
    return made


def find_tenant(connection: Connection, name: str) -> Row[Any]:
    """Return a tenant's row.

    Raises:
        NotFoundError: there is none of this name.
    """
    row = connection.execute(select(tenants).where(tenants.c.name == name)).one_or_none()
    if row is None:
        raise NotFoundError(
            "TENANT", f"there is no tenant {name!r}", "List them: bellringer tenants list"
        )
    return row


def set_rules(gate: Gate, name: str, rules: Mapping[str, Any]) -> None:
    """Store a tenant's rules, which were checked before. Commits.

    Raises:
        ConfigurationError: there is no such tenant.
    """
    with gate.database.read() as connection:
        tenant_id = find_tenant(connection, name).id
    with gate.locked([tenant_id]) as locked:
        locked.connection.execute(
            update(tenants).where(tenants.c.id == tenant_id).values(rules=dict(rules) or None)
        )


def suspend_tenant(gate: Gate, name: str, reason: str | None) -> list[Publication]:
    """Suspend a tenant: what waits is skipped, what runs ends. Commits; decides."""
    return _switch(gate, name, reason, is_suspended=True)


def resume_tenant(gate: Gate, name: str) -> list[Publication]:
    """Take a tenant's jobs again. Commits; decides."""
    return _switch(gate, name, None, is_suspended=False)


def _switch(gate: Gate, name: str, reason: str | None, *, is_suspended: bool) -> list[Publication]:
    with gate.database.read() as connection:
        tenant_id = find_tenant(connection, name).id
    with gate.locked([tenant_id]) as locked:
        locked.connection.execute(
            update(tenants)
            .where(tenants.c.id == tenant_id)
            .values(
                suspended_at=locked.now if is_suspended else None,
                suspended_reason=reason if is_suspended else None,
            )
        )
        locked.decide("console")
    return locked.publications


def removals_suspended(connection: Connection, tenant_id: int, now: datetime) -> str | None:
    """Return why nothing of a tenant may be removed now; None: it may."""
    row = connection.execute(select(tenants).where(tenants.c.id == tenant_id)).one()
    rollover = rollover_of(row)
    # where imports are suspended, what else reads removes nothing either
    return rollover.describe() if rollover is not None and rollover.covers(now) else None


def set_rollover(gate: Gate, name: str, rollover: Rollover | None) -> list[Publication]:
    """Set a tenant's rollover, in place of the one it had; None ends it. Commits; decides.

    Raises:
        ConfigurationError: there is no such tenant, or the period is over already.
    """
    with gate.database.read() as connection:
        tenant_id = find_tenant(connection, name).id
    with gate.locked([tenant_id]) as locked:
        if rollover is not None and rollover.until <= locked.now:
            raise ConfigurationError("--until", "the period is over already", "Give a later one.")
        locked.connection.execute(
            update(tenants)
            .where(tenants.c.id == tenant_id)
            .values(
                rollover_scope=rollover.scope if rollover else None,
                rollover_from=rollover.since if rollover else None,
                rollover_until=rollover.until if rollover else None,
            )
        )
        locked.decide("console")
    return locked.publications
