"""What a job did to the hub, a row a field, and whether each can be undone.

The rows lie in a temporary table of the transaction, so that a run of any size costs no object a
row. It has statistics of its own, which a table that others read could not be given in time.
"""

from __future__ import annotations

from shared.db.hub_tables import HUB, LINKS, snake
from shared.domain.records import FIELDS, Kind
from shared.roster.statements import Statements

#: `wanted` is the value before the job, `made` the one after, `held` what the hub holds now.
_COLUMNS = (
    "kind text, sourced_id text, field text, wanted text, made text, held text, status text,"
    " last_id bigint, is_add integer, verdict text, reason text"
)
#: The effects that nothing speaks against so far.
OPEN = "u.verdict IS NULL"
#: Those of them by which a record goes, and by which one comes back.
GOES = "u.field = 'status' AND u.wanted = 'tobedeleted'"
RETURNS = "u.field = 'status' AND u.wanted = 'active'"
#: Of a change `c`: who did it.
WHO = "coalesce('job ' || CAST(c.job_id AS text), c.actor, 'somebody')"


def gather(run: Statements) -> None:
    """Fill the temporary table `undo` with what the job did, and what the hub holds instead."""
    run.run("DROP TABLE IF EXISTS undo")
    run.run(f"CREATE TEMPORARY TABLE undo ({_COLUMNS})")
    _gather_changes(run)
    for kind in Kind:
        _gather_adds(run, kind)
    run.run("CREATE INDEX ix_undo ON undo (kind, sourced_id)")
    if run.is_postgresql:
        run.run("ANALYZE undo")
    for kind, field in run.rows("SELECT DISTINCT kind, field FROM undo"):
        hub, column = HUB[Kind(kind)].name, snake(field)
        run.run(
            f"UPDATE undo AS u SET held = h.{column}, status = h.status FROM {hub} AS h"
            " WHERE u.kind = :kind AND u.field = :field AND h.tenant_id = :tenant"
            " AND h.sourced_id = u.sourced_id",
            kind=kind,
            field=field,
        )


def judge(run: Statements) -> None:
    """Give each effect its verdict: undo, already as it was before, or left for a reason."""
    run.run("UPDATE undo AS u SET verdict = 'already' WHERE u.held IS NOT DISTINCT FROM u.wanted")
    _edited_since(run)
    _removed_since(run)
    run.run(
        "UPDATE undo AS u SET verdict = 'left', reason = 'it holds another value by now'"
        f" WHERE {OPEN} AND u.held IS DISTINCT FROM u.made"
    )
    for kind in Kind:
        _shared_since(run, kind)
    # what stays may need what it names, and what cannot return, what names it
    while any([_needed(run, kind) + _homeless(run, kind) for kind in reversed(Kind)]):
        pass
    run.run(f"UPDATE undo AS u SET verdict = 'undo' WHERE {OPEN}")


def _gather_changes(run: Statements) -> None:
    each = "json_each_text" if run.is_postgresql else "json_each"
    before, after = (
        f"CAST(c.{side} AS json)" if run.is_postgresql else f"c.{side}"
        for side in ("before", "after")
    )
    field = "PARTITION BY c.kind, c.sourced_id, b.key ORDER BY c.id"
    # of several changes by the job, what was before the first and what is after the last
    told = (
        "SELECT c.kind, c.sourced_id, b.key AS field, a.value AS made,"
        f" first_value(b.value) OVER ({field}) AS wanted,"
        f" row_number() OVER ({field} DESC) AS place,"
        " max(c.id) OVER (PARTITION BY c.kind, c.sourced_id) AS last_id"
        f" FROM change_log AS c CROSS JOIN {each}({before}) AS b CROSS JOIN {each}({after}) AS a"
        # SQLite would go by the index of the tenant, and so through its whole history
        " WHERE c.job_id = :job AND c.tenant_id + 0 = :tenant AND a.key = b.key"
    )
    run.run(
        "INSERT INTO undo (kind, sourced_id, field, wanted, made, last_id, is_add)"
        " SELECT t.kind, t.sourced_id, t.field, t.wanted, t.made, t.last_id, 0"
        f" FROM ({told}) AS t WHERE t.place = 1"
    )


def _gather_adds(run: Statements, kind: Kind) -> None:
    run.run(
        "INSERT INTO undo (kind, sourced_id, field, wanted, made, last_id, is_add)"
        " SELECT CAST(:kind AS text), h.sourced_id, 'status', 'tobedeleted', 'active', 0, 1"
        f" FROM {HUB[kind].name} AS h"
        f" WHERE h.tenant_id = :tenant AND h.first_job = :job AND h.sourced_id IN"
        f" (SELECT l.sourced_id FROM {LINKS[kind].name} AS l"
        " WHERE l.app_id = :app AND l.first_job = :job)"
        " AND h.sourced_id NOT IN (SELECT u.sourced_id FROM undo AS u"
        " WHERE u.kind = :kind AND u.field = 'status')",
        kind=kind,
    )


def _edited_since(run: Statements) -> None:
    """Leave what somebody has changed after the job; of a record that it added, any field.

    A change that was undone itself is none: the runs of two bad nights are undone one by one.
    """
    each = "json_each_text(CAST(c.after AS json))" if run.is_postgresql else "json_each(c.after)"
    records = "SELECT DISTINCT kind, sourced_id, last_id FROM undo"
    last = (
        "SELECT c.kind, c.sourced_id, a.key AS field, max(c.id) AS id"
        f" FROM ({records}) AS r JOIN change_log AS c ON c.tenant_id = :tenant"
        " AND c.kind = r.kind AND c.sourced_id = r.sourced_id AND c.id > r.last_id"
        f" CROSS JOIN {each} AS a GROUP BY c.kind, c.sourced_id, a.key"
    )
    edits = (
        f"SELECT w.kind, w.sourced_id, w.field, {WHO} AS who FROM ({last}) AS w"
        " JOIN change_log AS c ON c.id = w.id"
        " WHERE coalesce(c.actor, '') NOT LIKE 'undo of job %'"
    )
    run.run(
        "UPDATE undo AS u SET verdict = 'left', reason = 'edited since by ' || q.who"
        f" FROM ({edits}) AS q WHERE {OPEN} AND q.kind = u.kind AND q.sourced_id = u.sourced_id"
        " AND (q.field = u.field OR u.is_add = 1)"
    )


def _removed_since(run: Statements) -> None:
    """Leave the values of records that are gone, unless this brings them back."""
    run.run(
        "UPDATE undo AS u SET verdict = 'left', reason = 'removed since by ' || coalesce("
        f"(SELECT {WHO} FROM change_log AS c WHERE c.id = (SELECT max(o.id) FROM change_log AS o"
        " WHERE o.tenant_id = :tenant AND o.kind = u.kind AND o.sourced_id = u.sourced_id"
        " AND o.op = 'remove')), 'somebody')"
        f" WHERE {OPEN} AND u.status <> 'active' AND NOT EXISTS (SELECT 1 FROM undo AS v"
        " WHERE v.kind = u.kind AND v.sourced_id = u.sourced_id AND v.field = 'status'"
        " AND v.wanted = 'active' AND v.verdict IS NULL)"
    )


def _shared_since(run: Statements, kind: Kind) -> None:
    """Leave records that would go, but that another app has, or that this one has shown anew."""
    run.run(
        "UPDATE undo AS u SET verdict = 'left', reason = q.reason FROM ("
        "SELECT l.sourced_id, min(CASE WHEN l.app_id <> :app THEN a.name || ' has it too'"
        " ELSE 'edited at its source since, read by job ' || CAST(l.last_job AS text) END)"
        f" AS reason FROM {LINKS[kind].name} AS l JOIN apps AS a ON a.id = l.app_id"
        " WHERE l.ended_at IS NULL AND a.removed_at IS NULL"
        " AND NOT (l.app_id = :app AND l.last_job = :job) AND l.sourced_id IN"
        f" (SELECT u.sourced_id FROM undo AS u WHERE {OPEN} AND {GOES} AND u.kind = :kind)"
        f" GROUP BY l.sourced_id) AS q WHERE {OPEN} AND {GOES} AND u.kind = :kind"
        " AND q.sourced_id = u.sourced_id",
        kind=kind,
    )


def _needed(run: Statements, kind: Kind) -> int:
    """Leave records that would go, but that another record names which stays; returns how many."""
    going = f"SELECT 1 FROM undo AS u WHERE {OPEN} AND {GOES} AND u.kind = :kind"
    if not run.value(f"SELECT CASE WHEN EXISTS ({going}) THEN 1 ELSE 0 END", kind=kind):
        return 0
    left = 0
    for other in Kind:
        for field in FIELDS[other]:
            if field.ref is not kind:
                continue
            column = f"r.{snake(field.name)}"
            source = f"{HUB[other].name} AS r"
            if field.many:
                source, column = f"{source} CROSS JOIN {run.elements(column)}", "e.value"
            left += run.run(
                "UPDATE undo AS u SET verdict = 'left', reason ="
                f" 'a record of {other} that stays names it'"
                f" WHERE {OPEN} AND {GOES} AND u.kind = :kind AND u.sourced_id IN"
                f" (SELECT {column} FROM {source} LEFT JOIN undo AS v ON v.kind = :other"
                " AND v.sourced_id = r.sourced_id AND v.verdict IS NULL AND ((v.field = 'status'"
                " AND v.wanted = 'tobedeleted') OR v.field = :field)"
                f" WHERE r.tenant_id = :tenant AND r.status = 'active'"
                f" AND r.{snake(field.name)} IS NOT NULL AND v.kind IS NULL)",
                kind=kind,
                other=other,
                field=field.name,
            )
    return left


def _homeless(run: Statements, kind: Kind) -> int:
    """Leave values, and records that would return, which name a record that is gone."""
    open_ones = f"SELECT 1 FROM undo AS u WHERE {OPEN} AND u.kind = :kind"
    if not run.value(f"SELECT CASE WHEN EXISTS ({open_ones}) THEN 1 ELSE 0 END", kind=kind):
        return 0
    left = 0
    for field in FIELDS[kind]:
        if field.ref is None or field.many:
            continue
        there = (
            f"EXISTS (SELECT 1 FROM {HUB[field.ref].name} AS t WHERE t.tenant_id = :tenant"
            " AND t.sourced_id = {0} AND t.status = 'active') OR EXISTS (SELECT 1 FROM undo AS v"
            " WHERE v.kind = :ref AND v.sourced_id = {0} AND v.field = 'status'"
            " AND v.wanted = 'active' AND v.verdict IS NULL)"
        )
        names = {"kind": kind, "ref": field.ref, "field": field.name}
        reason = f"'its {field.name} names a record that is gone'"
        left += run.run(
            f"UPDATE undo AS u SET verdict = 'left', reason = {reason} WHERE {OPEN}"
            " AND u.kind = :kind AND u.field = :field AND u.wanted IS NOT NULL"
            f" AND NOT ({there.format('u.wanted')})",
            **names,
        )
        if not field.required:
            continue
        names.pop("field")
        left += run.run(
            f"UPDATE undo AS u SET verdict = 'left', reason = {reason} WHERE {OPEN} AND {RETURNS}"
            f" AND u.kind = :kind AND u.sourced_id IN (SELECT h.sourced_id FROM {HUB[kind].name}"
            " AS h WHERE h.tenant_id = :tenant AND h.status <> 'active'"
            f" AND NOT ({there.format(f'h.{snake(field.name)}')}))",
            **names,
        )
    return left
