"""Counts of failed attempts that all processes share. Works in its caller's transaction.

An attempt counts as failed from its beginning, and is given back where it succeeds: of many that
are made at once, no more are let through than one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from shared.db.account_tables import throttles
from shared.db.inserting import insert_into
from shared.domain.throttling import Limit, wait_after


def attempt(connection: Connection, limits: Mapping[str, Limit], now: datetime) -> float:
    """Count an attempt under every key, unless one of them is blocked.

    Args:
        connection: of a transaction that writes, and that commits whatever comes of the attempt.
        limits: by key, how often it may fail.
        now: the database's time.

    Returns:
        Seconds to wait; 0: it was counted, and may be made.
    """
    counted = _locked(connection, limits, now)
    blocked = [until for _, until, _ in counted.values() if until is not None and until > now]
    if blocked:
        return (max(blocked) - now).total_seconds()
    for key, (failures, _, forget_at) in counted.items():
        limit = limits[key]
        if forget_at <= now:
            failures, forget_at = 0, now + timedelta(seconds=limit.window_s)
        wait_s = wait_after(failures + 1, limit)
        until = now + timedelta(seconds=wait_s) if wait_s else None
        connection.execute(
            update(throttles)
            .where(throttles.c.key == key)
            .values(
                failures=failures + 1,
                blocked_until=until,
                forget_at=forget_at if until is None else max(forget_at, until),
            )
        )
    return 0.0


def forgive(connection: Connection, key: str) -> None:
    """Let a key count from nothing: whoever was tried for has come in."""
    connection.execute(delete(throttles).where(throttles.c.key == key))


def give_back(connection: Connection, key: str) -> None:
    """Take one attempt back that was no failure; what else failed under the key still counts."""
    connection.execute(
        update(throttles)
        .where(throttles.c.key == key, throttles.c.failures > 0)
        .values(failures=throttles.c.failures - 1, blocked_until=None)
    )


def _locked(
    connection: Connection, limits: Mapping[str, Limit], now: datetime
) -> dict[str, tuple[int, datetime | None, datetime]]:
    """Return what each key counts; nobody else counts under it until the transaction's end."""
    # in one order, so that two who share both keys do not wait for each other
    fresh = [{"key": key, "failures": 0, "forget_at": now} for key in sorted(limits)]
    connection.execute(insert_into(connection, throttles).on_conflict_do_nothing(), fresh)
    rows = connection.execute(
        select(throttles)
        .where(throttles.c.key.in_(limits))
        .order_by(throttles.c.key)
        .with_for_update()
    )
    return {row.key: (row.failures, row.blocked_until, row.forget_at) for row in rows}
