"""Mapping expressions tried out on a record that the app has brought, before they are a rule.

The record is the app's last agreed one: its base. A field that is mapped already has its mapped
value there, not the app's own, and references are the hub's ids: so a trial shows whether an
expression does what is meant, and a plan what it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from shared.db.hub_tables import LINKS, snake
from shared.domain.records import FIELDS, Kind
from shared.errors import ConfigurationError
from shared.roster.expressions import Expression, ExpressionError, as_field


@dataclass(frozen=True, slots=True)
class TriedOut:
    """What became of one expression.

    Attributes:
        rule: `KIND.FIELD`.
        kind: of the record.
        external_id: the record's id in the app; None: it has brought none.
        read: the fields that the expression reads, and their values.
        before: what the field has.
        after: what it would be given.
        problem: why it fails; None: it does not.
    """

    rule: str
    kind: Kind
    external_id: str | None = None
    read: Mapping[str, str | None] = field(default_factory=dict)
    before: str | None = None
    after: str | None = None
    problem: str | None = None


def try_out(connection: Connection, app_id: int, attributes: Mapping[str, str]) -> list[TriedOut]:
    """Try expressions out, each on the first record of its kind that the app has.

    Args:
        connection: a reading transaction.
        app_id: whose records.
        attributes: by `KIND.FIELD`, the expression.

    Raises:
        ConfigurationError: a rule names no field, or its expression is none; names the rule.
    """
    records: dict[Kind, Row[Any] | None] = {}
    found = []
    for rule, text in attributes.items():
        kind, name = _field_of(rule)
        expression = Expression(kind, text, where=f"attributes.{rule}")
        if kind not in records:
            records[kind] = _first(connection, app_id, kind)
        found.append(_tried(rule, kind, name, expression, records[kind]))
    return found


def _field_of(rule: str) -> tuple[Kind, str]:
    kind, _, name = rule.partition(".")
    if kind not in set(Kind) or name not in {one.name for one in FIELDS[Kind(kind)]}:
        raise ConfigurationError(
            f"attributes.{rule}", "there is no such field", "Give KIND.FIELD, such as users.email."
        )
    return Kind(kind), name


def _first(connection: Connection, app_id: int, kind: Kind) -> Row[Any] | None:
    link = LINKS[kind]
    return connection.execute(
        select(link)
        .where(link.c.app_id == app_id, link.c.ended_at.is_(None))
        .order_by(link.c.external_id)
        .limit(1)
    ).one_or_none()


def _tried(
    rule: str, kind: Kind, name: str, expression: Expression, row: Row[Any] | None
) -> TriedOut:
    if row is None:
        missing = f"the app has brought no record of {kind} yet, so there is none to try it on"
        return TriedOut(rule, kind, problem=missing)
    record = {one.name: getattr(row, snake(one.name)) for one in FIELDS[kind]}
    record["sourcedId"] = row.external_id
    read = {one: record[one] for one in sorted(expression.names)}
    target = next(one for one in FIELDS[kind] if one.name == name)
    after: str | None = None
    problem: str | None = None
    try:
        after = as_field(target, expression.evaluate(record))
    except ExpressionError as error:
        problem = f"it fails over this record: {error}"
    return TriedOut(rule, kind, row.external_id, read, record[name], after, problem)
