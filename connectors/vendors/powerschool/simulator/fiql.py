r"""The modified FIQL of `q` and `$q`, and the order of rows, on queries' and tables' rows.

Source: PowerSchool developer pages: `==`, `=gt=`, `=ge=`, `=lt=`, `=le=`; `*` is a wildcard in
text; `==\u0000` is the test for null; an order is `table.column;desc`, several with commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from connectors.vendors.powerschool.simulator.tables import Item

_CLAUSE = re.compile(r"(?:(\w+)\.)?(\w+)(==|=gt=|=ge=|=lt=|=le=)(.*)", re.DOTALL)
#: Null, as JSON decodes it and as a query string spells it.
_NULLS = frozenset({"\0", r"\u0000"})
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=gt=": lambda left, right: left > right,
    "=ge=": lambda left, right: left >= right,
    "=lt=": lambda left, right: left < right,
    "=le=": lambda left, right: left <= right,
}


def restricted(
    rows: list[Item], alias: str | None, columns: Collection[str], clause: str
) -> list[Item]:
    """Return the rows that fit a clause.

    Args:
        rows: with every column.
        alias: that stands before each column; None: there need be none.
        columns: of the rows.
        clause: one of those that `;` joins.

    Raises:
        ValueError: it is not understood, or names no column.
    """
    match = _CLAUSE.fullmatch(clause)
    if match is None or (alias is not None and match[1] != alias):
        raise ValueError(f"{clause} names no column")
    _, column, operator, wanted = match.groups()
    if column.lower() not in columns:
        raise ValueError(f"{column} is no column")
    return [row for row in rows if _fits(row.get(column.lower()), operator, wanted)]


def in_order(rows: list[Item], columns: Collection[str], order: str) -> list[Item]:
    """Return rows in an order; those without a value come first.

    Args:
        rows: to be ordered.
        columns: of the rows.
        order: such as `students.last_name;desc,students.id`, "" for none.

    Raises:
        ValueError: it names no column, or no way.
    """
    found = list(rows)
    for part in reversed([part for part in order.split(",") if part]):
        name, _, way = part.partition(";")
        column = name.rpartition(".")[2].strip().lower()
        if column not in columns or way.lower() not in {"", "asc", "desc"}:
            raise ValueError(f"{part} is no order of the columns")
        found.sort(key=partial(_rank, column=column), reverse=way.lower() == "desc")
    return found


def _rank(row: Item, column: str) -> tuple[int, float, str]:
    value = row[column]
    if value is None:
        return (0, 0, "")
    return (1, value, "") if isinstance(value, int | float) else (2, 0, str(value))


def _fits(value: Any, operator: str, wanted: str) -> bool:
    if operator == "==" and wanted in _NULLS:
        return value is None
    if value is None:
        return False
    if operator == "==":
        pattern = ".*".join(re.escape(part) for part in wanted.split("*"))
        return re.fullmatch(pattern, str(value), re.DOTALL) is not None
    if re.fullmatch(r"-?[0-9]+", str(value)) and re.fullmatch(r"-?[0-9]+", wanted):
        return _COMPARE[operator](int(value), int(wanted))
    return _COMPARE[operator](str(value), wanted)
