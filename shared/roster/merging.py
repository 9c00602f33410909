"""The merge of prepared rows into the hub, in sets: records, links, change log, removals.

The expressions here say what `shared.domain.merge.merge` says of one field; a test compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.db.hub_tables import HUB, LINKS, STAGES, snake
from shared.domain.records import Kind
from shared.roster.preparing import OPEN, Statements


@dataclass
class KindCounts:
    """What a job did to the records of one kind."""

    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    written: int = 0
    rejected: int = 0


#: Whether the app comes first of those linked to the record; `position` is the app's own.
OWNS = (
    "NOT EXISTS (SELECT 1 FROM {link} AS other JOIN apps AS a ON a.id = other.app_id"
    " WHERE other.sourced_id = h.sourced_id AND other.ended_at IS NULL AND a.id <> :app"
    " AND a.position < :position)"
)


def take(column: str, owns: str) -> str:
    """Return an expression for one field's merged value, over stage `s`, link `l` and hub `h`.

    Args:
        column: the field's.
        owns: a condition: the app comes first of those linked to the record.
    """
    base, ours, theirs = f"l.{column}", f"h.{column}", f"s.{column}"
    return (
        f"CASE WHEN {theirs} IS NOT DISTINCT FROM {ours} THEN {ours}"
        f" WHEN l.app_id IS NULL THEN (CASE WHEN {ours} IS NULL THEN {theirs}"
        f" WHEN {theirs} IS NULL THEN {ours} WHEN {owns} THEN {theirs} ELSE {ours} END)"
        f" WHEN {theirs} IS NOT DISTINCT FROM {base} THEN {ours}"
        f" WHEN {ours} IS NOT DISTINCT FROM {base} THEN {theirs}"
        f" WHEN {owns} THEN {theirs} ELSE {ours} END"
    )


def merge_kind(
    run: Statements, kind: Kind, supplied: Sequence[str], position: int, *, may_end: bool
) -> KindCounts:
    """Merge one kind.

    Args:
        run: for the attempt; its transaction holds the hub lock.
        kind: which.
        supplied: the fields that the app supplies.
        position: the app's place in the tenant's order.
        may_end: whether the read was complete, so that what is absent is gone.
    """
    columns = [snake(name) for name in supplied]
    counts = KindCounts()
    counts.added = _insert(run, kind, columns)
    counts.updated = _update(run, kind, columns, position)
    _link(run, kind, columns)
    counts.removed = _remove(run, kind, may_end=may_end)
    verdicts = f"FROM {STAGES[kind].name} WHERE job_id = :job AND attempt = :attempt"
    counts.quarantined = _count(run, f"{verdicts} AND verdict = 'quarantined'")
    taken = _count(run, f"{verdicts} AND (verdict IS NULL OR verdict = 'unchanged')")
    counts.unchanged = max(0, taken - counts.added - counts.updated)
    return counts


def _count(run: Statements, source: str) -> int:
    return run.value(f"SELECT count(*) {source}")


def _insert(run: Statements, kind: Kind, columns: Sequence[str]) -> int:
    listed = ", ".join(columns)
    given = ", ".join(f"s.{column}" for column in columns)
    return run.run(
        f"INSERT INTO {HUB[kind].name} (tenant_id, sourced_id, status, date_last_modified,"
        f" first_job, last_job, last_app, {listed})"
        f" SELECT :tenant, s.sourced_id, 'active', {run.instant()}, :job, :job, :app, {given}"
        f" FROM {STAGES[kind].name} AS s WHERE {OPEN} AND s.is_new = 1"
    )


def _merged(kind: Kind, columns: Sequence[str]) -> str:
    """Return a query for the rows that change a record that is there: ids, before and after."""
    stage, link, hub = STAGES[kind].name, LINKS[kind].name, HUB[kind].name
    owns = OWNS.format(link=link)
    values = ", ".join(f"{take(column, owns)} AS {column}" for column in columns)
    return (
        f"SELECT h.sourced_id, {values} FROM {stage} AS s"
        f" JOIN {hub} AS h ON h.tenant_id = :tenant AND h.sourced_id = s.sourced_id"
        f" LEFT JOIN {link} AS l ON l.app_id = :app AND l.external_id = s.external_id"
        f" WHERE {OPEN} AND s.is_new IS NULL AND {_first_of_record(stage)}"
    )


def _first_of_record(stage: str) -> str:
    """Return a condition: of several rows that mean one record, only the first is merged."""
    return (
        f"NOT EXISTS (SELECT 1 FROM {stage} AS o WHERE o.job_id = s.job_id"
        " AND o.attempt = s.attempt AND o.verdict IS NULL AND o.sourced_id = s.sourced_id"
        " AND o.n < s.n)"
    )


def _update(run: Statements, kind: Kind, columns: Sequence[str], position: int) -> int:
    hub = HUB[kind].name
    merged = _merged(kind, columns)
    moved = " OR ".join(f"h.{column} IS DISTINCT FROM m.{column}" for column in columns)
    where = (
        "h.tenant_id = :tenant AND h.sourced_id = m.sourced_id"
        f" AND (h.status <> 'active' OR {moved})"
    )
    before = run.json({"status": "h.status", **{column: f"h.{column}" for column in columns}})
    after = run.json({"status": "'active'", **{column: f"m.{column}" for column in columns}})
    changed = run.run(
        f"INSERT INTO change_log (job_id, tenant_id, kind, sourced_id, op, before, after, at)"
        f" SELECT :job, :tenant, CAST(:kind AS text), h.sourced_id,"
        " CASE WHEN h.status = 'active' THEN 'update' ELSE 'restore' END,"
        f" {before}, {after}, {run.instant()} FROM {hub} AS h, ({merged}) AS m WHERE {where}",
        kind=kind,
        position=position,
    )
    if changed:
        run.run(
            f"UPDATE {hub} AS h SET status = 'active', date_last_modified = {run.instant()},"
            f" last_job = :job, last_app = :app,"
            f" {', '.join(f'{column} = m.{column}' for column in columns)}"
            f" FROM ({merged}) AS m WHERE {where}",
            position=position,
        )
    return changed


def _link(run: Statements, kind: Kind, columns: Sequence[str]) -> None:
    """Write the links of new and changed rows; the base is what the app holds now."""
    listed = ", ".join(columns)
    given = ", ".join(f"s.{column}" for column in columns)
    base = ", ".join(f"{column} = excluded.{column}" for column in columns)
    run.run(
        f"INSERT INTO {LINKS[kind].name} (app_id, external_id, sourced_id, fingerprint, first_job,"
        f" last_job, {listed})"
        f" SELECT :app, s.external_id, s.sourced_id, s.fingerprint, :job, :job, {given}"
        f" FROM {STAGES[kind].name} AS s WHERE {OPEN}"
        " ON CONFLICT (app_id, external_id) DO UPDATE SET sourced_id = excluded.sourced_id,"
        " fingerprint = excluded.fingerprint, last_job = excluded.last_job, ended_job = NULL,"
        f" ended_at = NULL, {base}"
    )


def _remove(run: Statements, kind: Kind, *, may_end: bool) -> int:
    """End the links of what is gone, and the records that no app supplies any more."""
    stage, link, hub = STAGES[kind].name, LINKS[kind].name, HUB[kind].name
    here = "s.job_id = :job AND s.attempt = :attempt AND s.external_id = l.external_id"
    named = f"EXISTS (SELECT 1 FROM {stage} AS s WHERE {here} AND s.verdict = 'deleted')"
    absent = f"NOT EXISTS (SELECT 1 FROM {stage} AS s WHERE {here})"
    ended = run.run(
        f"UPDATE {link} AS l SET ended_at = {run.instant()}, ended_job = :job"
        f" WHERE l.app_id = :app AND l.ended_at IS NULL"
        f" AND ({f'{named} OR {absent}' if may_end else named})"
    )
    if not ended:
        return 0
    orphaned = (
        f"h.tenant_id = :tenant AND h.status = 'active' AND h.sourced_id IN (SELECT l.sourced_id"
        f" FROM {link} AS l WHERE l.app_id = :app AND l.ended_job = :job)"
        f" AND NOT EXISTS (SELECT 1 FROM {link} AS k WHERE k.sourced_id = h.sourced_id"
        " AND k.ended_at IS NULL)"
    )
    before = run.json({"status": "'active'"})
    after = run.json({"status": "'tobedeleted'"})
    removed = run.run(
        "INSERT INTO change_log (job_id, tenant_id, kind, sourced_id, op, before, after, at)"
        f" SELECT :job, :tenant, CAST(:kind AS text), h.sourced_id, 'remove', {before}, {after},"
        f" {run.instant()} FROM {hub} AS h WHERE {orphaned}",
        kind=kind,
    )
    run.run(
        f"UPDATE {hub} AS h SET status = 'tobedeleted', date_last_modified = {run.instant()},"
        f" last_job = :job, last_app = :app WHERE {orphaned}"
    )
    return removed
