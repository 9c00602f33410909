"""What of a job's records was left out or refused, by the page: each with its reason.

Three kinds of it: records that broke a rule and stay in quarantine, values that a vendor would not
have written, and records that it would not make or end. A page costs what the job has of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select

from shared.db.hub_tables import quarantine, vendor_provisions, vendor_writes
from shared.db.views import Shown, iso
from shared.domain.provisioning import Action, Answer
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.quarantine_views import source_of

#: The most records of a page.
MOST = 1000

Found = Sequence[tuple[int, Shown]]


def page_errors(
    connection: Connection,
    job_id: int,
    *,
    kind: Kind | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Shown:
    """Return a page of a job's records that were left out or refused.

    Args:
        connection: a reading transaction.
        job_id: whose; who asks may see it.
        kind: of one kind; None: of all.
        after: the `after` of the page before this one; None: the first page.
        limit: the most records, `MOST` at most.

    Returns:
        `{"records": [...], "after": cursor or None}`; None: there are no more. A record is
        `{"what", "state", "kind", "external_id", "sourced_id", "field", "reason", "at", "source"}`:
        `what` is `left_out`, `not_written`, `not_created` or `not_ended`, `state` the vendor's
        answer (`rejected`, `later`, or `held` above a limit), `source` the row that was read.

    Raises:
        ConfigurationError: the cursor is none of ours.
    """
    limit = max(1, min(limit, MOST))
    first, last = _cursor(after)
    found: list[tuple[str, int, Shown]] = []
    for name in list(_SOURCES)[list(_SOURCES).index(first) :]:
        since = last if name == first else 0
        rows = _SOURCES[name](connection, job_id, kind, since, limit + 1 - len(found))
        found += [(name, key, record) for key, record in rows]
        if len(found) > limit:
            break
    more = found[limit - 1] if len(found) > limit else None
    return {
        "records": [record for _, _, record in found[:limit]],
        "after": f"{more[0]}:{more[1]}" if more else None,
    }


def _left_out(
    connection: Connection, job_id: int, kind: Kind | None, after: int, limit: int
) -> Found:
    mine = (quarantine.c.job_id == job_id,)
    return [
        (
            row.id,
            _record(
                "left_out",
                row,
                field=row.field,
                source=source_of(row.source),
            ),
        )
        for row in _rows(connection, quarantine, mine, kind, after, limit)
    ]


def _not_written(
    connection: Connection, job_id: int, kind: Kind | None, after: int, limit: int
) -> Found:
    mine = (*_last_attempt(vendor_writes, job_id), vendor_writes.c.state == "rejected")
    return [
        (row.id, _record("not_written", row, state=row.state))
        for row in _rows(connection, vendor_writes, mine, kind, after, limit)
    ]


def _not_done(
    connection: Connection, job_id: int, kind: Kind | None, after: int, limit: int
) -> Found:
    refused = vendor_provisions.c.state.in_((Answer.REJECTED, Answer.LATER, "held"))
    mine = (*_last_attempt(vendor_provisions, job_id), refused)
    return [
        (
            row.id,
            _record(
                "not_created" if row.action == Action.CREATE else "not_ended",
                row,
                state=row.state,
                sourced_id=row.sourced_id,
            ),
        )
        for row in _rows(connection, vendor_provisions, mine, kind, after, limit)
    ]


def _record(what: str, row: Row[Any], **more: Any) -> Shown:
    return {
        "what": what,
        "state": None,
        "kind": row.kind,
        "external_id": row.external_id,
        "sourced_id": None,
        "field": None,
        "reason": row.reason,
        "at": iso(row.at),
        "source": {},
        **more,
    }


def _rows(
    connection: Connection,
    table: Table,
    where: Sequence[ColumnElement[bool]],
    kind: Kind | None,
    after: int,
    limit: int,
) -> Sequence[Row[Any]]:
    query = select(table).where(*where, table.c.id > after).order_by(table.c.id).limit(limit)
    if kind is not None:
        query = query.where(table.c.kind == kind)
    return connection.execute(query).all()


def _last_attempt(table: Table, job_id: int) -> tuple[ColumnElement[bool], ...]:
    """Return that a row is of a job's last try: what those before it were refused is asked anew."""
    last = select(func.max(table.c.attempt)).where(table.c.job_id == job_id)
    return table.c.job_id == job_id, table.c.attempt == last.scalar_subquery()


#: By the name in a cursor, in their order.
_SOURCES: Mapping[str, Callable[[Connection, int, Kind | None, int, int], Found]] = {
    "quarantine": _left_out,
    "write": _not_written,
    "provision": _not_done,
}


def _cursor(after: str | None) -> tuple[str, int]:
    if after is None:
        return next(iter(_SOURCES)), 0
    name, _, key = after.partition(":")
    if name not in _SOURCES or not (key.isascii() and key.isdecimal() and len(key) < 19):
        raise ConfigurationError(
            "after", f"{after!r} is no cursor", "Give the `after` of the page before, or none."
        )
    return name, int(key)
