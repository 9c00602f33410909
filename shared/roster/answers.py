"""What a vendor said of what it was sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, select, update

from shared.db.engine import Database
from shared.db.hub_tables import vendor_writes
from shared.domain.records import Kind
from shared.roster.bases import note_renderings
from shared.roster.plan import Plan


def record_results(
    database: Database,
    plan: Plan,
    kind: Kind,
    results: Sequence[tuple[str, bool, Mapping[str, str | None], str | None]],
) -> None:
    """Record what the vendor said: (external id, confirmed, values as it holds them, reason).

    What it confirmed goes into the base at the end of the job, or, if it never gets there, of the
    next one. Commits.
    """
    if not results:
        return
    with database.write() as connection:
        sent = _sent(connection, plan, kind, [result[0] for result in results])
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
                    # it may come late, from a worker that has lost its lease
                    vendor_writes.c.based_job: None,
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
        taken = {external_id: values for external_id, confirmed, values, _ in results if confirmed}
        note_renderings(
            connection,
            plan.key.app_id,
            kind,
            [(external_id, sent[external_id], values) for external_id, values in taken.items()],
        )


def _sent(
    connection: Connection, plan: Plan, kind: Kind, ids: Sequence[str]
) -> dict[str, dict[str, str | None]]:
    """Return what this attempt was about to write, by external id."""
    rows = connection.execute(
        select(vendor_writes.c.external_id, vendor_writes.c["values"]).where(
            vendor_writes.c.job_id == plan.key.job_id,
            vendor_writes.c.attempt == plan.key.attempt,
            vendor_writes.c.kind == kind,
            vendor_writes.c.external_id.in_(ids),
        )
    )
    return {row.external_id: json.loads(row.values) for row in rows}
