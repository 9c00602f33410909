"""Conflicts: fields that the hub and a 2-way app have both changed, and that nobody owns.

The hub keeps its value, the app is left alone, and a person decides between the two.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.db.hub_tables import HUB, LINKS, STAGES, snake
from shared.domain.records import FIELDS, Kind
from shared.roster.bases import is_rendering
from shared.roster.ownership import Ownership
from shared.roster.statements import OPEN, Statements


def is_set(kind: Kind, field: str) -> bool:
    """Return whether a field holds a set, which is merged by element."""
    return next(one.many for one in FIELDS[kind] if one.name == field)


def has_moved(ownership: Ownership, kind: Kind, field: str) -> str:
    """Return the condition: the hub holds something else than hub and app last agreed on.

    Over link `l` and hub `h`. What the vendor made of the hub's value is agreed on.
    """
    base = f"l.{snake(field)}"
    rests = is_rendering(ownership, kind, field, base, "l.external_id")
    return f"(h.{snake(field)} IS DISTINCT FROM {base} AND NOT {rests})"


def is_conflict(ownership: Ownership, kind: Kind, field: str) -> str:
    """Return the condition: both sides have moved the field, and no rule says who is right.

    Over stage `s`, link `l` and hub `h`.
    """
    column = snake(field)
    base, ours, theirs = f"l.{column}", f"h.{column}", f"s.{column}"
    return (
        f"({theirs} IS DISTINCT FROM {ours} AND {theirs} IS DISTINCT FROM {base}"
        f" AND NOT {is_rendering(ownership, kind, field, theirs, 's.external_id')}"
        f" AND {has_moved(ownership, kind, field)}"
        f" AND NOT ({ownership.is_owner(kind, field)})"
        f" AND NOT ({ownership.is_settled(kind, field)}))"
    )


def may_conflict(ownership: Ownership, kind: Kind, field: str) -> bool:
    """Return whether a field can come into conflict at all."""
    return not (
        ownership.fills(kind, field)
        or ownership.is_fresh(kind, field)
        or is_set(kind, field)
        or ownership.is_owner(kind, field) == "1 = 1"
    )


def note_conflicts(
    run: Statements, kind: Kind, supplied: Sequence[str], ownership: Ownership
) -> int:
    """Note the conflicts of the open rows, before they are merged; returns how many are new.

    One that is open already learns what both sides hold now.
    """
    conditions = {
        field: is_conflict(ownership, kind, field)
        for field in supplied
        if may_conflict(ownership, kind, field)
    }
    if not conditions:
        return 0
    rows = (
        f" FROM {STAGES[kind].name} AS s"
        f" JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant AND h.sourced_id = s.sourced_id"
        f" JOIN {LINKS[kind].name} AS l ON l.app_id = :app AND l.external_id = s.external_id"
        f" WHERE {OPEN} AND s.is_new IS NULL AND h.status = 'active' AND "
    )
    if not run.value(f"SELECT count(*) {rows} ({' OR '.join(conditions.values())})"):
        return 0
    before = _count_open(run, kind)
    for field, condition in conditions.items():
        column = snake(field)
        run.run(
            "INSERT INTO conflicts (tenant_id, app_id, kind, external_id, sourced_id, field, base,"
            " ours, theirs, state, job_id, at)"
            " SELECT :tenant, :app, CAST(:kind AS text), s.external_id, s.sourced_id,"
            f" CAST(:field AS text), l.{column}, h.{column}, s.{column}, 'open', :job,"
            f" {run.instant()} {rows} {condition}"
            " ON CONFLICT (app_id, kind, external_id, field) WHERE state = 'open'"
            " DO UPDATE SET ours = excluded.ours, theirs = excluded.theirs,"
            " job_id = excluded.job_id",
            kind=kind,
            field=field,
        )
    return _count_open(run, kind) - before


def review_conflicts(run: Statements) -> None:
    """Bring the tenant's open conflicts up to what hub and apps hold by now.

    One is gone when both have come to hold the same, or when there is nothing left to decide: the
    record was removed, or the app has it no more.
    """
    fields = run.rows(
        "SELECT DISTINCT kind, field FROM conflicts WHERE tenant_id = :tenant AND state = 'open'"
    )
    for told, field in fields:
        kind, column = Kind(told), snake(str(field))
        these = "c.tenant_id = :tenant AND c.state = 'open' AND c.kind = :kind AND c.field = :field"
        record = (
            "h.tenant_id = :tenant AND h.sourced_id = c.sourced_id AND l.app_id = c.app_id"
            " AND l.external_id = c.external_id AND l.sourced_id = c.sourced_id"
        )
        run.run(
            f"UPDATE conflicts AS c SET ours = h.{column}, theirs = l.{column}"
            f" FROM {HUB[kind].name} AS h, {LINKS[kind].name} AS l WHERE {these} AND {record}"
            f" AND (c.ours IS DISTINCT FROM h.{column} OR c.theirs IS DISTINCT FROM l.{column})",
            kind=kind,
            field=field,
        )
        run.run(
            f"UPDATE conflicts AS c SET state = 'gone', resolved_at = {run.instant()}"
            f" WHERE {these} AND (c.ours IS NOT DISTINCT FROM c.theirs OR NOT EXISTS (SELECT 1"
            f" FROM {HUB[kind].name} AS h, {LINKS[kind].name} AS l, apps AS a WHERE {record}"
            " AND h.status = 'active' AND l.ended_at IS NULL AND a.id = c.app_id"
            " AND a.removed_at IS NULL))",
            kind=kind,
            field=field,
        )


def _count_open(run: Statements, kind: Kind) -> int:
    return run.value(
        "SELECT count(*) FROM conflicts WHERE app_id = :app AND kind = :kind AND state = 'open'",
        kind=kind,
    )
