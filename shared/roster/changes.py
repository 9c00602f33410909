"""What of the hub has changed for one export since an instant, under its masks and its filter.

Whoever leaves the scope of a filter has gone for the receiver, and whoever enters it has come,
though their records stand still. Who was in scope is asked of the hub as it was, by the filter as
it is; where that is another one by now, a set of changes cannot start (see `Snapshot.terms`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.hub_tables import HUB, snake
from shared.domain.records import FIELDS, Field, Kind, field_names
from shared.roster.masking import Masking
from shared.roster.past import moment, table_at

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Changes:
    """Tells SQL what has changed.

    Attributes:
        connection: the snapshot's.
        tenant_id: whose.
        masking: of the export, prepared.
        since: aware; what changed at this very instant is among it.
        latest: when the hub changed last.
    """

    connection: Connection
    tenant_id: int
    masking: Masking
    since: datetime
    latest: datetime

    def query(self, kind: Kind, fields: Sequence[str], order_by: Sequence[str]) -> str:
        """Return a query, in order, for sourcedId, status, time, history, fields, and the hub's id.

        What the receiver was never told of, and shall not be, is not among it where a filter says
        so. What has left the scope is as it was when it was there.
        """
        masking, is_postgresql = self.masking, self.masking.is_postgresql
        shown = ", ".join(masking.value(kind, name) for name in fields)
        # by code point on every database, so that the same hub gives the same bytes
        collation = '"C"' if is_postgresql else "BINARY"
        order = ", ".join(
            f"({masking.value(kind, name)}) COLLATE {collation} NULLS FIRST"
            for name in (*order_by, "sourcedId")
        )
        tables, records, enters = "", self._changed(kind), "1 = 0"
        if not masking.privacy.filters.is_empty:
            tables, records, enters = self._scopes(kind), self._scoped(kind), "h.enters = 1"
        return (
            f"{tables} SELECT {masking.value(kind, 'sourcedId')}, h.status, h.modified AS modified,"
            f" CASE WHEN h.created_at >= {self._moment()} THEN 'new'"
            f" WHEN {enters} OR h.sourced_id IN ({self._returned(kind)}) THEN 'back' END"
            f"{', ' if shown else ''}{shown}, h.sourced_id FROM ({records}) AS h"
            f"{masking.join(kind, (*fields, *order_by))} ORDER BY {order}"
        )

    def former(self, kind: Kind, field: Field) -> str:
        """Return a query for the ids, as shown, that a reference named before it changed."""
        if field.ref is None or field.many:
            raise ValueError(f"{field.name} names no single record")
        name = field.name
        read = (
            f"CAST(g.before AS json) ->> '{name}'"
            if self.masking.is_postgresql
            else f"json_extract(g.before, '$.{name}')"
        )
        named = (
            f"SELECT {read} FROM change_log AS g WHERE g.tenant_id = :tenant"
            f" AND g.kind = '{kind}' AND g.at >= {self._moment()}"
            f" AND g.before LIKE '%\"{name}\"%'"
        )
        return (
            f"SELECT {self.masking.value(field.ref, 'sourcedId')} FROM {HUB[field.ref].name} AS h"
            f" WHERE h.tenant_id = :tenant AND h.sourced_id IN ({named})"
        )

    def _moment(self) -> str:
        return moment(self.since, is_postgresql=self.masking.is_postgresql)

    def _changed(self, kind: Kind) -> str:
        return (
            f"SELECT c.*, c.date_last_modified AS modified FROM {HUB[kind].name} AS c"
            f" WHERE c.tenant_id = :tenant AND c.date_last_modified >= {self._moment()}"
        )

    def _scopes(self, kind: Kind) -> str:
        """Return table expressions: the records as they were, and who was and who is in scope."""
        before = self.since - _TICK
        past = {
            one: f"past_{snake(one)}"
            for one in {kind, Kind.ORGS, Kind.CLASSES, Kind.USERS, Kind.ROLES}
        }
        then = replace(self.masking, tables={**self.masking.tables, **past})
        tables = [
            f"{name} AS MATERIALIZED ({table_at(self.connection, one, self.tenant_id, before)})"
            for one, name in sorted(past.items())
        ]
        for name, table, masking in (
            ("now_ids", HUB[kind].name, self.masking),
            ("then_ids", past[kind], then),
        ):
            tables.append(
                f"{name} AS MATERIALIZED (SELECT h.sourced_id FROM {table} AS h"
                f" WHERE h.tenant_id = :tenant AND h.status = 'active' AND {masking.scope(kind)})"
            )
        return f"WITH {', '.join(tables)}"

    def _scoped(self, kind: Kind) -> str:
        columns = ", ".join(
            f"CASE WHEN n.sourced_id IS NULL THEN p.{column} ELSE c.{column} END AS {column}"
            for column in map(snake, field_names(kind))
        )
        latest = moment(self.latest, is_postgresql=self.masking.is_postgresql)
        return (
            "SELECT c.sourced_id, c.created_at, CASE WHEN n.sourced_id IS NULL THEN 'tobedeleted'"
            " ELSE 'active' END AS status, CASE WHEN n.sourced_id IS NOT NULL"
            " AND t.sourced_id IS NULL THEN 1 ELSE 0 END AS enters, c.date_last_modified,"
            f" CASE WHEN c.date_last_modified >= {self._moment()} THEN c.date_last_modified"
            f" ELSE {latest} END AS modified, {columns} FROM {HUB[kind].name} AS c"
            " LEFT JOIN now_ids AS n ON n.sourced_id = c.sourced_id"
            " LEFT JOIN then_ids AS t ON t.sourced_id = c.sourced_id"
            f" LEFT JOIN past_{snake(kind)} AS p ON p.sourced_id = c.sourced_id"
            " WHERE c.tenant_id = :tenant"
            " AND (n.sourced_id IS NOT NULL OR t.sourced_id IS NOT NULL)"
            f" AND (c.date_last_modified >= {self._moment()} OR n.sourced_id IS NULL"
            " OR t.sourced_id IS NULL)"
        )

    def _returned(self, kind: Kind) -> str:
        """Return a query for records that came back, or are another's or of another type now."""
        # what a record stands or falls with: whom it names, and its type
        watched = "".join(
            f" OR g.before LIKE '%\"{field.name}\"%'"
            for field in FIELDS[kind]
            if field.required and (field.ref or field.vocabulary - {"true", "false"})
        )
        return (
            "SELECT g.sourced_id FROM change_log AS g WHERE g.tenant_id = :tenant"
            f" AND g.kind = '{kind}' AND g.at >= {self._moment()}"
            f" AND (g.op = 'restore'{watched})"
        )
