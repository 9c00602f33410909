"""What a person has approved is carried out: each row that is as it was shown, and no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from shared.db.hub_tables import LINKS, hubs, snake
from shared.db.review_tables import approval_rows, approvals
from shared.domain.records import FIELDS, Field, Kind
from shared.roster.along import go_along
from shared.roster.approvals import BoundRows, bound_rows
from shared.roster.removing import remove_orphans
from shared.roster.rules import AppRules
from shared.roster.statements import Statements


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What carrying out an approval did.

    Attributes:
        op: remove or rename.
        kind: of its records.
        done: links that it ended or renamed.
        along: links of records that hung on those, and records that went with their user.
        moved: external ids of the rows that were refused, since they have moved; sorted.
        removed: records that nobody has any more.
    """

    op: str
    kind: Kind
    done: int
    along: int
    moved: list[str]
    removed: int


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
    _refuse_moved(run, approval_id, link, same, is_rename=row.op == "rename")
    if row.op == "rename":
        done = run.run(
            f"UPDATE {link} AS l SET external_id = r.new_external_id, last_job = :job"
            f" FROM approval_rows AS r WHERE {same}",
            approval=approval_id,
        )
        along = removed = 0
    else:
        done = run.run(
            f"UPDATE {link} AS l SET ended_at = {run.instant()}, ended_job = :job,"
            f" ended_why = 'removed' FROM approval_rows AS r WHERE {same}",
            approval=approval_id,
        )
        removed = remove_orphans(run, kind, owns_kind=rules.owns_kind(kind))
        along = _take_along(run, kind, rules, approval_id) + sum(go_along(run).values())
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
    return CarriedOut(row.op, kind, done, along, moved, removed)


def _refuse_moved(
    run: Statements, approval_id: int, link: str, same: str, *, is_rename: bool
) -> None:
    """Refuse the rows of an approval whose link is no longer as it was shown."""
    refuse = (
        "UPDATE approval_rows AS r SET state = 'moved' WHERE r.approval_id = :approval"
        " AND r.state = 'proposed'"
    )
    run.run(
        f"{refuse} AND NOT EXISTS (SELECT 1 FROM {link} AS l WHERE {same})", approval=approval_id
    )
    if is_rename:
        run.run(
            f"{refuse} AND EXISTS (SELECT 1 FROM {link} AS l"
            " WHERE l.app_id = :app AND l.external_id = r.new_external_id)",
            approval=approval_id,
        )


def _take_along(run: Statements, kind: Kind, rules: AppRules, approval_id: int) -> int:
    """End the app's links of what hangs on the records whose links this job has ended.

    Whether it waits for approval too, and in which, was kept by another decision, or is shown
    still: it means nothing without what it names.
    """
    along = 0
    gone = [kind]
    for child in Kind:
        named = " OR ".join(
            _names_gone(run, field, field.ref)
            for field in FIELDS[child]
            if field.required and field.ref in gone
        )
        if not named:
            continue
        ended = run.run(
            f"UPDATE {LINKS[child].name} AS l SET ended_at = {run.instant()}, ended_job = :job,"
            f" ended_why = 'removed' WHERE l.app_id = :app AND l.ended_at IS NULL AND ({named})"
        )
        if ended:
            along += ended
            gone.append(child)
            remove_orphans(run, child, owns_kind=rules.owns_kind(child))
            _shrink(run, child, approval_id)
    return along


def _names_gone(run: Statements, field: Field, ref: Kind) -> str:
    """Return the condition: link `l` names a record that the app has no more since this job."""
    link = LINKS[ref].name
    gone = (
        f"SELECT k.sourced_id FROM {link} AS k WHERE k.app_id = :app AND k.ended_job = :job"
        f" AND NOT EXISTS (SELECT 1 FROM {link} AS o WHERE o.app_id = :app"
        " AND o.sourced_id = k.sourced_id AND o.ended_at IS NULL)"
    )
    column = f"l.{snake(field.name)}"
    if not field.many:
        return f"{column} IN ({gone})"
    return f"EXISTS (SELECT 1 FROM {run.elements(column)} WHERE e.value IN ({gone}))"


def _shrink(run: Statements, kind: Kind, approval_id: int) -> None:
    """Take what went along out of the approvals in which it waited; one without rows is closed.

    What is left of one is what the next read will hold, so that it keeps its deadline.
    """
    others = (
        "p.app_id = :app AND p.id <> :approval AND p.kind = :kind AND p.op = 'remove'"
        " AND p.state IN ('pending', 'approved')"
    )
    gone = (
        "r.state = 'proposed'"
        f" AND r.approval_id IN (SELECT p.id FROM approvals AS p WHERE {others})"
        f" AND r.external_id IN (SELECT l.external_id FROM {LINKS[kind].name} AS l"
        " WHERE l.app_id = :app AND l.ended_job = :job)"
    )
    names: dict[str, object] = {"approval": approval_id, "kind": kind}
    touched = run.rows(
        f"SELECT r.approval_id, count(*) FROM approval_rows AS r WHERE {gone} GROUP BY 1", **names
    )
    run.run(f"UPDATE approval_rows AS r SET state = 'done' WHERE {gone}", **names)
    for other, along in touched:
        left = _rows_of(run, other)
        row = run.connection.execute(select(approvals).where(approvals.c.id == other)).one()
        counts = {**row.counts, "proposed": left.count, "along": along, "with": approval_id}
        counts["along"] += row.counts.get("along", 0)
        changed: dict[str, Any] = {"counts": counts, "fingerprint": left.fingerprint}
        if row.state == "pending" and not left.count:
            changed |= {"state": "replaced", "decided_at": run.at}
        run.connection.execute(update(approvals).where(approvals.c.id == other).values(changed))


def _rows_of(run: Statements, approval_id: int) -> BoundRows:
    """Return what an approval still stands for."""
    order = 'r.external_id COLLATE "C"' if run.is_postgresql else "r.external_id"
    return bound_rows(
        run.stream(
            "SELECT r.external_id, r.sourced_id, r.new_external_id, r.fingerprint"
            " FROM approval_rows AS r WHERE r.approval_id = :approval AND r.state = 'proposed'"
            f" ORDER BY {order}",
            approval=approval_id,
        )
    )
