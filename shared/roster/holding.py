"""Which removals wait for a person: those above a limit, and what hangs together with them.

Nothing that is held may name a record that goes, and nothing goes that hangs on a held record: a
student who waits keeps roles, enrollments and demographics, and who goes takes them along.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from shared.db.hub_tables import HUB, snake
from shared.domain.limits import Limit, is_over
from shared.domain.records import FIELDS, Field, Kind
from shared.roster.absences import ABSENT, school_sizes
from shared.roster.rules import AppRules
from shared.roster.statements import Statements


def hold_removals(run: Statements, kinds: Sequence[Kind], rules: AppRules) -> None:
    """Hold the removals of every school of which too much would go, and what belongs to them.

    Args:
        run: for the attempt, whose absences are found.
        kinds: that have absences, in dependency order.
        rules: of the app.
    """
    for kind in kinds:
        references = references_of(kind)
        for field in references:
            if field.ref in kinds:
                _follow(run, kind, field, "held", "held")
        for field in references:
            # who goes takes all along; it is not counted, else eight enrollments of each student
            # would ask a person about every student who leaves
            if field.ref is Kind.USERS and Kind.USERS in kinds:
                _follow(run, kind, field, "removed", "following")
        _hold_over_limit(run, kind, rules.limit_of(kind))
        run.run(
            f"UPDATE stage_absences AS a SET verdict = 'removed' WHERE {ABSENT}"
            " AND a.verdict = 'following'",
            kind=kind,
        )
    for kind in reversed(kinds):
        for field in references_of(kind):
            if field.ref in kinds:
                _hold_named(run, kind, field)


def references_of(kind: Kind) -> list[Field]:
    """Return the references without which a record of a kind means nothing."""
    return [field for field in FIELDS[kind] if field.ref and field.required and not field.many]


def _follow(run: Statements, kind: Kind, field: Field, parent: str, verdict: str) -> None:
    """Give the removals of a kind a verdict where the record that they name has one."""
    run.run(
        f"UPDATE stage_absences AS a SET verdict = :verdict FROM {HUB[kind].name} AS h,"
        " (SELECT DISTINCT b.sourced_id FROM stage_absences AS b WHERE b.job_id = :job"
        " AND b.attempt = :attempt AND b.kind = :parent AND b.verdict = :parent_verdict) AS p"
        f" WHERE {ABSENT} AND a.verdict = 'removed' AND h.tenant_id = :tenant"
        f" AND h.sourced_id = a.sourced_id AND p.sourced_id = h.{snake(field.name)}",
        kind=kind,
        parent=field.ref,
        parent_verdict=parent,
        verdict=verdict,
    )


def _hold_named(run: Statements, kind: Kind, field: Field) -> None:
    """Hold the removals that held records of a kind name."""
    run.run(
        "UPDATE stage_absences AS a SET verdict = 'held' FROM"
        f" (SELECT DISTINCT h.{snake(field.name)} AS sourced_id FROM stage_absences AS b"
        f" JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant AND h.sourced_id = b.sourced_id"
        " WHERE b.job_id = :job AND b.attempt = :attempt AND b.kind = :child"
        " AND b.verdict = 'held') AS c"
        f" WHERE {ABSENT} AND a.verdict = 'removed' AND a.sourced_id = c.sourced_id",
        kind=field.ref,
        child=kind,
    )


def _hold_over_limit(run: Statements, kind: Kind, limit: Limit) -> None:
    removed = run.rows(
        f"SELECT a.school, count(*) FROM stage_absences AS a WHERE {ABSENT}"
        " AND a.verdict = 'removed' GROUP BY a.school",
        kind=kind,
    )
    suspects = {school: count for school, count in removed if count >= limit.at_least}
    if not suspects:
        return
    there = school_sizes(run, kind)
    over = [
        school
        for school, count in suspects.items()
        if is_over(limit, count, there.get(school, count))
    ]
    if over:
        run.run(
            f"UPDATE stage_absences AS a SET verdict = 'held' WHERE {ABSENT}"
            " AND a.verdict = 'removed' AND coalesce(a.school, '') IN"
            f" (SELECT e.value FROM {run.elements('CAST(:schools AS text)')})",
            kind=kind,
            schools=json.dumps([school or "" for school in over]),
        )
