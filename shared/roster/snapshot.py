"""One consistent picture of a tenant's hub, from which an export is rendered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, func, select, text

from shared.db.engine import Database
from shared.db.hub_tables import HUB
from shared.db.tables import UtcDateTime
from shared.db.views import iso
from shared.domain.records import FIELDS, Kind
from shared.errors import ConfigurationError
from shared.roster.changes import Changes
from shared.roster.disclosures import HandedOut
from shared.roster.masking import Masking
from shared.roster.privacy import Privacy
from shared.roster.rules import Filters

#: Rows that are fetched at once.
PAGE = 2000
#: The one field that is no text in the hub.
_MODIFIED = "dateLastModified"


class Snapshot:
    """Reads the active records of one tenant, as they were when it was opened.

    Args:
        database: of the hub.
        tenant_id: whose.
        allowed: by kind, the fields that may be read: what is not listed does not leave.
        privacy: under which masks, and who is in scope; without, everything as it is.
        handed_out: notes whom the target is told of.
    """

    def __init__(
        self,
        database: Database,
        tenant_id: int,
        allowed: Mapping[Kind, Sequence[str]],
        privacy: Privacy | None = None,
        handed_out: HandedOut | None = None,
    ) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._allowed = allowed
        self._masking = Masking(privacy or Privacy({}, Filters()), database.is_postgresql)
        self._handed_out = handed_out
        self._stack = ExitStack()
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        """Take the picture.

        Raises:
            ConfigurationError: a filter names a school that the hub has not.
        """
        with ExitStack() as stack:
            connection = stack.enter_context(self._database.snapshot())
            self._masking.prepare(connection, self._tenant_id)
            self._stack = stack.pop_all()
        self._connection = connection
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
        self._check_allowed(kind, (*fields, *order_by))
        connection = self._opened()
        handed_out = self._handed_out
        # whom the target has left out since it saw them first, it leaves out when it reads again
        is_told = kind is Kind.USERS and handed_out is not None and not handed_out.is_whole
        if self._masking.privacy.sends_kind(kind):
            if handed_out is not None:
                handed_out.note_fields(kind, fields)
            for row in as_text(self._masked(connection, kind, fields, order_by), fields):
                if is_told and handed_out is not None:
                    handed_out.note(row[0], row[-1])
                yield row[:-1]
        if is_told and handed_out is not None:
            handed_out.is_whole = True

    def leave_out(self, kind: Kind, sourced_id: str) -> None:
        """Take note that nothing of a record is sent; see `connectors.sdk.RosterReader`."""
        if self._handed_out is not None and kind is Kind.USERS:
            self._handed_out.leave_out(sourced_id)

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
        self._check_allowed(kind, (*fields, *order_by))
        connection, latest = self._opened(), self.latest()
        if latest is None or not self._masking.privacy.sends_kind(kind):
            return
        handed_out = self._handed_out
        if handed_out is not None:
            handed_out.note_fields(kind, fields)
        changes = Changes(connection, self._tenant_id, self._masking, since, latest)
        query = changes.query(kind, fields, order_by)
        # who reads all users as well is told of them there
        is_told = kind is Kind.USERS and handed_out is not None and not handed_out.is_whole
        for row in as_text(self._stream(connection, query), ("", _MODIFIED, "", *fields)):
            if is_told and handed_out is not None and row[1] == "active":
                handed_out.note(row[0], row[-1])
            yield row[:-1]

    def former(self, kind: Kind, field: str, since: datetime) -> Iterator[str]:
        """Yield what a reference named before it changed; see `connectors.sdk.ChangesReader`.

        Raises:
            ConfigurationError: a field that is not allowed.
            ValueError: the snapshot is not open, or the field is no reference to one record.
        """
        self._check_allowed(kind, (field,))
        connection, latest = self._opened(), self.latest()
        one = next(one for one in FIELDS[kind] if one.name == field)
        if latest is None or one.ref is None or not self._masking.privacy.sends_kind(one.ref):
            return
        changes = Changes(connection, self._tenant_id, self._masking, since, latest)
        for (sourced_id,) in self._stream(connection, changes.former(kind, one)):
            yield sourced_id

    @property
    def terms(self) -> str:
        """The masks and the filter; see `connectors.sdk.ChangesReader`."""
        privacy = self._masking.privacy
        if not privacy.sends and privacy.filters.is_empty:
            return ""
        filters = {name: sorted(values) for name, values in privacy.filters.model_dump().items()}
        told = json.dumps([dict(privacy.sends), filters, privacy.hash("terms")], sort_keys=True)
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

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

    def _masked(
        self, connection: Connection, kind: Kind, fields: Sequence[str], order_by: Sequence[str]
    ) -> Iterator[Any]:
        """Return rows as they may leave, and at last the record's own id."""
        masking = self._masking
        shown = [masking.value(kind, name) for name in ("sourcedId", *fields)]
        # by code point on every database, so that the same hub gives the same bytes
        collation = '"C"' if self._database.is_postgresql else "BINARY"
        order = ", ".join(
            f"({masking.value(kind, name)}) COLLATE {collation} NULLS FIRST"
            for name in (*order_by, "sourcedId")
        )
        query = (
            f"SELECT {', '.join(shown)}, h.sourced_id FROM {HUB[kind].name} AS h"
            f"{masking.join(kind, (*fields, *order_by))}"
            f" WHERE h.tenant_id = :tenant AND h.status = 'active' AND {masking.scope(kind)}"
            f" ORDER BY {order}"
        )
        return self._stream(connection, query)

    def _stream(self, connection: Connection, query: str) -> Iterator[Any]:
        made = text(query)
        bound = {name: self._masking.values[name] for name in made.compile().params}
        instants = {name: UtcDateTime() for name in ("date_last_modified", "modified")}
        typed = made.columns(**{name: at for name, at in instants.items() if name in query})
        result = connection.execution_options(yield_per=PAGE).execute(typed, bound)
        # who joins two readings may not read both to their ends
        self._stack.callback(result.close)
        yield from result

    def _check_allowed(self, kind: Kind, named: Sequence[str]) -> None:
        allowed = {"sourcedId", *self._allowed.get(kind, ())}
        forbidden = (set(named) - allowed) if kind in self._allowed else {kind}
        if forbidden:
            raise ConfigurationError(
                "reads",
                f"{kind}.{sorted(forbidden)[0]} is not listed",
                "List every field that the export sends.",
            )

    def _opened(self) -> Connection:
        if self._connection is None:
            raise ValueError("the snapshot is not open")
        return self._connection


def as_text(rows: Iterable[Any], fields: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield rows `(sourcedId, value of fields[0], …)` with the time of change as `iso` writes it.

    A reader gets text alone, and the same on either database.
    """
    places = {place for place, name in enumerate(fields, start=1) if name == _MODIFIED}
    for row in rows:
        if not places:
            yield tuple(row)
        else:
            yield tuple(iso(v) if place in places else v for place, v in enumerate(row))
