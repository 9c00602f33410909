"""What a sync would change, written down for a person: the rows of a plan that is only shown.

The rows are made in sets, of what was staged and compared; the hub and all that hangs on it stay as
they are. A test compares their numbers with what an apply of the same plan does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, STAGES, quarantine, raw, snake
from shared.db.review_tables import plan_rows
from shared.domain.records import FIELDS, Kind
from shared.roster.absences import ABSENT, SCHOOL_OF
from shared.roster.along import HANGING, went_along
from shared.roster.identity import SHARED_KINDS
from shared.roster.merging import change_json, merged_rows
from shared.roster.plan import Plan, check_staged, compare
from shared.roster.removing import ENDING
from shared.roster.statements import HERE, OPEN, Statements, statements
from shared.roster.stranding import stranded


class Op(StrEnum):
    """What would become of a record."""

    #: It is new.
    ADDS = "adds"
    #: Fields of it change.
    UPDATES = "updates"
    #: It was removed, and is there again.
    RESTORES = "restores"
    #: The app has it no more, nor has anyone else.
    REMOVALS = "removals"
    #: The app has it no more, and the record stays.
    UNLINKS = "unlinks"
    #: The app shows it under another id.
    RENAMES = "renames"
    #: The app no longer asks for it; the record stays.
    OUT_OF_SCOPE = "out_of_scope"
    #: It would go, or be renamed, and waits for a person, or for the end of a rollover.
    HELD = "held"
    #: It breaks a rule and is left out.
    QUARANTINED = "quarantined"
    #: The vendor is written to.
    WRITES = "writes"
    #: It is made at the vendor.
    CREATES = "creates"
    #: It is removed, archived or suspended at the vendor.
    ENDS = "ends"
    #: It would be, and is more than may be ended at once.
    KEPT = "kept"


#: By what an apply counts, what a plan calls it.
_OF_COUNT = {
    "added": Op.ADDS,
    "updated": Op.UPDATES,
    "restored": Op.RESTORES,
    "removed": Op.REMOVALS,
    "renamed": Op.RENAMES,
    "out_of_scope": Op.OUT_OF_SCOPE,
    "held": Op.HELD,
    "quarantined": Op.QUARANTINED,
    "written": Op.WRITES,
    "created": Op.CREATES,
    "ended": Op.ENDS,
    "kept": Op.KEPT,
}
#: By kind, the fields by which a person knows a record that would go.
_KNOWN_BY = ("givenName", "familyName", "username", "name", "title", "role")
#: By kind, the field of a staged row that names its school.
_SCHOOL_FIELD = {
    Kind.COURSES: "orgSourcedId",
    Kind.CLASSES: "schoolSourcedId",
    Kind.USERS: "primaryOrgSourcedId",
    Kind.ROLES: "orgSourcedId",
    Kind.ENROLLMENTS: "schoolSourcedId",
}

#: (external id, sourcedId, values that the vendor holds as JSON, values to write as JSON).
PlannedWrite = tuple[str, str, str, str]
Counts = dict[str, dict[str, int]]


def counts_of(applied: Mapping[str, Mapping[str, int]]) -> Counts:
    """Return what an apply did in a plan's words, by kind, without zeros."""
    told = {
        str(kind): {str(op): counted[name] for name, op in _OF_COUNT.items() if counted.get(name)}
        for kind, counted in applied.items()
    }
    return {kind: ops for kind, ops in told.items() if ops}


def note_writes(
    database: Database, plan: Plan, pages: Iterator[tuple[Kind, list[PlannedWrite]]]
) -> None:
    """Write down what a 2-way job would write to its vendor, instead of writing it. Commits."""
    with database.write() as connection:
        # an attempt that died has told of the same
        connection.execute(delete(plan_rows).where(plan_rows.c.job_id == plan.key.job_id))
    n = 0
    for kind, page in pages:
        values: list[dict[str, Any]] = [
            {
                "job_id": plan.key.job_id,
                "n": n + i,
                "app_id": plan.key.app_id,
                "op": Op.WRITES,
                "kind": kind,
                "external_id": external_id,
                "sourced_id": sourced_id,
                "before": held,
                "after": wanted,
            }
            for i, (external_id, sourced_id, held, wanted) in enumerate(page, start=1)
        ]
        with database.write() as connection:
            connection.execute(insert(plan_rows), values)
        n += len(values)


def write_plan(
    connection: Connection, database: Database, plan: Plan, *, hub_version: int
) -> tuple[Plan, Counts]:
    """Write a plan's rows, in place of those of the app's older plans.

    The caller holds the hub lock, and has looked at the fence.

    Args:
        connection: T4's transaction.
        database: whose it is.
        plan: made from a read.
        hub_version: as `hub_lock` returned it; where it has moved, the plan is compared anew.

    Returns:
        The plan as it is now, and its counts: by kind, by op.

    Raises:
        TransientConnectorError: staging was lost on the way.
    """
    run = statements(connection, database, plan.key, sum(plan.staged.values()), plan.known)
    check_staged(connection, plan)
    if hub_version != plan.hub_version:
        compare(run, plan, again=True)
    mine = (plan_rows.c.job_id == plan.key.job_id) & (plan_rows.c.op == Op.WRITES)
    connection.execute(delete(plan_rows).where(plan_rows.c.app_id == plan.key.app_id, ~mine))
    written = connection.execute(select(func.count()).select_from(plan_rows).where(mine))
    rows = _Rows(run, written.scalar_one())
    for kind in Kind:
        rows.insert(kind, _provisioned(kind))
    for kind in Kind:
        if plan.supplied.get(kind):
            rows.insert(kind, _adds(run, kind, plan.supplied[kind]))
            rows.insert(kind, _changes(run, plan, kind))
        if kind in plan.supplied or plan.absence(kind) is not None:
            rows.insert(kind, _absences(run, plan, kind), suspended=plan.suspended)
        if kind in HANGING:
            rows.insert(kind, _back_along(run, kind))
            rows.insert(kind, _gone_along(run, kind))
            _tell_once(run, kind)
        rows.insert(kind, _quarantined(run, kind))
    # a plan leaves nothing but its rows
    connection.execute(delete(quarantine).where(quarantine.c.job_id == plan.key.job_id))
    return replace(plan, hub_version=hub_version), _count(connection, plan.key.job_id)


class _Rows:
    """Numbers the rows of a plan."""

    def __init__(self, run: Statements, last: int) -> None:
        self._run = run
        self._last = last

    def insert(self, kind: Kind, query: str, **values: object) -> None:
        self._last += self._run.run(
            "INSERT INTO plan_rows (job_id, n, app_id, op, kind, external_id, sourced_id, school,"
            " before, after, reason)"
            " SELECT :job, :last + row_number() OVER (ORDER BY q.op, q.external_id), :app, q.op,"
            " CAST(:kind AS text), q.external_id, q.sourced_id, q.school, q.before, q.after,"
            f" q.reason FROM ({query}) AS q",
            kind=kind,
            last=self._last,
            **values,
        )


def _count(connection: Connection, job_id: int) -> Counts:
    query = (
        select(plan_rows.c.kind, plan_rows.c.op, func.count().label("n"))
        .where(plan_rows.c.job_id == job_id)
        .group_by(plan_rows.c.kind, plan_rows.c.op)
    )
    found = {(row.kind, row.op): row.n for row in connection.execute(query)}
    counts = {
        str(kind): {str(op): found[kind, op] for op in Op if (kind, op) in found} for kind in Kind
    }
    return {kind: ops for kind, ops in counts.items() if ops}


def _provisioned(kind: Kind) -> str:
    """Return a query for what a 2-way job would make and end at its vendor; see `provisioning`."""
    ops = {"create": Op.CREATES, "end": Op.ENDS}
    listed = " ".join(f"WHEN '{action}' THEN '{op}'" for action, op in ops.items())
    return (
        f"SELECT CASE WHEN p.state = 'held' THEN '{Op.KEPT}' ELSE (CASE p.action {listed} END) END"
        " AS op, coalesce(p.external_id, '(new) ' || p.sourced_id) AS external_id, p.sourced_id,"
        f" coalesce(p.school, {SCHOOL_OF[kind]}) AS school, NULL AS before,"
        " CASE WHEN p.action = 'create' THEN p.\"values\" END AS after, p.reason"
        f" FROM vendor_provisions AS p LEFT JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant"
        " AND h.sourced_id = p.sourced_id WHERE p.job_id = :job AND p.attempt = :attempt"
        " AND p.kind = :kind AND p.state IN ('intended', 'held')"
    )


def _adds(run: Statements, kind: Kind, supplied: Sequence[str]) -> str:
    after = run.json({name: f"s.{snake(name)}" for name in supplied})
    school, join = "NULL", ""
    name = _SCHOOL_FIELD.get(kind)
    if name is not None:
        field = next(field for field in FIELDS[kind] if field.name == name)
        # a school that is new itself has no sourcedId yet; the app's own id says which it is
        school = f"coalesce(o.sourced_id, s.{raw(field)})"
        join = (
            f" LEFT JOIN {HUB[Kind.ORGS].name} AS o ON o.tenant_id = :tenant"
            f" AND o.sourced_id = s.{snake(name)}"
        )
    return (
        f"SELECT '{Op.ADDS}' AS op, s.external_id, NULL AS sourced_id, {school} AS school,"
        f" NULL AS before, {after} AS after, NULL AS reason"
        f" FROM {STAGES[kind].name} AS s{join} WHERE {OPEN} AND s.is_new = 1"
    )


def _changes(run: Statements, plan: Plan, kind: Kind) -> str:
    supplied = plan.supplied[kind]
    merged, where = merged_rows(run, kind, supplied, plan.ownership)
    before, after = change_json(run, supplied)
    return (
        f"SELECT CASE WHEN h.status = 'active' THEN '{Op.UPDATES}' ELSE '{Op.RESTORES}' END AS op,"
        f" m.external_id, h.sourced_id, {SCHOOL_OF[kind]} AS school, {before} AS before,"
        f" {after} AS after, NULL AS reason FROM {HUB[kind].name} AS h, ({merged}) AS m"
        f" WHERE {where}"
    )


def _absences(run: Statements, plan: Plan, kind: Kind) -> str:
    known = [field.name for field in FIELDS[kind] if field.name in _KNOWN_BY]
    before = run.json({"status": "h.status", **{name: f"h.{snake(name)}" for name in known}})
    shown = (
        f"SELECT s.sourced_id, min(s.external_id) AS external_id FROM {STAGES[kind].name} AS s"
        f" WHERE {HERE} AND coalesce(s.verdict, 'proposed') = 'proposed'"
        " AND s.sourced_id IS NOT NULL GROUP BY s.sourced_id"
    )
    is_removal = "a.external_id = n.external_id"
    return (
        f"WITH {_orphans(plan, kind)}"
        f" SELECT CASE a.verdict WHEN 'renamed' THEN '{Op.RENAMES}'"
        f" WHEN 'out_of_scope' THEN '{Op.OUT_OF_SCOPE}' WHEN 'removed' THEN"
        f" (CASE WHEN {is_removal} THEN '{Op.REMOVALS}' ELSE '{Op.UNLINKS}' END)"
        f" ELSE '{Op.HELD}' END AS op, a.external_id, a.sourced_id, a.school, {before} AS before,"
        f" CASE WHEN {is_removal} THEN {run.json({'status': chr(39) + 'tobedeleted' + chr(39)})}"
        " END AS after,"
        " CASE a.verdict WHEN 'renamed' THEN 'it is shown as ' || w.external_id"
        " WHEN 'proposed' THEN 'it may be ' || w.external_id || ' now: a person decides'"
        " WHEN 'held' THEN (CASE WHEN l.ended_why = 'undone' THEN 'its removal was undone before'"
        " ELSE 'above the limit of removals, or it hangs on what is' END) || ': a person decides'"
        " WHEN 'suspended' THEN CAST(:suspended AS text)"
        " WHEN 'out_of_scope' THEN 'it is no longer asked for; the record stays'"
        f" WHEN 'removed' THEN (CASE WHEN {is_removal} THEN NULL"
        " WHEN h.status = 'active' THEN 'the record stays: it is still there under another link'"
        " ELSE 'the record was removed before' END) END AS reason"
        f" FROM stage_absences AS a"
        f" LEFT JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant"
        " AND h.sourced_id = a.sourced_id"
        f" LEFT JOIN {LINKS[kind].name} AS l ON l.app_id = :app AND l.external_id = a.external_id"
        f" LEFT JOIN ({shown}) AS w ON w.sourced_id = a.sourced_id"
        " LEFT JOIN orphans AS n ON n.sourced_id = a.sourced_id"
        f" WHERE {ABSENT}"
    )


def _gone_along(run: Statements, kind: Kind) -> str:
    """Return a query for what goes with a user, and is not gone by what the read says of it."""
    return _along(run, kind, Op.REMOVALS, "tobedeleted", "its user goes", "h.status = 'active'")


def _tell_once(run: Statements, kind: Kind) -> None:
    """Tell of no link that ends where its record goes with a user."""
    gone = (
        "SELECT p.sourced_id FROM plan_rows AS p WHERE p.job_id = :job AND p.kind = :kind"
        f" AND p.op = '{Op.REMOVALS}' AND p.sourced_id IS NOT NULL"
    )
    run.run(
        f"DELETE FROM plan_rows WHERE job_id = :job AND kind = :kind AND op = '{Op.UNLINKS}'"
        f" AND sourced_id IN ({gone})",
        kind=kind,
    )


def _back_along(run: Statements, kind: Kind) -> str:
    """Return a query for what comes back with a user."""
    return _along(run, kind, Op.RESTORES, "active", "its user is back", went_along(kind))


def _along(run: Statements, kind: Kind, op: Op, status: str, reason: str, where: str) -> str:
    """Return a query for the records that move with a user; the users' rows are written before."""
    mine = f"SELECT p.sourced_id FROM plan_rows AS p WHERE p.job_id = :job AND p.op = '{op}'"
    users = f"{mine} AND p.kind = '{Kind.USERS}'"
    told = f"{mine} AND p.kind = '{kind}' AND p.sourced_id IS NOT NULL"
    external = (
        f"(SELECT min(l.external_id) FROM {LINKS[kind].name} AS l"
        " WHERE l.app_id = :app AND l.sourced_id = h.sourced_id)"
    )
    after = run.json({"status": f"'{status}'"})
    return (
        f"SELECT '{op}' AS op, coalesce({external}, h.sourced_id) AS external_id, h.sourced_id,"
        f" {SCHOOL_OF[kind]} AS school, {run.json({'status': 'h.status'})} AS before,"
        f" {after} AS after, '{reason}' AS reason FROM {HUB[kind].name} AS h"
        f" WHERE h.tenant_id = :tenant AND h.user_sourced_id IN ({users})"
        f" AND h.sourced_id NOT IN ({told}) AND {where}"
    )


def _orphans(plan: Plan, kind: Kind) -> str:
    """Return table expressions, `orphans` the last: what `removing.remove_orphans` would find."""
    staged = ""
    if kind in SHARED_KINDS:
        # several ids of the app may stand for one record, and one of them be there still
        staged = (
            f" UNION ALL SELECT s.sourced_id, 1, '{plan.ownership.tier}'"
            f" FROM {STAGES[kind].name} AS s WHERE {OPEN} AND s.is_new IS NULL"
        )
    left = "max(CASE WHEN t.is_left = 1{} THEN 1 ELSE 0 END)"
    nobody = "coalesce(k.imports, 0) = 0 AND (k.ever = 1 OR coalesce(k.links, 0) = 0)"
    return (
        "gone AS MATERIALIZED (SELECT a.external_id, a.sourced_id, a.verdict"
        f" FROM stage_absences AS a WHERE {ABSENT} AND a.verdict IN ({ENDING})),"
        " lost AS MATERIALIZED (SELECT g.sourced_id, min(g.external_id) AS external_id"
        " FROM gone AS g WHERE g.verdict = 'removed' GROUP BY g.sourced_id),"
        " ties AS MATERIALIZED (SELECT l.sourced_id, CASE WHEN l.ended_at IS NULL"
        " AND g.external_id IS NULL THEN 1 ELSE 0 END AS is_left, p.tier"
        f" FROM lost AS d JOIN {LINKS[kind].name} AS l ON l.sourced_id = d.sourced_id"
        " JOIN apps AS p ON p.id = l.app_id AND p.removed_at IS NULL"
        " LEFT JOIN gone AS g ON l.app_id = :app AND g.external_id = l.external_id"
        f"{staged}),"
        f" kept AS MATERIALIZED (SELECT t.sourced_id, {left.format('')} AS links,"
        f" {left.format(' AND t.tier = ' + chr(39) + 'import' + chr(39))} AS imports,"
        " max(CASE WHEN t.tier = 'import' THEN 1 ELSE 0 END) AS ever"
        " FROM ties AS t GROUP BY t.sourced_id),"
        " orphans AS MATERIALIZED (SELECT d.sourced_id, d.external_id FROM lost AS d"
        f" JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant AND h.sourced_id = d.sourced_id"
        " AND h.status = 'active' LEFT JOIN kept AS k ON k.sourced_id = d.sourced_id"
        f" WHERE {'1 = 1' if plan.rules.owns_kind(kind) else nobody})"
    )


def _quarantined(run: Statements, kind: Kind) -> str:
    found = "FROM quarantine AS q WHERE q.job_id = :job AND q.kind = :kind"
    told = (
        "SELECT q.external_id, min(q.field || ': ' || q.reason) AS reason,"
        f" min(q.source) AS source {found} AND q.found_by = 'hub' GROUP BY q.external_id"
    )
    of_hub = (
        f"SELECT '{Op.QUARANTINED}' AS op, {{row}}.external_id, NULL AS sourced_id,"
        f" NULL AS school, t.source AS before, NULL AS after, t.reason FROM {{rows}} AS {{row}}"
        f" LEFT JOIN ({told}) AS t ON t.external_id = {{row}}.external_id"
    )
    listed = [
        of_hub.format(row="s", rows=STAGES[kind].name) + f" WHERE {HERE}"
        " AND s.verdict = 'quarantined'",
        f"SELECT '{Op.QUARANTINED}', q.external_id, NULL, NULL, q.source, NULL,"
        f" q.field || ': ' || q.reason {found} AND q.found_by = 'connector'",
    ]
    if kind in run.known:
        listed.append(of_hub.format(row="x", rows=f"({stranded(kind)})"))
    return " UNION ALL ".join(listed)
