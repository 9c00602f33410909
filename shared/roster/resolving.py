"""References become hub ids, rows without a link are matched, and the rest gets new ids.

By joins, a kind at a time: a lookup a row would cost many times as much.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.db.hub_tables import HUB, LINKS, STAGES, raw, snake
from shared.domain.records import Field, Kind
from shared.roster.identity import SHARED_KINDS, MatchKey, match_keys, shown_link
from shared.roster.quarantine import look_again, refuse, tell
from shared.roster.renames import propose_renames
from shared.roster.rules import AppRules
from shared.roster.statements import OPEN, Statements


@dataclass(frozen=True, slots=True)
class _Reference:
    """How one reference is resolved: joins, and an expression for the hub's id or ids."""

    field: Field
    join: str
    found: str


def resolve(
    run: Statements,
    kind: Kind,
    fields: Sequence[Field],
    rules: AppRules,
    *,
    is_complete: bool,
    mapped: str = "[]",
) -> None:
    """Resolve, match and number the open rows of a kind.

    Args:
        run: for the attempt.
        kind: the kinds before it are resolved already.
        fields: that the app supplies.
        rules: of the app.
        is_complete: whether the read brought every record, so that one which is missing may be
            shown under another id now.
        mapped: external ids of rows whose record a rule names, as a JSON array.
    """
    others = [field for field in fields if field.ref is not None and field.ref is not kind]
    itself = [field for field in fields if field.ref is kind]
    keys = _usable(run, kind, fields, rules)
    _refer(run, kind, others, numbers=not keys)
    if keys or not others:
        _identify(run, kind, _Matching(run, kind, keys, rules.grace_days, is_complete))
    _dangling(run, kind, others)
    if kind not in SHARED_KINDS:
        _match_once(run, kind, mapped)
    if kind is Kind.USERS and is_complete:
        propose_renames(run, {field.name for field in fields})
    if itself:
        # now that all rows of the kind have their ids
        _refer(run, kind, itself)
        _dangling(run, kind, itself)


def _lookup(kind: Kind, name: str, given: str) -> tuple[str, str]:
    """Return joins that find the hub's id of a record by an external id, and what they find.

    It was read and taken in, or is linked. A record that is proposed as a rename stands for the
    record that it was. Both joins go by an index, so that few rows need no look at all of them.
    """
    return (
        f"LEFT JOIN {STAGES[kind].name} AS {name}s ON {name}s.job_id = :job"
        f" AND {name}s.attempt = :attempt AND {name}s.external_id = {given}"
        f" AND coalesce({name}s.verdict, 'proposed') = 'proposed'"
        f" LEFT JOIN {LINKS[kind].name} AS {name}l ON {name}l.app_id = :app"
        f" AND {name}l.external_id = {given} AND {name}l.ended_at IS NULL",
        f"coalesce({name}s.sourced_id, {name}l.sourced_id)",
    )


def _reference(run: Statements, kind: Kind, field: Field, number: int) -> _Reference:
    if field.ref is None:
        raise ValueError(f"{field.name} is no reference")
    name, given = f"r{number}", f"x.{raw(field)}"
    if not field.many:
        return _Reference(field, *_lookup(field.ref, name, given))
    join, found = _lookup(field.ref, "r", "e.value")
    grouped = (
        f"{_each(run, kind, field)} SELECT e.n, {run.gathered(found)} AS ids FROM e {join}"
        f" WHERE {found} IS NOT NULL GROUP BY e.n"
    )
    written = f"SELECT g.n, {run.sorted_array('g.ids')} AS ids FROM ({grouped}) AS g"
    return _Reference(field, f"LEFT JOIN ({written}) AS {name} ON {name}.n = x.n", f"{name}.ids")


def _each(run: Statements, kind: Kind, field: Field) -> str:
    """Return a table expression `e`: what a field of the open rows names, an element a row.

    It comes before the join: inside a lateral join all that may be named is looked at per row.
    """
    given = f"s.{raw(field)}"
    return (
        f"WITH e AS MATERIALIZED (SELECT s.n, e.value FROM {STAGES[kind].name} AS s"
        f" CROSS JOIN {run.elements(given)} WHERE {OPEN} AND {given} IS NOT NULL)"
    )


def _refer(run: Statements, kind: Kind, fields: Sequence[Field], *, numbers: bool = False) -> None:
    """Resolve these references of the open rows.

    Args:
        run: for the attempt.
        kind: whose rows.
        fields: the references.
        numbers: whether rows without an id are new and get one on the way, since there is nothing
            to match them with: each row is written once instead of twice.
    """
    if not fields:
        return
    stage = STAGES[kind].name
    references = [_reference(run, kind, field, i) for i, field in enumerate(fields)]
    columns = "".join(f", {r.found} AS {snake(r.field.name)}" for r in references)
    query = (
        f"SELECT x.{run.row_id} AS place{columns} FROM {stage} AS x"
        f" {' '.join(r.join for r in references)} WHERE {OPEN.replace('s.', 'x.')}"
    )
    taken = ", ".join(f"{snake(field.name)} = q.{snake(field.name)}" for field in fields)
    if numbers:
        taken += (
            f", is_new = CASE WHEN s.sourced_id IS NULL THEN 1 END,"
            f" sourced_id = coalesce(s.sourced_id, {run.new_id('s')})"
        )
    else:
        given = " OR ".join(f"x.{raw(field)} IS NOT NULL" for field in fields)
        query += f" AND ({given})"
    run.run(f"UPDATE {stage} AS s SET {taken} FROM ({query}) AS q WHERE s.{run.row_id} = q.place")


def _identify(run: Statements, kind: Kind, matching: _Matching) -> None:
    """Match the rows without a link by the kind's keys, and number what is new."""
    stage = STAGES[kind].name
    unknown = f"{OPEN} AND s.sourced_id IS NULL"
    if not matching.keys:
        run.run(
            f"UPDATE {stage} AS s SET sourced_id = {run.new_id('s')}, is_new = 1 WHERE {unknown}"
        )
        return
    found, joins = matching.searches()
    query = (
        f"WITH {', '.join(found)} SELECT x.{run.row_id} AS place,"
        f" coalesce({', '.join([f'm{i}.sourced_id' for i in range(len(joins))])}, NULL) AS known"
        f" FROM {stage} AS x {' '.join(joins)} WHERE {unknown.replace('s.', 'x.')}"
    )
    run.run(
        f"UPDATE {stage} AS s SET sourced_id = coalesce(q.known, {run.new_id('s')}),"
        f" is_new = CASE WHEN q.known IS NULL THEN 1 END"
        f" FROM ({query}) AS q WHERE s.{run.row_id} = q.place"
    )


def _usable(
    run: Statements, kind: Kind, fields: Sequence[Field], rules: AppRules
) -> list[MatchKey]:
    """Return the keys that can find something: the app supplies them, and there is who to find."""
    names = {field.name for field in fields}
    keys = [key for key in match_keys(kind, rules) if set(key.fields) <= names]
    if not keys:
        return []
    stage = f"SELECT 1 FROM {STAGES[kind].name} AS s WHERE {OPEN} AND s.sourced_id IS NULL"
    hub = f"SELECT 1 FROM {HUB[kind].name} WHERE tenant_id = :tenant"
    found = run.value(f"SELECT CASE WHEN EXISTS ({stage}) AND EXISTS ({hub}) THEN 1 ELSE 0 END")
    return keys if found else []


@dataclass(frozen=True, slots=True)
class _Matching:
    """How rows `x` without a link find their record: by joins, tried in order."""

    run: Statements
    kind: Kind
    keys: Sequence[MatchKey]
    grace_days: int
    is_complete: bool

    def searches(self) -> tuple[list[str], list[str]]:
        """Return a table expression a way to know a record, and its join; the best come first."""
        since = self.run.moment(self.run.at - timedelta(days=self.grace_days))
        back = f"h.status <> 'active' AND h.date_last_modified >= {since}"
        if self.kind is Kind.USERS:
            # a record that was merged into another never comes back
            back += (
                " AND h.sourced_id NOT IN (SELECT j.second FROM judged_pairs AS j"
                " WHERE j.tenant_id = :tenant AND j.kind = 'users' AND j.verdict = 'merged')"
            )
        deleted = (
            f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {HUB[self.kind].name} AS h"
            f" WHERE h.tenant_id = :tenant AND {back}) THEN 1 ELSE 0 END"
        )
        conditions = ["h.status = 'active'"]
        if self.run.value(deleted):
            conditions.append(back)
        made = [
            self._search(f"m{number}", key, condition)
            for number, (condition, key) in enumerate(itertools.product(conditions, self.keys))
        ]
        return [found for found, _ in made], [join for _, join in made]

    def _search(self, name: str, key: MatchKey, condition: str) -> tuple[str, str]:
        columns = [snake(field) for field in key.fields]
        of_hub = [f"lower(h.{c})" if key.domains else f"h.{c}" for c in columns]
        given = [f"lower(x.{c})" if key.domains else f"x.{c}" for c in columns]
        keys = ", ".join(f"{value} AS {c}" for value, c in zip(of_hub, columns, strict=True))
        wanted = f"{OPEN.replace('s.', 'x.')} AND x.sourced_id IS NULL"
        # computed once, and only for the keys that are asked for
        found = (
            f"{name} AS MATERIALIZED (SELECT {keys}, min(h.sourced_id) AS sourced_id"
            f" FROM {HUB[self.kind].name} AS h WHERE h.tenant_id = :tenant AND {condition}"
            f" AND ({', '.join(of_hub)}) IN (SELECT {', '.join(given)}"
            f" FROM {STAGES[self.kind].name} AS x WHERE {wanted}){self._taken()}"
            f" GROUP BY {', '.join(of_hub)} HAVING count(*) = 1)"
        )
        same = [f"{name}.{c} = {value}" for c, value in zip(columns, given, strict=True)]
        if key.domains:
            listed = ", ".join(f"'{_quoted(domain)}'" for domain in sorted(key.domains))
            same.append(f"{self.run.domain_of(given[0])} IN ({listed})")
        return found, f"LEFT JOIN {name} ON {' AND '.join(same)}"

    def _taken(self) -> str:
        """Return the condition that leaves out records which the app shows under another id."""
        if self.kind in SHARED_KINDS:
            return ""
        shown = shown_link(self.run, self.kind, "h.sourced_id", is_complete=self.is_complete)
        return f" AND NOT EXISTS ({shown})"


def _quoted(value: str) -> str:
    """Return text as it stands between the quotes of an SQL literal."""
    return value.lower().replace("'", "''").replace(":", "\\:")


def _match_once(run: Statements, kind: Kind, mapped: str) -> None:
    """Let one of several rows that mean one record keep it; the others become new.

    The linked ones keep it, since a person may have merged two records, and so do those that a
    rule maps; else the one that had it before, else the first.
    """
    is_mapped = f"s.external_id IN (SELECT e.value FROM {run.elements(':mapped')})"
    stage, link = STAGES[kind].name, LINKS[kind].name
    known = (
        f"SELECT s.n, s.sourced_id, CASE WHEN {is_mapped} THEN 0 WHEN k.app_id IS NULL THEN 2"
        " WHEN k.ended_at IS NOT NULL THEN 1 ELSE 0 END AS claim"
        f" FROM {stage} AS s LEFT JOIN {link} AS k ON k.app_id = :app"
        " AND k.external_id = s.external_id AND k.sourced_id = s.sourced_id"
        f" WHERE {OPEN} AND s.is_new IS NULL"
    )
    ranked = (
        "SELECT c.n, c.claim, row_number() OVER (PARTITION BY c.sourced_id"
        f" ORDER BY c.claim, c.n) AS place FROM ({known}) AS c"
    )
    extra = f"SELECT r.n FROM ({ranked}) AS r WHERE r.place > 1 AND r.claim > 0"
    run.run(
        f"UPDATE {stage} AS s SET sourced_id = {run.new_id('s')}, is_new = 1"
        f" WHERE {OPEN} AND s.is_new IS NULL AND s.n IN ({extra})",
        mapped=mapped,
    )


def _dangling(run: Statements, kind: Kind, fields: Sequence[Field]) -> None:
    """Refuse rows that name nobody; what is optional is left out, and said."""
    missing = {field: _names_nobody(run, kind, field) for field in fields}
    # one look at all rows finds out that nothing is missing, which is the rule
    any_missing = " OR ".join(f"({condition})" for condition in missing.values())
    some = f"SELECT count(*) FROM {STAGES[kind].name} AS s WHERE {OPEN} AND ({any_missing})"
    if not missing or not run.value(some):
        return
    for field, condition in missing.items():
        where = f"{OPEN} AND {condition}"
        reason = (
            f"'it names no record of {field.ref} that was read or is known: ' || s.{raw(field)}"
        )
        if field.required:
            refuse(run, kind, where, field.name, reason)
        elif tell(run, kind, where, field.name, reason + " || '; it was left out'"):
            look_again(run, kind, condition)


def _names_nobody(run: Statements, kind: Kind, field: Field) -> str:
    """Return a condition of open rows `s`: a reference of theirs was not resolved."""
    if field.ref is None:
        raise ValueError(f"{field.name} is no reference")
    if not field.many:
        return f"s.{snake(field.name)} IS NULL AND s.{raw(field)} IS NOT NULL"
    join, found = _lookup(field.ref, "r", "e.value")
    return f"s.n IN ({_each(run, kind, field)} SELECT e.n FROM e {join} WHERE {found} IS NULL)"
