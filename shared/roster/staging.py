"""Staging: what a running job has read lies here, in bulk, until it is merged or thrown away."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from shared.db.engine import Database
from shared.db.hub_tables import LINKS, STAGES, quarantine, raw, snake
from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import FIELDS, Field, Kind
from shared.errors import ContractError

#: Refused records that are kept in memory before they are written together.
REFUSALS = 500


@dataclass(frozen=True, slots=True)
class JobKey:
    """One attempt of one job, and for whom it works."""

    job_id: int
    attempt: int
    tenant_id: int
    app_id: int


class Staging:
    """Takes in what one attempt reads. Each call is a short transaction of its own.

    Attributes:
        key: the attempt.
        supplied: by kind, the fields that the app supplies; the others are left alone.
        staged: by kind, how many rows were staged, deletions among them.
        deleted: by kind, how many of those were deletions.
        refused: by kind, how many records could not be read.
    """

    def __init__(self, database: Database, key: JobKey) -> None:
        self.key = key
        self.supplied: dict[Kind, tuple[str, ...]] = {}
        self.staged: defaultdict[Kind, int] = defaultdict(int)
        self.deleted: defaultdict[Kind, int] = defaultdict(int)
        self.refused: defaultdict[Kind, int] = defaultdict(int)
        self._input = 0
        self._database = database
        self._number = count(1)
        self._linked: dict[Kind, bool] = {}
        self._refusals: list[Refused] = []
        self.discard()

    def add(self, batch: Batch) -> None:
        """Stage a batch.

        Raises:
            ContractError: it names a field that its kind has not, or other fields than the batch
                before, or a row is of another length.
        """
        fields = self._fields(batch)
        columns = ["external_id", "fingerprint", *(_column(field) for field in fields)]
        rows = list(self._rows(batch))
        with self._database.write() as connection:
            # where there are links, most rows will not have changed, and are never written again
            verdict = "unchanged" if self._has_links(connection, batch.kind) else None
            self._copy(connection, batch.kind, columns, verdict, rows)
            gone = [(external_id, "") for external_id in batch.deleted]
            self._copy(connection, batch.kind, ["external_id", "fingerprint"], "deleted", gone)
        self.staged[batch.kind] += len(rows) + len(gone)
        self.deleted[batch.kind] += len(gone)
        self._input += sum(int(row[1], 16) for row in rows)

    @property
    def input_hash(self) -> str:
        """Of all rows that were read; the order in which a vendor gives them does not count."""
        return f"{self._input % 2**128:032x}"

    def refuse(self, refused: Refused) -> None:
        """Put a record that the connector could not read into quarantine, soon."""
        self.refused[refused.kind] += 1
        self._refusals.append(refused)
        if len(self._refusals) >= REFUSALS:
            self.flush()

    def flush(self) -> None:
        """Write the refusals that are still in memory. Commits."""
        if not self._refusals:
            return
        with self._database.write() as connection:
            at = self._database.now(connection)
            connection.execute(
                insert(quarantine),
                [
                    {
                        "job_id": self.key.job_id,
                        "tenant_id": self.key.tenant_id,
                        "app_id": self.key.app_id,
                        "kind": refused.kind,
                        "external_id": _storable(refused.external_id),
                        "field": refused.field,
                        "reason": _storable(refused.reason),
                        "source": json.dumps(dict(refused.source)),
                        "found_by": "connector",
                        "at": at,
                    }
                    for refused in self._refusals
                ],
            )
        self._refusals.clear()

    def discard(self) -> None:
        """Remove all that the app's jobs have staged: an app has one running job at most."""
        with self._database.write() as connection:
            for stage in STAGES.values():
                connection.execute(delete(stage).where(stage.c.app_id == self.key.app_id))
            # an attempt that died has told of the same records
            connection.execute(delete(quarantine).where(quarantine.c.job_id == self.key.job_id))

    def _has_links(self, connection: Connection, kind: Kind) -> bool:
        if kind not in self._linked:
            link = LINKS[kind].c
            found = select(link.external_id).where(link.app_id == self.key.app_id).limit(1)
            self._linked[kind] = connection.execute(found).first() is not None
        return self._linked[kind]

    def _fields(self, batch: Batch) -> list[Field]:
        if not batch.fields and not batch.rows:
            return []  # it names what was deleted, and nothing more
        known = {field.name: field for field in FIELDS[batch.kind]}
        unknown = set(batch.fields) - set(known)
        if unknown:
            raise ContractError(f"{batch.kind} has no field {', '.join(sorted(unknown))}")
        if self.supplied.setdefault(batch.kind, batch.fields) != batch.fields:
            raise ContractError(f"{batch.kind}: the batches of one read name different fields")
        return [known[name] for name in batch.fields]

    def _rows(self, batch: Batch) -> Iterator[Sequence[Any]]:
        width = len(batch.fields) + 1
        # other fields with the same values are another source row
        seed = hashlib.blake2b("\x1f".join(batch.fields).encode(), digest_size=16)
        for row in batch.rows:
            if len(row) != width or not row[0]:
                raise ContractError(f"{batch.kind}: a row has no id, or not {width} values")
            made = fingerprint(row, seed)
            if made is None:
                self._refuse_text(batch, row)
                continue
            yield (row[0], made, *[value or None for value in row[1:]])

    def _refuse_text(self, batch: Batch, row: Row) -> None:
        names = ("sourcedId", *batch.fields)
        source = dict(zip(names, row, strict=True))
        wrong = next(name for name, value in source.items() if value and _storable(value) != value)
        reason = "it holds a character that no database can store"
        self.refuse(Refused(batch.kind, str(row[0]), wrong, reason, source))

    def _copy(
        self,
        connection: Connection,
        kind: Kind,
        columns: Sequence[str],
        verdict: str | None,
        rows: Sequence[Sequence[Any]],
    ) -> None:
        if not rows:
            return
        names = ["app_id", "job_id", "attempt", "verdict", "n", *columns]
        key = (self.key.app_id, self.key.job_id, self.key.attempt, verdict)
        numbered = ((*key, next(self._number), *row) for row in rows)
        table = STAGES[kind].name
        cursor: Any = connection.connection.cursor()
        if not self._database.is_postgresql:
            places = ", ".join("?" * len(names))
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
            cursor.executemany(statement, numbered)
            return
        with cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
            for row in numbered:
                copy.write_row(row)


def fingerprint(row: Row, seed: hashlib.blake2b) -> str | None:
    """Return 32 hex digits that change when any value of a source row changes.

    Args:
        row: the external id and the values; "" and None are one.
        seed: a hash of the fields' names.

    Returns:
        None when a value cannot be stored: NUL, or half of a surrogate pair.
    """
    told = "\x1f".join([value or "\x1e" for value in row])
    try:
        content = told.encode()
    except UnicodeEncodeError:
        return None
    if b"\x00" in content:
        return None
    made = seed.copy()
    made.update(content)
    return made.hexdigest()


def _storable(value: str) -> str:
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _column(field: Field) -> str:
    return raw(field) if field.ref is not None else snake(field.name)
