"""Approvals: changes that wait for a person, each bound to its rows as they were shown.

A newer complete read of the same kind replaces what is pending, and keeps it with its deadline
where it proposes the same. What nobody decides lapses at its deadline, and blocks nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import delete, insert, select, update

from shared.db.hub_tables import STAGES
from shared.db.review_tables import approval_rows, approvals
from shared.domain.records import Kind
from shared.domain.states import UNFINISHED
from shared.roster.absences import ABSENT, school_sizes
from shared.roster.plan import Plan
from shared.roster.shown import is_unshown
from shared.roster.statements import Statements

#: Rows that a person has approved, and whose job has yet to run.
_UNDER_WAY = (
    "SELECT r.external_id, r.sourced_id, r.new_external_id, r.fingerprint FROM approvals AS p"
    " JOIN jobs AS j ON j.app_id = p.app_id AND j.approval_id = p.id"
    f" AND j.state IN ({', '.join(repr(str(state)) for state in sorted(UNFINISHED))})"
    " JOIN approval_rows AS r ON r.approval_id = p.id AND r.state = 'proposed'"
    " WHERE p.app_id = :app AND p.kind = :kind AND p.state = 'approved'"
)
#: The attempt's absences that wait for a person, with the id under which the app shows a record
#: that is proposed as a rename.
_WAITING = (
    f"WITH under_way AS MATERIALIZED ({_UNDER_WAY})"
    " SELECT a.verdict, a.school, a.external_id, a.sourced_id, n.external_id AS new_external_id,"
    " a.fingerprint FROM stage_absences AS a LEFT JOIN (SELECT s.sourced_id,"
    " min(s.external_id) AS external_id FROM {stage} AS s WHERE s.job_id = :job"
    " AND s.attempt = :attempt AND s.verdict = 'proposed' GROUP BY s.sourced_id) AS n"
    " ON n.sourced_id = a.sourced_id AND a.verdict = 'proposed'"
    " LEFT JOIN under_way AS u ON u.external_id = a.external_id"
    " AND u.sourced_id = a.sourced_id AND u.fingerprint = a.fingerprint"
    " AND coalesce(u.new_external_id, '') = coalesce(n.external_id, '')"
    f" WHERE {ABSENT} AND a.verdict IN ('held', 'proposed') AND u.external_id IS NULL"
)
_OPS = {"held": "remove", "proposed": "rename"}

#: By kind and school, how many records an app has.
Sizes = Mapping[Kind, Mapping[str | None, int]]


@dataclass(frozen=True, slots=True)
class _Group:
    """What one approval stands for."""

    op: str
    kind: Kind
    school: str | None


@dataclass(frozen=True, slots=True)
class BoundRows:
    """The rows of a group: how many, and the fingerprint of them all."""

    count: int
    fingerprint: str


def judged_sizes(run: Statements) -> Sizes:
    """Return how many records the app has by kind and school, of the kinds of which some wait.

    The caller has not merged yet: these are the numbers by which limits were judged.
    """
    waiting = run.rows(
        "SELECT DISTINCT a.kind FROM stage_absences AS a WHERE a.job_id = :job"
        " AND a.attempt = :attempt AND a.verdict IN ('held', 'proposed')"
    )
    return {Kind(kind): school_sizes(run, Kind(kind)) for (kind,) in waiting}


def propose(run: Statements, plan: Plan, there: Sizes) -> list[int]:
    """Make approvals of what a plan holds back, and replace the app's older ones.

    Args:
        run: for the attempt; its transaction holds the hub lock.
        plan: which is applied.
        there: see `judged_sizes`.

    Returns:
        The ids of the app's approvals that wait for a person now.
    """
    complete = [kind for kind in Kind if plan.absence(kind) is not None]
    kinds = [kind for kind in Kind if kind in complete or kind in plan.supplied]
    _refuse_seen(run, [kind for kind in Kind if plan.supplied.get(kind)])
    wanted: dict[_Group, BoundRows] = {}
    answered: set[tuple[_Group, str]] = set()
    outdated: dict[int, _Group] = {}
    for kind in kinds:
        wanted |= _held(run, kind)
        answered |= _rejected(run, kind)
        for group, approval_id, fingerprint in _pending(run, kind):
            if group in wanted and wanted[group].fingerprint == fingerprint:
                answered.add((group, fingerprint))
            elif kind in complete:
                outdated[approval_id] = group
    # by id, as a person's yes to several locks them: else each could wait for the other.
    # What somebody has approved a moment ago stays; the rest is proposed by the next read
    kept = {outdated[id_] for id_ in sorted(outdated) if not _replace(run, id_)}
    for kind in kinds:
        new = [
            (group, rows)
            for group, rows in wanted.items()
            if group.kind is kind
            and (group, rows.fingerprint) not in answered
            and group not in kept
        ]
        if new:
            _insert(run, plan, kind, new, there.get(kind, {}))
    return list(
        run.connection.execute(
            select(approvals.c.id)
            .where(approvals.c.app_id == run.key.app_id, approvals.c.state == "pending")
            .order_by(approvals.c.id)
        ).scalars()
    )


def bound_rows(rows: Iterable[Sequence[str | None]]) -> BoundRows:
    """Return how many rows there are, and the fingerprint of them all."""
    told = hashlib.blake2b(digest_size=16)
    count = 0
    for row in rows:
        told.update("\x1f".join(value or "" for value in row).encode() + b"\x1e")
        count += 1
    return BoundRows(count, told.hexdigest())


def _held(run: Statements, kind: Kind) -> dict[_Group, BoundRows]:
    """Return what this read holds back of a kind, by what one approval stands for.

    What was approved, and whose job has yet to run, is not asked for again. The rows are streamed:
    a read that lost a whole district holds as many as the hub has.
    """
    order = "x.verdict, x.school, x.external_id"
    if run.is_postgresql:
        order = 'x.verdict, x.school, x.external_id COLLATE "C"'
    waiting = _WAITING.format(stage=STAGES[kind].name)
    rows: Iterator[tuple[Any, ...]] = map(
        tuple, run.stream(f"SELECT * FROM ({waiting}) AS x ORDER BY {order}", kind=kind)
    )
    found: dict[_Group, BoundRows] = {}
    for (verdict, school), some in groupby(rows, key=lambda row: (row[0], row[1])):
        found[_Group(_OPS[verdict], kind, school)] = bound_rows(row[2:] for row in some)
    return found


def _pending(run: Statements, kind: Kind) -> list[tuple[_Group, int, str]]:
    """Return the app's pending approvals of a kind; one past its deadline is proposed anew."""
    rows = run.connection.execute(
        select(approvals).where(
            approvals.c.app_id == run.key.app_id,
            approvals.c.state == "pending",
            approvals.c.kind == kind,
            approvals.c.deadline_at > run.at,
        )
    )
    return [(_Group(row.op, kind, row.school), row.id, row.fingerprint) for row in rows]


def _rejected(run: Statements, kind: Kind) -> set[tuple[_Group, str]]:
    """Return what a person has said no to, with the fingerprint of its rows.

    What has been shown again since is another question when it is gone once more.
    """
    seen = select(approval_rows.c.approval_id).where(
        approval_rows.c.approval_id == approvals.c.id, approval_rows.c.state == "moved"
    )
    rows = run.connection.execute(
        select(approvals).where(
            approvals.c.app_id == run.key.app_id,
            approvals.c.state == "rejected",
            approvals.c.kind == kind,
            ~seen.exists(),
        )
    )
    return {(_Group(row.op, kind, row.school), row.fingerprint) for row in rows}


def _refuse_seen(run: Statements, kinds: Sequence[Kind]) -> None:
    """Refuse the rows of records that this read has shown again."""
    # a no stands as long as what it was said of stays as it was
    states = "('pending', 'approved', 'rejected')"
    waiting = run.rows(
        "SELECT DISTINCT p.kind FROM approvals AS p JOIN approval_rows AS r"
        " ON r.approval_id = p.id AND r.state = 'proposed' WHERE p.app_id = :app"
        f" AND p.op = 'remove' AND p.state IN {states}"
    )
    for kind in {Kind(kind) for (kind,) in waiting} & set(kinds):
        run.run(
            "UPDATE approval_rows AS r SET state = 'moved' WHERE r.state = 'proposed'"
            " AND r.approval_id IN (SELECT p.id FROM approvals AS p WHERE p.app_id = :app"
            f" AND p.kind = :kind AND p.op = 'remove' AND p.state IN {states})"
            f" AND NOT ({is_unshown(run, kind, 'r.external_id')})"
            # what is shown and hangs on what goes is absent all the same
            f" AND r.external_id NOT IN (SELECT a.external_id FROM stage_absences AS a"
            f" WHERE {ABSENT})",
            kind=kind,
        )


def _insert(
    run: Statements,
    plan: Plan,
    kind: Kind,
    groups: Sequence[tuple[_Group, BoundRows]],
    there: Mapping[str | None, int],
) -> None:
    """Make approvals of a kind, and bind each to its rows."""
    run.connection.execute(
        insert(approvals),
        [
            {
                "tenant_id": run.key.tenant_id,
                "app_id": run.key.app_id,
                "job_id": run.key.job_id,
                "op": group.op,
                "kind": kind,
                "school": group.school,
                "state": "pending",
                "fingerprint": rows.fingerprint,
                "counts": {
                    "proposed": rows.count,
                    "of": there.get(group.school, rows.count),
                },
                "created_at": run.at,
                "deadline_at": run.at + timedelta(days=plan.rules.approval_days),
            }
            for group, rows in groups
        ],
    )
    run.run(
        "INSERT INTO approval_rows (approval_id, external_id, sourced_id, new_external_id,"
        " fingerprint, state)"
        " WITH made AS MATERIALIZED (SELECT p.id, coalesce(p.school, '') AS school,"
        " CASE p.op WHEN 'remove' THEN 'held' ELSE 'proposed' END AS verdict"
        " FROM approvals AS p WHERE p.app_id = :app AND p.job_id = :job AND p.kind = :kind"
        " AND p.state = 'pending')"
        " SELECT m.id, x.external_id, x.sourced_id, x.new_external_id, x.fingerprint, 'proposed'"
        f" FROM ({_WAITING.format(stage=STAGES[kind].name)}) AS x"
        " JOIN made AS m ON m.school = coalesce(x.school, '') AND m.verdict = x.verdict",
        kind=kind,
    )


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
