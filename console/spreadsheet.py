"""CSV files that a person opens in a spreadsheet, which takes some texts for formulas.

What comes from a vendor or a source file is written so that it stays text, by the rule of OWASP:
a quote before it. Source: https://owasp.org/www-community/attacks/CSV_Injection, read 2026-11.
Sets that machines read are not written here: they are true to the byte.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

#: What a cell that may run starts with; the wide forms count where they are typed.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NEGATIVE = re.compile(r"-[0-9]+(\.[0-9]+)?")


def write_spreadsheet(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write a CSV file that its owner alone can read; returns the number of rows.

    Raises:
        OSError: it cannot be written.
    """
    count = 0
    # the rows are of people: nobody else on the machine reads them
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([as_text(name) for name in header])
        for row in rows:
            count += 1
            writer.writerow([as_text(value) for value in row])
    return count


def spreadsheet_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file, each as soon as its row is there."""
    for row in rows:
        line = io.StringIO(newline="")
        csv.writer(line).writerow([as_text(value) for value in row])
        yield line.getvalue()


def as_text(value: object) -> object:
    """Return a cell that no spreadsheet runs; a negative number stays one."""
    if isinstance(value, str) and value.startswith(_FORMULA) and not _NEGATIVE.fullmatch(value):
        return f"'{value}"
    return value
