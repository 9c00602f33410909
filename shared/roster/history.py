"""One consistent picture of the hub as it was at an instant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, collate, select

from shared.db.engine import Database
from shared.db.hub_tables import snake
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.past import records_at
from shared.roster.snapshot import PAGE, Snapshot, as_text

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class PastSnapshot(Snapshot):
    """Reads the records of one tenant that were active at an instant, as they were then.

    Args:
        database: of the hub.
        tenant_id: whose.
        allowed: by kind, the fields that may be read.
        as_of: the instant; what happened at it counts, what came after does not.
    """

    def __init__(
        self,
        database: Database,
        tenant_id: int,
        allowed: Mapping[Kind, Sequence[str]],
        as_of: datetime,
    ) -> None:
        super().__init__(database, tenant_id, allowed)
        self._as_of = as_of

    def __enter__(self) -> Self:
        """Take the picture."""
        super().__enter__()
        if self._connection is not None and self._database.is_postgresql:
            # what has changed lately is in no statistics: a loop in a loop would take hours
            self._connection.exec_driver_sql("SET LOCAL enable_nestloop = off")
            do_not_compile(self._connection)
        return self

    def rows(
        self, kind: Kind, fields: Sequence[str], order_by: Sequence[str] = ("sourcedId",)
    ) -> Iterator[tuple[str | None, ...]]:
        """Yield `(sourcedId, value of fields[0], …)` in the same order as `Snapshot.rows`.

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
        is_postgresql = self._database.is_postgresql
        then = records_at(
            kind, self._tenant_id, self._as_of, [*fields, *order_by], is_postgresql=is_postgresql
        ).c
        order = [
            collate(then[snake(name)], "C" if is_postgresql else "BINARY").nulls_first()
            for name in (*order_by, "sourcedId")
        ]
        query = (
            select(*(then[snake(name)] for name in ("sourcedId", *fields)))
            .where(then.status == "active")
            .order_by(*order)
        )
        result = self._connection.execution_options(yield_per=PAGE).execute(query)
        # who joins two readings may not read both to their ends
        self._stack.callback(result.close)
        yield from as_text(result, fields)


def do_not_compile(connection: Connection) -> None:
    """Let PostgreSQL run a transaction's queries as they are.

    It takes a JSON object for a hundred rows, and would compile for seconds what runs for
    milliseconds.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL jit = off")


def parse_as_of(told: str, zone: str) -> datetime:
    """Return the instant that a person means.

    Args:
        told: ISO 8601; without an offset in the tenant's zone, and a day alone means its end.
        zone: the tenant's.

    Raises:
        ConfigurationError: it is no time.

    >>> parse_as_of("2026-10-01", "America/New_York").isoformat()
    '2026-10-01T23:59:59.999999-04:00'
    """
    local = ZoneInfo(zone)
    try:
        if _DAY.fullmatch(told):
            following = datetime.fromisoformat(told) + timedelta(days=1)
            at = (following - timedelta(microseconds=1)).replace(tzinfo=local)
        else:
            at = datetime.fromisoformat(told)
            at = at if at.tzinfo is not None else at.replace(tzinfo=local)
        # what no database can hold in UTC is no time either
        at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(
            "--as-of", f"{told!r} is no time", "Give 2026-10-01 or 2026-10-01T07:30."
        ) from error
    return at
