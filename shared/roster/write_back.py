"""What a 2-way job writes to its vendor: the fields in which the hub is right.

What is about to be written is recorded before it is handed out; for what the vendor said of it, see
`shared.roster.answers`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, text

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, STAGES, snake, vendor_writes
from shared.domain.merge import Side, merge, merge_elements
from shared.domain.records import Kind
from shared.roster.bases import is_rendering
from shared.roster.conflicts import is_set
from shared.roster.plan import Plan
from shared.roster.statements import HERE, OPEN

#: One record to write: its id at the vendor, the idempotency key, and the fields to set.
Intent = tuple[str, str, dict[str, str | None]]

#: Records that are compared at once.
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the merge wants written to a record, and what the vendor holds in those fields."""

    intent: Intent
    sourced_id: str
    held: Mapping[str, str | None]


def pending_writes(
    database: Database,
    plan: Plan,
    writable: Mapping[Kind, frozenset[str]],
    *,
    batch_size: int,
    accepts: Callable[[Kind, str], bool],
) -> Iterator[tuple[Kind, list[Intent]]]:
    """Yield batches of records to write, each recorded as intended before. Commits each.

    Args:
        database: of the hub.
        plan: of the read that came before.
        writable: by kind, the fields that the vendor takes.
        batch_size: the most records in a batch.
        accepts: whether the vendor can write a record at all, by its kind and external id.
    """
    for kind, page in wanted_writes(database, plan, writable, accepts=accepts):
        intents = [wanted.intent for wanted in page]
        for start in range(0, len(intents), batch_size):
            batch = intents[start : start + batch_size]
            _record(database, plan, kind, batch)
            yield kind, batch


def wanted_writes(
    database: Database,
    plan: Plan,
    writable: Mapping[Kind, frozenset[str]],
    *,
    accepts: Callable[[Kind, str], bool],
) -> Iterator[tuple[Kind, list[Wanted]]]:
    """Yield pages of records to write, and record nothing; see `pending_writes`."""
    for kind, names in writable.items():
        fields = sorted(names - plan.rules.ignored(kind))
        if not fields:
            continue
        for page in _pages(database, plan, kind, fields):
            wanted = [
                one
                for row in page
                if accepts(kind, row.external_id)
                and (one := _wanted(plan, kind, row, fields)) is not None
            ]
            left = _without_answered(database, plan, wanted)
            if left:
                yield kind, left


def _pages(
    database: Database, plan: Plan, kind: Kind, fields: Sequence[str]
) -> Iterator[Sequence[Row[Any]]]:
    """Yield the records in which hub and vendor differ, by external id, a page at a time."""
    query = text(_differing(plan, kind, fields))
    known = set(query.compile().params)
    last = ""
    while True:
        bound = {
            "app": plan.key.app_id,
            "job": plan.key.job_id,
            "attempt": plan.key.attempt,
            "tenant": plan.key.tenant_id,
            "last": last,
            "size": PAGE,
        }
        with database.read() as connection:
            page = connection.execute(
                query, {name: value for name, value in bound.items() if name in known}
            ).all()
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1].external_id


def _differing(plan: Plan, kind: Kind, fields: Sequence[str]) -> str:
    hub, link, stage = HUB[kind].name, LINKS[kind].name, STAGES[kind].name
    supplied = plan.supplied.get(kind, ())
    columns = {name: snake(name) for name in fields}
    # a row that is unchanged was not resolved in staging; its link's base is what the vendor holds
    theirs = {
        name: f"CASE WHEN s.external_id IS NULL THEN l.{c} ELSE s.{c} END"
        if name in supplied
        else f"l.{c}"
        for name, c in columns.items()
    }
    own = plan.ownership
    # a field that waits for a person is left alone on both sides
    waits = (
        f"EXISTS (SELECT 1 FROM conflicts AS c WHERE c.app_id = :app AND c.kind = '{kind}'"
        " AND c.external_id = i.external_id AND c.state = 'open' AND c.field = "
    )
    values = ", ".join(
        f"h.{c} AS ours_{c}, l.{c} AS base_{c}, {theirs[name]} AS theirs_{c},"
        f" ({own.is_owner(kind, name)}) AS owns_{c},"
        f" ({own.is_settled(kind, name)}) AS settled_{c}, {waits}'{name}') AS waits_{c},"
        f" ({_rendered(plan, kind, name, theirs[name])}) AS echoes_{c},"
        f" ({_rendered(plan, kind, name, f'l.{c}')}) AS rests_{c}"
        for name, c in columns.items()
    )
    differ = " OR ".join(
        f"(h.{c} IS DISTINCT FROM {theirs[n]} AND NOT {_rendered(plan, kind, n, theirs[n])})"
        for n, c in columns.items()
    )
    return (
        f"SELECT i.external_id, h.sourced_id, l.app_id IS NOT NULL AS is_linked, {values}"
        f" FROM ({_there(plan, kind)}) AS i"
        f" JOIN {hub} AS h ON h.tenant_id = :tenant AND h.sourced_id = i.sourced_id"
        f" LEFT JOIN {link} AS l ON l.app_id = :app AND l.external_id = i.external_id"
        f" LEFT JOIN {stage} AS s ON s.external_id = i.external_id AND {OPEN}"
        f" WHERE h.status = 'active' AND i.external_id > :last AND ({differ})"
        " ORDER BY i.external_id LIMIT :size"
    )


def _rendered(plan: Plan, kind: Kind, field: str, held: str) -> str:
    return is_rendering(plan.ownership, kind, field, held, "i.external_id")


def _there(plan: Plan, kind: Kind) -> str:
    """Return a query for (external id, hub id) of the records that the vendor still has.

    One that is out of scope, or whose row was refused, is left alone: nobody knows what it holds.
    """
    stage = STAGES[kind].name
    linked = (
        f"SELECT l.external_id, l.sourced_id FROM {LINKS[kind].name} AS l"
        " WHERE l.app_id = :app AND l.ended_at IS NULL"
    )
    if kind not in plan.supplied:
        return linked
    seen = f"SELECT 1 FROM {stage} AS s WHERE {HERE} AND s.external_id = l.external_id"
    good = "coalesce(s.verdict, 'unchanged') IN ('unchanged', 'repeated')"
    unread = (
        "SELECT q.external_id FROM quarantine AS q WHERE q.job_id = :job"
        f" AND q.kind = '{kind}' AND q.found_by = 'connector'"
    )
    linked += (
        f" AND EXISTS ({seen} AND {good})"
        if plan.absence(kind) is not None
        else f" AND NOT EXISTS ({seen} AND NOT ({good})) AND l.external_id NOT IN ({unread})"
    )
    matched = f"SELECT s.external_id, s.sourced_id FROM {stage} AS s WHERE {OPEN}"
    return f"{linked} UNION {matched} AND s.is_new IS NULL"


def _wanted(plan: Plan, kind: Kind, row: Row[Any], fields: Sequence[str]) -> Wanted | None:
    values: dict[str, str | None] = {}
    held: dict[str, str | None] = {}
    for name in fields:
        column = snake(name)
        base, ours, theirs = (
            getattr(row, f"{side}_{column}") for side in ("base", "ours", "theirs")
        )
        if getattr(row, f"waits_{column}"):
            continue
        known = (("echoes", theirs), ("rests", base))
        side = merge(
            base,
            ours,
            theirs,
            is_linked=bool(row.is_linked) and not plan.ownership.is_fresh(kind, name),
            is_owner=bool(getattr(row, f"owns_{column}")),
            fills=plan.ownership.fills(kind, name),
            is_settled=bool(getattr(row, f"settled_{column}")),
            is_set=is_set(kind, name),
            renderings=[value for what, value in known if getattr(row, f"{what}_{column}")],
        )
        wanted = merge_elements(base, ours, theirs) if side is Side.BOTH else ours
        if side in {Side.OURS, Side.BOTH} and wanted != theirs:
            values[name], held[name] = wanted, theirs
    if not values:
        return None
    told = json.dumps([row.external_id, values], sort_keys=True, ensure_ascii=False)
    key = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
    return Wanted((row.external_id, key, values), row.sourced_id, held)


def _without_answered(database: Database, plan: Plan, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Leave out what the vendor has answered before, where the same again cannot help.

    It refused the values; or it took them, and what it made of them is what it holds now.
    """
    if not wanted:
        return []
    with database.read() as connection:
        answers = connection.execute(
            select(vendor_writes.c.key, vendor_writes.c.state, vendor_writes.c["values"]).where(
                vendor_writes.c.app_id == plan.key.app_id,
                vendor_writes.c.state != "intended",
                vendor_writes.c.key.in_([one.intent[1] for one in wanted]),
            )
        ).all()
    refused = {row.key for row in answers if row.state == "rejected"}
    taken = {(row.key, _told(json.loads(row.values))) for row in answers}
    return [
        one
        for one in wanted
        if one.intent[1] not in refused and (one.intent[1], _told(one.held)) not in taken
    ]


def _told(values: Mapping[str, str | None]) -> str:
    return json.dumps({name: value or None for name, value in values.items()}, sort_keys=True)


def _record(database: Database, plan: Plan, kind: Kind, intents: Sequence[Intent]) -> None:
    with database.write() as connection:
        at = database.now(connection)
        connection.execute(
            insert(vendor_writes),
            [
                {
                    "app_id": plan.key.app_id,
                    "job_id": plan.key.job_id,
                    "attempt": plan.key.attempt,
                    "kind": kind,
                    "external_id": external_id,
                    "key": key,
                    "values": json.dumps(values, ensure_ascii=False),
                    "state": "intended",
                    "at": at,
                }
                for external_id, key, values in intents
            ],
        )
