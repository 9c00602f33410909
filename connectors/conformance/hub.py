"""A hub in memory, for what a target renders: records by kind and id, with their history."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.district.model import District
from connectors.district.oneroster_files import write_oneroster
from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.sdk import ReadRequest
from shared.domain.reading import Batch
from shared.domain.records import FIELDS, Kind, field_names
from shared.domain.states import Mode
from shared.errors import ConfigurationError

#: The hub's first instant.
START = datetime(2026, 9, 1, 4, 0, 0, 123000, tzinfo=UTC)


@dataclass
class Stored:
    """One record.

    Attributes:
        values: of all its kind's fields.
        created: the tick in which it came.
        modified: the tick in which it changed last.
        is_active: whether it has not been removed.
        back: when it was last restored, or a field that it stands or falls with changed.
    """

    values: dict[str, str | None]
    created: int
    modified: int
    is_active: bool = True
    back: int = -1


@dataclass
class MemoryHub:
    """Records by kind and id; time goes in ticks of a minute. A `ChangesReader`.

    Attributes:
        now: the tick.
        not_sent: what a target has said it leaves out.
        kinds: by kind and id, the records.
        changed: by kind: when a field changed, which, and its value before.
        reads: by kind, the fields that may be read; None: all.
        terms: what masks and filter are.
    """

    now: int = 0
    not_sent: list[tuple[Kind, str]] = field(default_factory=list)
    kinds: dict[Kind, dict[str, Stored]] = field(default_factory=lambda: {k: {} for k in Kind})
    changed: dict[Kind, list[tuple[int, str, str | None]]] = field(
        default_factory=lambda: {k: [] for k in Kind}
    )
    reads: Mapping[Kind, Sequence[str]] | None = None
    terms: str = ""

    def put(self, kind: Kind, id_: str, values: Mapping[str, str | None]) -> None:
        """Add a record, or update or restore it.

        Raises:
            ConfigurationError: a field that the kind does not have.
        """
        if foreign := set(values) - set(field_names(kind)):
            raise ConfigurationError(min(foreign), f"{kind} has no such field", "Correct it.")
        full = {name: values.get(name) for name in field_names(kind)}
        known = self.kinds[kind].get(id_)
        if known is None:
            self.kinds[kind][id_] = Stored(full, self.now, self.now)
            return
        if known.is_active and known.values == full:
            return
        watched = [f.name for f in FIELDS[kind] if f.required and (f.ref or f.vocabulary)]
        if not known.is_active or any(full[name] != known.values[name] for name in watched):
            known.back = self.now
        self.changed[kind] += [
            (self.now, name, value) for name, value in known.values.items() if full[name] != value
        ]
        known.values, known.modified, known.is_active = full, self.now, True

    def remove(self, kind: Kind, id_: str) -> None:
        """Remove a record; it stays as one that is to be deleted."""
        known = self.kinds[kind][id_]
        if known.is_active:
            known.is_active, known.modified = False, self.now

    def take(self, district: District) -> None:
        """Hold a district in place of what was there."""
        there: set[tuple[Kind, str]] = set()
        for kind, id_, values in _records(district):
            there.add((kind, id_))
            self.put(kind, id_, values)
        for kind, records in self.kinds.items():
            for id_ in records:
                if (kind, id_) not in there:
                    self.remove(kind, id_)

    def rows(
        self, kind: Kind, fields: Sequence[str], order_by: Sequence[str] = ("sourcedId",)
    ) -> Iterator[tuple[str | None, ...]]:
        """Yield the active records (see `RosterReader`)."""
        self._check(kind, (*fields, *order_by))
        for id_, stored in self._ordered(kind, order_by):
            if stored.is_active:
                yield (id_, *(stored.values[name] for name in fields))

    def changes(
        self,
        kind: Kind,
        fields: Sequence[str],
        since: datetime,
        order_by: Sequence[str] = ("sourcedId",),
    ) -> Iterator[tuple[str | None, ...]]:
        """Yield the records that changed (see `ChangesReader`)."""
        self._check(kind, (*fields, *order_by))
        for id_, stored in self._ordered(kind, order_by):
            if at(stored.modified) < since:
                continue
            history = "back" if at(stored.back) >= since else None
            yield (
                id_,
                "active" if stored.is_active else "tobedeleted",
                at(stored.modified).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "new" if at(stored.created) >= since else history,
                *(stored.values[name] for name in fields),
            )

    def former(self, kind: Kind, field: str, since: datetime) -> Iterator[str]:
        """Yield what a reference named before (see `ChangesReader`)."""
        for tick, name, value in self.changed[kind]:
            if name == field and value is not None and at(tick) >= since:
                yield value

    def leave_out(self, kind: Kind, sourced_id: str) -> None:
        """Note that nothing of a record is sent."""
        self.not_sent.append((kind, sourced_id))

    def latest(self) -> datetime | None:
        """Return when the hub changed last."""
        found = [stored.modified for kind in self.kinds.values() for stored in kind.values()]
        return at(max(found)) if found else None

    def _check(self, kind: Kind, fields: Sequence[str]) -> None:
        if self.reads is None:
            return
        allowed = {"sourcedId", *self.reads.get(kind, ())}
        if foreign := [name for name in fields if name not in allowed]:
            told = f"{kind}.{foreign[0]} is read, which the target's `reads` does not list"
            raise ConfigurationError("reads", told, "List it, or leave it.")

    def _ordered(self, kind: Kind, order_by: Sequence[str]) -> list[tuple[str, Stored]]:
        def key(item: tuple[str, Stored]) -> list[str]:
            values = {**item[1].values, "sourcedId": item[0]}
            return [values[name] or "" for name in (*order_by, "sourcedId")]

        return sorted(self.kinds[kind].items(), key=key)


def at(tick: int) -> datetime:
    """Return the instant of a tick."""
    return START + timedelta(minutes=tick)


def hub_of(district: District, *, is_turned: bool = False) -> MemoryHub:
    """Return a hub that holds a district.

    Args:
        district: what it holds.
        is_turned: whether its records came in the other order, which must make no difference.
    """
    hub = MemoryHub()
    records = list(_records(district))
    for kind, id_, values in reversed(records) if is_turned else records:
        hub.put(kind, id_, values)
    return hub


def _records(district: District) -> Iterator[tuple[Kind, str, dict[str, str | None]]]:
    """Yield a district's records as the hub has them once a OneRoster set was imported."""
    with tempfile.TemporaryDirectory(prefix="bellringer-") as folder:
        path = Path(folder) / "set.zip"
        write_oneroster(district, path)
        source = OneRosterCsv(OneRosterCsvConfig(path=path, quiet_s=0))
        for item in source.read(ReadRequest(Mode.FULL)):
            if isinstance(item, Batch):
                for row in item.rows:
                    values = (value or None for value in row[1:])
                    yield item.kind, str(row[0]), dict(zip(item.fields, values, strict=True))
