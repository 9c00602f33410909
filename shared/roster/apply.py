"""T4's part of the hub: a plan is applied in the transaction that ends its job."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from shared.db.engine import Database
from shared.db.hub_tables import LINKS, hubs, snake, vendor_writes
from shared.domain.records import Kind
from shared.roster.absences import count_absences
from shared.roster.approvals import propose
from shared.roster.merging import KindCounts, merge_kind
from shared.roster.plan import Plan, check_staged, compare, expected_rows
from shared.roster.removing import end_absent
from shared.roster.statements import Statements, statements


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did.

    Attributes:
        counts: by kind, see `KindCounts`.
        approvals: ids of those that wait for a person after it.
    """

    counts: dict[str, dict[str, int]]
    approvals: list[int]


def apply_plan(
    connection: Connection, database: Database, plan: Plan, *, hub_version: int
) -> Applied:
    """Merge a plan into the hub. The caller holds the hub lock, and has looked at the fence.

    Args:
        connection: T4's transaction.
        database: whose it is.
        plan: made from a complete read.
        hub_version: as `hub_lock` returned it; where it has moved, the plan is compared anew.

    Raises:
        TransientConnectorError: staging was lost on the way.
    """
    rows = expected_rows(connection, plan.key, plan.staged, plan.certificate)
    run = statements(connection, database, plan.key, rows)
    check_staged(connection, plan)
    if hub_version != plan.hub_version:
        compare(run, plan, again=True)
    counts: dict[Kind, KindCounts] = {}
    for kind in Kind:
        if plan.supplied.get(kind):
            counts[kind] = merge_kind(run, kind, plan.supplied[kind], plan.ownership)
        if kind in plan.supplied or plan.absence(kind) is not None:
            _let_go(run, plan, kind, counts.setdefault(kind, KindCounts()))
        if plan.refused.get(kind):
            counts.setdefault(kind, KindCounts()).quarantined += plan.refused[kind]
    waiting = propose(run, plan)
    _advance_bases(connection, plan, counts)
    if any(counted.has_changed for counted in counts.values()):
        connection.execute(
            update(hubs)
            .where(hubs.c.tenant_id == plan.key.tenant_id)
            .values(version=hubs.c.version + 1)
        )
    return Applied({kind: asdict(counted) for kind, counted in counts.items()}, waiting)


def _let_go(run: Statements, plan: Plan, kind: Kind, counts: KindCounts) -> None:
    absent = count_absences(run, kind)
    if not absent:
        return
    counts.removed = end_absent(run, kind, owns_kind=plan.rules.owns_kind(kind))
    counts.renamed = absent.get("renamed", 0)
    counts.out_of_scope = absent.get("out_of_scope", 0)
    counts.proposed = absent.get("proposed", 0)
    counts.held = absent.get("held", 0) + absent.get("suspended", 0)


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
