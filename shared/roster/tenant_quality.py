"""A tenant's own quality rules: expressions that must be true of every record.

They are evaluated outside the database over the rows that are new or have changed, a page at a
time; what breaks a rule is written back in bulk.
"""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shared.db.hub_tables import STAGES, raw, snake
from shared.domain.records import FIELDS, Kind, field_names
from shared.errors import ConfigurationError
from shared.roster.expressions import Expression, ExpressionError, is_true, record_of
from shared.roster.quarantine import refuse
from shared.roster.rules import QualityRule, TenantRules
from shared.roster.statements import OPEN, Statements

#: Rows that are written back by one statement.
_TOGETHER = 50_000
#: Appended to a rule's reason where the record makes the rule itself fail.
_UNUSABLE = " (the rule could not be evaluated over it)"


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule, and its expression ready to be evaluated."""

    rule: QualityRule
    expression: Expression


def compile_quality(rules: TenantRules) -> list[CompiledRule]:
    """Compile a tenant's quality rules.

    Raises:
        ConfigurationError: an expression is none, or names what its kind has not.
    """
    compiled = []
    for place, rule in enumerate(rules.quality):
        where = f"quality.{place}"
        if rule.field not in {"sourcedId", *field_names(rule.kind)}:
            raise ConfigurationError(
                f"{where}.field",
                f"{rule.kind} has no field {rule.field!r}",
                f"Give one of {', '.join(field_names(rule.kind))}.",
            )
        expression = Expression(rule.kind, rule.expression, where=f"{where}.expression")
        compiled.append(CompiledRule(rule, expression))
    return compiled


def check_quality(
    run: Statements, kind: Kind, supplied: Collection[str], rules: Sequence[CompiledRule]
) -> None:
    """Refuse the open rows of a kind that break a rule of its tenant.

    Args:
        run: for the attempt.
        kind: of the rows.
        supplied: the fields that the app supplies; a rule that reads another is not applied to it.
        rules: of the tenant.
    """
    readable = {"sourcedId", *supplied}
    mine = [one for one in rules if one.rule.kind is kind and one.expression.names <= readable]
    if not mine:
        return
    for (place, reason), rows in _broken(run, kind, mine).items():
        for start in range(0, len(rows), _TOGETHER):
            refuse(
                run,
                kind,
                f"{OPEN} AND s.n IN"
                f" (SELECT CAST(e.value AS integer) FROM {run.elements(':numbers')})",
                mine[place].rule.field,
                "CAST(:broken AS text)",
                numbers=json.dumps(rows[start : start + _TOGETHER].tolist()),
                broken=reason,
            )


def _broken(
    run: Statements, kind: Kind, rules: Sequence[CompiledRule]
) -> Mapping[tuple[int, str], array[int]]:
    """Return, by the place of a rule and the reason, the numbers of the rows that break it."""
    columns = {"sourcedId": "external_id"} | {
        field.name: raw(field) if field.ref is not None else snake(field.name)
        for field in FIELDS[kind]
    }
    names = sorted(set().union(*(one.expression.names for one in rules)))
    listed = "".join(f", s.{columns[name]}" for name in names)
    # eight bytes a row: all of a large read may break a rule
    broken: defaultdict[tuple[int, str], array[int]] = defaultdict(lambda: array("q"))
    for row in run.stream(f"SELECT s.n{listed} FROM {STAGES[kind].name} AS s WHERE {OPEN}"):
        record = record_of(names, row[1:])
        for place, one in enumerate(rules):
            reason = _judge(one, record)
            if reason is not None:
                broken[place, reason].append(row[0])
                break
    return broken


def _judge(one: CompiledRule, record: Mapping[str, str | None]) -> str | None:
    """Return why a record breaks a rule; None: it does not."""
    try:
        return None if is_true(one.expression.evaluate(record)) else one.rule.reason
    except ExpressionError:
        return one.rule.reason + _UNUSABLE
