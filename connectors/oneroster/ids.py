"""Which ids a set holds: millions of them in a few bytes each."""

from __future__ import annotations

from array import array


class Ids:
    """A set of ids, by a 64-bit hash of each: 16 to 32 bytes an id, however long it is.

    With 1,000,000 ids, that any of as many look-ups takes a stranger for one of them has a chance
    below one in ten million.
    """

    def __init__(self) -> None:
        self._slots = array("q", [0]) * 1024
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, id_: object) -> bool:
        # as `_place` does, since an export asks some ten times a record
        key = hash(id_) or 1
        slots = self._slots
        last = len(slots) - 1
        place = key & last
        while found := slots[place]:
            if found == key:
                return True
            place = (place + 1) & last
        return False

    def add(self, id_: str) -> None:
        """Add an id; adding it again is harmless."""
        key = hash(id_) or 1
        place = self._place(key)
        if self._slots[place]:
            return
        self._slots[place] = key
        self._count += 1
        if 2 * self._count > len(self._slots):
            self._grow()

    def _place(self, key: int) -> int:
        """Return where a key stands, or the free place where it would."""
        slots = self._slots
        last = len(slots) - 1
        place = key & last
        while slots[place] and slots[place] != key:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        before = self._slots
        self._slots = array("q", [0]) * (2 * len(before))
        for key in before:
            if key:
                self._slots[self._place(key)] = key
