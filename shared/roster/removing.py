"""Removals: the links of what is gone end, and then the records that nobody has any more.

Every function takes links that were found and let through before: by a complete read's absences,
or by an approval.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.db.hub_tables import HUB, LINKS
from shared.domain.records import Kind
from shared.domain.states import Tier
from shared.roster.absences import ABSENT
from shared.roster.conflicts import has_moved
from shared.roster.ownership import Ownership
from shared.roster.statements import Statements

#: What an absence's verdict does to its link; a held or proposed one stays as it is.
ENDING = "'removed', 'out_of_scope', 'renamed'"


def hub_edits(ownership: Ownership, kind: Kind, supplied: Sequence[str]) -> str:
    """Return the condition: the hub has edited its record `h`, and the app of link `l` lacks it.

    What the app deletes meanwhile stays. To an import nothing is written, so that it lacks every
    edit, and its word that a record is gone stands.
    """
    if ownership.tier is not Tier.TWO_WAY or not supplied:
        return "1 = 0"
    return "(" + " OR ".join(has_moved(ownership, kind, field) for field in supplied) + ")"


def end_absent(run: Statements, kind: Kind, *, owns_kind: bool, edits: str) -> tuple[int, int]:
    """End the links of a read's absences, and remove what nobody has any more.

    Args:
        run: for the attempt; its transaction holds the hub lock.
        kind: whose.
        owns_kind: whether the app alone says which records there are.
        edits: see `hub_edits`.

    Returns:
        How many records were removed, and how many stay since the hub has edited them.
    """
    ended = run.run(
        f"UPDATE {LINKS[kind].name} AS l SET ended_at = {run.instant()}, ended_job = :job,"
        " ended_why = a.verdict FROM stage_absences AS a"
        f" WHERE {ABSENT} AND a.verdict IN ({ENDING}) AND l.app_id = :app"
        " AND l.external_id = a.external_id AND l.ended_at IS NULL",
        kind=kind,
    )
    if not ended:
        return 0, 0
    edited = _ended(kind, f" AND l.sourced_id = h.sourced_id AND {edits}")
    orphaned = _orphaned(kind, owns_kind=owns_kind)
    survived = 0
    if edits != "1 = 0":
        survived = run.value(
            f"SELECT count(*) FROM {HUB[kind].name} AS h WHERE {orphaned} AND EXISTS ({edited})"
        )
    kept = f" AND NOT EXISTS ({edited})" if survived else ""
    return _remove(run, kind, orphaned + kept), survived


def remove_orphans(run: Statements, kind: Kind, *, owns_kind: bool) -> int:
    """Remove the records of links that this job has ended as removed, where nobody has them.

    A record goes when no import link of it is left; one that no import has ever brought, when no
    link at all is left; or when the app owns the kind.
    """
    return _remove(run, kind, _orphaned(kind, owns_kind=owns_kind))


def _ended(kind: Kind, more: str = "") -> str:
    """Return a query for the records whose links this job has ended as removed."""
    return (
        f"SELECT l.sourced_id FROM {LINKS[kind].name} AS l WHERE l.app_id = :app"
        f" AND l.ended_job = :job AND l.ended_why = 'removed'{more}"
    )


def _orphaned(kind: Kind, *, owns_kind: bool) -> str:
    """Return the condition: record `h` is one of these, and nobody has it any more."""
    links = f"SELECT 1 FROM {LINKS[kind].name} AS k WHERE k.sourced_id = h.sourced_id"
    # a removed app has nothing any more
    living = "SELECT o.id FROM apps AS o WHERE o.tenant_id = :tenant AND o.removed_at IS NULL"
    ever_imported = f"EXISTS ({links} AND k.app_id IN ({living} AND o.tier = 'import'))"
    left = f"{links} AND k.ended_at IS NULL"
    import_left = f"EXISTS ({left} AND k.app_id IN ({living} AND o.tier = 'import'))"
    any_left = f"EXISTS ({left} AND k.app_id IN ({living}))"
    nobody = f"NOT {import_left} AND ({ever_imported} OR NOT {any_left})"
    if owns_kind:
        # the owner itself may show it under another id
        nobody = f"NOT EXISTS ({left} AND k.app_id = :app)"
    return (
        "h.tenant_id = :tenant AND h.status = 'active'"
        f" AND h.sourced_id IN ({_ended(kind)}) AND ({nobody})"
    )


def remove_abandoned(run: Statements, kind: Kind, sourced_ids: Sequence[str]) -> int:
    """Remove those of a few records of which no active link is left; returns how many.

    A rule has moved the links that they had to other records.
    """
    linked = (
        f"SELECT 1 FROM {LINKS[kind].name} AS k JOIN apps AS o ON o.id = k.app_id"
        " WHERE k.sourced_id = h.sourced_id AND k.ended_at IS NULL AND o.removed_at IS NULL"
    )
    orphaned = (
        "h.tenant_id = :tenant AND h.status = 'active' AND h.sourced_id = :abandoned"
        f" AND NOT EXISTS ({linked})"
    )
    return sum(_remove(run, kind, orphaned, abandoned=one) for one in sourced_ids)


def _remove(run: Statements, kind: Kind, orphaned: str, **values: object) -> int:
    hub = HUB[kind].name
    before, after = run.json({"status": "'active'"}), run.json({"status": "'tobedeleted'"})
    removed = run.run(
        "INSERT INTO change_log"
        " (job_id, app_id, tenant_id, kind, sourced_id, op, before, after, at)"
        " SELECT :job, :app, :tenant, CAST(:kind AS text), h.sourced_id, 'remove',"
        f" {before}, {after}, {run.instant()} FROM {hub} AS h WHERE {orphaned}",
        kind=kind,
        **values,
    )
    if removed:
        run.run(
            f"UPDATE {hub} AS h SET status = 'tobedeleted', date_last_modified = {run.instant()},"
            f" last_job = :job, last_app = :app WHERE {orphaned}",
            **values,
        )
    return removed
