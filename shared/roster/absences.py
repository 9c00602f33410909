"""What a read did not bring, and what that means: removed, renamed, out of scope, or held.

Nothing here changes the hub. `shared.roster.removing` acts on what was found.
"""

from __future__ import annotations

from shared.db.hub_tables import HUB, LINKS, STAGES
from shared.domain.reading import Absence
from shared.domain.records import FIELDS, Kind
from shared.roster.identity import SHARED_KINDS
from shared.roster.shown import is_unshown
from shared.roster.statements import HERE, Statements

#: The absences of the attempt and kind.
ABSENT = "a.job_id = :job AND a.attempt = :attempt AND a.kind = :kind"


def _school_of_user(user: str) -> str:
    """Return an expression for a user's one school: the primary one, else the first by id."""
    return (
        f"coalesce({user}.primary_org_sourced_id, (SELECT min(r.org_sourced_id) FROM"
        f" {HUB[Kind.ROLES].name} AS r WHERE r.tenant_id = {user}.tenant_id"
        f" AND r.user_sourced_id = {user}.sourced_id AND r.status = 'active'))"
    )


#: By kind, an expression for the school (a sourcedId) that the hub's record `h` belongs to.
SCHOOL_OF = {
    Kind.ORGS: "NULL",
    Kind.ACADEMIC_SESSIONS: "NULL",
    Kind.COURSES: "h.org_sourced_id",
    Kind.CLASSES: "h.school_sourced_id",
    Kind.USERS: _school_of_user("h"),
    Kind.ROLES: "h.org_sourced_id",
    Kind.ENROLLMENTS: "h.school_sourced_id",
    Kind.DEMOGRAPHICS: f"(SELECT {_school_of_user('u')} FROM"
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

    Raises:
        ValueError: the right is to another kind.
    """
    if absence is not None and absence.kind is not kind:
        raise ValueError(f"a right to take {absence.kind} for gone says nothing of {kind}")
    run.run(
        "DELETE FROM stage_absences AS a WHERE a.job_id = :job AND a.attempt = :attempt"
        " AND a.kind = :kind",
        kind=kind,
    )
    stage, link, hub = STAGES[kind].name, LINKS[kind].name, HUB[kind].name
    # a row for each id that the vendor named as deleted, or that the filter left out
    gone = (
        "SELECT s.external_id, max(CASE WHEN s.verdict = 'deleted' THEN 1 ELSE 0 END) AS is_named"
        f" FROM {stage} AS s WHERE {HERE} AND s.verdict IN ('deleted', 'filtered')"
        " GROUP BY s.external_id"
    )
    # found first, for itself: mostly it is empty, and then nothing is joined to it
    absent = (
        "SELECT l.external_id, l.sourced_id, l.fingerprint"
        # what this very job has made at the vendor may not have been there when it read
        f" FROM {link} AS l WHERE l.app_id = :app AND l.ended_at IS NULL AND l.last_job <> :job"
        f" AND {is_unshown(run, kind, 'l.external_id')} AND NOT ({was_refused(kind)})"
    )
    if absence is None:
        # without the right to it, nothing but what was named is looked at
        absent += f" AND l.external_id IN (SELECT g.external_id FROM ({gone}) AS g)"
    unscoped = "1 = 1" if is_scope_changed else "x.external_id IS NOT NULL"
    return run.run(
        "INSERT INTO stage_absences"
        " (app_id, job_id, attempt, kind, external_id, sourced_id, school, fingerprint, verdict)"
        f" WITH absent AS MATERIALIZED ({absent})"
        " SELECT :app, :job, :attempt, CAST(:kind AS text), l.external_id, l.sourced_id,"
        f" {SCHOOL_OF[kind]}, l.fingerprint, CASE WHEN o.is_merged = 1 THEN 'renamed'"
        " WHEN o.is_merged = 0 THEN 'proposed' WHEN x.is_named = 1 THEN 'removed'"
        f" WHEN {unscoped} THEN 'out_of_scope' ELSE 'removed' END"
        f" FROM absent AS l LEFT JOIN ({gone}) AS x ON x.external_id = l.external_id"
        f" LEFT JOIN ({_shown_otherwise(kind)}) AS o ON o.sourced_id = l.sourced_id"
        f" LEFT JOIN {hub} AS h ON h.tenant_id = :tenant AND h.sourced_id = l.sourced_id",
        kind=kind,
    )


def suspend_removals(run: Statements, kind: Kind) -> int:
    """Let no removal happen, as a rollover asks; returns how many would have."""
    return run.run(
        f"UPDATE stage_absences AS a SET verdict = 'suspended' WHERE {ABSENT}"
        " AND a.verdict = 'removed'",
        kind=kind,
    )


def school_sizes(run: Statements, kind: Kind) -> dict[str | None, int]:
    """Return how many records of a kind the app has, by school."""
    rows = run.rows(
        f"SELECT x.school, count(*) FROM (SELECT {SCHOOL_OF[kind]} AS school"
        f" FROM {LINKS[kind].name} AS l JOIN {HUB[kind].name} AS h"
        " ON h.tenant_id = :tenant AND h.sourced_id = l.sourced_id"
        " WHERE l.app_id = :app AND l.ended_at IS NULL) AS x GROUP BY x.school"
    )
    return {school: int(count) for school, count in rows}


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


def _shown_otherwise(kind: Kind) -> str:
    """Return a query for the records that the app shows under another id now.

    `is_merged` is 0 where that is only a proposal. What is new is left out: nobody has its id.
    """
    stage = STAGES[kind].name
    none = " AND 1 = 0" if kind in SHARED_KINDS else ""
    return (
        "SELECT s.sourced_id, max(CASE WHEN s.verdict IS NULL THEN 1 ELSE 0 END) AS is_merged"
        f" FROM {stage} AS s WHERE {HERE} AND s.is_new IS NULL AND s.sourced_id IS NOT NULL"
        f" AND coalesce(s.verdict, 'proposed') = 'proposed'{none} GROUP BY s.sourced_id"
    )


def was_refused(kind: Kind) -> str:
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
