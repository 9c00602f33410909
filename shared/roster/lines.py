"""Rows as lines of text: what PostgreSQL's COPY takes, and what a fingerprint is made of.

A line is COPY's text format with "" for NULL: values between tabs, tab, line break and backslash
escaped, so that different rows never make the same line. A block of rows that holds nothing to
escape is made at the speed of `join`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from shared.domain.reading import Row

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def lines_of(rows: Sequence[Row]) -> list[str]:
    r"""Return the line of each row; None and "" are one.

    >>> lines_of([("user-1", None, "a\tb"), ("user-2", "", "c")])
    ['user-1\t\ta\\tb', 'user-2\t\tc']
    """
    if not rows:
        return []
    try:
        lines = list(map("\t".join, rows))  # type: ignore[arg-type]  # None is caught below
    except TypeError:
        rows = [[value or "" for value in row] for row in rows]  # type: ignore[misc]
        lines = list(map("\t".join, rows))  # type: ignore[arg-type]
    block = "\n".join(lines)
    tabs = sum(map(len, rows)) - len(rows)
    if (
        "\\" not in block
        and "\r" not in block
        and block.count("\t") == tabs
        and block.count("\n") == len(rows) - 1
    ):
        return lines
    return ["\t".join([(value or "").translate(_ESCAPES) for value in row]) for row in rows]


def fingerprints_of(lines: Sequence[str], seed: hashlib.blake2b) -> list[str]:
    """Return 32 hex digits a line, which change when any value of the row changes.

    Args:
        lines: see `lines_of`.
        seed: a hash of what gives the values their meaning, 16 bytes long.
    """
    made = []
    for line in lines:
        one = seed.copy()
        # what cannot be encoded cannot be stored either, and is refused later
        one.update(line.encode("utf-8", "surrogatepass"))
        made.append(one.hexdigest())
    return made


def are_storable(lines: Sequence[str]) -> bool:
    """Return whether a database can hold all of some texts."""
    return is_storable("\n".join(lines))


def is_storable(value: str) -> bool:
    """Return whether a database can hold a text."""
    return "\x00" not in value and _encodes(value)


def storable(value: str) -> str:
    """Return a text with what no database can hold replaced."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _encodes(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
