"""What a person is shown of the quarantine, and how long it is kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, Select, delete, func, select, tuple_

from shared.db.gate import Gate
from shared.db.hub_tables import quarantine
from shared.db.tables import apps, tenants
from shared.db.views import Shown, iso
from shared.domain.records import FIELDS, Kind

#: What is told of each record, before the fields of its source.
COLUMNS = ("app", "job", "kind", "external_id", "field", "reason", "at")
#: Fields of a source that nobody is shown.
_SECRET = frozenset({"password"})
#: The most records of a page.
MOST = 500
_ORDER = (tenants.c.name, apps.c.position, quarantine.c.kind, quarantine.c.id)
#: Rows that are forgotten by one transaction.
FORGOTTEN_TOGETHER = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records; without a job, those of each app's last job that read to its end.

    Attributes:
        tenant: by name.
        app_id: of one app.
        job_id: of one job.
        kind: of one kind.
        tenant_ids: of these tenants; None: of any.
        after: the id of the last record of the page before; None: from the first one on.
    """

    tenant: str | None = None
    app_id: int | None = None
    job_id: int | None = None
    kind: Kind | None = None
    tenant_ids: Collection[int] | None = None
    after: int | None = None


def count_quarantined(connection: Connection, wanted: Wanted) -> int:
    """Return how many records there are."""
    query = _query(wanted).order_by(None).subquery()
    return connection.execute(select(func.count()).select_from(query)).scalar_one()


def quarantined(
    connection: Connection, wanted: Wanted, limit: int | None = None
) -> Iterator[Shown]:
    """Yield what is in quarantine by app and kind, each with its source row, some at a time.

    Each is `{"id", "app", "job", "kind", "external_id", "field", "reason", "at", "source"}`.
    """
    rows = connection.execute(
        _query(wanted).limit(limit), execution_options={"stream_results": True, "yield_per": 1000}
    )
    for row in rows:
        yield _shown(row)


def page_quarantine(
    connection: Connection, wanted: Wanted, *, after: int = 0, limit: int = 50
) -> Shown:
    """Return a page of what is in quarantine, in the order in which it was found.

    Args:
        connection: a reading transaction.
        wanted: which; of one job a page costs what that job has left out.
        after: the `after` of the page before this one; 0: the first page.
        limit: the most records, `MOST` at most.

    Returns:
        `{"records": [as quarantined], "after": id or None}`; None: there are no more.
    """
    limit = max(1, min(limit, MOST))
    query = _query(wanted).where(quarantine.c.id > after).order_by(None).order_by(quarantine.c.id)
    rows = connection.execute(query.limit(limit + 1)).all()
    return {
        "records": [_shown(row) for row in rows[:limit]],
        "after": rows[limit - 1].id if len(rows) > limit else None,
    }


def source_fields(connection: Connection, wanted: Wanted) -> list[str]:
    """Return the names that the sources have: OneRoster's first, in the model's order."""
    found: dict[str, None] = {}
    for row in quarantined(connection, wanted):
        found.update(dict.fromkeys(row["source"]))
    return in_order(found)


def in_order(names: Iterable[str]) -> list[str]:
    """Return the names of fields: OneRoster's first, in the model's order."""
    known = ["sourcedId", *(field.name for kind in Kind for field in FIELDS[kind])]
    place = {name: number for number, name in reversed(list(enumerate(known)))}
    return sorted(names, key=lambda name: (place.get(name, len(known)), name))


def forget_quarantine(gate: Gate, *, days: int, limit: int = FORGOTTEN_TOGETHER) -> int:
    """Forget what older jobs left out; returns how many rows. Commits.

    What each app's last job that read has left out is still left out: it stays, however old.
    """
    with gate.database.write() as connection:
        before = gate.database.now(connection) - timedelta(days=days)
        old = (
            select(quarantine.c.id)
            .where(quarantine.c.at < before, quarantine.c.job_id.not_in(_last_jobs()))
            .order_by(quarantine.c.id)
            .limit(limit)
        )
        return connection.execute(delete(quarantine).where(quarantine.c.id.in_(old))).rowcount


def _last_jobs() -> Select[tuple[int]]:
    return select(apps.c.last_read_job).where(apps.c.last_read_job.is_not(None))


def _query(wanted: Wanted) -> Select[Any]:
    query = (
        select(quarantine, tenants.c.name.label("tenant"), apps.c.name.label("app"))
        .join(apps, apps.c.id == quarantine.c.app_id)
        .join(tenants, tenants.c.id == apps.c.tenant_id)
        .order_by(*_ORDER)
    )
    if wanted.job_id is not None:
        query = query.where(quarantine.c.job_id == wanted.job_id)
    else:
        query = query.where(
            apps.c.removed_at.is_(None), quarantine.c.job_id == apps.c.last_read_job
        )
    if wanted.tenant is not None:
        query = query.where(tenants.c.name == wanted.tenant)
    if wanted.app_id is not None:
        query = query.where(quarantine.c.app_id == wanted.app_id)
    if wanted.kind is not None:
        query = query.where(quarantine.c.kind == wanted.kind)
    if wanted.tenant_ids is not None:
        query = query.where(quarantine.c.tenant_id.in_(wanted.tenant_ids))
    if wanted.after is not None:
        query = query.where(tuple_(*_ORDER) > _place_of(wanted.after))
    return query


def _shown(row: Row[Any]) -> Shown:
    return {
        "id": row.id,
        "app": f"{row.tenant}/{row.app}",
        "job": row.job_id,
        "kind": row.kind,
        "external_id": row.external_id,
        "field": row.field,
        "reason": row.reason,
        "at": iso(row.at),
        "source": source_of(row.source),
    }


def _place_of(record: int) -> ScalarSelect[Any]:
    """Return where a record stands in the order."""
    place = (
        select(*_ORDER)
        .join(apps, apps.c.id == quarantine.c.app_id)
        .join(tenants, tenants.c.id == apps.c.tenant_id)
        .where(quarantine.c.id == record)
    )
    return place.correlate(None).scalar_subquery()


def source_of(text: str | None) -> dict[str, str | None]:
    """Return a source row as it is kept, without what nobody is shown."""
    source = json.loads(text) if text else {}
    return {name: value for name, value in source.items() if name not in _SECRET}
