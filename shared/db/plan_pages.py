"""The rows of a plan by the page: filtered by what would happen, by kind and school, and searched.

What would happen, and to which kind, has an index: the five removals among a million adds are found
at once. A school and a search have none, since every plan would have to write it; there a page
looks at the next `WINDOW` rows, tells what it found among them and where to go on, so it may be
short, or empty, though there are more.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    or_,
    select,
    union_all,
)

from shared.db.hub_tables import HUB
from shared.db.review_tables import plan_rows
from shared.db.review_views import names_of
from shared.db.tables import jobs
from shared.db.user_search import begins_with, in_order, plan_for_the_words
from shared.db.views import Shown
from shared.domain.records import Kind

#: Rows that a page looks at where no index tells which are wanted.
WINDOW = 5000
#: The most rows of a page.
MOST = 500
#: Users whose names begin as a search does, among whom the rows of a plan are sought.
_NAMED = 500
#: Fields by which a person knows a record that the hub has not got yet.
_NAMES = (("givenName", "familyName"), ("name",), ("title",), ("username",))


def page_plan_rows(
    connection: Connection,
    job_id: int,
    *,
    ops: Collection[str] = (),
    kind: Kind | None = None,
    school: str | None = None,
    search: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> Shown:
    """Return a page of a plan job's rows in their order.

    Args:
        connection: a reading transaction.
        job_id: the plan job; it exists.
        ops: `shared.roster.planning.Op`s; none: any.
        kind: None: any.
        school: a school's sourcedId; None: any.
        search: an id, or what a name, an address or a value that changes has in it; None: any.
        after: the `after` of the page before this one; 0: the first page.
        limit: the most rows, `MOST` at most.

    Returns:
        `{"rows": [{"n", "op", "kind", "external_id", "sourced_id", "name", "school",
        "school_name", "before", "after", "reason"}], "after": n or None}`; None: there are no more.
    """
    limit = max(1, min(limit, MOST))
    job = connection.execute(select(jobs.c.tenant_id, jobs.c.plan).where(jobs.c.id == job_id)).one()
    pairs = _pairs(job.plan, ops, kind)
    if pairs == []:
        return {"rows": [], "after": None}
    has_sieve = school is not None or bool(search)
    size = WINDOW if has_sieve else limit + 1
    window = _next(plan_rows.c, job_id, pairs, after, size).subquery()
    query: Select[Any] = select(window).order_by(window.c.n).limit(limit + 1)
    if has_sieve:
        query = query.where(*_sieve(connection, window.c, job.tenant_id, school, search))
    rows = connection.execute(query).all()
    page = rows[:limit]
    onward = page[-1].n if len(rows) > limit else None
    if has_sieve and onward is None:
        looked_at = _next([plan_rows.c.n], job_id, pairs, after, size).subquery()
        onward = _end_of_window(connection, looked_at, size)
    return {"rows": _shown(connection, job.tenant_id, page), "after": onward}


def _pairs(
    plan: Mapping[str, Any] | None, ops: Collection[str], kind: Kind | None
) -> list[tuple[str, str]] | None:
    """Return the (op, kind) that the plan has among what is wanted; None: all of it is wanted."""
    if not ops and kind is None:
        return None
    counts: Mapping[str, Mapping[str, int]] = (plan or {}).get("counts") or {}
    return [
        (op, of_kind)
        for of_kind, counted in counts.items()
        for op in counted
        if (not ops or op in ops) and (kind is None or of_kind == kind)
    ]


def _next(
    columns: Iterable[ColumnElement[Any]],
    job_id: int,
    pairs: Sequence[tuple[str, str]] | None,
    after: int,
    size: int,
) -> Select[Any]:
    """Return a query for the next rows of what is wanted.

    Of each op and kind the next ones are taken from the index, and of all these the first.
    """
    rows = (
        select(*columns)
        .where(plan_rows.c.job_id == job_id, plan_rows.c.n > after)
        .order_by(plan_rows.c.n)
        .limit(size)
    )
    if pairs is None:
        return rows
    each = [
        select(rows.where(plan_rows.c.op == op, plan_rows.c.kind == kind).subquery())
        for op, kind in pairs
    ]
    merged = union_all(*each).subquery()
    return select(merged).order_by(merged.c.n).limit(size)


def _sieve(
    connection: Connection, rows: Any, tenant_id: int, school: str | None, search: str | None
) -> list[ColumnElement[bool]]:
    """Return the conditions that no index answers."""
    sieve: list[ColumnElement[bool]] = []
    if school is not None:
        sieve.append(rows.school == school)
    if search:
        plan_for_the_words(connection)
        users = HUB[Kind.USERS].c
        named = connection.execute(
            select(users.sourced_id)
            .where(users.tenant_id == tenant_id, begins_with(search))
            .order_by(in_order(search, users.sourced_id))
            .limit(_NAMED)
        ).scalars()
        sieve.append(
            or_(
                rows.external_id == search,
                rows.sourced_id == search,
                rows.sourced_id.in_(named.all()),
                *(
                    column.icontains(search, autoescape=True)
                    for column in (rows.before, rows.after)
                ),
            )
        )
    return sieve


def _end_of_window(connection: Connection, window: Any, size: int) -> int | None:
    last = connection.execute(select(func.count().label("rows"), func.max(window.c.n))).one()
    return last[1] if last[0] == size else None


def _shown(connection: Connection, tenant_id: int, rows: Sequence[Row[Any]]) -> list[Shown]:
    wanted: defaultdict[Kind, set[str]] = defaultdict(set)
    for row in rows:
        if row.sourced_id is not None:
            wanted[Kind(row.kind)].add(row.sourced_id)
        if row.school is not None:
            wanted[Kind.ORGS].add(row.school)
    names = {kind: names_of(connection, tenant_id, kind, ids) for kind, ids in wanted.items()}
    return [_row(row, names) for row in rows]


def _row(row: Row[Any], names: Mapping[Kind, Mapping[str, str]]) -> Shown:
    before = json.loads(row.before) if row.before else None
    after = json.loads(row.after) if row.after else None
    known = names.get(Kind(row.kind), {}).get(row.sourced_id)
    return {
        "n": row.n,
        "op": row.op,
        "kind": row.kind,
        "external_id": row.external_id,
        "sourced_id": row.sourced_id,
        "name": known or _called(after or {}) or _called(before or {}),
        "school": row.school,
        "school_name": names.get(Kind.ORGS, {}).get(row.school),
        "before": before,
        "after": after,
        "reason": row.reason,
    }


def _called(values: Mapping[str, Any]) -> str | None:
    """Return what a person calls a record that the hub has not got yet; None: nothing names it."""
    for fields in _NAMES:
        told = " ".join(str(values[field]) for field in fields if values.get(field))
        if told:
            return told
    return None
