"""What a read did not bring, and what that means: removed, renamed, out of scope, or held.

Nothing here changes the hub. `shared.roster.removing` acts on what was found.
"""

from __future__ import annotations

from shared.db.hub_tables import HUB, LINKS, STAGES
from shared.domain.limits import Limit, is_over
from shared.domain.reading import Absence
from shared.domain.records import FIELDS, Kind
from shared.roster.resolving import SHARED_KINDS
from shared.roster.statements import HERE, Statements

#: The absences of the attempt and kind.
ABSENT = "a.job_id = :job AND a.attempt = :attempt AND a.kind = :kind"

#: By kind, an expression for the school (a sourcedId) that the hub's record `h` belongs to.
SCHOOL_OF = {
    Kind.ORGS: "NULL",
    Kind.ACADEMIC_SESSIONS: "NULL",
    Kind.COURSES: "h.org_sourced_id",
    Kind.CLASSES: "h.school_sourced_id",
    Kind.USERS: "coalesce(h.primary_org_sourced_id, (SELECT min(r.org_sourced_id) FROM"
    f" {HUB[Kind.ROLES].name} AS r WHERE r.tenant_id = h.tenant_id"
    " AND r.user_sourced_id = h.sourced_id))",
    Kind.ROLES: "h.org_sourced_id",
    Kind.ENROLLMENTS: "h.school_sourced_id",
    Kind.DEMOGRAPHICS: "(SELECT u.primary_org_sourced_id FROM"
    f" {HUB[Kind.USERS].name} AS u WHERE u.tenant_id = h.tenant_id"
    " AND u.sourced_id = h.user_sourced_id)",
}


def find_absences(
    run: Statements, kind: Kind, absence: Absence | None, *, is_scope_changed: bool
) -> int:
    """Note each active link that the read did not bring; returns how many.

    Args:
        run: for the attempt.
        kind: whose links.
        absence: the right to take what is absent for gone; without it, only what the vendor itself
            named as deleted is.
        is_scope_changed: whether the read asked for something else than the last complete one: then
            what it did not bring is out of scope, and was not removed.
    """
    run.run(
        "DELETE FROM stage_absences AS a WHERE a.job_id = :job AND a.attempt = :attempt"
        " AND a.kind = :kind",
        kind=kind,
    )
    stage, link, hub = STAGES[kind].name, LINKS[kind].name, HUB[kind].name
    seen = f"EXISTS (SELECT 1 FROM {stage} AS s WHERE {HERE} AND s.external_id = l.external_id"
    named = f"{seen} AND s.verdict = 'deleted')"
    filtered = f"{seen} AND s.verdict = 'filtered')"
    present = f"{seen} AND coalesce(s.verdict, '') NOT IN ('deleted', 'filtered'))"
    gone = f"({named} OR {filtered})"
    if absence is not None:
        gone = f"NOT ({_was_refused(kind)})"
    renamed, shown = _renamed(kind)
    return run.run(
        "INSERT INTO stage_absences"
        " (app_id, job_id, attempt, kind, external_id, sourced_id, school, fingerprint, verdict)"
        " SELECT :app, :job, :attempt, CAST(:kind AS text), l.external_id, l.sourced_id,"
        f" {SCHOOL_OF[kind]}, l.fingerprint,"
        f" CASE {renamed} WHEN {named} THEN 'removed'"
        f" WHEN {'1 = 1' if is_scope_changed else filtered} THEN 'out_of_scope'"
        " ELSE 'removed' END"
        f" FROM {link} AS l"
        f" LEFT JOIN {hub} AS h ON h.tenant_id = :tenant AND h.sourced_id = l.sourced_id{shown}"
        f" WHERE l.app_id = :app AND l.ended_at IS NULL AND NOT {present} AND {gone}",
        kind=kind,
    )


def hold_removals(run: Statements, kind: Kind, limit: Limit) -> int:
    """Hold the removals of every school of which too much would go; returns how many are held."""
    removed = run.rows(
        f"SELECT a.school, count(*) FROM stage_absences AS a WHERE {ABSENT}"
        " AND a.verdict = 'removed' GROUP BY a.school",
        kind=kind,
    )
    suspects = {school: count for school, count in removed if count >= limit.at_least}
    if not suspects:
        return 0
    there = dict(school_sizes(run, kind))
    held = 0
    for school, count in suspects.items():
        if is_over(limit, count, there.get(school, count)):
            held += run.run(
                f"UPDATE stage_absences AS a SET verdict = 'held' WHERE {ABSENT}"
                " AND a.verdict = 'removed'"
                " AND a.school IS NOT DISTINCT FROM CAST(:school AS text)",
                kind=kind,
                school=school,
            )
    return held


def suspend_removals(run: Statements, kind: Kind) -> int:
    """Let no removal happen, as a rollover asks; returns how many would have."""
    return run.run(
        f"UPDATE stage_absences AS a SET verdict = 'suspended' WHERE {ABSENT}"
        " AND a.verdict = 'removed'",
        kind=kind,
    )


def school_sizes(run: Statements, kind: Kind) -> list[tuple[str | None, int]]:
    """Return how many records of a kind the app has, by school."""
    rows = run.rows(
        f"SELECT x.school, count(*) FROM (SELECT {SCHOOL_OF[kind]} AS school"
        f" FROM {LINKS[kind].name} AS l JOIN {HUB[kind].name} AS h"
        " ON h.tenant_id = :tenant AND h.sourced_id = l.sourced_id"
        " WHERE l.app_id = :app AND l.ended_at IS NULL) AS x GROUP BY x.school"
    )
    return [(school, int(count)) for school, count in rows]


def count_absences(run: Statements, kind: Kind) -> dict[str, int]:
    """Return how many absences of a kind there are, by what they mean."""
    return {
        str(verdict): int(count)
        for verdict, count in run.rows(
            f"SELECT a.verdict, count(*) FROM stage_absences AS a WHERE {ABSENT}"
            " GROUP BY a.verdict",
            kind=kind,
        )
    }


def _renamed(kind: Kind) -> tuple[str, str]:
    """Return the cases of a link whose record the app shows under another id now, and their join.

    By a join: a look at the staged rows for each absent one would be quadratic.
    """
    if kind in SHARED_KINDS:
        return "", ""
    join = (
        " LEFT JOIN (SELECT s.sourced_id,"
        " max(CASE WHEN s.verdict IS NULL THEN 1 ELSE 0 END) AS is_taken"
        f" FROM {STAGES[kind].name} AS s WHERE {HERE} AND s.sourced_id IS NOT NULL"
        " AND coalesce(s.verdict, 'proposed') = 'proposed' GROUP BY s.sourced_id) AS w"
        " ON w.sourced_id = l.sourced_id"
    )
    return "WHEN w.is_taken = 1 THEN 'renamed' WHEN w.is_taken = 0 THEN 'proposed'", join


def _was_refused(kind: Kind) -> str:
    """Return a condition: the record of link `l` was there, but the connector could not read it.

    A record that hangs on a user may be named by the user's id: 1.1 keeps roles with users.
    """
    refused = "SELECT q.external_id FROM quarantine AS q WHERE q.job_id = :job AND q.kind = :kind"
    condition = f"l.external_id IN ({refused})"
    if any(field.name == "userSourcedId" for field in FIELDS[kind]):
        condition += (
            f" OR coalesce(l.user_sourced_id IN (SELECT u.sourced_id FROM"
            f" {LINKS[Kind.USERS].name} AS u"
            f" WHERE u.app_id = :app AND u.external_id IN ({refused})), false)"
        )
    return condition
