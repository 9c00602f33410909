"""SQL for one attempt of a job: what every statement needs is bound, the two databases' words told.

A statement is made of the tables' own names and never of values.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Row, text

from shared.db.engine import Database
from shared.domain.records import Kind
from shared.roster.attempt import JobKey

#: The staged rows of the attempt.
HERE = "s.job_id = :job AND s.attempt = :attempt"
#: Those of them that are still to be merged.
OPEN = f"{HERE} AND s.verdict IS NULL"

#: From so many staged rows on, PostgreSQL must join by hash or merge. Its statistics cannot know
#: what a job has staged a moment ago, and a nested loop in their place takes hours. `ANALYZE`
#: would hold its lock until the commit, and make the jobs of all tenants wait for each other.
LARGE = 500
#: Rows that are held at a time of those that are streamed.
PAGE = 2000


@dataclass(frozen=True, slots=True)
class Statements:
    """Runs SQL for one attempt.

    Attributes:
        connection: the transaction.
        key: the attempt.
        at: the time of every change.
        is_postgresql: which of the two databases it is.
        known: kinds of which rows that have not changed were not staged; see `shared.roster.shown`.
    """

    connection: Connection
    key: JobKey
    at: datetime
    is_postgresql: bool
    known: Collection[Kind] = ()

    def run(self, sql: str, **values: object) -> int:
        """Run one statement; returns the rows it touched."""
        return self._execute(sql, values).rowcount

    def value(self, sql: str, **values: object) -> int:
        """Run one query that gives one number."""
        return int(self._execute(sql, values).scalar_one())

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        """Run one query; returns its rows, of which there must be few."""
        return [tuple(row) for row in self._execute(sql, values)]

    def stream(self, sql: str, **values: object) -> Iterator[Row[Any]]:
        """Run one query; yields its rows, of which there may be many, some at a time.

        Run nothing else before the last of them, but on a connection that streams.
        """
        return iter(self._execute(sql, values, stream_results=True, yield_per=PAGE))

    @property
    def row_id(self) -> str:
        """The column by which a table's row finds itself again within one statement."""
        return "ctid" if self.is_postgresql else "rowid"

    def instant(self) -> str:
        """Return an expression for the time of the change."""
        return "CAST(:at AS timestamptz)" if self.is_postgresql else ":at"

    def moment(self, at: datetime) -> str:
        """Return an expression for an instant."""
        if self.is_postgresql:
            return f"CAST('{at.isoformat()}' AS timestamptz)"
        return f"'{at.replace(tzinfo=None).isoformat(' ')}'"

    def domain_of(self, column: str) -> str:
        """Return an expression for the domain of an e-mail address, in lower case."""
        if self.is_postgresql:
            return f"lower(split_part({column}, '@', 2))"
        # without a sign in it, all of it would be one
        return (
            f"CASE WHEN instr({column}, '@') > 0"
            f" THEN lower(substr({column}, instr({column}, '@') + 1)) ELSE '' END"
        )

    def is_no_date(self, column: str) -> str:
        """Return a condition: text is no day of the calendar in the form `YYYY-MM-DD`."""
        if not self.is_postgresql:
            # it takes any day up to the 31st as it is, until it has to reckon with it
            day = f"coalesce(date({column}, '+0 days'), '')"
            return f"({day} <> {column} OR {column} < '0001')"
        shape = "'^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'"
        year, month, day = (
            f"CAST(substr({column}, {start}, {length}) AS integer)"
            for start, length in ((1, 4), (6, 2), (9, 2))
        )
        # how many days a month has, without a cast that would end the statement
        last = f"make_date({year}, {month}, 1) + interval '1 month' - interval '1 day'"
        return f"(CASE WHEN {column} ~ {shape} THEN {day} > date_part('day', {last}) ELSE true END)"

    def json(self, pairs: Mapping[str, str]) -> str:
        """Return an expression that makes JSON text of name → SQL expression."""
        listed = ", ".join(f"'{name}', {expression}" for name, expression in pairs.items())
        make = "json_build_object" if self.is_postgresql else "json_object"
        return f"CAST({make}({listed}) AS text)"

    def json_where(self, rows: Sequence[tuple[str, str, str]]) -> str:
        """Return an expression that makes JSON text of (name, expression, condition) that hold."""
        listed = " UNION ALL ".join(
            f"SELECT '{name}' AS k, {expression} AS v WHERE {condition}"
            for name, expression, condition in rows
        )
        make = "json_object_agg" if self.is_postgresql else "json_group_object"
        return f"(SELECT CAST({make}(k, v) AS text) FROM ({listed}) AS c)"

    def new_id(self, row: str) -> str:
        """Return an expression for a new sourcedId: a UUID version 7 that rises with the row.

        Rising ids land at the end of every index, where random ones would touch all of it; the
        statement's own chance and the row's number make them unique.
        """
        told = f"{int(self.at.timestamp() * 1000):012x}"
        place = (
            f"to_hex(268435456 + {row}.n)"
            if self.is_postgresql
            else (f"printf('%x', 268435456 + {row}.n)")
        )
        # of the eight digits three stand before the variant, and five behind it
        return (
            f"'{told[:8]}-{told[8:]}-7' || substr({place}, 1, 3) || '-8' || substr({place}, 4, 3)"
            f" || '-' || substr({place}, 7, 2) || '{secrets.token_hex(5)}'"
        )

    def elements(self, column: str) -> str:
        """Return a table expression `e` with the column `value`: the elements of a JSON array."""
        return elements(column, is_postgresql=self.is_postgresql)

    def gathered(self, column: str) -> str:
        """Return an aggregate: a column's values as JSON, for `sorted_array`."""
        return f"jsonb_agg({column})" if self.is_postgresql else f"json_group_array({column})"

    def sorted_array(self, column: str) -> str:
        """Return an expression: a gathered column as `records.encode_list` would write it."""
        distinct = f"SELECT DISTINCT e.value AS v FROM {self.elements(column)} ORDER BY v"
        return f"(SELECT '[' || {self._joined()} || ']' FROM ({distinct}) AS o)"

    def merged_elements(self, base: str, ours: str, theirs: str) -> str:
        """Return an expression that says what `shared.domain.merge.merge_elements` says."""
        before, mine, other = (
            "SELECT e.value FROM " + self.elements(f"coalesce({column}, '[]')")
            for column in (base, ours, theirs)
        )
        kept = (
            f"SELECT u.value AS v FROM ({mine} UNION {other}) AS u"
            f" WHERE (u.value IN ({mine}) AND u.value IN ({other}))"
            f" OR u.value NOT IN ({before}) ORDER BY 1"
        )
        return (
            f"(SELECT CASE WHEN count(*) > 0 THEN '[' || {self._joined()} || ']' END"
            f" FROM ({kept}) AS o)"
        )

    def _joined(self) -> str:
        """Return an aggregate: the texts `v` as the elements of a JSON array, sorted."""
        if self.is_postgresql:
            return "string_agg(CAST(to_json(v) AS text), ',' ORDER BY v COLLATE \"C\")"
        return "group_concat(json_quote(v), ',')"

    def _execute(self, sql: str, values: Mapping[str, object], **options: Any) -> CursorResult[Any]:
        bound = {
            "app": self.key.app_id,
            "job": self.key.job_id,
            "attempt": self.key.attempt,
            "tenant": self.key.tenant_id,
            "at": self.at if self.is_postgresql else self.at.replace(tzinfo=None).isoformat(" "),
            **values,
        }
        statement = text(sql)
        names = set(statement.compile().params)
        return self.connection.execute(
            statement,
            {name: value for name, value in bound.items() if name in names},
            execution_options=options,
        )


def elements(column: str, *, is_postgresql: bool) -> str:
    """Return a table expression `e` with the column `value`: the elements of a JSON array."""
    if is_postgresql:
        return f"jsonb_array_elements_text(CAST({column} AS jsonb)) AS e(value)"
    return f"json_each({column}) AS e"


def statements(
    connection: Connection,
    database: Database,
    key: JobKey,
    rows: int,
    known: Collection[Kind] = (),
) -> Statements:
    """Return the runner of an attempt's SQL in a transaction.

    Args:
        connection: the transaction.
        database: whose it is.
        key: the attempt.
        rows: how many it has staged.
        known: kinds of which rows that have not changed were not staged.
    """
    if database.is_postgresql:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        if rows > LARGE:
            connection.exec_driver_sql("SET LOCAL enable_nestloop = off")
            connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
            # it would compile for seconds what runs for tenths of one
            connection.exec_driver_sql("SET LOCAL jit = off")
    return Statements(connection, key, database.now(connection), database.is_postgresql, known)
