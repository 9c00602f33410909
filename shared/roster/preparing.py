"""Staged rows are prepared for the merge: checked, known again, their references resolved.

Works in sets, kind by kind in dependency order, and writes to staging and quarantine alone, so it
can be done again. A row whose source has not changed since it was last taken in is done with at
once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from shared.db.hub_tables import HUB, LINKS, STAGES, raw, snake
from shared.domain.records import FIELDS, Field, Kind
from shared.roster.identity import KEYS
from shared.roster.staging import JobKey

#: Kinds of which several external ids of one app may mean one record: each school of a student
#: system has a first semester of its own.
SHARED_KINDS = frozenset({Kind.ACADEMIC_SESSIONS})


@dataclass(frozen=True, slots=True)
class Statements:
    """Runs SQL for one attempt, with what every statement needs bound."""

    connection: Connection
    key: JobKey
    at: datetime
    is_postgresql: bool

    def run(self, sql: str, **values: object) -> int:
        """Run one statement; returns the rows it touched."""
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
            statement, {name: value for name, value in bound.items() if name in names}
        ).rowcount

    def value(self, sql: str) -> int:
        """Run one query that gives one number."""
        bound = {
            "app": self.key.app_id,
            "job": self.key.job_id,
            "attempt": self.key.attempt,
            "tenant": self.key.tenant_id,
        }
        statement = text(sql)
        names = set(statement.compile().params)
        found = self.connection.execute(
            statement, {name: value for name, value in bound.items() if name in names}
        )
        return int(found.scalar_one())

    def instant(self) -> str:
        """Return an expression for the time of the change."""
        return "CAST(:at AS timestamptz)" if self.is_postgresql else ":at"

    def json(self, pairs: Mapping[str, str]) -> str:
        """Return an expression that makes JSON text of name → SQL expression."""
        listed = ", ".join(f"'{name}', {expression}" for name, expression in pairs.items())
        make = "json_build_object" if self.is_postgresql else "json_object"
        return f"CAST({make}({listed}) AS text)"

    def new_id(self) -> str:
        """Return an expression that makes a new sourcedId."""
        if self.is_postgresql:
            return "CAST(gen_random_uuid() AS text)"
        return "lower(hex(randomblob(16)))"

    def elements(self, column: str) -> str:
        """Return a table expression `e` with the column `value`: the elements of a JSON array."""
        if self.is_postgresql:
            return f"jsonb_array_elements_text(CAST({column} AS jsonb)) AS e(value)"
        return f"json_each({column}) AS e"


#: The rows of the attempt that still count.
OPEN = "s.job_id = :job AND s.attempt = :attempt AND s.verdict IS NULL"


def prepare(run: Statements, supplied: Mapping[Kind, Sequence[str]]) -> None:
    """Prepare every kind that was read.

    Args:
        run: for the attempt.
        supplied: by kind, the fields that the app supplies.
    """
    for kind in Kind:
        if kind in supplied:
            fields = [field for field in FIELDS[kind] if field.name in supplied[kind]]
            _reset(run, kind)
            _know_again(run, kind)
            _repeated(run, kind)
            _check_values(run, kind, fields)
            _resolve(run, kind, [f for f in fields if f.ref is not None and f.ref is not kind])
            _match(run, kind, supplied[kind])
            _make_new(run, kind)
            _resolve(run, kind, [field for field in fields if field.ref is kind])


def _reset(run: Statements, kind: Kind) -> None:
    run.run(
        f"UPDATE {STAGES[kind].name} AS s SET verdict = NULL, sourced_id = NULL, is_new = NULL"
        " WHERE s.job_id = :job AND s.attempt = :attempt"
        " AND coalesce(s.verdict, '') NOT IN ('deleted')"
    )
    run.run(
        "DELETE FROM quarantine WHERE job_id = :job AND kind = :kind AND source IS NULL",
        kind=kind,
    )


def _know_again(run: Statements, kind: Kind) -> None:
    """Take the hub's id from the link; a row that has not changed is done with."""
    link = LINKS[kind].name
    run.run(
        f"UPDATE {STAGES[kind].name} AS s SET sourced_id = l.sourced_id,"
        " verdict = CASE WHEN l.fingerprint = s.fingerprint AND l.ended_at IS NULL"
        f" THEN 'unchanged' END FROM {link} AS l"
        f" WHERE {OPEN} AND l.app_id = :app AND l.external_id = s.external_id"
    )


def _repeated(run: Statements, kind: Kind) -> None:
    """Count identical repeats of a row once; refuse an id that comes with different values."""
    stage = STAGES[kind].name
    twins = (
        f"FROM {stage} AS o WHERE o.job_id = s.job_id AND o.attempt = s.attempt"
        " AND o.external_id = s.external_id AND o.n <> s.n"
        " AND coalesce(o.verdict, '') NOT IN ('deleted', 'repeated')"
    )
    some = (
        f"s.external_id IN (SELECT external_id FROM {stage} WHERE job_id = :job"
        " AND attempt = :attempt AND coalesce(verdict, '') <> 'deleted'"
        " GROUP BY external_id HAVING count(*) > 1)"
    )
    here = "s.job_id = :job AND s.attempt = :attempt"
    run.run(
        f"UPDATE {stage} AS s SET verdict = 'repeated' WHERE {here} AND {some}"
        f" AND EXISTS (SELECT 1 {twins} AND o.fingerprint = s.fingerprint AND o.n < s.n)"
    )
    clash = (
        f"{here} AND coalesce(s.verdict, '') IN ('', 'unchanged') AND {some}"
        f" AND EXISTS (SELECT 1 {twins} AND o.fingerprint <> s.fingerprint)"
    )
    _refuse(run, kind, clash, "sourcedId", "'the id comes more than once with different values'")


def _check_values(run: Statements, kind: Kind, fields: Sequence[Field]) -> None:
    for field in fields:
        column = raw(field) if field.ref is not None else snake(field.name)
        if field.required:
            _refuse(run, kind, f"{OPEN} AND s.{column} IS NULL", field.name, "'it is missing'")
        if field.vocabulary:
            allowed = ", ".join(f"'{word}'" for word in sorted(field.vocabulary))
            told = allowed.replace("'", "")
            _refuse(
                run,
                kind,
                f"{OPEN} AND s.{column} NOT IN ({allowed})",
                field.name,
                f"'it is not one of {told}'",
            )


def _resolve(run: Statements, kind: Kind, fields: Sequence[Field]) -> None:
    """Turn the app's ids into hub ids; what names nobody is refused, or left out if optional."""
    stage = STAGES[kind].name
    for field in fields:
        column, given = snake(field.name), raw(field)
        if field.many:
            found = _many(run, field)
            missing = (
                f"EXISTS (SELECT 1 FROM {run.elements(f's.{given}')}"
                f" WHERE {_known(field, 'e.value')} IS NULL)"
            )
        else:
            found = _known(field, f"s.{given}")
            missing = f"s.{column} IS NULL"
        given_one = f"{OPEN} AND s.{given} IS NOT NULL"
        run.run(f"UPDATE {stage} AS s SET {column} = {found} WHERE {given_one}")
        dangling = f"{given_one} AND ({missing})"
        reason = f"'it names no record of {field.ref} that was read or is known: ' || s.{given}"
        if field.required:
            _refuse(run, kind, dangling, field.name, reason)
        elif _tell(run, kind, dangling, field.name, reason + " || '; it was left out'"):
            # looked at again in the next read, though the source will not have changed
            run.run(f"UPDATE {stage} AS s SET fingerprint = fingerprint || '*' WHERE {dangling}")


def _known(field: Field, given: str) -> str:
    """Return an expression for the hub id that one of the app's ids means, NULL: nobody."""
    if field.ref is None:
        raise ValueError(f"{field.name} is no reference")
    stage, link = STAGES[field.ref].name, LINKS[field.ref].name
    return (
        f"coalesce((SELECT t.sourced_id FROM {stage} AS t WHERE t.job_id = :job"
        f" AND t.attempt = :attempt AND t.external_id = {given}"
        " AND coalesce(t.verdict, 'unchanged') = 'unchanged' LIMIT 1),"
        f" (SELECT k.sourced_id FROM {link} AS k WHERE k.app_id = :app"
        f" AND k.external_id = {given} AND k.ended_at IS NULL))"
    )


def _many(run: Statements, field: Field) -> str:
    """Return an expression for a set of references as sorted JSON; NULL: none is known."""
    known = (
        f"SELECT DISTINCT {_known(field, 'e.value')} AS id FROM {run.elements(f's.{raw(field)}')}"
    )
    joined = (
        "string_agg('\"' || id || '\"', ',' ORDER BY id COLLATE \"C\")"
        if run.is_postgresql
        else "group_concat('\"' || id || '\"', ',')"
    )
    return (
        f"(SELECT '[' || {joined} || ']' FROM (SELECT id FROM ({known}) AS k"
        " WHERE id IS NOT NULL ORDER BY id) AS o)"
    )


def _match(run: Statements, kind: Kind, supplied: Sequence[str]) -> None:
    """Find records of the hub that rows without a link mean, by the kind's key."""
    if not set(KEYS[kind]) <= set(supplied):
        return
    stage, hub, link = STAGES[kind].name, HUB[kind].name, LINKS[kind].name
    columns = [snake(name) for name in KEYS[kind]]
    same = " AND ".join(f"h.{column} = s.{column}" for column in columns)
    taken = (
        ""
        if kind in SHARED_KINDS
        else f" AND NOT EXISTS (SELECT 1 FROM {link} AS k WHERE k.sourced_id = h.sourced_id"
        " AND k.app_id = :app AND k.ended_at IS NULL)"
    )
    candidates = (
        f"FROM {hub} AS h WHERE h.tenant_id = :tenant AND h.status = 'active' AND {same}{taken}"
    )
    run.run(
        f"UPDATE {stage} AS s SET sourced_id = (SELECT CASE WHEN count(*) = 1"
        f" THEN min(h.sourced_id) END {candidates}) WHERE {OPEN} AND s.sourced_id IS NULL"
    )
    if kind not in SHARED_KINDS:
        _match_once(run, stage, link)


def _match_once(run: Statements, stage: str, link: str) -> None:
    """Let the first of several rows that match one record keep it; the others become new."""
    run.run(
        f"UPDATE {stage} AS s SET sourced_id = NULL WHERE {OPEN} AND s.sourced_id IS NOT NULL"
        f" AND NOT EXISTS (SELECT 1 FROM {link} AS k WHERE k.app_id = :app"
        " AND k.external_id = s.external_id)"
        f" AND s.sourced_id IN (SELECT o.sourced_id FROM {stage} AS o WHERE o.job_id = :job"
        " AND o.attempt = :attempt AND o.sourced_id IS NOT NULL AND o.verdict IS NULL"
        " GROUP BY o.sourced_id HAVING count(*) > 1)"
        f" AND EXISTS (SELECT 1 FROM {stage} AS o WHERE o.job_id = s.job_id"
        " AND o.attempt = s.attempt AND o.verdict IS NULL AND o.sourced_id = s.sourced_id"
        " AND o.n < s.n)"
    )


def _make_new(run: Statements, kind: Kind) -> None:
    run.run(
        f"UPDATE {STAGES[kind].name} AS s SET sourced_id = {run.new_id()}, is_new = 1"
        f" WHERE {OPEN} AND s.sourced_id IS NULL"
    )


def _refuse(run: Statements, kind: Kind, where: str, field: str, reason: str) -> None:
    """Put rows into quarantine and out of the merge; the last good version stays."""
    if _tell(run, kind, where, field, reason):
        run.run(f"UPDATE {STAGES[kind].name} AS s SET verdict = 'quarantined' WHERE {where}")


def _tell(run: Statements, kind: Kind, where: str, field: str, reason: str) -> int:
    return run.run(
        "INSERT INTO quarantine (job_id, tenant_id, app_id, kind, external_id, field, reason, at)"
        " SELECT DISTINCT :job, :tenant, :app, CAST(:kind AS text), s.external_id,"
        f" CAST(:field AS text), {reason}, {run.instant()}"
        f" FROM {STAGES[kind].name} AS s WHERE {where}",
        kind=kind,
        field=field,
    )


def kinds_of(supplied: Mapping[Kind, Sequence[str]]) -> Iterator[Kind]:
    """Yield the kinds that were read, in dependency order."""
    return (kind for kind in Kind if kind in supplied)
