"""The records that a simulated server holds, with when each was modified; ready to be sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.district.model import District
from connectors.oneroster.simulator.records import COLLECTIONS, Record, Writer

#: When the newest record of the first day was modified; each other a minute before the next.
FIRST_DAY = datetime(2026, 8, 1, 6, tzinfo=UTC)
_SPREAD = 20_000
#: Corrects a record as a vendor's server writes it.
Amend = Callable[[str, Record], Record]


class Store:
    """All records of one version, by collection and id. Thread-safe.

    Args:
        district: of the first day.
        version: "1.1" or "1.2".
        root: the address that references name records under.
        amend: makes a record what this vendor's server would write.

    Attributes:
        skew_s: how far the server's clock is ahead of ours.
        has_tombstones: whether what has gone is shown as tobedeleted; else it vanishes.
    """

    def __init__(self, district: District, version: str, root: str, amend: Amend) -> None:
        self.lock = threading.RLock()
        self.version = version
        self.skew_s = 0.0
        self.has_tombstones = True
        self._root = root
        self._amend = amend
        self._sent: dict[str, list[bytes]] = {}
        self._district = district
        self._records: dict[str, dict[str, Record]] | None = None

    @property
    def records(self) -> dict[str, dict[str, Record]]:
        """All records by collection and id; made when they are first asked for."""
        with self.lock:
            if self._records is None:
                self._records = {name: self._of_first_day(name) for name in COLLECTIONS}
            return self._records

    def _of_first_day(self, name: str) -> dict[str, Record]:
        return {
            record["sourcedId"]: {
                **record,
                "dateLastModified": _told(FIRST_DAY - timedelta(minutes=place % _SPREAD)),
            }
            for place, record in enumerate(self._made(self._district, name, ""))
        }

    def now(self) -> datetime:
        """Return the instant by the server's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.skew_s)

    def turn(self, district: District) -> None:
        """Hold a district of another day: what differs was modified now."""
        at = self.stamp()
        with self.lock:
            for name in COLLECTIONS:
                held = self.records[name]
                wanted = {r["sourcedId"]: r for r in self._made(district, name, at)}
                for key in [key for key in held if key not in wanted]:
                    self.remove(name, key)
                for key, record in wanted.items():
                    if key not in held or _content(held[key]) != _content(record):
                        self.put(name, record)

    def put(self, name: str, record: Record) -> None:
        """Put a record in, or in another's place; it is modified now unless it says when."""
        with self.lock:
            told = {"status": "active", "dateLastModified": self.stamp(), **record}
            self.records[name][record["sourcedId"]] = told
            self._sent.pop(name, None)

    def remove(self, name: str, key: str) -> None:
        """Let a record go: it stays as tobedeleted, unless this server keeps nothing."""
        with self.lock:
            held = self.records[name]
            if not self.has_tombstones:
                held.pop(key, None)
            elif held[key]["status"] != "tobedeleted":
                now = self.stamp()
                held[key] = {**held[key], "status": "tobedeleted", "dateLastModified": now}
            self._sent.pop(name, None)

    def changed(self, name: str) -> None:
        """Forget how a collection is sent."""
        with self.lock:
            self._sent.pop(name, None)

    def stamp(self) -> str:
        """Return the server's time as records have it."""
        return _told(self.now())

    def page(self, name: str, start: int, stop: int) -> tuple[list[bytes], int]:
        """Return some of a collection's records as they are sent, and how many there are."""
        with self.lock:
            if name not in self._sent:
                self._sent[name] = [encode(record) for record in self.records[name].values()]
            sent = self._sent[name]
            return sent[start:stop], len(sent)

    def _made(self, district: District, name: str, at: str) -> Iterable[Record]:
        for record in Writer(district, self.version, self._root).collection(name):
            told = {"sourcedId": record["sourcedId"], "status": "active", "dateLastModified": at}
            yield {**told, **self._amend(name, record)}


def encode(record: Any) -> bytes:
    """Return JSON as it is sent."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _content(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "dateLastModified"}


def _told(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
