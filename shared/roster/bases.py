"""What an app is known to hold: the base, and what its vendor makes of the values it is sent."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.hub_tables import LINKS, STAGES, renderings, snake, vendor_writes
from shared.domain.records import Kind
from shared.domain.states import Tier
from shared.roster.ownership import Ownership
from shared.roster.statements import OPEN, Statements

#: Writes that are held in memory at once.
PAGE = 1000

#: A record's external id, and values by field.
Held = tuple[str, Mapping[str, str | None]]


def is_rendering(ownership: Ownership, kind: Kind, field: str, held: str, record: str) -> str:
    """Return the condition: the app makes `held` of the value that the hub's record `h` holds.

    Args:
        ownership: as the app sees it; only a 2-way app is written to.
        kind: of the record.
        field: which.
        held: an expression.
        record: an expression for the external id.
    """
    if ownership.tier is not Tier.TWO_WAY:
        return "1 = 0"
    return (
        "EXISTS (SELECT 1 FROM renderings AS r WHERE r.app_id = :app"
        f" AND r.kind = '{kind}' AND r.external_id = {record} AND r.field = '{field}'"
        f" AND r.sent IS NOT DISTINCT FROM h.{snake(field)} AND r.held IS NOT DISTINCT FROM {held})"
    )


def advance(connection: Connection, app_id: int, kind: Kind, rows: Iterable[Held]) -> None:
    """Let the base be what the vendor has confirmed; records without a link have none."""
    link = LINKS[kind]
    same_fields: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for external_id, values in rows:
        bound = {f"b_{snake(name)}": value or None for name, value in values.items()}
        same_fields[tuple(sorted(values))].append({"b_id": external_id, **bound})
    for names, bound_rows in same_fields.items():
        if not names:
            continue
        columns = [snake(name) for name in names]
        connection.execute(
            update(link)
            .where(link.c.app_id == app_id, link.c.external_id == bindparam("b_id"))
            .values({column: bindparam(f"b_{column}") for column in columns}),
            bound_rows,
        )


def note_renderings(
    connection: Connection,
    app_id: int,
    kind: Kind,
    answers: Iterable[tuple[str, Mapping[str, str | None], Mapping[str, str | None]]],
) -> None:
    """Note where a vendor holds something else than it was sent: (external id, sent, held)."""
    rows = [
        {
            "app_id": app_id,
            "kind": kind,
            "external_id": external_id,
            "field": name,
            "sent": value,
            "held": held[name] or None,
        }
        for external_id, sent, held in answers
        for name, value in sent.items()
        if name in held and (held[name] or None) != value
    ]
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(renderings)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["app_id", "kind", "external_id", "field"],
            set_={"sent": statement.excluded.sent, "held": statement.excluded.held},
        ),
        rows,
    )


def take_unfinished(run: Statements) -> None:
    """Take into the base what attempts that have not come to their end wrote to the vendor.

    Else the merge would take our own write for an edit of the app's, and set it against what the
    hub has learned since. What was confirmed is the base; of a write whose answer was never heard,
    what the vendor holds now, where that is what it was sent.
    """
    mine = (run.key.job_id, run.key.attempt)
    rows = run.connection.execute(
        select(vendor_writes)
        .where(
            vendor_writes.c.app_id == run.key.app_id,
            vendor_writes.c.based_job.is_(None),
            vendor_writes.c.state != "rejected",
            tuple_(vendor_writes.c.job_id, vendor_writes.c.attempt) != mine,
        )
        .order_by(vendor_writes.c.id)
        .execution_options(yield_per=PAGE)
    )
    for row in rows:
        kind, values = Kind(row.kind), json.loads(row.values)
        if row.state == "confirmed":
            advance(run.connection, run.key.app_id, kind, [(row.external_id, values)])
        else:
            _take_echo(run, kind, row.external_id, values)


def _take_echo(
    run: Statements, kind: Kind, external_id: str, values: Mapping[str, str | None]
) -> None:
    for name, value in values.items():
        column = snake(name)
        run.run(
            f"UPDATE {LINKS[kind].name} AS l SET {column} = s.{column}"
            f" FROM {STAGES[kind].name} AS s WHERE {OPEN} AND s.external_id = :external_id"
            " AND l.app_id = :app AND l.external_id = s.external_id"
            f" AND s.{column} IS NOT DISTINCT FROM CAST(:value AS text)",
            external_id=external_id,
            value=value,
        )


def look_again(run: Statements, more: str = "") -> None:
    """Let the next read look at what was written, also where it is what it was before that.

    Else somebody who takes our write back at the vendor, before it is read again, would show the
    row that was last taken in, and it would count as unchanged.
    """
    written = f"w.app_id = :app AND w.based_job IS NULL AND w.state <> 'rejected'{more}"
    for (kind,) in run.rows(f"SELECT DISTINCT w.kind FROM vendor_writes AS w WHERE {written}"):
        run.run(
            f"UPDATE {LINKS[Kind(kind)].name} AS l SET fingerprint = l.fingerprint || '*'"
            " WHERE l.app_id = :app AND l.fingerprint NOT LIKE '%*' AND l.external_id IN"
            f" (SELECT w.external_id FROM vendor_writes AS w WHERE {written} AND w.kind = :kind)",
            kind=kind,
        )


def finish_writes(run: Statements) -> None:
    """Let the app's writes be done with: what was confirmed is in the base, the rest was read."""
    # what earlier attempts wrote has been read by this one
    look_again(run, " AND w.job_id = :job AND w.attempt = :attempt")
    run.run("UPDATE vendor_writes SET based_job = :job WHERE app_id = :app AND based_job IS NULL")
