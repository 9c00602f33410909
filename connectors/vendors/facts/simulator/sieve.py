"""Sieve's filters and sorts, as this API takes them.

Source: Sieve's grammar (`,` is AND, `|` OR of values, the operators, `-` for descending), and what
was seen of the live API: columns are flat, but for `school.status`; their case counts; an unknown
one answers 500.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from connectors.vendors.facts.simulator.columns import Record, value

_CLAUSE = re.compile(r"\s*([\w.]+)\s*(==|!=|>=|<=|@=|>|<)(.*)", re.DOTALL)
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    "@=": lambda left, right: str(right).lower() in str(left).lower(),
}
#: Columns with a dot that may be filtered by.
_NESTED = frozenset({"school.status"})


class UnknownColumnError(ValueError):
    """A column that there is not."""


def filtered(records: Sequence[Record], filters: str, columns: Iterable[str]) -> list[Record]:
    """Return the records that a filter lets through.

    Args:
        records: of a list.
        filters: as it was sent.
        columns: that the list has.

    Raises:
        UnknownColumnError: it names another.
    """
    found = list(records)
    known = set(columns)
    for clause in filter(None, re.split(r"(?<!\\),", filters)):
        # one client repeats the column with each value
        parts = [_CLAUSE.fullmatch(part) for part in re.split(r"(?<!\\)\|", clause)]
        first = parts[0]
        if first is None:
            raise UnknownColumnError(clause)
        column, operator = first[1], first[2]
        if column not in known and column not in _NESTED:
            raise UnknownColumnError(column)
        values = [
            match[3].strip() if match is not None else part.strip()
            for match, part in zip(parts, re.split(r"(?<!\\)\|", clause), strict=True)
        ]
        found = list(filter(_test(column, operator, values), found))
    return found


def in_order(records: list[Record], sorts: str, columns: Iterable[str]) -> list[Record]:
    """Return records in the order that is asked for.

    Raises:
        UnknownColumnError: there is no such column.
    """
    known = set(columns)
    found = records
    for sort in reversed([part.strip() for part in sorts.split(",") if part.strip()]):
        column = sort.removeprefix("-")
        if column not in known:
            raise UnknownColumnError(column)
        found = sorted(found, key=lambda one: _rank(value(one, column)), reverse=sort[0] == "-")
    return found


def _rank(held: Any) -> tuple[int, float, str]:
    if isinstance(held, int | float):
        return (1, held, "")
    return (0, 0, "") if held is None else (2, 0, str(held))


def _test(column: str, operator: str, wanted: Sequence[str]) -> Callable[[Record], bool]:
    """Return whether a record's value stands so to any of some values."""
    texts = {text.replace("\\", "").lower() for text in wanted}
    numbers = {int(text) for text in texts if re.fullmatch(r"-?[0-9]+", text)}
    compare = _OPERATORS[operator]

    def test(record: Record) -> bool:
        held = value(record, column)
        if held is None or isinstance(held, dict | list):
            return False
        is_number = isinstance(held, int) and not isinstance(held, bool)
        # text is compared without its case
        told = held if is_number else str(held).lower()
        given: set[Any] = numbers if is_number else texts
        if operator == "==":
            return told in given
        return any(compare(told, one) for one in given)

    return test
