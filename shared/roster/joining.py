"""Of some kinds a vendor's own records do not come into the hub: they only join what it has.

A directory holds people whom no student system knows, and those who left years ago: taken as any
other record, they would all be added, or brought back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.db.hub_tables import HUB, LINKS, STAGES, raw
from shared.domain.records import FIELDS, Kind
from shared.roster.statements import HERE, OPEN, Statements


def keep_to_the_known(run: Statements, kind: Kind, supplied: Mapping[Kind, Sequence[str]]) -> None:
    """Set rows aside that stand for no active record of the hub; the kind's are resolved.

    Who was linked stays linked, though its record is gone here: that the vendor still has it is
    what a later step ends. What names a row that was set aside goes with it.

    Args:
        run: for the attempt.
        kind: whose rows.
        supplied: by kind that was read, the fields that the app supplies.
    """
    stage = STAGES[kind].name
    there = (
        f"EXISTS (SELECT 1 FROM {HUB[kind].name} AS h WHERE h.tenant_id = :tenant"
        " AND h.sourced_id = s.sourced_id AND h.status = 'active')"
    )
    linked = (
        f"EXISTS (SELECT 1 FROM {LINKS[kind].name} AS l WHERE l.app_id = :app"
        " AND l.external_id = s.external_id AND l.ended_at IS NULL)"
    )
    run.run(
        f"UPDATE {stage} AS s SET verdict = CASE WHEN {linked} THEN 'unchanged' ELSE 'filtered' END"
        f" WHERE {OPEN} AND (s.is_new = 1 OR NOT {there})"
    )
    filtered = (
        f"SELECT o.external_id FROM {stage} AS o WHERE o.job_id = :job AND o.attempt = :attempt"
        " AND o.verdict = 'filtered'"
    )
    for other, names in supplied.items():
        for field in FIELDS[other]:
            if field.ref is kind and field.required and not field.many and field.name in names:
                run.run(
                    f"UPDATE {STAGES[other].name} AS s SET verdict = 'filtered' WHERE {HERE}"
                    " AND coalesce(s.verdict, 'unchanged') = 'unchanged'"
                    f" AND s.{raw(field)} IN ({filtered})"
                )
