"""Writes one file of rows, byte for byte the same for the same rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from connectors.flatfiles.columns import Column, Record
from connectors.sdk import RenderedFile
from connectors.transport.places import sha256

LineEnd = Literal["crlf", "lf"]

_ENDS = {"crlf": "\r\n", "lf": "\n"}
_BREAKS = re.compile(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]+")


class Sheet:
    """A file that is being written; its header stands there from the start.

    Args:
        path: of the file.
        columns: in their order.
        line_end: of every line.
        bom: whether the file begins with a byte order mark.
        tabs: whether tabs stand between cells, which have no quotes then; else commas.

    Attributes:
        rows: written so far, without the header.
        altered: rows in which a value was written without its line breaks or tabs.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[Column],
        *,
        line_end: LineEnd,
        bom: bool,
        tabs: bool = False,
    ) -> None:
        self.rows = 0
        self.altered = 0
        self._path = path
        self._columns = columns
        encoding = "utf-8-sig" if bom else "utf-8"
        self._file = path.open("w", encoding=encoding, newline="")
        self._end = _ENDS[line_end]
        self._tabs = tabs
        self._csv = csv.writer(self._file, lineterminator=self._end)
        self._write([column.header for column in columns])

    def __enter__(self) -> Self:
        """Nothing more to open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def add(self, record: Record) -> None:
        """Write a record's row."""
        cells = [column.value.of(record) or "" for column in self._columns]
        clean = [_BREAKS.sub(" ", cell).strip() if _BREAKS.search(cell) else cell for cell in cells]
        if clean != cells:
            self.altered += 1
        self._write(clean)
        self.rows += 1

    def rendered(self) -> RenderedFile:
        """Close the file and return it."""
        self._file.close()
        return RenderedFile(self._path, self.rows, sha256(self._path))

    def _write(self, cells: Sequence[str]) -> None:
        if self._tabs:
            self._file.write("\t".join(cells) + self._end)
        else:
            self._csv.writerow(cells)


def lacking(record: Record, columns: Sequence[Column], required: Sequence[str]) -> str | None:
    """Return the first required header under which a record has nothing; None: it has all."""
    for column in columns:
        if column.header in required and not (column.value.of(record) or "").strip():
            return column.header
    return None
