"""What a 2-way job writes to its vendor: the fields in which the hub is right.

What is about to be written is recorded before it is handed out; what the vendor said of it after.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, text, update

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, STAGES, snake, vendor_writes
from shared.domain.merge import Side, merge
from shared.domain.records import Kind
from shared.roster.merging import OWNS
from shared.roster.plan import Plan

#: One record to write: its id at the vendor, the idempotency key, and the fields to set.
Intent = tuple[str, str, dict[str, str | None]]


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
    for kind, names in writable.items():
        fields = sorted(names)
        for page in _pages(database, plan, kind, fields, batch_size):
            intents = [
                intent
                for row in page
                if accepts(kind, row.external_id) and (intent := _intent(row, fields)) is not None
            ]
            with database.write() as connection:
                intents = _not_rejected_before(connection, plan, intents)
                _record(connection, database, plan, kind, intents)
            if intents:
                yield kind, intents


def record_results(
    database: Database,
    plan: Plan,
    kind: Kind,
    results: Sequence[tuple[str, bool, Mapping[str, str | None], str | None]],
) -> None:
    """Record what the vendor said: (external id, confirmed, values as it holds them, reason)."""
    with database.write() as connection:
        if results:
            connection.execute(
                update(vendor_writes)
                .where(
                    vendor_writes.c.job_id == plan.key.job_id,
                    vendor_writes.c.attempt == plan.key.attempt,
                    vendor_writes.c.kind == kind,
                    vendor_writes.c.external_id == bindparam("b_external_id"),
                )
                .values(
                    {
                        vendor_writes.c.state: bindparam("b_state"),
                        vendor_writes.c["values"]: bindparam("b_values"),
                        vendor_writes.c.reason: bindparam("b_reason"),
                    }
                ),
                [
                    {
                        "b_external_id": external_id,
                        "b_state": "confirmed" if confirmed else "rejected",
                        "b_values": json.dumps(dict(values), ensure_ascii=False),
                        "b_reason": reason,
                    }
                    for external_id, confirmed, values, reason in results
                ],
            )


def _pages(
    database: Database, plan: Plan, kind: Kind, fields: Sequence[str], size: int
) -> Iterator[Sequence[Row[Any]]]:
    """Yield the records in which hub and vendor differ, by external id, a page at a time."""
    last = ""
    while True:
        with database.read() as connection:
            page = connection.execute(
                text(_differing(kind, fields, kind in plan.supplied)),
                {
                    "app": plan.key.app_id,
                    "job": plan.key.job_id,
                    "attempt": plan.key.attempt,
                    "tenant": plan.key.tenant_id,
                    "last": last,
                    "size": size,
                },
            ).all()
        if page:
            yield page
        if len(page) < size:
            return
        last = page[-1].external_id


def _differing(kind: Kind, fields: Sequence[str], is_staged: bool) -> str:
    hub, link, stage = HUB[kind].name, LINKS[kind].name, STAGES[kind].name
    columns = [snake(name) for name in fields]
    owns = OWNS.format(link=link).replace(
        ":position", "(SELECT position FROM apps WHERE id = :app)"
    )
    # a row that is unchanged was not resolved in staging; its link's base is what the vendor holds
    theirs = {
        column: f"CASE WHEN s.external_id IS NOT NULL THEN s.{column} ELSE l.{column} END"
        for column in columns
    }
    values = ", ".join(
        f"h.{column} AS ours_{column}, l.{column} AS base_{column}, {theirs[column]} AS"
        f" theirs_{column}"
        for column in columns
    )
    differ = " OR ".join(f"h.{column} IS DISTINCT FROM {theirs[column]}" for column in columns)
    here = "s.job_id = :job AND s.attempt = :attempt AND s.verdict IS NULL"
    linked = f"SELECT external_id, sourced_id FROM {link} WHERE app_id = :app AND ended_at IS NULL"
    staged = f"SELECT s.external_id, s.sourced_id FROM {stage} AS s WHERE {here}"
    known = f"{linked} UNION {staged} AND s.is_new IS NULL" if is_staged else linked
    return (
        f"SELECT i.external_id, l.app_id IS NOT NULL AS is_linked, ({owns}) AS is_owner, {values}"
        f" FROM ({known}) AS i"
        f" JOIN {hub} AS h ON h.tenant_id = :tenant AND h.sourced_id = i.sourced_id"
        f" LEFT JOIN {link} AS l ON l.app_id = :app AND l.external_id = i.external_id"
        f" LEFT JOIN {stage} AS s ON s.external_id = i.external_id AND {here}"
        f" WHERE h.status = 'active' AND i.external_id > :last AND ({differ})"
        " ORDER BY i.external_id LIMIT :size"
    )


def _intent(row: Row[Any], fields: Sequence[str]) -> Intent | None:
    values: dict[str, str | None] = {}
    for name in fields:
        column = snake(name)
        side = merge(
            getattr(row, f"base_{column}"),
            ours := getattr(row, f"ours_{column}"),
            getattr(row, f"theirs_{column}"),
            is_linked=bool(row.is_linked),
            is_owner=bool(row.is_owner),
        )
        if side is Side.OURS:
            values[name] = ours
    if not values:
        return None
    told = json.dumps([row.external_id, values], sort_keys=True, ensure_ascii=False)
    return row.external_id, hashlib.blake2b(told.encode(), digest_size=16).hexdigest(), values


def _not_rejected_before(connection: Connection, plan: Plan, intents: list[Intent]) -> list[Intent]:
    """Leave out what the vendor has refused before: the same again cannot help."""
    if not intents:
        return []
    refused = set(
        connection.execute(
            text(
                "SELECT key FROM vendor_writes WHERE app_id = :app AND state = 'rejected'"
                " AND key IN :keys"
            ).bindparams(bindparam("keys", expanding=True)),
            {"app": plan.key.app_id, "keys": [key for _, key, _ in intents]},
        ).scalars()
    )
    return [intent for intent in intents if intent[1] not in refused]


def _record(
    connection: Connection, database: Database, plan: Plan, kind: Kind, intents: Sequence[Intent]
) -> None:
    if not intents:
        return
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
