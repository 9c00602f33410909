"""T1, fire: due slots become jobs, recorded exactly once, in one commit for a batch of tenants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from shared.db.gate import Gate, Locked, TenantView
from shared.db.requests import Request, Requests, add_all
from shared.db.tables import schedules, slots
from shared.domain.recurrence import Occurrence, Recurrence, next_occurrence
from shared.domain.recurrence import due as due_occurrences
from shared.domain.states import Mode, Trigger
from shared.domain.tiers import firing_order
from shared.messages import Publication

#: The most slots of one schedule that one commit records; what is left is due at once again.
SLOTS_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Fired:
    """What one tick did.

    Attributes:
        tenants: whose slots were fired.
        slots: slots recorded, missed ones among them.
        publications: to be relayed by whoever committed.
    """

    tenants: int
    slots: int
    publications: list[Publication]


@dataclass(frozen=True, slots=True)
class Occurred:
    """The slots of a schedule that are due.

    Attributes:
        slots: which this commit records, oldest first.
        left: the first one that it leaves to the next, if they are too many.
    """

    slots: list[Occurrence]
    left: Occurrence | None


def fire_due(gate: Gate, *, limit: int = 200) -> Fired:
    """Fire what is due, for at most `limit` tenants that nobody else is firing. Commits.

    What it costs follows what is due, not what exists.
    """
    with gate.database.read() as connection:
        due = _due_tenants(connection, gate.database.now(connection), limit)
    if not due:
        return Fired(0, 0, [])
    with gate.locked(due, skip_locked=True) as locked:
        recorded = fire_locked(locked)
        if recorded:
            locked.decide("ticker")
    return Fired(len(locked.tenant_ids), recorded, locked.publications)


def fire_locked(locked: Locked, tenants: dict[int, TenantView] | None = None) -> int:
    """Fire the due slots of the locked tenants, without deciding; returns the slots recorded."""
    due = _due_schedules(locked)
    if not due:
        return 0
    tenants = tenants if tenants is not None else locked.load()
    occurred = {schedule.id: _occurred(schedule, locked.now) for schedule in due}
    rows, requests, fired = _plan(locked, due, occurred, tenants)
    placed = requests.write("ticker")
    for index, row in enumerate(fired):
        row["job_id"] = placed[index].job_id
        row["outcome"] = "coalesced" if placed[index].coalesced else "fired"
        row["reason"] = None
    if rows:
        locked.connection.execute(insert(slots), rows)
    _advance(locked, due, occurred)
    return len(rows)


def _due_tenants(connection: Connection, now: datetime, limit: int) -> list[int]:
    first = func.min(schedules.c.next_run_at)
    query = (
        select(schedules.c.tenant_id)
        .where(schedules.c.next_run_at <= now)
        .group_by(schedules.c.tenant_id)
        .order_by(first)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def _due_schedules(locked: Locked) -> list[Row[Any]]:
    query = select(schedules).where(
        schedules.c.tenant_id.in_(locked.tenant_ids), schedules.c.next_run_at <= locked.now
    )
    return list(locked.connection.execute(query.order_by(schedules.c.id)))


def _plan(
    locked: Locked,
    due: Collection[Row[Any]],
    occurred: Mapping[int, Occurred],
    tenants: dict[int, TenantView],
) -> tuple[list[dict[str, Any]], Requests, list[dict[str, Any]]]:
    """Return all slot rows, the requests, and those rows that the requests belong to, in order."""
    known = _recorded(locked.connection, [row.id for row in due])
    rows: list[dict[str, Any]] = []
    latest: defaultdict[int, defaultdict[datetime, list[tuple[Row[Any], dict[str, Any]]]]]
    latest = defaultdict(lambda: defaultdict(list))
    for schedule in due:
        found = occurred[schedule.id]
        new = [slot for slot in found.slots if (schedule.id, slot.at) not in known]
        for occurrence in new:
            row = _slot(schedule, occurrence, locked.now)
            rows.append(row)
            # of the slots that were missed, the newest is run
            if found.left is None and occurrence is new[-1]:
                latest[schedule.tenant_id][occurrence.at].append((schedule, row))
    requests = Requests(locked)
    fired: list[dict[str, Any]] = []
    for tenant_id, instants in latest.items():
        tenant = tenants[tenant_id]
        order = firing_order(tenant.apps, tenant.positions)
        for instant in sorted(instants):
            wave = requests.next_wave(tenant)
            pairs = sorted(instants[instant], key=lambda pair: order.index(pair[0].app_id))
            fired += [row for _, row in pairs]
            wanted = [_request(schedule, wave, instant) for schedule, _ in pairs]
            add_all(requests, tenant, wanted, order)
    return rows, requests, fired


def _occurred(schedule: Row[Any], now: datetime) -> Occurred:
    """Return the slots from `next_run_at` to now, oldest first; at least that one."""
    recurrence = Recurrence.from_json(schedule.recurrence)
    before = schedule.next_run_at - timedelta(microseconds=1)
    found = due_occurrences(recurrence, after=before, until=now, limit=SLOTS_LIMIT + 1)
    if not found:
        # the zone database has moved the slot under us: what was promised is fired all the same
        wall = datetime.fromisoformat(schedule.next_wall)
        found = [Occurrence(at=schedule.next_run_at, wall=wall, zone=recurrence.zone)]
    return Occurred(found[:SLOTS_LIMIT], next(iter(found[SLOTS_LIMIT:]), None))


def _recorded(connection: Connection, ids: Collection[int]) -> set[tuple[int, datetime]]:
    query = (
        select(slots.c.schedule_id, slots.c.slot)
        .join(schedules, schedules.c.id == slots.c.schedule_id)
        .where(slots.c.schedule_id.in_(ids), slots.c.slot >= schedules.c.next_run_at)
    )
    return {(row.schedule_id, row.slot) for row in connection.execute(query)}


def _slot(schedule: Row[Any], occurrence: Occurrence, now: datetime) -> dict[str, Any]:
    return {
        "schedule_id": schedule.id,
        "slot": occurrence.at,
        "wall": occurrence.wall.isoformat(timespec="minutes"),
        "outcome": "skipped",
        "reason": "missed",
        "job_id": None,
        "created_at": now,
    }


def _request(schedule: Row[Any], wave: int, due_at: datetime) -> Request:
    return Request(
        app_id=schedule.app_id,
        mode=Mode(schedule.mode),
        wave=wave,
        trigger=Trigger.SCHEDULE,
        due_at=due_at,
    )


def _advance(locked: Locked, due: Collection[Row[Any]], occurred: Mapping[int, Occurred]) -> None:
    changes = []
    for schedule in due:
        following = occurred[schedule.id].left or next_occurrence(
            Recurrence.from_json(schedule.recurrence), locked.now
        )
        changes.append(
            {
                "b_id": schedule.id,
                "next_run_at": following.at if following else None,
                "next_wall": following.wall.isoformat(timespec="minutes") if following else None,
                "ended_at": None if following else locked.now,
            }
        )
    locked.connection.execute(update(schedules).where(schedules.c.id == bindparam("b_id")), changes)
