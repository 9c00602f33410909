"""Staging: what a running job has read lies here, in bulk, until it is merged or thrown away."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import Connection, delete, insert

from shared.db.engine import Database
from shared.db.hub_tables import STAGES, quarantine, raw, snake
from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import FIELDS, Field, Kind
from shared.errors import ContractError


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
    """

    def __init__(self, database: Database, key: JobKey) -> None:
        self.key = key
        self.supplied: dict[Kind, tuple[str, ...]] = {}
        self.staged: defaultdict[Kind, int] = defaultdict(int)
        self.refused: defaultdict[Kind, int] = defaultdict(int)
        self._database = database
        self._number = count(1)
        self.discard()

    def add(self, batch: Batch) -> None:
        """Stage a batch.

        Raises:
            ContractError: it names a field that its kind has not, or other fields than the batch
                before, or a row is of another length.
        """
        fields = self._fields(batch)
        columns = ["external_id", "fingerprint", *(_column(field) for field in fields)]
        with self._database.write() as connection:
            self._copy(connection, batch.kind, columns, self._rows(batch))
            if batch.deleted:
                gone = ((external_id, "", "deleted") for external_id in batch.deleted)
                self._copy(connection, batch.kind, ["external_id", "fingerprint", "verdict"], gone)
        self.staged[batch.kind] += len(batch.rows) + len(batch.deleted)

    def refuse(self, refused: Refused) -> None:
        """Put a record that the connector could not read into quarantine."""
        self.refused[refused.kind] += 1
        with self._database.write() as connection:
            connection.execute(
                insert(quarantine).values(
                    job_id=self.key.job_id,
                    tenant_id=self.key.tenant_id,
                    app_id=self.key.app_id,
                    kind=refused.kind,
                    external_id=refused.external_id,
                    field=refused.field,
                    reason=refused.reason,
                    source=json.dumps(dict(refused.source), ensure_ascii=False),
                    at=self._database.now(connection),
                )
            )

    def discard(self) -> None:
        """Remove all that the app's jobs have staged: an app has one running job at most."""
        with self._database.write() as connection:
            for stage in STAGES.values():
                connection.execute(delete(stage).where(stage.c.app_id == self.key.app_id))

    def _fields(self, batch: Batch) -> list[Field]:
        known = {field.name: field for field in FIELDS[batch.kind]}
        unknown = set(batch.fields) - set(known)
        if unknown:
            raise ContractError(f"{batch.kind} has no field {', '.join(sorted(unknown))}")
        if self.supplied.setdefault(batch.kind, batch.fields) != batch.fields:
            raise ContractError(f"{batch.kind}: the batches of one read name different fields")
        return [known[name] for name in batch.fields]

    def _rows(self, batch: Batch) -> Iterable[Sequence[Any]]:
        width = len(batch.fields) + 1
        for row in batch.rows:
            if len(row) != width or not row[0]:
                raise ContractError(f"{batch.kind}: a row has no id, or not {width} values")
            yield (row[0], fingerprint(row), *(value or None for value in row[1:]))

    def _copy(
        self,
        connection: Connection,
        kind: Kind,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
    ) -> None:
        key = (self.key.app_id, self.key.job_id, self.key.attempt)
        names = ["app_id", "job_id", "attempt", "n", *columns]
        numbered = ((*key, next(self._number), *row) for row in rows)
        if not self._database.is_postgresql:
            made = [dict(zip(names, row, strict=True)) for row in numbered]
            if made:
                connection.execute(insert(STAGES[kind]), made)
            return
        statement = f"COPY {STAGES[kind].name} ({', '.join(names)}) FROM STDIN"
        cursor: Any = connection.connection.cursor()
        with cursor, cursor.copy(statement) as copy:
            for row in numbered:
                copy.write_row(row)


def fingerprint(row: Row) -> str:
    """Return 32 hex digits that change when any value of a source row changes."""
    told = "\x1f".join("\x00" if value is None else value for value in row[1:])
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _column(field: Field) -> str:
    return raw(field) if field.ref is not None else snake(field.name)
