"""The merge of prepared rows into the hub, in sets: records, links, change log, removals.

The expressions here say what `shared.domain.merge.merge` says of one field; a test compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.db.hub_tables import HUB, LINKS, STAGES, snake
from shared.domain.records import FIELDS, Kind
from shared.roster.statements import HERE, OPEN, Statements


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


def owns(link: str, column: str) -> str:
    """Return a condition: of the apps that supply a field of the record `h`, the app comes first.

    Args:
        link: the links' table.
        column: the field's; an app without a value for it does not supply it.
    """
    return (
        f"NOT EXISTS (SELECT 1 FROM {link} AS other JOIN apps AS a ON a.id = other.app_id"
        " WHERE other.sourced_id = h.sourced_id AND other.ended_at IS NULL AND a.id <> :app"
        f" AND a.removed_at IS NULL AND a.position < :position AND other.{column} IS NOT NULL)"
    )


def take(column: str, is_owner: str) -> str:
    """Return an expression for one field's merged value, over stage `s`, link `l` and hub `h`.

    Args:
        column: the field's.
        is_owner: a condition: the field is the app's own, see `owns`.
    """
    base, ours, theirs = f"l.{column}", f"h.{column}", f"s.{column}"
    return (
        f"CASE WHEN {theirs} IS NOT DISTINCT FROM {ours} THEN {ours}"
        f" WHEN l.app_id IS NULL THEN (CASE WHEN {ours} IS NULL THEN {theirs}"
        f" WHEN {theirs} IS NULL THEN {ours} WHEN {is_owner} THEN {theirs} ELSE {ours} END)"
        f" WHEN {theirs} IS NOT DISTINCT FROM {base} THEN {ours}"
        f" WHEN {ours} IS NOT DISTINCT FROM {base} THEN {theirs}"
        f" WHEN {is_owner} THEN {theirs} ELSE {ours} END"
    )


def merge_kind(
    run: Statements, kind: Kind, supplied: Sequence[str], position: int, *, may_end: bool
) -> KindCounts:
    """Merge one kind.

    Args:
        run: for the attempt; its transaction holds the hub lock.
        kind: which.
        supplied: the fields that the app supplies; none where it only named what was deleted.
        position: the app's place in the tenant's order.
        may_end: whether the read was complete, so that what is absent is gone.
    """
    counts = KindCounts()
    stage = STAGES[kind].name
    if supplied:
        if run.value(f"SELECT count(*) FROM {stage} AS s WHERE {OPEN}"):
            counts.added = _insert(run, kind, supplied)
            counts.updated = _update(run, kind, supplied, position)
            _link(run, kind, supplied)
        verdicts = f"SELECT count(*) FROM {stage} AS s WHERE {HERE}"
        counts.quarantined = run.value(f"{verdicts} AND s.verdict = 'quarantined'")
        taken = run.value(f"{verdicts} AND coalesce(s.verdict, 'unchanged') = 'unchanged'")
        counts.unchanged = taken - counts.added - counts.updated
    counts.removed = _remove(run, kind, may_end=may_end)
    return counts


def _insert(run: Statements, kind: Kind, supplied: Sequence[str]) -> int:
    columns = [snake(name) for name in supplied]
    listed = ", ".join(columns)
    given = ", ".join(f"s.{column}" for column in columns)
    return run.run(
        f"INSERT INTO {HUB[kind].name} (tenant_id, sourced_id, status, created_at,"
        f" date_last_modified, first_job, last_job, last_app, {listed})"
        f" SELECT :tenant, s.sourced_id, 'active', {run.instant()}, {run.instant()},"
        f" :job, :job, :app, {given}"
        f" FROM {STAGES[kind].name} AS s WHERE {OPEN} AND s.is_new = 1"
    )


def _merged(kind: Kind, columns: Sequence[str]) -> str:
    """Return a query for the rows that mean a record which is there: its id, the merged values.

    Of several rows that mean one record, the first is merged.
    """
    stage, link, hub = STAGES[kind].name, LINKS[kind].name, HUB[kind].name
    values = ", ".join(f"{take(column, owns(link, column))} AS {column}" for column in columns)
    known = f"{OPEN} AND s.is_new IS NULL"
    return (
        f"SELECT h.sourced_id, {values} FROM {stage} AS s"
        f" JOIN {hub} AS h ON h.tenant_id = :tenant AND h.sourced_id = s.sourced_id"
        f" LEFT JOIN {link} AS l ON l.app_id = :app AND l.external_id = s.external_id"
        f" WHERE {known} AND s.n IN"
        f" (SELECT min(s.n) FROM {stage} AS s WHERE {known} GROUP BY s.sourced_id)"
    )


def _update(run: Statements, kind: Kind, supplied: Sequence[str], position: int) -> int:
    """Write what the merge changed, first to the change log: the fields that moved, no others."""
    hub = HUB[kind].name
    columns = {name: snake(name) for name in supplied}
    merged = _merged(kind, list(columns.values()))
    differs = {c: f"h.{c} IS DISTINCT FROM m.{c}" for c in columns.values()}
    where = (
        "h.tenant_id = :tenant AND h.sourced_id = m.sourced_id"
        f" AND (h.status <> 'active' OR {' OR '.join(differs.values())})"
    )
    back = ("status", "{}", "h.status <> 'active'")
    before, after = (
        run.json_where(
            [
                (back[0], status, back[2]),
                *((name, f"{side}.{c}", differs[c]) for name, c in columns.items()),
            ]
        )
        for side, status in (("h", "h.status"), ("m", "'active'"))
    )
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
            f" {', '.join(f'{column} = m.{column}' for column in columns.values())}"
            f" FROM ({merged}) AS m WHERE {where}",
            position=position,
        )
    return changed


def _link(run: Statements, kind: Kind, supplied: Sequence[str]) -> None:
    """Write the links of new and changed rows; the base is what the app holds now."""
    columns = [snake(name) for name in supplied]
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
    seen = f"SELECT 1 FROM {stage} AS s WHERE {HERE} AND s.external_id = l.external_id"
    told = f"EXISTS ({seen} AND s.verdict = 'deleted')"
    present = f"EXISTS ({seen} AND coalesce(s.verdict, '') <> 'deleted')"
    gone = f"NOT ({_was_refused(kind)})" if may_end else told
    ended = run.run(
        f"UPDATE {link} AS l SET ended_at = {run.instant()}, ended_job = :job"
        f" WHERE l.app_id = :app AND l.ended_at IS NULL AND NOT {present} AND {gone}",
        kind=kind,
    )
    if not ended:
        return 0
    orphaned = (
        f"h.tenant_id = :tenant AND h.status = 'active' AND h.sourced_id IN (SELECT l.sourced_id"
        f" FROM {link} AS l WHERE l.app_id = :app AND l.ended_job = :job)"
        f" AND NOT EXISTS (SELECT 1 FROM {link} AS k JOIN apps AS a ON a.id = k.app_id"
        " WHERE k.sourced_id = h.sourced_id AND k.ended_at IS NULL AND a.removed_at IS NULL)"
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
