"""One consistent picture of a tenant's hub, from which an export is rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, collate, select

from shared.db.engine import Database
from shared.db.hub_tables import HUB, snake
from shared.domain.records import Kind
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
        allowed = {"sourcedId", *self._allowed.get(kind, ())}
        forbidden = ({*fields, *order_by} - allowed) if kind in self._allowed else {kind}
        if forbidden:
            raise ConfigurationError(
                "reads",
                f"{kind}.{sorted(forbidden)[0]} is not listed",
                "List every field that the export sends.",
            )
        if self._connection is None:
            raise ValueError("the snapshot is not open")
        table = HUB[kind]
        columns = [table.c[snake(name)] for name in ("sourcedId", *fields)]
        # by code point on every database, so that the same hub gives the same bytes
        collation = "C" if self._database.is_postgresql else "BINARY"
        order = [
            collate(table.c[snake(name)], collation).nulls_first()
            for name in (*order_by, "sourcedId")
        ]
        query = (
            select(*columns)
            .where(table.c.tenant_id == self._tenant_id, table.c.status == "active")
            .order_by(*order)
        )
        result = self._connection.execution_options(yield_per=PAGE).execute(query)
        for row in result:
            yield tuple(row)
