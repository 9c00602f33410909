"""T4's part of the hub: a plan is applied in the transaction that ends its job."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select, update

from shared.db.engine import Database
from shared.db.hub_tables import LINKS, hubs, snake, vendor_writes
from shared.db.tables import apps
from shared.domain.records import Kind
from shared.roster.merging import KindCounts, merge_kind
from shared.roster.plan import Plan, check_staged
from shared.roster.preparing import prepare
from shared.roster.statements import statements


def apply_plan(
    connection: Connection, database: Database, plan: Plan, *, hub_version: int
) -> dict[str, dict[str, int]]:
    """Merge a plan into the hub. The caller holds the hub lock, and has looked at the fence.

    Args:
        connection: T4's transaction.
        database: whose it is.
        plan: made from a complete read.
        hub_version: as `hub_lock` returned it; where it has moved, the plan is prepared anew.

    Returns:
        By kind: added, updated, removed, unchanged, quarantined, written, rejected.

    Raises:
        TransientConnectorError: staging was lost on the way.
    """
    run = statements(connection, database, plan.key, sum(plan.staged.values()))
    check_staged(connection, plan)
    if hub_version != plan.hub_version:
        prepare(run, plan.supplied, again=True)
    position = connection.execute(
        select(apps.c.position).where(apps.c.id == plan.key.app_id)
    ).scalar_one()
    counts: dict[Kind, KindCounts] = {}
    for kind in Kind:
        if kind in plan.supplied:
            counts[kind] = merge_kind(
                run, kind, plan.supplied[kind], position, may_end=plan.may_end(kind)
            )
        if plan.refused.get(kind):
            counts.setdefault(kind, KindCounts()).quarantined += plan.refused[kind]
    _advance_bases(connection, plan, counts)
    if any(c.added or c.updated or c.removed for c in counts.values()):
        connection.execute(
            update(hubs)
            .where(hubs.c.tenant_id == plan.key.tenant_id)
            .values(version=hubs.c.version + 1)
        )
    return {kind: asdict(counted) for kind, counted in counts.items()}


def _advance_bases(connection: Connection, plan: Plan, counts: dict[Kind, KindCounts]) -> None:
    """Take what the vendor has confirmed for the base, and nothing that it has not."""
    rows = connection.execute(
        select(vendor_writes).where(
            vendor_writes.c.job_id == plan.key.job_id,
            vendor_writes.c.attempt == plan.key.attempt,
            vendor_writes.c.state != "intended",
        )
    )
    for row in rows:
        kind = Kind(row.kind)
        counted = counts.setdefault(kind, KindCounts())
        if row.state == "rejected":
            counted.rejected += 1
            continue
        counted.written += 1
        values: dict[str, Any] = {
            snake(name): value or None for name, value in json.loads(row.values).items()
        }
        link = LINKS[kind]
        connection.execute(
            update(link)
            .where(link.c.app_id == plan.key.app_id, link.c.external_id == row.external_id)
            .values(values)
        )
