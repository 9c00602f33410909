"""Approvals: changes that wait for a person, each bound to its rows as they were shown.

A newer complete read of the same kind replaces what is pending, and keeps it with its deadline
where it proposes the same. What nobody decides lapses at its deadline, and blocks nobody.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from shared.db.hub_tables import LINKS, STAGES, hubs
from shared.db.review_tables import approval_rows, approvals
from shared.domain.records import Kind
from shared.roster.absences import ABSENT, school_sizes
from shared.roster.plan import Plan
from shared.roster.removing import remove_orphans
from shared.roster.rules import AppRules
from shared.roster.statements import Statements

#: A proposed row: external id, sourcedId, new external id of a rename, fingerprint of the link.
_Row = tuple[str, str, str | None, str]


@dataclass(frozen=True, slots=True)
class _Group:
    """What one approval stands for."""

    op: str
    kind: Kind
    school: str | None


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What carrying out an approval did.

    Attributes:
        op: remove or rename.
        kind: of its records.
        done: links that it ended or renamed.
        moved: external ids of the rows that were refused, since they have moved; sorted.
        removed: records that nobody has any more.
    """

    op: str
    kind: Kind
    done: int
    moved: list[str]
    removed: int


def propose(run: Statements, plan: Plan) -> list[int]:
    """Make approvals of what a plan holds back, and replace the app's older ones.

    Returns:
        The ids of the app's approvals that wait for a person now.
    """
    complete = [kind for kind in Kind if plan.absence(kind) is not None]
    _refuse_seen(run, [kind for kind in Kind if plan.supplied.get(kind)])
    if complete:
        wanted = _held(run, complete)
        pending = _pending(run, complete)
        judged = _rejected(run, complete)
        for group, ids in pending.items():
            rows = wanted.pop(group, None)
            if rows is not None and ids[1] == _fingerprint(rows):
                continue
            # who has approved it a moment ago keeps it; the rest is proposed by the next read
            if _replace(run, ids[0]) and rows is not None:
                _insert(run, plan, group, rows)
        for group, rows in wanted.items():
            # who has said no to these very rows is not asked again
            if (group, _fingerprint(rows)) not in judged:
                _insert(run, plan, group, rows)
    return list(
        run.connection.execute(
            select(approvals.c.id)
            .where(approvals.c.app_id == run.key.app_id, approvals.c.state == "pending")
            .order_by(approvals.c.id)
        ).scalars()
    )


def carry_out(run: Statements, approval_id: int, rules: AppRules) -> CarriedOut:
    """Do what a person has approved, for each row that is still as it was shown.

    Args:
        run: for the attempt of the approval's own job; its transaction holds the hub lock.
        approval_id: an approved one.
        rules: of the app.
    """
    row = run.connection.execute(select(approvals).where(approvals.c.id == approval_id)).one()
    kind, link = Kind(row.kind), LINKS[Kind(row.kind)].name
    same = (
        "r.approval_id = :approval AND r.state = 'proposed' AND l.app_id = :app"
        " AND l.external_id = r.external_id AND l.sourced_id = r.sourced_id"
        " AND l.fingerprint = r.fingerprint AND l.ended_at IS NULL"
    )
    run.run(
        "UPDATE approval_rows AS r SET state = 'moved' WHERE r.approval_id = :approval"
        f" AND r.state = 'proposed' AND NOT EXISTS (SELECT 1 FROM {link} AS l WHERE {same})",
        approval=approval_id,
    )
    if row.op == "rename":
        run.run(
            "UPDATE approval_rows AS r SET state = 'moved' WHERE r.approval_id = :approval"
            f" AND r.state = 'proposed' AND EXISTS (SELECT 1 FROM {link} AS l"
            " WHERE l.app_id = :app AND l.external_id = r.new_external_id)",
            approval=approval_id,
        )
        done = run.run(
            f"UPDATE {link} AS l SET external_id = r.new_external_id, last_job = :job"
            f" FROM approval_rows AS r WHERE {same}",
            approval=approval_id,
        )
        removed = 0
    else:
        done = run.run(
            f"UPDATE {link} AS l SET ended_at = {run.instant()}, ended_job = :job,"
            f" ended_why = 'removed' FROM approval_rows AS r WHERE {same}",
            approval=approval_id,
        )
        removed = remove_orphans(run, kind, owns_kind=rules.owns_kind(kind))
    run.run(
        "UPDATE approval_rows AS r SET state = 'done' WHERE r.approval_id = :approval"
        " AND r.state = 'proposed'",
        approval=approval_id,
    )
    refused = (
        select(approval_rows.c.external_id)
        .where(approval_rows.c.approval_id == approval_id, approval_rows.c.state == "moved")
        .order_by(approval_rows.c.external_id)
    )
    moved = list(run.connection.execute(refused).scalars())
    run.connection.execute(
        update(approvals)
        .where(approvals.c.id == approval_id)
        .values(counts={**row.counts, "done": done, "moved": len(moved)})
    )
    run.connection.execute(
        update(hubs).where(hubs.c.tenant_id == run.key.tenant_id).values(version=hubs.c.version + 1)
    )
    return CarriedOut(row.op, kind, done, moved, removed)


def _held(run: Statements, kinds: Sequence[Kind]) -> dict[_Group, list[_Row]]:
    """Return the rows that this read holds back, by what one approval stands for.

    What was approved, and whose job has yet to run, is not asked for again.
    """
    answered = (
        "SELECT 1 FROM approval_rows AS r JOIN approvals AS p ON p.id = r.approval_id"
        " JOIN jobs AS j ON j.approval_id = p.id AND j.app_id = p.app_id"
        " WHERE p.app_id = :app AND p.kind = :kind AND p.state = 'approved'"
        " AND r.state = 'proposed' AND r.external_id = a.external_id"
        " AND r.fingerprint = a.fingerprint AND j.state IN ('held', 'queued', 'running')"
    )
    found: defaultdict[_Group, list[_Row]] = defaultdict(list)
    for kind in kinds:
        renamed = (
            f"(SELECT min(s.external_id) FROM {STAGES[kind].name} AS s WHERE s.job_id = :job"
            " AND s.attempt = :attempt AND s.sourced_id = a.sourced_id"
            " AND s.verdict = 'proposed')"
        )
        rows = run.rows(
            "SELECT a.verdict, a.school, a.external_id, a.sourced_id,"
            f" CASE WHEN a.verdict = 'proposed' THEN {renamed} END, a.fingerprint"
            f" FROM stage_absences AS a WHERE {ABSENT} AND a.verdict IN ('held', 'proposed')"
            f" AND NOT EXISTS ({answered})",
            kind=kind,
        )
        for verdict, school, *row in rows:
            op = "rename" if verdict == "proposed" else "remove"
            found[_Group(op, kind, school)].append((row[0], row[1], row[2], row[3]))
    return dict(found)


def _pending(run: Statements, kinds: Sequence[Kind]) -> dict[_Group, tuple[int, str]]:
    rows = run.connection.execute(
        select(approvals).where(
            approvals.c.app_id == run.key.app_id,
            approvals.c.state == "pending",
            approvals.c.kind.in_(kinds),
        )
    )
    return {
        _Group(row.op, Kind(row.kind), row.school): (row.id, row.fingerprint)
        for row in rows
        # one that is past its deadline is lapsed, and proposed anew
        if row.deadline_at > run.at
    }


def _rejected(run: Statements, kinds: Sequence[Kind]) -> set[tuple[_Group, str]]:
    rows = run.connection.execute(
        select(approvals).where(
            approvals.c.app_id == run.key.app_id,
            approvals.c.state == "rejected",
            approvals.c.kind.in_(kinds),
        )
    )
    return {(_Group(row.op, Kind(row.kind), row.school), row.fingerprint) for row in rows}


def _refuse_seen(run: Statements, kinds: Sequence[Kind]) -> None:
    """Refuse the rows of records that this read has shown again."""
    waiting = run.rows(
        "SELECT DISTINCT p.kind FROM approvals AS p JOIN approval_rows AS r"
        " ON r.approval_id = p.id AND r.state = 'proposed' WHERE p.app_id = :app"
        " AND p.op = 'remove' AND p.state IN ('pending', 'approved')"
    )
    for kind in {Kind(kind) for (kind,) in waiting} & set(kinds):
        run.run(
            "UPDATE approval_rows AS r SET state = 'moved' WHERE r.state = 'proposed'"
            " AND r.approval_id IN (SELECT p.id FROM approvals AS p WHERE p.app_id = :app"
            " AND p.kind = :kind AND p.op = 'remove' AND p.state IN ('pending', 'approved'))"
            f" AND EXISTS (SELECT 1 FROM {STAGES[kind].name} AS s WHERE s.job_id = :job"
            " AND s.attempt = :attempt AND s.external_id = r.external_id"
            " AND coalesce(s.verdict, '') NOT IN ('deleted', 'filtered'))",
            kind=kind,
        )


def _insert(run: Statements, plan: Plan, group: _Group, rows: Sequence[_Row]) -> None:
    there = dict(school_sizes(run, group.kind)).get(group.school, len(rows))
    approval_id = run.connection.execute(
        insert(approvals)
        .values(
            tenant_id=run.key.tenant_id,
            app_id=run.key.app_id,
            job_id=run.key.job_id,
            op=group.op,
            kind=group.kind,
            school=group.school,
            state="pending",
            fingerprint=_fingerprint(rows),
            counts={"proposed": len(rows), "of": there},
            created_at=run.at,
            deadline_at=run.at + timedelta(days=plan.rules.approval_days),
        )
        .returning(approvals.c.id)
    ).scalar_one()
    values: list[dict[str, Any]] = [
        {
            "approval_id": approval_id,
            "external_id": external_id,
            "sourced_id": sourced_id,
            "new_external_id": new_external_id,
            "fingerprint": fingerprint,
        }
        for external_id, sourced_id, new_external_id, fingerprint in rows
    ]
    run.connection.execute(insert(approval_rows), values)


def _replace(run: Statements, approval_id: int) -> bool:
    """Take back a pending approval; returns whether it was pending still."""
    pending = (approvals.c.id == approval_id) & (approvals.c.state == "pending")
    taken = run.connection.execute(
        update(approvals).where(pending).values(state="replaced", decided_at=run.at)
    ).rowcount
    if taken:
        run.connection.execute(
            delete(approval_rows).where(approval_rows.c.approval_id == approval_id)
        )
    return bool(taken)


def _fingerprint(rows: Sequence[_Row]) -> str:
    told = "\x1e".join(
        "\x1f".join(value or "" for value in row) for row in sorted(rows, key=_order)
    )
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _order(row: _Row) -> str:
    return row[0]
