"""What a vendor made and ended for a job: its answers, and the links that come and go by them.

An answer is kept at once, so that a death loses none; its link follows when the job ends, or when
the app is read next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, bindparam, func, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, snake, vendor_provisions
from shared.domain.provisioning import Action, Answer, Result
from shared.domain.records import FIELDS, Kind
from shared.roster.statements import Statements

#: Rows that are held in memory at once.
PAGE = 1000
#: No row of a source has it: the next read compares what it brings with the base.
_UNREAD = "*"
#: What a link that is made again gets anew, beside its base.
_LINK_STATE = ("sourced_id", "fingerprint", "last_job", "ended_job", "ended_at", "ended_why")

_COLUMNS = vendor_provisions.c
#: By what became of a row, what a job counts it as.
_COUNTED = {
    (Action.CREATE, Answer.DONE): "created",
    (Action.END, Answer.DONE): "ended",
    (Action.CREATE, Answer.REJECTED): "rejected",
    (Action.END, Answer.REJECTED): "rejected",
    (Action.CREATE, Answer.LATER): "later",
    (Action.END, Answer.LATER): "later",
    (Action.END, "held"): "kept",
}


def record_answers(
    database: Database, answers: Sequence[tuple[int, Mapping[str, str | None], Result]]
) -> None:
    """Keep what a vendor said: (id of the row, the fields it was about, the answer). Commits."""
    if not answers:
        return
    with database.write() as connection:
        connection.execute(
            update(vendor_provisions)
            .where(_COLUMNS.id == bindparam("b_id"))
            .values(
                {
                    _COLUMNS.state: bindparam("b_state"),
                    _COLUMNS.reason: bindparam("b_reason"),
                    _COLUMNS.external_id: bindparam("b_external_id"),
                    _COLUMNS["values"]: bindparam("b_values"),
                }
            ),
            [
                {
                    "b_id": id_,
                    "b_state": result.answer,
                    "b_reason": result.reason,
                    "b_external_id": result.external_id,
                    "b_values": json.dumps({**values, **result.held}, ensure_ascii=False),
                }
                for id_, values, result in answers
            ],
        )


def take_provisioned(run: Statements) -> None:
    """Make the links of what was made, and end those of what was ended, this app's and not yet."""
    confirmed = (
        (_COLUMNS.app_id == run.key.app_id)
        & _COLUMNS.linked_job.is_(None)
        & (_COLUMNS.state == Answer.DONE)
    )
    last = 0
    while True:
        page = run.connection.execute(
            select(vendor_provisions)
            .where(confirmed, _COLUMNS.id > last)
            .order_by(_COLUMNS.id)
            .limit(PAGE)
        ).all()
        for kind in Kind:
            rows = [row for row in page if row.kind == kind]
            _link(run, kind, [row for row in rows if row.action == Action.CREATE])
            _unlink(run, kind, [row for row in rows if row.action == Action.END])
        if len(page) < PAGE:
            break
        last = page[-1].id
    if page or last:
        run.connection.execute(
            update(vendor_provisions).where(confirmed).values(linked_job=run.key.job_id)
        )


def _link(run: Statements, kind: Kind, rows: Sequence[Row[Any]]) -> None:
    if not rows:
        return
    names = [snake(field.name) for field in FIELDS[kind]]
    insert = postgresql.insert if run.is_postgresql else sqlite.insert
    statement = insert(LINKS[kind])
    made = []
    for row in rows:
        values = json.loads(row.values)
        base = {snake(field.name): values.get(field.name) or None for field in FIELDS[kind]}
        made.append(
            {
                "app_id": row.app_id,
                "external_id": row.external_id,
                "sourced_id": row.sourced_id,
                "fingerprint": _UNREAD,
                "first_job": row.job_id,
                "last_job": row.job_id,
                "ended_job": None,
                "ended_at": None,
                "ended_why": None,
                **base,
            }
        )
    run.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["app_id", "external_id"],
            set_={name: statement.excluded[name] for name in (*_LINK_STATE, *names)},
        ),
        made,
    )


def _unlink(run: Statements, kind: Kind, rows: Sequence[Row[Any]]) -> None:
    for why in ("removed", "out_of_scope"):
        ended = [row for row in rows if json.loads(row.values)["why"] == why]
        if not ended:
            continue
        link = LINKS[kind]
        _end_links(run, link.c.external_id, [row.external_id for row in ended], ended, why)
        if kind is Kind.CLASSES:
            # its members were left in it; whom the hub still has there the next read misses, and
            # what that means is judged as any absence is
            column = LINKS[Kind.ENROLLMENTS].c
            hub = HUB[Kind.ENROLLMENTS].c
            gone = select(hub.sourced_id).where(
                hub.tenant_id == run.key.tenant_id, hub.status != "active"
            )
            only = column.sourced_id.in_(gone) if why == "removed" else true()
            ids = [row.sourced_id for row in ended]
            _end_links(run, column.class_sourced_id, ids, ended, why, only)


def _end_links(
    run: Statements,
    named: Column[str],
    ids: Sequence[str],
    rows: Sequence[Row[Any]],
    why: str,
    only: ColumnElement[bool] | None = None,
) -> None:
    """End the open links that a column names, each by the job of its row."""
    link = named.table
    mine = (link.c.app_id == run.key.app_id) & link.c.ended_at.is_(None)
    run.connection.execute(
        update(link)
        .where(mine, named == bindparam("b_id"), true() if only is None else only)
        .values(ended_job=bindparam("b_job"), ended_at=run.at, ended_why=why),
        [{"b_id": id_, "b_job": row.job_id} for id_, row in zip(ids, rows, strict=True)],
    )


def count_provisioned(run: Statements) -> Iterator[tuple[Kind, str, int]]:
    """Yield what this attempt did at the vendor: (kind, what a job counts it as, how many)."""
    rows = run.rows(
        "SELECT p.kind, p.action, p.state, count(*) FROM vendor_provisions AS p"
        " WHERE p.job_id = :job AND p.attempt = :attempt GROUP BY p.kind, p.action, p.state"
    )
    for kind, action, state, count in rows:
        what = _COUNTED.get((action, state))
        if what is not None:
            yield Kind(kind), what, int(count)


def list_not_done(connection: Connection, job_id: int, limit: int = 50) -> list[dict[str, Any]]:
    """Return what a job could not make or end at its vendor, and why, the rejected ones first."""
    rows = connection.execute(
        select(
            _COLUMNS.state,
            _COLUMNS.action,
            _COLUMNS.kind,
            _COLUMNS.sourced_id,
            _COLUMNS.external_id,
            _COLUMNS.reason,
        )
        .where(*_not_done(job_id))
        .order_by(_COLUMNS.state.desc(), _COLUMNS.id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows]


def count_not_done(connection: Connection, job_id: int) -> int:
    """Return how many records `list_not_done` lists without a limit."""
    counted = select(func.count()).select_from(vendor_provisions).where(*_not_done(job_id))
    return int(connection.execute(counted).scalar_one())


def _not_done(job_id: int) -> tuple[ColumnElement[bool], ...]:
    last = select(func.max(_COLUMNS.attempt)).where(_COLUMNS.job_id == job_id)
    return (
        _COLUMNS.job_id == job_id,
        _COLUMNS.attempt == last.scalar_subquery(),
        _COLUMNS.state.in_((Answer.REJECTED, "held", Answer.LATER)),
    )
