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

_OF_VERDICT = (
    "SELECT b.sourced_id FROM stage_absences AS b WHERE b.job_id = :job AND b.attempt = :attempt"
    " AND b.kind = :other AND b.verdict = :wanted"
)


def hold_removals(run: Statements, kind: Kind, before: Sequence[Kind], rules: AppRules) -> None:
    """Hold the removals of a kind in every school of which too much would go, or by what they name.

    Args:
        run: for the attempt, whose absences are found.
        kind: which.
        before: the earlier kinds that have absences, and were held already.
        rules: of the app.
    """
    references = [field for field in references_of(kind) if field.ref in before]
    for field in references:
        _follow(run, kind, field, "held", "held")
    for field in references:
        # who goes takes all along; it is not counted, else eight enrollments of each student
        # would ask a person about every student who leaves
        if field.ref is Kind.USERS:
            _follow(run, kind, field, "removed", "following")
    _hold_over_limit(run, kind, rules.limit_of(kind))
    run.run(
        f"UPDATE stage_absences AS a SET verdict = 'removed' WHERE {ABSENT}"
        " AND a.verdict = 'following'",
        kind=kind,
    )


def hold_what_is_named(run: Statements, kinds: Sequence[Kind]) -> None:
    """Hold the removals that a held record names, once all kinds have been held.

    Args:
        run: for the attempt.
        kinds: that have absences, in dependency order.
    """
    for kind in reversed(kinds):
        for field in FIELDS[kind]:
            if field.required and field.ref in kinds:
                _hold_named(run, kind, field)


def references_of(kind: Kind) -> list[Field]:
    """Return the references without which a record of a kind means nothing."""
    return [field for field in FIELDS[kind] if field.ref and field.required and not field.many]


def _follow(run: Statements, kind: Kind, field: Field, parent: str, verdict: str) -> None:
    """Give the removals of a kind a verdict where the record that they name has one."""
    named = (
        f"SELECT h.sourced_id FROM {HUB[kind].name} AS h WHERE h.tenant_id = :tenant"
        f" AND h.{snake(field.name)} IN ({_OF_VERDICT})"
    )
    _mark(run, kind, verdict, named, other=field.ref, wanted=parent)


def _hold_named(run: Statements, kind: Kind, field: Field) -> None:
    """Hold the removals that held records of a kind name."""
    if field.ref is not None:
        column, elements = f"h.{snake(field.name)}", ""
        if field.many:
            column, elements = "e.value", f" CROSS JOIN {run.elements(column)}"
        named = (
            f"SELECT {column} FROM {HUB[kind].name} AS h{elements} WHERE h.tenant_id = :tenant"
            f" AND h.sourced_id IN ({_OF_VERDICT})"
        )
        _mark(run, field.ref, "held", named, other=kind, wanted="held")


def _mark(
    run: Statements, kind: Kind, verdict: str, among: str, *, other: Kind | None, wanted: str
) -> None:
    """Give the removals of a kind whose records are among a query's a verdict.

    Args:
        run: for the attempt.
        kind: of the removals.
        verdict: to give.
        among: the query; it asks for the absences of another kind that have a verdict.
        other: that kind.
        wanted: that verdict.
    """
    if run.value(f"SELECT count(*) FROM ({_OF_VERDICT}) AS o", other=other, wanted=wanted):
        run.run(
            f"UPDATE stage_absences AS a SET verdict = :verdict WHERE {ABSENT}"
            f" AND a.verdict = 'removed' AND a.sourced_id IN ({among})",
            kind=kind,
            verdict=verdict,
            other=other,
            wanted=wanted,
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
