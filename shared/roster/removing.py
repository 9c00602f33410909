"""Removals: the links of what is gone end, and then the records that nobody has any more.

Every function takes links that were found and let through before: by a complete read's absences,
or by an approval.
"""

from __future__ import annotations

from shared.db.hub_tables import HUB, LINKS
from shared.domain.records import Kind
from shared.roster.absences import ABSENT
from shared.roster.statements import Statements

#: What an absence's verdict does to its link; a held or proposed one stays as it is.
ENDING = "'removed', 'out_of_scope', 'renamed'"


def end_absent(run: Statements, kind: Kind, *, owns_kind: bool) -> int:
    """End the links of a read's absences, and remove what nobody has any more.

    Args:
        run: for the attempt; its transaction holds the hub lock.
        kind: whose.
        owns_kind: whether the app alone says which records there are.

    Returns:
        How many records were removed.
    """
    ended = run.run(
        f"UPDATE {LINKS[kind].name} AS l SET ended_at = {run.instant()}, ended_job = :job,"
        " ended_why = a.verdict FROM stage_absences AS a"
        f" WHERE {ABSENT} AND a.verdict IN ({ENDING}) AND l.app_id = :app"
        " AND l.external_id = a.external_id AND l.ended_at IS NULL",
        kind=kind,
    )
    return remove_orphans(run, kind, owns_kind=owns_kind) if ended else 0


def remove_orphans(run: Statements, kind: Kind, *, owns_kind: bool) -> int:
    """Remove the records of links that this job has ended as removed, where nobody has them.

    A record goes when no import link of it is left; one that no import has ever brought, when no
    link at all is left; or when the app owns the kind.
    """
    link, hub = LINKS[kind].name, HUB[kind].name
    others = (
        f"SELECT 1 FROM {link} AS k JOIN apps AS o ON o.id = k.app_id"
        " WHERE k.sourced_id = h.sourced_id AND o.removed_at IS NULL"
    )
    left = f"EXISTS ({others} AND k.ended_at IS NULL)"
    import_left = f"EXISTS ({others} AND k.ended_at IS NULL AND o.tier = 'import')"
    ever_imported = f"EXISTS ({others} AND o.tier = 'import')"
    nobody = f"NOT {import_left} AND ({ever_imported} OR NOT {left})"
    orphaned = (
        "h.tenant_id = :tenant AND h.status = 'active' AND h.sourced_id IN"
        f" (SELECT l.sourced_id FROM {link} AS l WHERE l.app_id = :app AND l.ended_job = :job"
        f" AND l.ended_why = 'removed') AND ({'1 = 1' if owns_kind else nobody})"
    )
    before, after = run.json({"status": "'active'"}), run.json({"status": "'tobedeleted'"})
    removed = run.run(
        "INSERT INTO change_log"
        " (job_id, app_id, tenant_id, kind, sourced_id, op, before, after, at)"
        " SELECT :job, :app, :tenant, CAST(:kind AS text), h.sourced_id, 'remove',"
        f" {before}, {after}, {run.instant()} FROM {hub} AS h WHERE {orphaned}",
        kind=kind,
    )
    if removed:
        run.run(
            f"UPDATE {hub} AS h SET status = 'tobedeleted', date_last_modified = {run.instant()},"
            f" last_job = :job, last_app = :app WHERE {orphaned}"
        )
    return removed
