"""The schools that the keys show, by id and by code: records name them by the one or the other."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.vendors.facts import values
from connectors.vendors.facts.values import Item


class Schools:
    """The schools of one read.

    Args:
        items: the school configurations; one without an id is left out.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._codes: dict[str, str | None] = {}
        for item in items:
            key = values.text(item, "configSchoolID")
            if key is not None:
                self._codes[key] = values.text(item, "schoolCode")
        self._by_code = {code: key for key, code in self._codes.items() if code is not None}

    @property
    def ids(self) -> list[str]:
        """The ids, in the order of the list."""
        return list(self._codes)

    def code(self, key: str) -> str | None:
        """Return a school's code, None: it has none."""
        return self._codes[key]

    def by_id(self, key: str | None) -> str | None:
        """Return a school's id as it is, None where there is no such school."""
        return key if key in self._codes else None

    def by_code(self, code: str | None) -> str | None:
        """Return the id of the school of a code, None where there is none."""
        return self._by_code.get(code or "")
