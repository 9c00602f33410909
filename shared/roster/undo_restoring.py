"""The restoring half of an undo: what was judged to be undone is written, and logged, in sets."""

from __future__ import annotations

from shared.db.hub_tables import HUB, LINKS, snake
from shared.domain.records import Kind
from shared.roster.statements import Statements
from shared.roster.undo_effects import GOES

_DONE = "u.verdict = 'undo'"


def restore(run: Statements, actor: str) -> int:
    """Write every effect that is to be undone; returns how many records that changes.

    Args:
        run: for the job; its transaction holds the hub lock.
        actor: who undoes it, for the change log.
    """
    make = "json_object_agg" if run.is_postgresql else "json_group_object"
    changed = run.run(
        "INSERT INTO change_log (actor, tenant_id, kind, sourced_id, op, before, after, at)"
        " SELECT CAST(:actor AS text), :tenant, u.kind, u.sourced_id,"
        " CASE max(CASE WHEN u.field = 'status' THEN u.wanted END) WHEN 'active' THEN 'restore'"
        " WHEN 'tobedeleted' THEN 'remove' ELSE 'update' END,"
        f" CAST({make}(u.field, u.held) AS text), CAST({make}(u.field, u.wanted) AS text),"
        f" {run.instant()} FROM undo AS u WHERE {_DONE} GROUP BY u.kind, u.sourced_id",
        actor=actor,
    )
    fields: dict[Kind, list[str]] = {}
    for kind, field in run.rows(
        f"SELECT DISTINCT u.kind, u.field FROM undo AS u WHERE {_DONE} ORDER BY u.kind, u.field"
    ):
        fields.setdefault(Kind(kind), []).append(field)
    for kind, names in fields.items():
        _write(run, kind, names)
    return changed


def _write(run: Statements, kind: Kind, names: list[str]) -> None:
    wanted = ", ".join(
        f"max(CASE WHEN u.field = '{name}' THEN u.wanted END) AS to_{snake(name)},"
        f" max(CASE WHEN u.field = '{name}' THEN 1 END) AS has_{snake(name)}"
        for name in names
    )
    taken = ", ".join(
        f"{column} = CASE WHEN q.has_{column} = 1 THEN q.to_{column} ELSE h.{column} END"
        for column in map(snake, names)
    )
    run.run(
        f"UPDATE {HUB[kind].name} AS h SET {taken}, date_last_modified = {run.instant()}"
        f" FROM (SELECT u.sourced_id, {wanted} FROM undo AS u WHERE {_DONE} AND u.kind = :kind"
        " GROUP BY u.sourced_id) AS q"
        " WHERE h.tenant_id = :tenant AND h.sourced_id = q.sourced_id",
        kind=kind,
    )


def restore_links(run: Statements, kind: Kind) -> int:
    """End the links that the job made, and bring back those that it ended; returns how many.

    A link that ends as undone keeps its fingerprint: while the source row is what it was, it does
    not come back. One that comes back remembers the job, so that its next removal is asked for.
    """
    link, hub = LINKS[kind].name, HUB[kind].name
    active = (
        f"SELECT h.sourced_id FROM {hub} AS h WHERE h.tenant_id = :tenant AND h.status = 'active'"
    )
    back = run.run(
        f"UPDATE {link} AS l SET ended_at = NULL,"
        " ended_job = CASE WHEN l.ended_why = 'out_of_scope' THEN NULL ELSE l.ended_job END,"
        " ended_why = CASE WHEN l.ended_why = 'out_of_scope' THEN NULL ELSE 'undone' END"
        " WHERE l.app_id = :app AND l.ended_job = :job AND l.ended_at IS NOT NULL"
        " AND l.ended_why IN ('removed', 'out_of_scope', 'renamed')"
        f" AND l.sourced_id IN ({active})"
    )
    # of records that it found there, and of those that go with this
    gone = f"SELECT u.sourced_id FROM undo AS u WHERE u.kind = :kind AND {GOES} AND {_DONE}"
    stays = (
        f"SELECT h.sourced_id FROM {hub} AS h WHERE h.tenant_id = :tenant AND h.first_job = :job"
    )
    ended = run.run(
        f"UPDATE {link} AS l SET ended_at = {run.instant()}, ended_job = :job,"
        " ended_why = 'undone', fingerprint = rtrim(l.fingerprint, '*')"
        " WHERE l.app_id = :app AND l.last_job = :job AND l.ended_at IS NULL"
        f" AND (l.sourced_id IN ({gone})"
        f" OR (l.first_job = :job AND l.sourced_id NOT IN ({stays})))",
        kind=kind,
    )
    return back + ended


def note_left_links(run: Statements, kind: Kind) -> None:
    """Note the links that stay as the job left them: their source rows have changed since."""
    run.run(
        "INSERT INTO undo (kind, sourced_id, field, verdict, reason)"
        " SELECT CAST(:kind AS text), l.sourced_id, 'link', 'left',"
        " 'edited at its source since, read by job ' || CAST(l.last_job AS text)"
        f" FROM {LINKS[kind].name} AS l JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant"
        " AND h.sourced_id = l.sourced_id WHERE l.app_id = :app AND l.first_job = :job"
        " AND l.last_job <> :job AND h.first_job <> :job AND l.ended_at IS NULL",
        kind=kind,
    )
