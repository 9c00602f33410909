"""What a request asks for: the filter, the order and the fields.

Source: OneRoster 1.1 §3.4: `field<op>'value'`, at most one AND or OR, dots for what lies deeper;
`sort` and `orderBy`; `fields` as a list with commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connectors.oneroster.simulator.records import Record

_ONE = re.compile(r"\s*([A-Za-z_.]+)\s*(!=|>=|<=|=|>|<|~)\s*'([^']*)'\s*")
_BOTH = re.compile(r"(?<=')\s+(AND|OR)\s+", re.IGNORECASE)
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda found, value: found == value,
    "!=": lambda found, value: found != value,
    ">": lambda found, value: found > value,
    ">=": lambda found, value: found >= value,
    "<": lambda found, value: found < value,
    "<=": lambda found, value: found <= value,
    "~": lambda found, value: value.lower() in found.lower(),
}

Test = Callable[[Record], bool]


class BadQueryError(ValueError):
    """A query that the standard has not; `minor` is its code."""

    def __init__(self, minor: str, told: str) -> None:
        super().__init__(told)
        self.minor = minor


def test_of(filter_: str, known: Iterable[str]) -> Test:
    """Return what a filter lets through.

    Args:
        filter_: as it was sent.
        known: the fields that the collection has.

    Raises:
        BadQueryError: it is none, or names a field that there is not.
    """
    parts = _BOTH.split(filter_)
    if len(parts) > 3:
        raise BadQueryError("invalid_filter_field", "A filter has one AND or OR at most.")
    tests = [_test(part, set(known)) for part in parts[::2]]
    joined = any if len(parts) == 3 and parts[1].upper() == "OR" else all
    return lambda record: joined(test(record) for test in tests)


def _test(part: str, known: set[str]) -> Test:
    found = _ONE.fullmatch(part)
    if found is None or found[1].partition(".")[0] not in known:
        raise BadQueryError("invalid_filter_field", "Unknown filter field.")
    path, compare, value = found[1].split("."), _OPERATORS[found[2]], found[3]
    return lambda record: any(compare(text, value) for text in _texts(record, path))


def sorted_by(records: list[Record], name: str, order: str, known: Iterable[str]) -> list[Record]:
    """Return records in an order.

    Raises:
        BadQueryError: there is no such field.
    """
    if name not in set(known):
        raise BadQueryError("invalid_sort_field", "Unknown sort field.")
    return sorted(
        records, key=lambda record: str(record.get(name) or ""), reverse=order.lower() == "desc"
    )


def only(record: Record, fields: str) -> Record:
    """Return the fields of a record that were asked for."""
    wanted = {name.strip() for name in fields.split(",")}
    return {name: value for name, value in record.items() if name in wanted}


def _texts(value: Any, path: list[str]) -> Iterable[str]:
    if isinstance(value, list):
        return [text for one in value for text in _texts(one, path)]
    if path:
        return _texts(value.get(path[0]), path[1:]) if isinstance(value, dict) else []
    return [] if value is None or isinstance(value, dict) else [str(value)]
