"""How much waits for a person: approvals, conflicts, and users that look like one person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, literal, select

from shared.db.hub_tables import hubs
from shared.db.review_tables import approvals, conflicts, duplicate_counts
from shared.db.views import Shown, iso

#: Open conflicts of a tenant, or of an app, that are counted; more are told as so many.
COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Open:
    """What waits for a person at one tenant.

    Attributes:
        approvals: how many are pending, by app id.
        conflicts: how many are open, by app id; of the first `COUNTED` of the tenant.
        duplicates: `{"pairs", "counted_at", "is_current"}`, as they were last counted
            (`shared.roster.duplicates.count_duplicates`); None: nobody has counted them yet.
    """

    approvals: Mapping[int, int]
    conflicts: Mapping[int, int]
    duplicates: Shown | None


def count_open(connection: Connection, tenant_id: int) -> Open:
    """Count what waits for a person at one tenant."""
    pending = connection.execute(
        select(approvals.c.app_id, func.count().label("n"))
        .where(approvals.c.tenant_id == tenant_id, approvals.c.state == "pending")
        .group_by(approvals.c.app_id)
    )
    counted = connection.execute(
        select(duplicate_counts, hubs.c.version)
        .join(hubs, hubs.c.tenant_id == duplicate_counts.c.tenant_id, isouter=True)
        .where(duplicate_counts.c.tenant_id == tenant_id)
    ).one_or_none()
    return Open(
        approvals={row.app_id: row.n for row in pending},
        conflicts=conflicts_by_app(connection, tenant_id),
        duplicates=None
        if counted is None
        else {
            "pairs": counted.pairs,
            "counted_at": iso(counted.at),
            "is_current": counted.hub_version == (counted.version or 0),
        },
    )


def conflicts_by_app(connection: Connection, tenant_id: int) -> Mapping[int, int]:
    """Return how many conflicts of a tenant are open, by app id; of the first `COUNTED`."""
    some = (
        select(conflicts.c.app_id)
        .where(conflicts.c.tenant_id == tenant_id, conflicts.c.state == "open")
        .limit(COUNTED)
    )
    return Counter(connection.execute(some).scalars())


def apps_in_conflict(connection: Connection, *, after: int, limit: int) -> list[int]:
    """Return the next apps that have open conflicts, by steps from one to the next in the index.

    Args:
        connection: a reading transaction.
        after: an app's id; 0: from the first one on.
        limit: the most apps; it costs a query each.
    """
    ids: list[int] = []
    while len(ids) < limit:
        following = (
            select(conflicts.c.app_id)
            .where(_is_open(), conflicts.c.app_id > (ids[-1] if ids else after))
            .order_by(conflicts.c.app_id)
            .limit(1)
        )
        found = connection.execute(following).scalar_one_or_none()
        if found is None:
            break
        ids.append(found)
    return ids


def count_conflicts(connection: Connection, app_id: int) -> int:
    """Return how many conflicts of an app are open, `COUNTED` at most."""
    some = select(conflicts.c.id).where(_is_open(), conflicts.c.app_id == app_id).limit(COUNTED)
    return connection.execute(select(func.count()).select_from(some.subquery())).scalar_one()


def _is_open() -> ColumnElement[bool]:
    return conflicts.c.state == literal("open", literal_execute=True)
