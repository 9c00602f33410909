"""One consistent picture of a tenant's hub, from which an export is rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Select, case, collate, func, or_, select

from shared.db.engine import Database
from shared.db.hub_tables import HUB, change_log, snake
from shared.db.views import iso
from shared.domain.records import FIELDS, Kind
from shared.errors import ConfigurationError

#: Rows that are fetched at once.
PAGE = 2000


class Snapshot:
    """Reads the active records of one tenant, as they were when it was opened.

    Args:
        database: of the hub.
        tenant_id: whose.
        allowed: by kind, the fields that may be read: what is not listed does not leave.
    """

    def __init__(
        self, database: Database, tenant_id: int, allowed: Mapping[Kind, Sequence[str]]
    ) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._allowed = allowed
        self._stack = ExitStack()
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        """Take the picture."""
        self._connection = self._stack.enter_context(self._database.snapshot())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of it."""
        self._stack.close()
        self._connection = None

    def rows(
        self, kind: Kind, fields: Sequence[str], order_by: Sequence[str] = ("sourcedId",)
    ) -> Iterator[tuple[str | None, ...]]:
        """Yield `(sourcedId, value of fields[0], …)`; see `connectors.sdk.RosterReader`.

        Raises:
            ConfigurationError: a field that is not allowed.
            ValueError: the snapshot is not open.
        """
        table = HUB[kind]
        columns = [table.c[snake(name)] for name in ("sourcedId", *fields)]
        query = select(*columns).where(table.c.status == "active")
        for row in self._run(kind, (*fields, *order_by), query, order_by):
            yield tuple(row)

    def changes(
        self,
        kind: Kind,
        fields: Sequence[str],
        since: datetime,
        order_by: Sequence[str] = ("sourcedId",),
    ) -> Iterator[tuple[str | None, ...]]:
        """Yield what changed at or after an instant; see `connectors.sdk.ChangesReader`.

        Raises:
            ConfigurationError: a field that is not allowed.
            ValueError: the snapshot is not open.
        """
        table = HUB[kind]
        query = select(
            table.c.sourced_id,
            table.c.status,
            table.c.date_last_modified,
            self._history(kind, since),
            *(table.c[snake(name)] for name in fields),
        ).where(table.c.date_last_modified >= since)
        for row in self._run(kind, (*fields, *order_by), query, order_by):
            sourced_id, status, modified, history, *values = row
            yield (sourced_id, status, iso(modified), history, *values)

    def latest(self) -> datetime | None:
        """Return when the hub changed last; see `connectors.sdk.ChangesReader`.

        Raises:
            ValueError: the snapshot is not open.
        """
        found: list[datetime] = []
        for table in HUB.values():
            last = select(func.max(table.c.date_last_modified)).where(
                table.c.tenant_id == self._tenant_id
            )
            at = self._opened().execute(last).scalar_one()
            found += [at] if at is not None else []
        return max(found, default=None)

    def _history(self, kind: Kind, since: datetime) -> ColumnElement[str | None]:
        table = HUB[kind]
        # what a record stands or falls with: whom it names, and its type
        watched = [
            field.name
            for field in FIELDS[kind]
            if field.required and (field.ref or field.vocabulary - {"true", "false"})
        ]
        logged = change_log.c
        returned = select(logged.sourced_id).where(
            logged.tenant_id == self._tenant_id,
            logged.kind == kind,
            logged.at >= since,
            or_(
                logged.op == "restore",
                *(logged.before.contains(f'"{name}"') for name in watched),
            ),
        )
        return case(
            (table.c.created_at >= since, "new"), (table.c.sourced_id.in_(returned), "back")
        )

    def _run(
        self,
        kind: Kind,
        named: Sequence[str],
        query: Select[Any],
        order_by: Sequence[str],
    ) -> Iterator[Any]:
        allowed = {"sourcedId", *self._allowed.get(kind, ())}
        forbidden = (set(named) - allowed) if kind in self._allowed else {kind}
        if forbidden:
            raise ConfigurationError(
                "reads",
                f"{kind}.{sorted(forbidden)[0]} is not listed",
                "List every field that the export sends.",
            )
        table = HUB[kind]
        # by code point on every database, so that the same hub gives the same bytes
        collation = "C" if self._database.is_postgresql else "BINARY"
        order = [
            collate(table.c[snake(name)], collation).nulls_first()
            for name in (*order_by, "sourcedId")
        ]
        query = query.where(table.c.tenant_id == self._tenant_id).order_by(*order)
        result = self._opened().execution_options(yield_per=PAGE).execute(query)
        # who joins two readings may not read both to their ends
        self._stack.callback(result.close)
        yield from result

    def _opened(self) -> Connection:
        if self._connection is None:
            raise ValueError("the snapshot is not open")
        return self._connection
