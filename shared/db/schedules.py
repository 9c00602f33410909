"""Schedules: set, removed, and their next slots computed anew."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from shared.db.asking import find_app
from shared.db.firing import fire_locked
from shared.db.gate import Gate, Locked
from shared.db.tables import apps, schedules, tenants
from shared.domain.recurrence import Recurrence, next_occurrence
from shared.domain.states import Mode
from shared.errors import ConfigurationError


def zone_version() -> str:
    """Return the version of the zone database by which times are computed."""
    return version("tzdata")


def set_schedule(
    gate: Gate, app: str, mode: Mode, recurrence: Recurrence, *, after: datetime | None = None
) -> int:
    """Set an app's schedule in one mode, in place of the one it had; returns its id. Commits.

    Args:
        gate: of the database.
        app: `TENANT/NAME`.
        mode: full, or incremental where the connector can.
        recurrence: when it runs.
        after: the first slot comes after this instant; now, if not given.

    Raises:
        ConfigurationError: there is no such app, it cannot do the mode, or nothing is left to run.
    """
    with gate.database.read() as connection:
        tenant_id, app_id = find_app(connection, app)
    with gate.locked([tenant_id]) as locked:
        _fire_first(locked)
        connection = locked.connection
        row = connection.execute(select(apps).where(apps.c.id == app_id)).one()
        if mode not in row.modes:
            raise ConfigurationError(
                "--mode",
                f"{row.connector} cannot read {mode}",
                f"Use {' or '.join(row.modes)}.",
            )
        upcoming = next_occurrence(recurrence, after or locked.now)
        if upcoming is None:
            raise ConfigurationError(
                "--until", "no run is left before it", "Give a later end date."
            )
        values: dict[str, Any] = {
            "recurrence": recurrence.to_json(),
            "next_run_at": upcoming.at,
            "next_wall": upcoming.wall.isoformat(timespec="minutes"),
            "zone_version": zone_version(),
            "ended_at": None,
        }
        there = _current(connection, app_id, mode)
        if there is not None:
            connection.execute(update(schedules).where(schedules.c.id == there.id).values(values))
            return int(there.id)
        made: int = connection.execute(
            insert(schedules)
            .values(tenant_id=tenant_id, app_id=app_id, mode=mode, created_at=locked.now, **values)
            .returning(schedules.c.id)
        ).scalar_one()
    return made


def remove_schedule(gate: Gate, app: str, mode: Mode) -> None:
    """Remove an app's schedule of a mode; its slots stay. Commits.

    Raises:
        ConfigurationError: there is no such app or schedule.
    """
    with gate.database.read() as connection:
        tenant_id, app_id = find_app(connection, app)
    with gate.locked([tenant_id]) as locked:
        _fire_first(locked)
        there = _current(locked.connection, app_id, mode)
        if there is None:
            raise ConfigurationError(
                "--mode", f"{app} has no {mode} schedule", "List: bellringer schedules list"
            )
        locked.connection.execute(
            update(schedules)
            .where(schedules.c.id == there.id)
            .values(removed_at=locked.now, next_run_at=None, next_wall=None)
        )


def zone_of(connection: Connection, tenant_id: int) -> str:
    """Return a tenant's zone, which its schedules have unless told otherwise."""
    found: str = connection.execute(
        select(tenants.c.zone).where(tenants.c.id == tenant_id)
    ).scalar_one()
    return found


def recompute_slots(gate: Gate, *, limit: int = 500) -> int:
    """Compute next slots anew that were computed by another zone database. Commits.

    The wall time that a slot stands for is kept; its instant may move. Returns how many were
    computed.
    """
    current = zone_version()
    with gate.database.read() as connection:
        stale = connection.execute(
            select(schedules.c.tenant_id)
            .where(schedules.c.next_run_at.is_not(None), schedules.c.zone_version != current)
            .distinct()
            .limit(limit)
        ).scalars()
        tenant_ids = list(stale)
    if not tenant_ids:
        return 0
    with gate.locked(tenant_ids, skip_locked=True) as locked:
        return _recompute(locked, current)


def _fire_first(locked: Locked) -> None:
    """Fire what is due by the schedules as they were: every due slot is recorded."""
    has_fired = False
    while fire_locked(locked):
        has_fired = True
    if has_fired:
        locked.decide("ticker")


def _recompute(locked: Locked, current: str) -> int:
    rows = locked.connection.execute(
        select(schedules).where(
            schedules.c.tenant_id.in_(locked.tenant_ids),
            schedules.c.next_run_at > locked.now,
            schedules.c.zone_version != current,
        )
    ).all()
    for row in rows:
        upcoming = next_occurrence(Recurrence.from_json(row.recurrence), locked.now)
        locked.connection.execute(
            update(schedules)
            .where(schedules.c.id == row.id)
            .values(
                next_run_at=upcoming.at if upcoming else None,
                next_wall=upcoming.wall.isoformat(timespec="minutes") if upcoming else None,
                ended_at=None if upcoming else locked.now,
                zone_version=current,
            )
        )
    return len(rows)


def _current(connection: Connection, app_id: int, mode: Mode) -> Row[Any] | None:
    return connection.execute(
        select(schedules).where(
            schedules.c.app_id == app_id,
            schedules.c.mode == mode,
            schedules.c.removed_at.is_(None),
        )
    ).one_or_none()
