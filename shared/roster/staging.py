"""Staging: what a running job has read lies here, in bulk, until it is merged or thrown away."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from shared.db.engine import Database
from shared.db.hub_tables import (
    LINKS,
    STAGES,
    quarantine,
    raw,
    snake,
    stage_absences,
    stage_unseen,
)
from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import FIELDS, Field, Kind
from shared.errors import ContractError
from shared.roster.attempt import JobKey
from shared.roster.known import InputHash, LinkedRows
from shared.roster.lines import are_storable, fingerprints_of, is_storable, lines_of, storable
from shared.roster.mapping import Mapper
from shared.roster.rules import AppRules, load_rules
from shared.roster.statements import Statements

#: Refused records that are kept in memory before they are written together.
REFUSALS = 500
#: Stands for that of a row that only says "deleted".
_NO_FINGERPRINT = "-"

#: A row on its way: its fingerprint, its values, and both as a line of COPY (values alone).
_Staged = tuple[str, Row, str]


class Staging:
    """Takes in what one attempt reads. Each call is a short transaction of its own.

    Raises:
        ConfigurationError: a rule of the app cannot be followed.

    Attributes:
        key: the attempt.
        rules: of the app, by which records are mapped while they are staged.
        supplied: by kind, the fields that the app supplies; the others are left alone.
        staged: by kind, how many rows were staged, deletions among them.
        deleted: by kind, how many of those were deletions.
        refused: by kind, how many records could not be read.
        known: by kind, what knows the rows again that have not changed and were not staged.
    """

    def __init__(self, database: Database, key: JobKey) -> None:
        self.key = key
        self.supplied: dict[Kind, tuple[str, ...]] = {}
        self.staged: defaultdict[Kind, int] = defaultdict(int)
        self.deleted: defaultdict[Kind, int] = defaultdict(int)
        self.refused: defaultdict[Kind, int] = defaultdict(int)
        self.known: dict[Kind, LinkedRows] = {}
        self._input = InputHash()
        self._database = database
        self._number = count(1)
        self._linked: dict[Kind, bool] = {}
        self._refusals: list[Refused] = []
        with database.read() as connection:
            self.rules, _ = load_rules(connection, key.app_id)
        self._ignored = {kind: self.rules.ignored(kind) for kind in Kind}
        self._mapper = Mapper(self.rules.attributes) if self.rules.attributes else None
        self._reading_rules = _reading_rules(self.rules)
        self.discard()

    def add(self, batch: Batch) -> None:
        """Stage a batch.

        Raises:
            ContractError: it names a field that its kind has not, or other fields than the batch
                before, or a row is of another length.
        """
        if self._mapper is not None:
            batch, refused = self._mapper.map(batch)
            for one in refused:
                self.refuse(one)
        fields = self._fields(batch)
        columns = ["fingerprint", "external_id", *(_column(field) for field in fields)]
        rows = self._rows(batch)
        ids: list[Row] = [(storable(id_),) for id_ in batch.deleted]
        gone = [(_NO_FINGERPRINT, *both) for both in zip(ids, lines_of(ids), strict=True)]
        with self._database.write() as connection:
            # where there are links, most rows will not have changed, and are never written again
            verdict = "unchanged" if self._has_links(connection, batch.kind) else None
            self._write(connection, batch.kind, columns, verdict, rows)
            self._write(connection, batch.kind, columns[:2], "deleted", gone)
        self.staged[batch.kind] += len(rows) + len(gone)
        self.deleted[batch.kind] += len(gone)
        if batch.fingerprints is None:
            self._input.add(bytes.fromhex("".join([made for made, _, _ in rows])))

    def rows_of(self, kind: Kind, fields: tuple[str, ...], form: bytes) -> LinkedRows | None:
        """Return what knows the rows of a kind; see `shared.domain.reading.Known`.

        None where what a row means does not hang on the row alone: values are made by the app's
        rules, its filter looks from one record to others, or the orgs are mapped to schools.
        """
        if self._mapper is not None or not self.rules.filters.is_empty or kind is Kind.ORGS:
            return None
        seed = self._seed(kind, fields).encode() + b"\x1e" + form
        self.known[kind] = LinkedRows(self._database, self.key, kind, seed, self._input)
        return self.known[kind]

    def rows(self, kind: Kind) -> int:
        """Return how many rows of a kind were read, staged or known, without deletions."""
        known = self.known[kind].rows if kind in self.known else 0
        return self.staged[kind] - self.deleted[kind] + known

    @property
    def read(self) -> int:
        """How many rows were read until now."""
        return sum(self.staged.values()) + sum(rows.rows for rows in self.known.values())

    @property
    def input_hash(self) -> str:
        """Of all rows that were read; the order in which a vendor gives them does not count."""
        return self._input.hexdigest()

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
                        "external_id": storable(refused.external_id),
                        "field": refused.field,
                        "reason": storable(refused.reason),
                        "source": json.dumps(dict(refused.source)),
                        "found_by": "connector",
                        "at": at,
                    }
                    for refused in self._refusals
                ],
            )
        self._refusals.clear()

    def note_unseen(self, run: Statements) -> dict[Kind, int]:
        """Write the links that no known row has shown into staging; returns how many, by kind."""
        return {kind: rows.note_unseen(run) for kind, rows in self.known.items()}

    def discard(self) -> None:
        """Remove all that the app's jobs have staged: an app has one running job at most."""
        with self._database.write() as connection:
            for stage in (*STAGES.values(), stage_absences, stage_unseen):
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

    def _rows(self, batch: Batch) -> list[_Staged]:
        width = len(batch.fields) + 1
        rows = batch.rows
        if not rows:
            return []
        if not all(row[0] and len(row) == width for row in rows):
            raise ContractError(f"{batch.kind}: a row has no id, or not {width} values")
        ignored = self._ignored[batch.kind]
        kept = [name for name in batch.fields if name not in ignored]
        if len(kept) < len(batch.fields):
            dropped = {place for place, name in enumerate(batch.fields, 1) if name in ignored}
            rows = [
                tuple(None if place in dropped else value for place, value in enumerate(row))
                for row in rows
            ]
        lines = lines_of(rows)
        if batch.fingerprints is None:
            seed = hashlib.blake2b(self._seed(batch.kind, batch.fields).encode(), digest_size=16)
            fingerprints: Sequence[str] = fingerprints_of(lines, seed)
        elif len(batch.fingerprints) == len(rows):
            fingerprints = batch.fingerprints
        else:
            told = f"{len(batch.fingerprints)} fingerprints for {len(rows)} rows"
            raise ContractError(f"{batch.kind}: {told}")
        staged = list(zip(fingerprints, rows, lines, strict=True))
        if not are_storable(lines):
            for row, line in zip(rows, lines, strict=True):
                if not is_storable(line):
                    self._refuse_text(batch, row)
            staged = [one for one in staged if is_storable(one[2])]
        return staged

    def _seed(self, kind: Kind, fields: Sequence[str]) -> str:
        """Return what gives a row its meaning besides its values.

        Other fields with the same values are another source row, and so are fewer: what is ignored
        no longer is to be taken with the next read. Who has become the owner of a field is right in
        rows too that have stood still.
        """
        told = [name for name in fields if name not in self._ignored[kind]]
        if self._reading_rules:
            told.append(self._reading_rules)
        return "\x1f".join([*told, *(f"{name} owned" for name in sorted(self.rules.owned(kind)))])

    def _refuse_text(self, batch: Batch, row: Row) -> None:
        names = ("sourcedId", *batch.fields)
        source = dict(zip(names, row, strict=True))
        wrong = next(name for name, value in source.items() if value and storable(value) != value)
        reason = "it holds a character that no database can store"
        self.refuse(Refused(batch.kind, str(row[0]), wrong, reason, source))

    def _write(
        self,
        connection: Connection,
        kind: Kind,
        columns: Sequence[str],
        verdict: str | None,
        rows: Sequence[_Staged],
    ) -> None:
        if not rows:
            return
        names = ["app_id", "job_id", "attempt", "verdict", "n", *columns]
        key = (self.key.app_id, self.key.job_id, self.key.attempt, verdict)
        table = STAGES[kind].name
        cursor: Any = connection.connection.cursor()
        if not self._database.is_postgresql:
            places = ", ".join("?" * len(names))
            cursor.executemany(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})",
                (
                    (*key, next(self._number), made, *[value or None for value in row])
                    for made, row, _ in rows
                ),
            )
            return
        start = "\t".join([str(value or "") for value in key])
        text = "\n".join(
            [f"{start}\t{next(self._number)}\t{made}\t{line}" for made, _, line in rows]
        )
        statement = f"COPY {table} ({', '.join(names)}) FROM STDIN (NULL '')"
        with cursor, cursor.copy(statement) as copy:
            copy.write(text + "\n")


def _reading_rules(rules: AppRules) -> str:
    """Return the rules by which a row means something else though it is the same; "": none.

    When they change every row is looked at once more, for what it refers to may have changed.
    """
    asked = rules.model_dump(mode="json", include={"schools", "filters"})
    if not rules.schools and rules.filters.is_empty:
        return ""
    for name, values in asked["filters"].items():
        asked["filters"][name] = sorted(values)
    return json.dumps(asked, sort_keys=True)


def _column(field: Field) -> str:
    return raw(field) if field.ref is not None else snake(field.name)
