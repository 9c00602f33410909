"""T4's part of the hub: a plan is applied in the transaction that ends its job."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select, update

from shared.db.engine import Database
from shared.db.hub_tables import hubs, vendor_writes
from shared.domain.records import Kind
from shared.roster.absences import count_absences
from shared.roster.along import go_along, return_along
from shared.roster.approvals import judged_sizes, propose
from shared.roster.bases import PAGE, Held, advance, finish_writes
from shared.roster.conflicts import review_conflicts
from shared.roster.merging import KindCounts, merge_kind
from shared.roster.plan import Plan, check_staged, compare, expected_rows
from shared.roster.provisions import count_provisioned, take_provisioned
from shared.roster.removing import end_absent, hub_edits, remove_abandoned
from shared.roster.schools import abandoned_schools
from shared.roster.statements import Statements, statements
from shared.roster.stranding import count_stranded
from shared.roster.undone import forget_undone


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
    run = statements(connection, database, plan.key, rows, plan.known)
    check_staged(connection, plan)
    if hub_version != plan.hub_version:
        compare(run, plan, again=True)
    there = judged_sizes(run)
    counts: dict[Kind, KindCounts] = {}
    back: dict[Kind, int] = {}
    moved_from = abandoned_schools(run) if plan.rules.schools else []
    for kind in Kind:
        if plan.supplied.get(kind):
            counted = counts[kind] = merge_kind(
                run,
                kind,
                plan.supplied[kind],
                plan.ownership,
                plan.certificate.defaults.get(kind, {}),
            )
            stranded = count_stranded(run, kind)
            counted.unchanged += plan.known.get(kind, 0) - stranded
            counted.quarantined += stranded
            forget_undone(run, kind)
        if kind in plan.supplied or plan.absence(kind) is not None:
            _let_go(run, plan, kind, counts.setdefault(kind, KindCounts()))
        if kind is Kind.USERS:
            # before what they have, of which this read may say more
            back = return_along(run)
        if plan.refused.get(kind):
            counts.setdefault(kind, KindCounts()).quarantined += plan.refused[kind]
    if moved_from:
        counts[Kind.ORGS].removed += remove_abandoned(run, Kind.ORGS, moved_from)
    _count_along(counts, "restored", back)
    _count_along(counts, "removed", go_along(run))
    waiting = propose(run, plan, there)
    _advance_bases(connection, plan, counts)
    finish_writes(run)
    _count_provisioned(run, counts)
    take_provisioned(run)
    review_conflicts(run)
    if any(counted.has_changed for counted in counts.values()):
        connection.execute(
            update(hubs)
            .where(hubs.c.tenant_id == plan.key.tenant_id)
            .values(version=hubs.c.version + 1)
        )
    return Applied({kind: asdict(counted) for kind, counted in counts.items()}, waiting)


def _count_along(counts: dict[Kind, KindCounts], what: str, moved: dict[Kind, int]) -> None:
    for kind, count in moved.items():
        counted = counts.setdefault(kind, KindCounts())
        setattr(counted, what, getattr(counted, what) + count)


def _let_go(run: Statements, plan: Plan, kind: Kind, counts: KindCounts) -> None:
    absent = count_absences(run, kind)
    if not absent:
        return
    owns_kind = plan.rules.owns_kind(kind)
    edits = "1 = 0" if owns_kind else hub_edits(plan.ownership, kind, plan.supplied.get(kind, ()))
    counts.removed, survived = end_absent(run, kind, owns_kind=owns_kind, edits=edits)
    counts.survived += survived
    counts.renamed = absent.get("renamed", 0)
    counts.out_of_scope = absent.get("out_of_scope", 0)
    counts.proposed = absent.get("proposed", 0)
    counts.held = absent.get("held", 0) + absent.get("suspended", 0)


def _count_provisioned(run: Statements, counts: dict[Kind, KindCounts]) -> None:
    for kind, what, count in count_provisioned(run):
        counted = counts.setdefault(kind, KindCounts())
        setattr(counted, what, getattr(counted, what) + count)


def _advance_bases(connection: Connection, plan: Plan, counts: dict[Kind, KindCounts]) -> None:
    """Take what the vendor has confirmed for the base, and nothing that it has not."""
    rows = connection.execute(
        select(
            vendor_writes.c.kind,
            vendor_writes.c.state,
            vendor_writes.c.external_id,
            vendor_writes.c["values"],
        )
        .where(
            vendor_writes.c.job_id == plan.key.job_id,
            vendor_writes.c.attempt == plan.key.attempt,
            vendor_writes.c.state.in_(("confirmed", "rejected")),
        )
        .order_by(vendor_writes.c.id)
        .execution_options(yield_per=PAGE)
    )
    for page in rows.partitions():
        taken: defaultdict[Kind, list[Held]] = defaultdict(list)
        for row in page:
            kind = Kind(row.kind)
            counted = counts.setdefault(kind, KindCounts())
            if row.state == "rejected":
                counted.rejected += 1
            else:
                counted.written += 1
                taken[kind].append((row.external_id, json.loads(row.values)))
        for kind, held in taken.items():
            # the merge has just set it to what was read before the vendor was written to
            advance(connection, plan.key.app_id, kind, held)
