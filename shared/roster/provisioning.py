"""What a 2-way job makes and ends at its vendor: the hub's roster, less what the app is linked to.

Both are read in the order of their ids and laid side by side, so that memory does not grow with the
roster. What is to be done is written down first, as a queue of this attempt; an unchanged roster
leaves it empty. See `shared.roster.provisions` for what becomes of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any, Protocol

from sqlalchemy import Connection, delete, insert, select, text, update

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, STAGES, snake, vendor_provisions
from shared.domain.limits import is_over
from shared.domain.provisioning import Action, Answer, Step
from shared.domain.records import Kind
from shared.domain.user_roles import ROLE_READS, roles_beside
from shared.roster.absences import SCHOOL_OF, school_sizes
from shared.roster.identity import KEYS
from shared.roster.plan import Plan
from shared.roster.snapshot import Snapshot
from shared.roster.statements import OPEN, Statements, statements

#: Rows that are fetched, or written, at once.
PAGE = 1000
#: Days for which it is told what a run has not done.
KEPT_DAYS = 7
#: Ends come after whatever is made.
_ENDS = 1000
#: Kinds whose records are another one at the vendor when these fields change.
_IDENTITY: Mapping[Kind, tuple[str, ...]] = {Kind.ENROLLMENTS: KEYS[Kind.ENROLLMENTS]}

_COLUMNS = vendor_provisions.c


class Wants(Protocol):
    """What a provisioner says of the records that it takes."""

    reads: Mapping[Kind, tuple[str, ...]]
    steps: Sequence[Step]

    def left_out(self, kind: Kind, values: Mapping[str, str | None]) -> str | None:
        """Return why a record is not made at the vendor; None: it is."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of one kind that are made, or ended, together.

    Attributes:
        action: which.
        kind: of the records.
        rows: of `vendor_provisions`.
    """

    action: Action
    kind: Kind
    rows: Sequence[Any]


def note_provisions(
    database: Database, plan: Plan, roster: Snapshot, wants: Wants, *, leaves_out: bool = True
) -> Counter[str]:
    """Write down what is to be made and ended. Commits, a page at a time.

    What the app has no link of is made; what it has one of, and the hub no longer holds within the
    app's scope, is ended. A link that this read did not bring is neither: what its absence means is
    judged at the end of the job. What is above the app's limit of removals, in one school and of
    one kind, is held.

    Args:
        database: of the hub.
        plan: of the read that came before.
        roster: the hub as the app may see it.
        wants: what is made, and in which order.
        leaves_out: whether the vendor is told nothing of users that are not made.

    Returns:
        By reason, how many records are left out.
    """
    left_out: Counter[str] = Counter()
    with database.write() as connection:
        # what earlier runs have not come to is found anew
        at = database.now(connection)
        undone = (_COLUMNS.app_id == plan.key.app_id) & (_COLUMNS.state != Answer.DONE)
        old = (_COLUMNS.state == "intended") | (_COLUMNS.at < at - timedelta(days=KEPT_DAYS))
        connection.execute(delete(vendor_provisions).where(undone, old))
    told = {"app_id": plan.key.app_id, "job_id": plan.key.job_id, "attempt": plan.key.attempt}
    page: list[dict[str, Any]] = []
    for kind in dict.fromkeys(step.kind for step in wants.steps):
        for row in _differences(
            database, plan, roster, wants, kind, left_out, leaves_out=leaves_out
        ):
            page.append({**told, "state": "intended", "at": at, **row})
            if len(page) >= PAGE:
                _insert(database, page)
    _insert(database, page)
    with database.write() as connection:
        _hold(statements(connection, database, plan.key, PAGE), plan)
    return left_out


def next_batches(database: Database, plan: Plan, size: int) -> Iterator[Batch]:
    """Yield what was written down, turn by turn, in batches; each must be answered."""
    mine = (
        (_COLUMNS.job_id == plan.key.job_id)
        & (_COLUMNS.attempt == plan.key.attempt)
        & (_COLUMNS.state == "intended")
    )
    turn, last = -1, 0
    while True:
        later = (_COLUMNS.turn > turn) | ((_COLUMNS.turn == turn) & (_COLUMNS.id > last))
        with database.read() as connection:
            rows = connection.execute(
                select(vendor_provisions)
                .where(mine, later)
                .order_by(_COLUMNS.turn, _COLUMNS.id)
                .limit(size)
            ).all()
        for number, same in groupby(rows, key=lambda row: row.turn):
            batch = list(same)
            yield Batch(Action(batch[0].action), Kind(batch[0].kind), batch)
            turn, last = number, batch[-1].id
        if len(rows) < size:
            return


def _differences(
    database: Database,
    plan: Plan,
    roster: Snapshot,
    wants: Wants,
    kind: Kind,
    left_out: Counter[str],
    *,
    leaves_out: bool,
) -> Iterator[dict[str, Any]]:
    fields = wants.reads[kind]
    identity = _IDENTITY.get(kind, ())
    # what hangs on something is ended before it
    roles = None
    if kind is Kind.USERS and Kind.ROLES in wants.reads:
        roles = roles_beside(roster.rows(Kind.ROLES, ROLE_READS, ROLE_READS[:1]))
    last = _ENDS - [step.kind for step in wants.steps].index(kind)
    with database.read() as connection:
        links = groupby(_links(connection, database, plan, kind), key=lambda row: row.sourced_id)
        known = next(links, None)
        for sourced_id, *given in roster.rows(kind, fields):
            while known is not None and known[0] < sourced_id:
                yield from _gone(kind, last, known[1])
                known = next(links, None)
            values = dict(zip(fields, given, strict=True))
            if roles is not None:
                values["roles"] = roles(str(sourced_id))
            held = []
            if known is not None and known[0] == sourced_id:
                held = list(known[1])
                known = next(links, None)
            there = [row for row in held if row.state != "ended"]
            if there:
                yield from (
                    _end(kind, last, row, "removed")
                    for row in there
                    if row.state == "open" and _has_moved(row, identity, values)
                )
                continue
            turn = next((n for n, s in enumerate(wants.steps) if _is_of(s, kind, values)), None)
            reason = None if turn is None else wants.left_out(kind, values)
            if turn is None or reason is not None:
                left_out.update([reason] if reason is not None else [])
                if kind is Kind.USERS and leaves_out:
                    roster.leave_out(kind, str(sourced_id))
                continue
            former = max(held, key=lambda row: row.last_job).external_id if held else None
            yield {
                "action": Action.CREATE,
                "turn": turn,
                "kind": kind,
                "sourced_id": sourced_id,
                "external_id": former,
                "school": None,
                "values": json.dumps(values, ensure_ascii=False),
                "reason": None,
            }
        while known is not None:
            yield from _gone(kind, last, known[1])
            known = next(links, None)


def _is_of(step: Step, kind: Kind, values: Mapping[str, str | None]) -> bool:
    return step.kind is kind and step.holds(values)


def _has_moved(row: Any, identity: Sequence[str], values: Mapping[str, str | None]) -> bool:
    """Return whether the record names others now: at the vendor that is another record."""
    return any(
        getattr(row, f"base_{snake(name)}") is not None
        and getattr(row, f"base_{snake(name)}") != values.get(name)
        for name in identity
    )


def _gone(kind: Kind, turn: int, rows: Iterator[Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row.state == "open":
            yield _end(kind, turn, row, "out_of_scope" if row.status == "active" else "removed")


def _end(kind: Kind, turn: int, row: Any, why: str) -> dict[str, Any]:
    return {
        "action": Action.END,
        "turn": turn,
        "kind": kind,
        "sourced_id": row.sourced_id,
        "external_id": row.external_id,
        "school": row.school,
        "values": json.dumps({"why": why}),
        "reason": None,
    }


def _links(connection: Connection, database: Database, plan: Plan, kind: Kind) -> Iterator[Any]:
    """Yield the app's links of a kind by the hub's id, and rows of this read that will be linked.

    A link is open, ended, or absent (this read did not bring it); a row is new.
    """
    hub, link, stage = HUB[kind].name, LINKS[kind].name, STAGES[kind].name
    identity = [snake(name) for name in _IDENTITY.get(kind, ())]
    base = "".join(f", l.{name} AS base_{name}" for name in identity)
    none = "".join(f", NULL AS base_{name}" for name in identity)
    collation = '"C"' if database.is_postgresql else "BINARY"
    absent = (
        "SELECT 1 FROM stage_absences AS a WHERE a.job_id = :job AND a.attempt = :attempt"
        f" AND a.kind = '{kind}' AND a.external_id = l.external_id"
    )
    query = (
        "SELECT l.sourced_id, l.external_id, l.last_job, h.status,"
        f" {SCHOOL_OF[kind]} AS school, CASE WHEN l.ended_at IS NOT NULL THEN 'ended'"
        f" WHEN EXISTS ({absent}) THEN 'absent' ELSE 'open' END AS state{base}"
        f" FROM {link} AS l LEFT JOIN {hub} AS h ON h.tenant_id = :tenant"
        " AND h.sourced_id = l.sourced_id WHERE l.app_id = :app"
        " UNION ALL SELECT s.sourced_id, s.external_id, s.job_id, NULL, NULL, 'new'"
        f"{none} FROM {stage} AS s WHERE {OPEN} AND s.is_new IS NULL AND s.sourced_id IS NOT NULL"
    )
    ordered = f"SELECT * FROM ({query}) AS q ORDER BY q.sourced_id COLLATE {collation}"
    bound = {
        "app": plan.key.app_id,
        "tenant": plan.key.tenant_id,
        "job": plan.key.job_id,
        "attempt": plan.key.attempt,
    }
    yield from connection.execution_options(yield_per=PAGE).execute(text(ordered), bound)


def _insert(database: Database, page: list[dict[str, Any]]) -> None:
    if page:
        with database.write() as connection:
            connection.execute(insert(vendor_provisions), page)
        page.clear()


def _hold(run: Statements, plan: Plan) -> None:
    """Hold what may not be ended now: above a limit, or while removals are suspended."""
    # who is in a class that is ended goes with it: an archived course keeps its members
    with_class = (
        f"SELECT l.external_id FROM {LINKS[Kind.ENROLLMENTS].name} AS l WHERE l.app_id = :app"
        " AND l.class_sourced_id IN (SELECT c.sourced_id FROM vendor_provisions AS c"
        " WHERE c.job_id = :job AND c.attempt = :attempt AND c.action = 'end' AND c.kind = :kind)"
    )
    run.run(
        "DELETE FROM vendor_provisions WHERE job_id = :job AND attempt = :attempt"
        f" AND action = 'end' AND kind = '{Kind.ENROLLMENTS}' AND external_id IN ({with_class})",
        kind=Kind.CLASSES,
    )
    mine = (_COLUMNS.job_id == plan.key.job_id) & (_COLUMNS.attempt == plan.key.attempt)
    ends = mine & (_COLUMNS.action == Action.END)
    if plan.suspended is not None:
        run.connection.execute(
            update(vendor_provisions).where(ends).values(state="held", reason=plan.suspended)
        )
        return
    counted = run.rows(
        "SELECT p.kind, p.school, count(*) FROM vendor_provisions AS p WHERE p.job_id = :job"
        " AND p.attempt = :attempt AND p.action = 'end' GROUP BY p.kind, p.school"
    )
    for kind in {Kind(kind) for kind, _, _ in counted}:
        limit, sizes = plan.rules.limit_of(kind), school_sizes(run, kind)
        for _, school, count in (row for row in counted if row[0] == kind):
            if is_over(limit, int(count), sizes.get(school, 0)):
                run.connection.execute(
                    update(vendor_provisions)
                    .where(
                        ends, _COLUMNS.kind == kind, _COLUMNS.school.is_not_distinct_from(school)
                    )
                    .values(
                        state="held",
                        reason="more than the app's limit would be ended in one school at once:"
                        " raise the rule `limits` for a run, if that is right",
                    )
                )
