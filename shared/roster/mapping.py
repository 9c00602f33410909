"""Attribute mapping: fields whose values an expression over the app's own record gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import FIELDS, Field, Kind
from shared.roster.expressions import Expression, ExpressionError, as_field, record_of


class Mapper:
    """Maps what an app brings, before it is staged.

    Every expression sees the record as the app gave it, so the order of the rules means nothing.

    Args:
        attributes: by `KIND.FIELD`, the expression that gives its value.

    Raises:
        ConfigurationError: names the rule whose expression is wrong.
    """

    def __init__(self, attributes: Mapping[str, str]) -> None:
        rules: defaultdict[Kind, list[tuple[Field, Expression]]] = defaultdict(list)
        for rule, text in sorted(attributes.items()):
            kind, _, name = rule.partition(".")
            field = next(one for one in FIELDS[Kind(kind)] if one.name == name)
            made = Expression(Kind(kind), text, where=f"attributes.{rule}")
            rules[Kind(kind)].append((field, made))
        self._rules = dict(rules)

    def map(self, batch: Batch) -> tuple[Batch, list[Refused]]:
        """Return the batch with its mapped values, and the records that an expression refused.

        A mapped field that the batch lacks becomes its last one.
        """
        rules = self._rules.get(batch.kind)
        if not rules or not (batch.rows or batch.fields):
            return batch, []
        added = [field.name for field, _ in rules if field.name not in batch.fields]
        fields = (*batch.fields, *added)
        places = [(fields.index(field.name) + 1, field, made) for field, made in rules]
        rows: list[Row] = []
        refused: list[Refused] = []
        names = ("sourcedId", *batch.fields)
        for row in batch.rows:
            # a row of a wrong length or without an id is the connector's fault: staging says so
            if len(row) != len(names) or not row[0]:
                rows.append(row)
                continue
            taken = _mapped(batch.kind, names, row, len(added), places)
            if isinstance(taken, Refused):
                refused.append(taken)
            else:
                rows.append(taken)
        return Batch(batch.kind, fields, rows, batch.deleted), refused


def _mapped(
    kind: Kind,
    names: Sequence[str],
    row: Row,
    added: int,
    places: Sequence[tuple[int, Field, Expression]],
) -> Row | Refused:
    """Return one row with its mapped values, or why it has none."""
    record = record_of(names, row)
    values = [*row, *(None for _ in range(added))]
    for place, field, expression in places:
        try:
            values[place] = as_field(field, expression.evaluate(record))
        except ExpressionError as error:
            reason = f"its mapping fails: {error}"
            return Refused(kind, str(row[0]), field.name, reason, record)
    return tuple(values)
