"""The restoring half of an undo: what was judged to be undone is written, and logged, in sets."""

from __future__ import annotations

from shared.db.hub_tables import HUB, LINKS, snake
from shared.domain.records import Kind
from shared.roster.along import HANGING
from shared.roster.statements import Statements
from shared.roster.undo_effects import GOES, WHO

_DONE = "u.verdict = 'undo'"
#: Users whom a person has made one of two, since the job.
_MERGED = (
    "SELECT j.first FROM judged_pairs AS j WHERE j.tenant_id = :tenant AND j.kind = 'users'"
    " AND j.verdict = 'merged' AND j.at >= (SELECT b.finished_at FROM jobs AS b WHERE b.id = :job)"
)


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
        f" OR (l.first_job = :job AND l.sourced_id NOT IN ({stays})"
        f" AND l.sourced_id NOT IN ({_merged(kind)})))",
        kind=kind,
    )
    return back + ended


def restore_renames(run: Statements, approval_id: int, kind: Kind) -> int:
    """Give links that an approved rename has moved their old ids again; returns how many.

    A person has found that these are two people: it is not proposed again, and what the app lacks
    under the old id is held until a person decides.
    """
    link, hub = LINKS[kind].name, HUB[kind].name
    renamed = (
        f"approval_rows AS r JOIN {link} AS l ON l.app_id = :app"
        " AND l.external_id = r.new_external_id AND l.sourced_id = r.sourced_id"
        f" AND l.ended_at IS NULL JOIN {hub} AS h ON h.tenant_id = :tenant"
        " AND h.sourced_id = r.sourced_id WHERE r.approval_id = :approval AND r.state = 'done'"
    )
    taken = (
        f"EXISTS (SELECT 1 FROM {link} AS k WHERE k.app_id = :app"
        " AND k.external_id = r.external_id)"
    )
    # a change that was undone itself is none
    edited = (
        f"(SELECT {WHO} FROM change_log AS c WHERE coalesce(c.actor, '') NOT LIKE 'undo of job %'"
        " AND c.id = (SELECT max(o.id) FROM change_log AS o WHERE o.tenant_id = :tenant"
        " AND o.kind = :kind AND o.sourced_id = r.sourced_id"
        " AND o.at > (SELECT b.finished_at FROM jobs AS b WHERE b.id = :job)))"
    )
    names: dict[str, object] = {"approval": approval_id, "kind": kind}
    run.run(
        "INSERT INTO undo (kind, sourced_id, field, verdict, reason)"
        " SELECT CAST(:kind AS text), r.sourced_id, 'link', 'left', CASE"
        f" WHEN {taken} THEN 'the app has another record under its old id, ' || r.external_id"
        f" ELSE 'edited since by ' || {edited} END"
        f" FROM {renamed} AND ({edited} IS NOT NULL OR {taken})",
        **names,
    )
    pairs = run.rows(
        "SELECT r.external_id, r.new_external_id, r.sourced_id, r.fingerprint"
        f" FROM {renamed} AND {edited} IS NULL AND NOT {taken}",
        **names,
    )
    for old, new, sourced_id, fingerprint in pairs:
        run.run(
            f"UPDATE {link} AS l SET external_id = :old, fingerprint = :fingerprint,"
            " ended_job = :job, ended_why = 'undone'"
            " WHERE l.app_id = :app AND l.external_id = :new",
            old=old,
            new=new,
            fingerprint=fingerprint,
        )
        run.run(
            "INSERT INTO judged_pairs (tenant_id, kind, first, second, verdict, at)"
            f" VALUES (:tenant, CAST(:kind AS text), :first, :new, 'distinct', {run.instant()})"
            " ON CONFLICT (tenant_id, kind, first, second) DO UPDATE SET verdict = 'distinct',"
            " at = excluded.at",
            kind=kind,
            first=sourced_id,
            new=new,
        )
    return len(pairs)


def _merged(kind: Kind) -> str:
    """Return a query for the records of users whom a person has made one of two, since the job."""
    if kind is Kind.USERS:
        return _MERGED
    if kind not in HANGING:
        return "SELECT NULL WHERE 1 = 0"
    return (
        f"SELECT m.sourced_id FROM {HUB[kind].name} AS m WHERE m.tenant_id = :tenant"
        f" AND m.user_sourced_id IN ({_MERGED})"
    )


def note_left_links(run: Statements, kind: Kind) -> None:
    """Note the links that stay as the job left them.

    Their source rows have changed since, or a person has made one of two records.
    """
    run.run(
        "INSERT INTO undo (kind, sourced_id, field, verdict, reason)"
        " SELECT CAST(:kind AS text), l.sourced_id, 'link', 'left',"
        " 'a person has made one of two records since: whose it is would have to be judged again'"
        f" FROM {LINKS[kind].name} AS l JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant"
        " AND h.sourced_id = l.sourced_id WHERE l.app_id = :app AND l.first_job = :job"
        " AND l.last_job = :job AND h.first_job <> :job AND l.ended_at IS NULL"
        f" AND l.sourced_id IN ({_merged(kind)})",
        kind=kind,
    )
    run.run(
        "INSERT INTO undo (kind, sourced_id, field, verdict, reason)"
        " SELECT CAST(:kind AS text), l.sourced_id, 'link', 'left',"
        " 'edited at its source since, read by job ' || CAST(l.last_job AS text)"
        f" FROM {LINKS[kind].name} AS l JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant"
        " AND h.sourced_id = l.sourced_id WHERE l.app_id = :app AND l.first_job = :job"
        " AND l.last_job <> :job AND h.first_job <> :job AND l.ended_at IS NULL",
        kind=kind,
    )
