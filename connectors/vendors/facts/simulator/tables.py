"""The records that the simulated API holds, with when each was modified, from day to day."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from connectors.district.model import District
from connectors.vendors.facts.simulator.columns import COLUMNS
from connectors.vendors.facts.simulator.records import Maker, Record, told

Key = tuple[Any, ...]
#: When everything of the first day was modified.
FIRST_DAY = datetime(2026, 8, 1, 6, tzinfo=UTC)
#: The tables, and what names a record of each.
KEYS: dict[str, tuple[str, ...]] = {
    "schools": ("configSchoolID",),
    "years": ("yearId", "schoolCode"),
    "terms": ("schoolTermID",),
    "courses": ("courseID",),
    "classes": ("classId",),
    "people": ("personId",),
    "staff": ("staffId",),
    "students": ("studentId",),
    "parents": ("parentID", "studentID"),
    "enrollments": ("studentId", "classId"),
    "families": ("familyID",),
    "person_families": ("personId", "familyId"),
    "addresses": ("addressID",),
    "histories": ("studentId", "enrollDate"),
    "statuses": ("studentId",),
    "user_fields": ("fieldId",),
    "user_data": ("linkedId", "fieldId"),
}
#: Tables that do not tell when a record was modified.
_UNDATED = frozenset(table for table in KEYS if "modifiedDate" not in COLUMNS[table])


class Tables:
    """All records, by table and key. Thread-safe.

    Args:
        district: of the first day.
    """

    def __init__(self, district: District) -> None:
        self.lock = threading.RLock()
        self._district = district
        self._records: dict[str, dict[Key, Record]] | None = None

    @property
    def records(self) -> dict[str, dict[Key, Record]]:
        """All records; made when they are first asked for."""
        with self.lock:
            if self._records is None:
                self._records = _made(Maker(self._district, with_past=True), FIRST_DAY)
            return self._records

    def of(self, table: str) -> list[Record]:
        """Return a table's records."""
        with self.lock:
            return list(self.records[table].values())

    def turn(self, district: District) -> None:
        """Hold a district of another day; who has left stays, with another status.

        What is of another school year stays as it is.
        """
        now = datetime.now(UTC)
        maker = Maker(district, with_past=False)
        wanted = _made(maker, now)
        with self.lock:
            for table, held in self.records.items():
                for key, record in wanted[table].items():
                    if key not in held or _content(held[key]) != _content(record):
                        held[key] = record
                for key in held.keys() - wanted[table].keys():
                    self._leave(table, key, maker.year_id, now)

    def put(self, table: str, record: Record) -> None:
        """Put a record in, or in another's place."""
        with self.lock:
            self.records[table][_key(table, record)] = _stamped(table, record, datetime.now(UTC))

    def remove(self, table: str, key: Key) -> None:
        """Let a record vanish: this API keeps nothing of what was deleted."""
        with self.lock:
            del self.records[table][key]

    def _leave(self, table: str, key: Key, year: int, now: datetime) -> None:
        held = self.records[table]
        if self._year_of(table, held[key]) not in {None, year}:
            return
        match table:
            case "students":
                left = {"status": "Withdrawn", "withdrawDate": told(now.date()), "gradeLevel": ""}
                held[key] = {**held[key], "school": {**held[key]["school"], **left}}
            case "enrollments":
                out = {"enrolled": False, **{f"enrolled{slot}": False for slot in range(1, 7)}}
                held[key] = _stamped(table, {**held[key], **out}, now)
            case "staff":
                held[key] = {**held[key], "active": False}
            case "classes":
                del held[key]
            case _:
                pass  # whoever was there once is there for ever

    def _year_of(self, table: str, record: Record) -> int | None:
        """Return the year that a class or an enrollment is of, None for all else."""
        if table == "enrollments":
            record = self.records["classes"].get((record["classId"],), {})
        found: int | None = record.get("yearId") if table in {"classes", "enrollments"} else None
        return found


def _key(table: str, record: Record) -> Key:
    return tuple(record.get(name) for name in KEYS[table])


def _content(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != "modifiedDate"}


def _stamped(table: str, record: Record, at: datetime) -> Record:
    if table in _UNDATED:
        return record
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**record, "modifiedDate": stamp}


def _made(made: Maker, at: datetime) -> dict[str, dict[Key, Record]]:
    found: dict[str, dict[Key, Record]] = {}
    for table in KEYS:
        records = made.table(table)
        found[table] = {_key(table, one): _stamped(table, one, at) for one in records}
    return found
