"""What an operation gives as a file, in place of data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is made while it is sent.

    Attributes:
        name: of the file, of a-z 0-9 - _ . alone.
        lines: its text, some at a time.
        media_type: what it is.
    """

    name: str
    lines: Iterator[str]
    media_type: str = "text/csv; charset=utf-8"
