"""What a record names, and what names it: a person's classes, a class's people, a course's classes.

Everything is bounded, and what names a record is found by an index, or among few records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from shared.db.hub_tables import HUB, snake
from shared.db.review_views import names_of
from shared.domain.records import FIELDS, Kind, decode_list

#: The most records of a group.
MOST = 100


@dataclass(frozen=True, slots=True)
class _Way:
    """How records of one kind lead to a record.

    Attributes:
        title: of the group.
        kind: of the records that lead there.
        by: their field that names the record.
        to: their field that names what is shown instead of them; None: they are shown.
        told: their fields that are told with it.
    """

    title: str
    kind: Kind
    by: str
    to: str | None = None
    told: tuple[str, ...] = ()


_WAYS: Mapping[Kind, Sequence[_Way]] = {
    Kind.ORGS: (_Way("organisations below", Kind.ORGS, "parentSourcedId", told=("type",)),),
    Kind.ACADEMIC_SESSIONS: (
        _Way("sessions within", Kind.ACADEMIC_SESSIONS, "parentSourcedId", told=("type",)),
    ),
    Kind.COURSES: (_Way("classes", Kind.CLASSES, "courseSourcedId", told=("classCode",)),),
    Kind.CLASSES: (_Way("people", Kind.ENROLLMENTS, "classSourcedId", "userSourcedId", ("role",)),),
    Kind.USERS: (
        _Way("roles", Kind.ROLES, "userSourcedId", "orgSourcedId", ("role", "roleType")),
        _Way("classes", Kind.ENROLLMENTS, "userSourcedId", "classSourcedId", ("role",)),
        _Way("demographics", Kind.DEMOGRAPHICS, "userSourcedId"),
    ),
}


def related_records(
    connection: Connection, tenant_id: int, kind: Kind, sourced_id: str
) -> list[dict[str, Any]]:
    """Return what a record names and what names it, now; active records only.

    Returns:
        Groups that are not empty, each `{"title", "records": [{"kind", "sourcedId", "name",
        "told"}], "is_cut"}`; `told` is a list of texts, such as a role.
    """
    groups = [_named(connection, tenant_id, kind, sourced_id)]
    groups += [_leading(connection, tenant_id, way, sourced_id) for way in _WAYS.get(kind, ())]
    return [group for group in groups if group["records"]]


def _named(connection: Connection, tenant_id: int, kind: Kind, sourced_id: str) -> dict[str, Any]:
    """Return what a record's own fields name."""
    hub = HUB[kind]
    row = connection.execute(
        select(hub).where(hub.c.tenant_id == tenant_id, hub.c.sourced_id == sourced_id)
    ).one()
    found: list[tuple[Kind, str, list[str]]] = []
    for field in FIELDS[kind]:
        value = getattr(row, snake(field.name))
        if field.ref is None or value is None:
            continue
        ids = decode_list(value) if field.many else [value]
        found += [(field.ref, id_, [field.name]) for id_ in ids[:MOST]]
    return _group(connection, tenant_id, "names", found, is_cut=False)


def _leading(connection: Connection, tenant_id: int, way: _Way, sourced_id: str) -> dict[str, Any]:
    hub = HUB[way.kind].c
    shown = hub[snake(way.to)] if way.to else hub.sourced_id
    told = [hub[snake(name)] for name in way.told]
    rows = connection.execute(
        select(shown, *told)
        .where(hub.tenant_id == tenant_id, hub[snake(way.by)] == sourced_id, hub.status == "active")
        # a class's teachers come before its students
        .order_by(*(column.desc() for column in told), hub.sourced_id)
        .limit(MOST + 1)
    ).all()
    kind = next(field.ref for field in FIELDS[way.kind] if field.name == way.to) if way.to else None
    found = [(kind or way.kind, row[0], [one for one in row[1:] if one]) for row in rows[:MOST]]
    return _group(connection, tenant_id, way.title, found, is_cut=len(rows) > MOST)


def _group(
    connection: Connection,
    tenant_id: int,
    title: str,
    found: Sequence[tuple[Kind, str, list[str]]],
    *,
    is_cut: bool,
) -> dict[str, Any]:
    ids: defaultdict[Kind, set[str]] = defaultdict(set)
    for kind, id_, _ in found:
        ids[kind].add(id_)
    names = {kind: names_of(connection, tenant_id, kind, some) for kind, some in ids.items()}
    records = [
        {"kind": kind, "sourcedId": id_, "name": names[kind].get(id_), "told": told}
        for kind, id_, told in found
    ]
    return {"title": title, "records": records, "is_cut": is_cut}
