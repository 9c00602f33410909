"""From the hub's values to the cells of a CSV row.

Source: OneRoster CSV binding 1.1 (2017-04-17) and 1.2 (2022-06-06), on data types: a list stands in
one cell, its elements apart by commas and without any of their own; no cell holds a line break.
"""

from __future__ import annotations

from collections.abc import Container

from shared.domain.records import decode_list


class Cells:
    r"""Makes cells, and counts the values that no cell can hold as they are.

    >>> cells = Cells()
    >>> cells.text("a\r\nb"), cells.listed('["Art, Music","Science"]'), cells.altered
    ('a b', 'Art Music,Science', 2)
    """

    def __init__(self) -> None:
        #: Values that were written without their line breaks, or their elements' commas.
        self.altered = 0

    def text(self, value: str | None) -> str:
        """Return a value on one line, "" where there is none."""
        if value is None or value.isprintable():
            return value or ""
        line = " ".join(value.splitlines())
        self.altered += line != value
        return line

    def listed(self, value: str | None) -> str:
        """Return a set-valued field's elements, apart by commas."""
        if value is None:
            return ""
        return ",".join(filter(None, map(self._element, decode_list(value))))

    def _element(self, element: str) -> str:
        if "," not in element:
            return self.text(element)
        self.altered += 1
        return " ".join(element.replace(",", " ").split())


def among(value: str | None, ids: Container[str]) -> str:
    """Return an id as a cell, "" where it names nothing of the set."""
    return value if value is not None and value in ids else ""


def listed_among(value: str | None, ids: Container[str]) -> str:
    """Return a list of ids as a cell, without those that name nothing of the set."""
    return ",".join(id_ for id_ in decode_list(value) if id_ in ids) if value else ""
