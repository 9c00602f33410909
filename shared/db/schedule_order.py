"""What the setting of a schedule asks of the tenant's others: for whom it waits, what is next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from shared.db.tables import apps, jobs, schedules
from shared.domain.recurrence import Recurrence
from shared.domain.states import JobState, Tier, Trigger
from shared.domain.upstream_due import UpstreamSchedule

#: Of an app, so many jobs back its usual duration is looked for.
_RECENT = 12


def upstream_schedules(connection: Connection, app_id: int) -> list[UpstreamSchedule]:
    """Return the schedules that are not over of the apps before an app, in the apps' order.

    Before it are the apps of earlier tiers, and those that it comes after; a paused one makes no
    jobs.

    Args:
        connection: a reading transaction.
        app_id: of an app that is there.
    """
    own = connection.execute(select(apps).where(apps.c.id == app_id)).one()
    before = [
        row
        for row in _in_order(connection, own.tenant_id)
        if row.paused_at is None and _is_before(row, own)
    ] + _chain(connection, own)
    planned = _schedules(connection, [row.id for row in before])
    return [
        UpstreamSchedule(
            row.name,
            Tier(row.tier),
            Recurrence.from_json(schedule.recurrence),
            _typical_s(connection, row.id),
        )
        for row in before
        for schedule in planned[row.id]
        if schedule.ended_at is None
    ]


def next_without_schedule(connection: Connection, app_id: int) -> str | None:
    """Return the app that is to be scheduled next: the first after this one that has no schedule.

    The order is that of the tiers, and within a tier the tenant's; after the last comes the first.

    Args:
        connection: a reading transaction.
        app_id: of an app that is there.

    Returns:
        Its name; None: every other app has a schedule.
    """
    own = connection.execute(select(apps).where(apps.c.id == app_id)).one()
    ordered = _in_order(connection, own.tenant_id)
    place = [row.id for row in ordered].index(app_id)
    others = [*ordered[place + 1 :], *ordered[:place]]
    planned = _schedules(connection, [row.id for row in others])
    return next((str(row.name) for row in others if not planned[row.id]), None)


def _is_before(row: Row[Any], own: Row[Any]) -> bool:
    return Tier(row.tier).rank < Tier(own.tier).rank


def _chain(connection: Connection, own: Row[Any]) -> list[Row[Any]]:
    """Return the apps of its tier that an app comes after, the nearest first."""
    found: list[Row[Any]] = []
    after = own.after_app_id
    while after is not None:
        row = connection.execute(select(apps).where(apps.c.id == after)).one()
        if row.paused_at is None:
            found.append(row)
        after = row.after_app_id
    return found


def _in_order(connection: Connection, tenant_id: int) -> list[Row[Any]]:
    rows = connection.execute(
        select(apps).where(apps.c.tenant_id == tenant_id, apps.c.removed_at.is_(None))
    ).all()
    return sorted(rows, key=lambda row: (Tier(row.tier).rank, row.position))


def _schedules(connection: Connection, app_ids: Sequence[int]) -> defaultdict[int, list[Row[Any]]]:
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    query: Select[Any] = select(
        schedules.c.app_id, schedules.c.recurrence, schedules.c.ended_at
    ).where(schedules.c.app_id.in_(app_ids), schedules.c.removed_at.is_(None))
    for row in connection.execute(query.order_by(schedules.c.app_id, schedules.c.mode)):
        found[row.app_id].append(row)
    return found


def _typical_s(connection: Connection, app_id: int) -> float | None:
    """Return the seconds that an app's last runs took, the median; None: it has none lately."""
    recent = connection.execute(
        select(jobs.c.state, jobs.c.trigger, jobs.c.started_at, jobs.c.finished_at)
        .where(jobs.c.app_id == app_id)
        .order_by(jobs.c.id.desc())
        .limit(_RECENT)
    ).all()
    took = [
        (row.finished_at - row.started_at).total_seconds()
        for row in recent
        if row.state == JobState.SUCCEEDED and Trigger(row.trigger).is_run and row.started_at
    ]
    return median(took) if took else None
