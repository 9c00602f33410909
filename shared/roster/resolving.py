"""References become hub ids, rows without a link are matched, and the rest gets new ids.

One statement a kind does it, by joins: a lookup a row would cost many times as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.db.hub_tables import HUB, LINKS, STAGES, raw, snake
from shared.domain.records import Field, Kind
from shared.roster.identity import KEYS
from shared.roster.quarantine import refuse, tell
from shared.roster.statements import OPEN, Statements

#: Kinds of which several external ids of one app may mean one record: each school of a student
#: system has a first semester of its own.
SHARED_KINDS = frozenset({Kind.ACADEMIC_SESSIONS})


@dataclass(frozen=True, slots=True)
class _Reference:
    """How one reference is resolved: a join, and an expression for the hub's id or ids."""

    field: Field
    join: str
    found: str


def resolve(run: Statements, kind: Kind, fields: Sequence[Field]) -> None:
    """Resolve, match and number the open rows of a kind.

    Args:
        run: for the attempt.
        kind: the kinds before it are resolved already.
        fields: that the app supplies.
    """
    others = [field for field in fields if field.ref is not None and field.ref is not kind]
    itself = [field for field in fields if field.ref is kind]
    _identify(run, kind, fields, others)
    _dangling(run, kind, others)
    if kind not in SHARED_KINDS:
        _match_once(run, kind)
    if itself:
        _resolve_itself(run, kind, itself)
        _dangling(run, kind, itself)


def _ids(kind: Kind) -> str:
    """Return a query for (external id, hub id) of what was read and taken in, or is linked."""
    return (
        f"SELECT s.external_id, s.sourced_id FROM {STAGES[kind].name} AS s WHERE {OPEN}"
        f" AND s.sourced_id IS NOT NULL"
        f" UNION SELECT external_id, sourced_id FROM {LINKS[kind].name}"
        " WHERE app_id = :app AND ended_at IS NULL"
    )


def _reference(run: Statements, kind: Kind, field: Field, number: int) -> _Reference:
    if field.ref is None:
        raise ValueError(f"{field.name} is no reference")
    name, given = f"r{number}", f"x.{raw(field)}"
    if not field.many:
        join = f"LEFT JOIN ({_ids(field.ref)}) AS {name} ON {name}.external_id = {given}"
        return _Reference(field, join, f"{name}.sourced_id")
    grouped = (
        f"SELECT s.n, {run.gathered('i.sourced_id')} AS ids FROM {STAGES[kind].name} AS s"
        f" CROSS JOIN {run.elements(f's.{raw(field)}')}"
        f" JOIN ({_ids(field.ref)}) AS i ON i.external_id = e.value"
        f" WHERE {OPEN} AND s.{raw(field)} IS NOT NULL GROUP BY s.n"
    )
    written = f"SELECT g.n, {run.sorted_array('g.ids')} AS ids FROM ({grouped}) AS g"
    return _Reference(field, f"LEFT JOIN ({written}) AS {name} ON {name}.n = x.n", f"{name}.ids")


def _identify(
    run: Statements, kind: Kind, fields: Sequence[Field], others: Sequence[Field]
) -> None:
    """Resolve the references to other kinds, match by the kind's key, and number what is new."""
    stage = STAGES[kind].name
    references = [_reference(run, kind, field, i) for i, field in enumerate(others)]
    resolved = {snake(r.field.name): r.found for r in references}
    match, matched = _match(kind, resolved) if _may_match(run, kind, fields) else ("", ", NULL")
    known = f"coalesce(x.sourced_id{matched})"
    columns = "".join(f", {found} AS {column}" for column, found in resolved.items())
    query = (
        f"SELECT x.{run.row_id} AS place, {known} AS known{columns} FROM {stage} AS x"
        f" {' '.join(r.join for r in references)} {match}"
        f" WHERE {OPEN.replace('s.', 'x.')}"
    )
    taken = "".join(f", {column} = q.{column}" for column in resolved)
    run.run(
        f"UPDATE {stage} AS s SET sourced_id = coalesce(q.known, {run.new_id('s')}),"
        f" is_new = CASE WHEN q.known IS NULL THEN 1 END{taken}"
        f" FROM ({query}) AS q WHERE s.{run.row_id} = q.place"
    )


def _may_match(run: Statements, kind: Kind, fields: Sequence[Field]) -> bool:
    if not set(KEYS[kind]) <= {field.name for field in fields}:
        return False
    stage = f"SELECT 1 FROM {STAGES[kind].name} AS s WHERE {OPEN} AND s.sourced_id IS NULL"
    hub = f"SELECT 1 FROM {HUB[kind].name} WHERE tenant_id = :tenant AND status = 'active'"
    return bool(
        run.value(f"SELECT CASE WHEN EXISTS ({stage}) AND EXISTS ({hub}) THEN 1 ELSE 0 END")
    )


def _match(kind: Kind, resolved: Mapping[str, str]) -> tuple[str, str]:
    """Return the join by which rows without a link find their record, and what it finds."""
    columns = [snake(name) for name in KEYS[kind]]
    keys = ", ".join(f"h.{column}" for column in columns)
    taken = (
        ""
        if kind in SHARED_KINDS
        else f" AND NOT EXISTS (SELECT 1 FROM {LINKS[kind].name} AS k"
        " WHERE k.sourced_id = h.sourced_id AND k.app_id = :app AND k.ended_at IS NULL)"
    )
    one = (
        f"SELECT {keys}, min(h.sourced_id) AS sourced_id FROM {HUB[kind].name} AS h"
        f" WHERE h.tenant_id = :tenant AND h.status = 'active'{taken}"
        f" GROUP BY {keys} HAVING count(*) = 1"
    )
    same = " AND ".join(f"m.{column} = {resolved.get(column, f'x.{column}')}" for column in columns)
    return f"LEFT JOIN ({one}) AS m ON x.sourced_id IS NULL AND {same}", ", m.sourced_id"


def _match_once(run: Statements, kind: Kind) -> None:
    """Let the first of several rows that match one record keep it; the others become new."""
    stage, link = STAGES[kind].name, LINKS[kind].name
    first = (
        f"SELECT s.sourced_id, min(CASE WHEN k.app_id IS NULL THEN s.n ELSE -s.n END) AS n"
        f" FROM {stage} AS s LEFT JOIN {link} AS k ON k.app_id = :app"
        f" AND k.external_id = s.external_id WHERE {OPEN} AND s.is_new IS NULL"
        " GROUP BY s.sourced_id HAVING count(*) > 1"
    )
    if run.value(f"SELECT count(*) FROM ({first}) AS f"):
        run.run(
            f"UPDATE {stage} AS s SET sourced_id = {run.new_id('s')}, is_new = 1"
            f" FROM ({first}) AS f WHERE {OPEN} AND s.is_new IS NULL"
            " AND f.sourced_id = s.sourced_id AND s.n <> abs(f.n)"
            f" AND NOT EXISTS (SELECT 1 FROM {link} AS k WHERE k.app_id = :app"
            " AND k.external_id = s.external_id)"
        )


def _resolve_itself(run: Statements, kind: Kind, fields: Sequence[Field]) -> None:
    """Resolve the references within a kind, now that all of its rows have their ids."""
    stage = STAGES[kind].name
    references = [_reference(run, kind, field, i) for i, field in enumerate(fields)]
    given = " OR ".join(f"x.{raw(field)} IS NOT NULL" for field in fields)
    columns = "".join(f", {r.found} AS {snake(r.field.name)}" for r in references)
    query = (
        f"SELECT x.{run.row_id} AS place{columns} FROM {stage} AS x"
        f" {' '.join(r.join for r in references)} WHERE {OPEN.replace('s.', 'x.')} AND ({given})"
    )
    taken = ", ".join(f"{snake(field.name)} = q.{snake(field.name)}" for field in fields)
    run.run(f"UPDATE {stage} AS s SET {taken} FROM ({query}) AS q WHERE s.{run.row_id} = q.place")


def _dangling(run: Statements, kind: Kind, fields: Sequence[Field]) -> None:
    """Refuse rows that name nobody; what is optional is left out, and said."""
    stage = STAGES[kind].name
    for field in fields:
        if field.ref is None:
            continue
        given = raw(field)
        missing = f"s.{snake(field.name)} IS NULL AND s.{given} IS NOT NULL"
        if field.many:
            missing = (
                f"s.n IN (SELECT s.n FROM {stage} AS s CROSS JOIN {run.elements(f's.{given}')}"
                f" LEFT JOIN ({_ids(field.ref)}) AS i ON i.external_id = e.value"
                f" WHERE {OPEN} AND s.{given} IS NOT NULL AND i.sourced_id IS NULL)"
            )
        where = f"{OPEN} AND {missing}"
        if not run.value(f"SELECT count(*) FROM {stage} AS s WHERE {where}"):
            continue
        reason = f"'it names no record of {field.ref} that was read or is known: ' || s.{given}"
        if field.required:
            refuse(run, kind, where, field.name, reason)
        elif tell(run, kind, where, field.name, reason + " || '; it was left out'"):
            # looked at again in the next read, though the source will not have changed
            run.run(
                f"UPDATE {stage} AS s SET fingerprint = fingerprint || '*'"
                f" WHERE {where} AND s.fingerprint NOT LIKE '%*'"
            )
