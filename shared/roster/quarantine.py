"""Quarantine: staged rows that break a rule are kept with their reason, and left out."""

from __future__ import annotations

from shared.db.hub_tables import STAGES
from shared.domain.records import Kind
from shared.roster.statements import Statements


def refuse(run: Statements, kind: Kind, where: str, field: str, reason: str) -> None:
    """Put staged rows into quarantine and out of the merge; the last good version stays.

    Args:
        run: for the attempt.
        kind: of the rows.
        where: which of the staged rows `s`.
        field: the field that is wrong.
        reason: an SQL expression for one sentence.
    """
    if tell(run, kind, where, field, reason):
        run.run(f"UPDATE {STAGES[kind].name} AS s SET verdict = 'quarantined' WHERE {where}")


def tell(run: Statements, kind: Kind, where: str, field: str, reason: str) -> int:
    """Write staged rows into quarantine, a row each; returns how many."""
    return run.run(
        "INSERT INTO quarantine (job_id, tenant_id, app_id, kind, external_id, field, reason,"
        " found_by, at)"
        " SELECT DISTINCT :job, :tenant, :app, CAST(:kind AS text), s.external_id,"
        f" CAST(:field AS text), {reason}, 'hub', {run.instant()}"
        f" FROM {STAGES[kind].name} AS s WHERE {where}",
        kind=kind,
        field=field,
    )
