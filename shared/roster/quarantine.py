"""Quarantine: staged rows that break a rule are kept with their reason, and left out."""

from __future__ import annotations

from shared.db.hub_tables import STAGES, raw, snake
from shared.domain.records import FIELDS, Kind
from shared.roster.statements import OPEN, Statements


def refuse(
    run: Statements,
    kind: Kind,
    where: str,
    field: str,
    reason: str,
    *,
    join: str = "",
    **values: object,
) -> int:
    """Put staged rows into quarantine and out of the merge; the last good version stays.

    Args:
        run: for the attempt.
        kind: of the rows.
        where: which of the staged rows `s`.
        field: the field that is wrong.
        reason: an SQL expression for one sentence.
        join: a query with the column `n`, one row a staged row, `q` in `where` and `reason`.
        values: bound in all of these.

    Returns:
        How many.
    """
    told = tell(run, kind, where, field, reason, join=join, **values)
    if told:
        joined = f" FROM ({join}) AS q" if join else ""
        also = " AND q.n = s.n" if join else ""
        run.run(
            f"UPDATE {STAGES[kind].name} AS s SET verdict = 'quarantined'{joined}"
            f" WHERE {where}{also}",
            **values,
        )
    return told


def tell(
    run: Statements,
    kind: Kind,
    where: str,
    field: str,
    reason: str,
    *,
    join: str = "",
    **values: object,
) -> int:
    """Write staged rows into quarantine, each with its source; returns how many. See `refuse`."""
    joined = f" JOIN ({join}) AS q ON q.n = s.n" if join else ""
    return run.run(
        "INSERT INTO quarantine (job_id, tenant_id, app_id, kind, external_id, field, reason,"
        " source, found_by, at)"
        " SELECT :job, :tenant, :app, CAST(:kind AS text), s.external_id,"
        f" CAST(:field AS text), {reason}, {_source(run, kind)}, 'hub', {run.instant()}"
        f" FROM {STAGES[kind].name} AS s{joined} WHERE {where}",
        kind=kind,
        field=field,
        **values,
    )


def look_again(run: Statements, kind: Kind, where: str) -> None:
    """Let the next read look at open rows again, though their source will not have changed.

    Of these something was left out and told of; it is told of again as long as it is so.
    """
    run.run(
        f"UPDATE {STAGES[kind].name} AS s SET fingerprint = fingerprint || '*'"
        f" WHERE {OPEN} AND s.fingerprint NOT LIKE '%*' AND {where}"
    )


def _source(run: Statements, kind: Kind) -> str:
    """Return an expression: the staged row as JSON, by OneRoster's names, references as given."""
    columns = {
        field.name: f"s.{raw(field) if field.ref is not None else snake(field.name)}"
        for field in FIELDS[kind]
    }
    return run.json({"sourcedId": "s.external_id", **columns})
