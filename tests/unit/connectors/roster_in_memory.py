"""A hub of a few records in memory, which tells what an export asks a snapshot for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.domain.records import FIELDS, Kind, encode_list, field_names

START = datetime(2026, 9, 1, 4, 0, 0, 123000, tzinfo=UTC)


@dataclass
class Stored:
    """One record."""

    values: dict[str, str | None]
    created: int
    modified: int
    is_active: bool = True
    #: When it was last restored, or a field that it stands or falls with changed.
    back: int = -1


@dataclass
class MemoryRoster:
    """Records by kind and id; time goes in ticks of a minute."""

    now: int = 0
    not_sent: list[tuple[Kind, str]] = field(default_factory=list)
    kinds: dict[Kind, dict[str, Stored]] = field(default_factory=lambda: {k: {} for k in Kind})
    #: By kind: when a field changed, which, and its value before.
    changed: dict[Kind, list[tuple[int, str, str | None]]] = field(
        default_factory=lambda: {k: [] for k in Kind}
    )

    def put(self, kind: Kind, id_: str, values: Mapping[str, str | None]) -> None:
        """Add a record, or update or restore it."""
        assert set(values) <= set(field_names(kind))
        full = {name: values.get(name) for name in field_names(kind)}
        known = self.kinds[kind].get(id_)
        if known is None:
            self.kinds[kind][id_] = Stored(full, self.now, self.now)
            return
        if known.is_active and known.values == full:
            return
        watched = [f.name for f in FIELDS[kind] if f.required and (f.ref or f.vocabulary)]
        if not known.is_active or any(full[name] != known.values[name] for name in watched):
            known.back = self.now
        self.changed[kind] += [
            (self.now, name, value) for name, value in known.values.items() if full[name] != value
        ]
        known.values, known.modified, known.is_active = full, self.now, True

    def remove(self, kind: Kind, id_: str) -> None:
        known = self.kinds[kind][id_]
        if known.is_active:
            known.is_active, known.modified = False, self.now

    def rows(
        self, kind: Kind, fields: Sequence[str], order_by: Sequence[str] = ("sourcedId",)
    ) -> Iterator[tuple[str | None, ...]]:
        for id_, stored in self._ordered(kind, order_by):
            if stored.is_active:
                yield (id_, *(stored.values[name] for name in fields))

    def changes(
        self,
        kind: Kind,
        fields: Sequence[str],
        since: datetime,
        order_by: Sequence[str] = ("sourcedId",),
    ) -> Iterator[tuple[str | None, ...]]:
        for id_, stored in self._ordered(kind, order_by):
            if at(stored.modified) < since:
                continue
            history = "back" if at(stored.back) >= since else None
            yield (
                id_,
                "active" if stored.is_active else "tobedeleted",
                at(stored.modified).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "new" if at(stored.created) >= since else history,
                *(stored.values[name] for name in fields),
            )

    def former(self, kind: Kind, field: str, since: datetime) -> Iterator[str]:
        for tick, name, value in self.changed[kind]:
            if name == field and value is not None and at(tick) >= since:
                yield value

    def leave_out(self, kind: Kind, sourced_id: str) -> None:
        self.not_sent.append((kind, sourced_id))

    terms = ""

    def latest(self) -> datetime | None:
        found = [stored.modified for kind in self.kinds.values() for stored in kind.values()]
        return at(max(found)) if found else None

    def _ordered(self, kind: Kind, order_by: Sequence[str]) -> list[tuple[str, Stored]]:
        def key(item: tuple[str, Stored]) -> list[str]:
            values = {**item[1].values, "sourcedId": item[0]}
            return [values[name] or "" for name in (*order_by, "sourcedId")]

        return sorted(self.kinds[kind].items(), key=key)


def at(tick: int) -> datetime:
    return START + timedelta(minutes=tick)


def small_roster() -> MemoryRoster:
    """A district, a school with a class, a teacher and a student: each of them sound."""
    roster = MemoryRoster()
    put = roster.put
    put(Kind.ORGS, "d", {"name": "District", "type": "district"})
    put(Kind.ORGS, "s", {"name": "School", "type": "school", "parentSourcedId": "d"})
    session = {"startDate": "2026-08-20", "endDate": "2027-06-10", "schoolYear": "2027"}
    put(Kind.ACADEMIC_SESSIONS, "y", {"title": "Year", "type": "schoolYear", **session})
    term = {"title": "Term", "type": "term", "parentSourcedId": "y"}
    put(Kind.ACADEMIC_SESSIONS, "t", {**term, **session})
    course = {"title": "Course", "orgSourcedId": "s", "schoolYearSourcedId": "y"}
    put(Kind.COURSES, "co", course)
    lesson = {"title": "Class", "courseSourcedId": "co", "classType": "scheduled"}
    put(
        Kind.CLASSES,
        "cl",
        {**lesson, "schoolSourcedId": "s", "termSourcedIds": encode_list(["t"])},
    )
    for id_, role in (("u1", "teacher"), ("u2", "student")):
        put(Kind.USERS, id_, user(id_))
        put(Kind.ROLES, f"r-{id_}", role_of(id_, role))
        enrolled = {"classSourcedId": "cl", "schoolSourcedId": "s", "userSourcedId": id_}
        put(Kind.ENROLLMENTS, f"e-{id_}", {**enrolled, "role": role})
    put(
        Kind.DEMOGRAPHICS, "dm", {"userSourcedId": "u2", "birthDate": "2012-02-29", "sex": "female"}
    )
    return roster


def user(id_: str, **values: str | None) -> dict[str, str | None]:
    made = {"enabledUser": "true", "username": id_, "givenName": "Given", "familyName": "Family"}
    return {**made, **values}


def role_of(user_id: str, role: str, org: str = "s", role_type: str = "primary") -> dict[str, str]:
    return {"userSourcedId": user_id, "roleType": role_type, "role": role, "orgSourcedId": org}
