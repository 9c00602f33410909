"""Finds what belongs to a record in one pass over both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

Row = tuple[str | None, ...]

_BEYOND = chr(0x10FFFF)


class Beside:
    """Gives the rows that name a record, for records that are asked for in rising order of ids.

    Args:
        rows: in the order of the ids that they name.
        place: of that id in a row.
    """

    def __init__(self, rows: Iterator[Row], place: int = 1) -> None:
        self._groups = groupby(rows, key=lambda row: row[place] or "")
        self._id = ""
        self._rows: list[Row] = []
        self._next()

    def of(self, id_: str) -> list[Row]:
        """Return a record's rows, in their order."""
        while self._id < id_:
            self._next()
        return self._rows if self._id == id_ else []

    def _next(self) -> None:
        for id_, rows in self._groups:
            self._id, self._rows = id_, list(rows)
            return
        self._id, self._rows = _BEYOND, []


def record_of(row: Row, fields: Sequence[str]) -> dict[str, str | None]:
    """Return a row by the names of its fields, `sourcedId` among them."""
    return dict(zip(("sourcedId", *fields), row, strict=True))
