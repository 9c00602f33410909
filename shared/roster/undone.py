"""What a person has undone, and how it holds against the next read of the same source.

A link that has ended as undone stands for a source row that shall not come back by itself: while
the row is what it was, it counts as unchanged. A link whose end was undone does not end by itself
again: its removal is held for approval, until the app has shown the record once more.
"""

from __future__ import annotations

from shared.db.hub_tables import LINKS, STAGES, raw
from shared.domain.records import FIELDS, Kind
from shared.roster.absences import ABSENT
from shared.roster.statements import HERE, Statements

_OUT = "ended_why = 'undone' AND {0}.ended_at IS NOT NULL"
_BACK = "ended_why = 'undone' AND {0}.ended_at IS NULL"


def reopen_undone(run: Statements, kind: Kind) -> None:
    """Open unchanged rows that were undone, where what they hang on comes back in this read.

    Else a student who is corrected at the source would come back without roles and enrollments.
    """
    link, stage = LINKS[kind].name, STAGES[kind].name
    out = f"SELECT k.external_id FROM {link} AS k WHERE k.app_id = :app AND k.{_OUT.format('k')}"
    references = [field for field in FIELDS[kind] if field.ref is not None and not field.many]
    if not references or not run.value(f"SELECT CASE WHEN EXISTS ({out}) THEN 1 ELSE 0 END"):
        return
    returning = [
        f"s.{raw(field)} IN (SELECT r.external_id FROM {STAGES[field.ref].name} AS r"
        f" JOIN {LINKS[field.ref].name} AS x ON x.app_id = :app AND x.external_id = r.external_id"
        f" WHERE {HERE.replace('s.', 'r.')} AND r.verdict IS NULL AND x.{_OUT.format('x')})"
        for field in references
        if field.ref is not None
    ]
    run.run(
        f"UPDATE {stage} AS s SET verdict = NULL WHERE {HERE} AND s.verdict = 'unchanged'"
        f" AND s.external_id IN ({out}) AND ({' OR '.join(returning)})"
    )


def hold_undone(run: Statements, kind: Kind) -> int:
    """Hold the removals of a complete read that a person has undone before; returns how many."""
    return run.run(
        f"UPDATE stage_absences AS a SET verdict = 'held' WHERE {ABSENT} AND a.verdict = 'removed'"
        f" AND a.external_id IN (SELECT k.external_id FROM {LINKS[kind].name} AS k"
        f" WHERE k.app_id = :app AND k.{_BACK.format('k')})",
        kind=kind,
    )


def forget_undone(run: Statements, kind: Kind) -> None:
    """Let links whose end was undone be like any other, now that the app shows their records."""
    link, stage = LINKS[kind].name, STAGES[kind].name
    back = f"k.app_id = :app AND k.{_BACK.format('k')}"
    if run.value(
        f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {link} AS k WHERE {back}) THEN 1 ELSE 0 END"
    ):
        run.run(
            f"UPDATE {link} AS k SET ended_why = NULL, ended_job = NULL WHERE {back}"
            f" AND k.external_id IN (SELECT s.external_id FROM {stage} AS s WHERE {HERE}"
            " AND coalesce(s.verdict, '') NOT IN ('deleted', 'filtered'))"
        )
