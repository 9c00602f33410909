"""Which source rows of a full read have not changed: known again by their bytes, and never parsed.

In a night most rows are what they were. Their fingerprints, made of the bytes that the vendor gave,
are those of the app's links; such a row costs its hash and nothing else, neither a parse nor a row
in staging. What remains is staged, and the links that no row has shown are noted, so that what is
absent is found among them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from shared.db.engine import Database
from shared.db.hub_tables import LINKS
from shared.domain.records import Kind
from shared.roster.attempt import JobKey
from shared.roster.shown import unseen
from shared.roster.statements import Statements

#: Bytes of a fingerprint, and of that part of it by which links are known in memory: among ten
#: million links a changed row is taken for an unchanged one once in 10^12.
FINGERPRINT_BYTES, _PART_BYTES = 16, 8
#: It changes whenever the same source row would be read as something else than before.
_READING = b"1"
#: Links that are looked for at once, and rows of a 256th of the links that are fetched at once.
_LOOK_FOR, _FETCH = 100_000, 8

#: Of link `l`: an unchanged row says nothing new of it. What has ended may come back, what was
#: undone is held, and what was left out of a row is told of at every read: these are looked at.
_KNOWABLE = (
    "(l.ended_at IS NULL AND l.ended_why IS NULL"
    f" AND length(l.fingerprint) = {2 * FINGERPRINT_BYTES})"
)

_Parts = NDArray[np.uint64]
#: Eight bytes as a number; only that equal bytes are equal numbers matters.
_WORD = np.dtype("<u8")


class InputHash:
    """Of all rows of a read; the order in which a vendor gives them does not count."""

    def __init__(self) -> None:
        self._sums = np.zeros(2, dtype=np.uint64)

    def add(self, fingerprints: bytes) -> None:
        """Take in rows by their fingerprints, one after the other."""
        # they wrap, as they may
        self._sums += _words(fingerprints).sum(axis=0, dtype=np.uint64)

    def hexdigest(self) -> str:
        """Return 32 hex digits."""
        return "".join(f"{int(half):016x}" for half in self._sums)


class LinkedRows:
    """Knows the rows of one kind by the app's links; see `shared.domain.reading.KnownRows`.

    Holds eight bytes a link.

    Attributes:
        rows: how many have not changed.
    """

    def __init__(
        self, database: Database, key: JobKey, kind: Kind, seed: bytes, total: InputHash
    ) -> None:
        self._database = database
        self._key = key
        self._kind = kind
        self._seed = hashlib.blake2b(seed + _READING, digest_size=FINGERPRINT_BYTES)
        self._total = total
        self._parts, self._twins = _apart(self._load())
        self._is_seen = np.zeros(len(self._parts), dtype=np.bool_)
        self.rows = 0

    def changed(self, sources: Sequence[bytes]) -> tuple[list[int], list[str]]:
        """Return the places of the rows that must be read, and their fingerprints."""
        made = []
        for source in sources:
            one = self._seed.copy()
            one.update(source)
            made.append(one.digest())
        joined = b"".join(made)
        self._total.add(joined)
        if not len(self._parts):
            return list(range(len(made))), [one.hex() for one in made]
        parts = _words(joined)[:, 0]
        # in their order, the search stays in the processor's cache
        order = np.argsort(parts)
        places = np.empty(len(parts), dtype=np.intp)
        places[order] = np.searchsorted(self._parts, parts[order])
        places[places == len(self._parts)] = 0
        is_known = self._parts[places] == parts
        self._is_seen[places[is_known]] = True
        self.rows += int(is_known.sum())
        left = [int(place) for place in np.flatnonzero(~is_known)]
        return left, [made[place].hex() for place in left]

    @property
    def links(self) -> int:
        """How many links a row has shown as it was."""
        return int(self._is_seen.sum())

    def note_unseen(self, run: Statements) -> int:
        """Write the links that no row has shown as they were into staging; returns how many."""
        noted = self._note(run, f"l.ended_at IS NULL AND NOT {_KNOWABLE}")
        width = 2 * _PART_BYTES
        among = (
            f"{_KNOWABLE} AND substr(l.fingerprint, 1, {width})"
            f" IN (SELECT e.value FROM {run.elements('CAST(:parts AS text)')})"
        )
        unseen = np.concatenate([self._parts[~self._is_seen], self._twins]).tobytes().hex()
        for start in range(0, len(unseen), width * _LOOK_FOR):
            some = unseen[start : start + width * _LOOK_FOR]
            parts = [some[place : place + width] for place in range(0, len(some), width)]
            noted += self._note(run, among, parts=json.dumps(parts))
        return noted

    def _note(self, run: Statements, where: str, **values: object) -> int:
        return run.run(
            "INSERT INTO stage_unseen (app_id, job_id, attempt, kind, external_id)"
            f" SELECT :app, :job, :attempt, CAST(:kind AS text), l.external_id"
            f" FROM {LINKS[self._kind].name} AS l WHERE l.app_id = :app AND {where}",
            kind=self._kind,
            **values,
        )

    def _load(self) -> _Parts:
        """Return the parts of the links' fingerprints, sorted."""
        width = 2 * _PART_BYTES
        # many a row: PostgreSQL's protocol and its client spend their time on rows
        joined = "group_concat" if not self._database.is_postgresql else "string_agg"
        chosen = text(
            f"SELECT {joined}(substr(l.fingerprint, 1, {width}), '')"
            f" FROM {LINKS[self._kind].name} AS l WHERE l.app_id = :app AND {_KNOWABLE}"
            " GROUP BY substr(l.fingerprint, 1, 2)"
        )
        parts = bytearray()
        with self._database.read() as connection:
            if self._database.is_postgresql:
                # it groups by hash then: the links need no order
                connection.exec_driver_sql("SET LOCAL enable_sort = off")
                connection.exec_driver_sql("SET LOCAL jit = off")
            found = connection.execution_options(stream_results=True, yield_per=_FETCH).execute(
                chosen, {"app": self._key.app_id}
            )
            for some in found.scalars():
                parts += bytes.fromhex(some)
        loaded = np.frombuffer(parts, dtype=_WORD)
        loaded.sort()  # where it lies: a copy would double what is held
        return loaded


def _apart(parts: _Parts) -> tuple[_Parts, _Parts]:
    """Return which of sorted numbers one link has, and which several: these are never known."""
    is_next = parts[1:] == parts[:-1]
    if not is_next.any():
        return parts, parts[:0]
    is_twin = np.concatenate([is_next, [False]]) | np.concatenate([[False], is_next])
    return parts[~is_twin], np.unique(parts[is_twin])


def count_known(run: Statements, kind: Kind) -> int:
    """Return how many links there are whose rows were known again, by staging."""
    return run.value(
        f"SELECT count(*) FROM {LINKS[kind].name} AS l WHERE l.app_id = :app AND {_KNOWABLE}"
        f" AND l.external_id NOT IN ({unseen(kind)})"
    )


def _words(fingerprints: bytes) -> NDArray[np.uint64]:
    """Return fingerprints as two numbers each."""
    return np.frombuffer(fingerprints, dtype=_WORD).reshape(-1, 2)
