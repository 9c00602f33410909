"""The merge of prepared rows into the hub, in sets: records, links and change log.

The expressions here say what `shared.domain.merge.merge` says of one field; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.db.hub_tables import HUB, LINKS, STAGES, snake
from shared.domain.records import FIELDS, Kind, encode_list
from shared.errors import ConfigurationError
from shared.roster.bases import is_rendering
from shared.roster.conflicts import has_moved, is_set, note_conflicts
from shared.roster.ownership import Ownership
from shared.roster.statements import HERE, OPEN, Statements


@dataclass
class KindCounts:
    """What a job did to the records of one kind.

    Attributes:
        removed: records that nobody has any more.
        renamed: records that the app shows under another id now.
        out_of_scope: records that the app no longer reads, since its filter changed.
        filtered: rows that the read brought, and that the app's filter keeps out; or of a kind that
            only joins the hub's, and that stand for none of its records.
        held: removals that wait for approval.
        proposed: renames that wait for approval.
        conflicts: fields that a person must decide.
        survived: records that one side has deleted and another edited; they stay.
        created: records that were made at the vendor.
        ended: records that were removed, archived or suspended at the vendor.
        kept: records that would have been, and are more than may be ended at once.
        later: records that could not be made or ended yet.
    """

    added: int = 0
    updated: int = 0
    restored: int = 0
    removed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    renamed: int = 0
    out_of_scope: int = 0
    filtered: int = 0
    held: int = 0
    proposed: int = 0
    conflicts: int = 0
    survived: int = 0
    written: int = 0
    rejected: int = 0
    created: int = 0
    ended: int = 0
    kept: int = 0
    later: int = 0

    @property
    def has_changed(self) -> bool:
        """Whether a record of the hub was touched."""
        return bool(self.added or self.updated or self.restored or self.removed)


#: The school of a staged enrollment's class.
_SCHOOL_OF_CLASS = (
    f"(SELECT c.school_sourced_id FROM {HUB[Kind.CLASSES].name} AS c"
    " WHERE c.tenant_id = :tenant AND c.sourced_id = s.class_sourced_id)"
)


def take(run: Statements, ownership: Ownership, kind: Kind, field: str) -> str:
    """Return an expression for one field's merged value, over stage `s`, link `l` and hub `h`."""
    column = snake(field)
    base, ours, theirs = f"l.{column}", f"h.{column}", f"s.{column}"
    is_owner = ownership.is_owner(kind, field)
    moved = has_moved(ownership, kind, field)
    is_new = "1 = 1" if ownership.is_fresh(kind, field) else "l.app_id IS NULL"
    fill = ""
    if ownership.fills(kind, field):
        fill = f" WHEN NOT ({is_owner}) THEN coalesce({ours}, {theirs})"
    elif is_set(kind, field):
        fill = f" WHEN {moved} THEN {run.merged_elements(base, ours, theirs)}"
    return (
        f"CASE WHEN {theirs} IS NOT DISTINCT FROM {ours} THEN {ours}"
        f" WHEN {is_rendering(ownership, kind, field, theirs, 's.external_id')} THEN {ours}"
        f" WHEN {is_new} THEN (CASE WHEN {ours} IS NULL THEN {theirs}"
        f" WHEN {theirs} IS NULL THEN {ours} WHEN {is_owner} THEN {theirs} ELSE {ours} END)"
        f" WHEN {theirs} IS NOT DISTINCT FROM {base} THEN {ours}{fill}"
        f" WHEN NOT {moved} THEN {theirs}"
        f" WHEN {is_owner} THEN {theirs} ELSE {ours} END"
    )


def merge_kind(
    run: Statements,
    kind: Kind,
    supplied: Sequence[str],
    ownership: Ownership,
    defaults: Mapping[str, str] | None = None,
) -> KindCounts:
    """Merge the rows of one kind: what is new, what has changed, and their links.

    Args:
        run: for the attempt; its transaction holds the hub lock.
        kind: which.
        supplied: the fields that the app supplies.
        ownership: as the app sees it.
        defaults: what new records get in other fields; references are external ids of the app.

    Raises:
        ConfigurationError: a default names no record that the app has.
    """
    counts = KindCounts()
    stage = STAGES[kind].name
    if run.value(f"SELECT count(*) FROM (SELECT 1 FROM {stage} AS s WHERE {OPEN} LIMIT 1) AS o"):
        counts.conflicts = note_conflicts(run, kind, supplied, ownership)
        counts.added = _insert(run, kind, supplied, defaults or {})
        some = f"SELECT 1 FROM {stage} AS s WHERE {OPEN} AND s.is_new IS NULL LIMIT 1"
        if run.value(f"SELECT count(*) FROM ({some}) AS o"):
            counts.updated, counts.restored, counts.survived = _update(
                run, kind, supplied, ownership
            )
        _link(run, kind, supplied)
    verdicts = dict(
        run.rows(
            f"SELECT coalesce(s.verdict, 'unchanged'), count(*) FROM {stage} AS s WHERE {HERE}"
            " GROUP BY 1"
        )
    )
    counts.quarantined = verdicts.get("quarantined", 0)
    counts.filtered = verdicts.get("filtered", 0)
    taken = verdicts.get("unchanged", 0)
    counts.unchanged = taken - counts.added - counts.updated - counts.restored
    return counts


def _insert(
    run: Statements, kind: Kind, supplied: Sequence[str], defaults: Mapping[str, str]
) -> int:
    columns = [snake(name) for name in supplied]
    bound = {}
    if defaults and run.value(
        f"SELECT count(*) FROM {STAGES[kind].name} AS s WHERE {OPEN} AND s.is_new = 1"
    ):
        bound = {snake(name): _default(run, kind, name, defaults[name]) for name in defaults}
    values = {column: f"s.{column}" for column in columns}
    if kind is Kind.ENROLLMENTS:
        # an app that knows no schools still knows the class
        values.setdefault("school_sourced_id", _SCHOOL_OF_CLASS)
    values |= {column: f"CAST(:{column} AS text)" for column in bound if column not in columns}
    listed = ", ".join(values)
    given = ", ".join(values.values())
    return run.run(
        f"INSERT INTO {HUB[kind].name} (tenant_id, sourced_id, status, created_at,"
        f" date_last_modified, first_job, last_job, last_app, {listed})"
        f" SELECT :tenant, s.sourced_id, 'active', {run.instant()}, {run.instant()},"
        f" :job, :job, :app, {given}"
        f" FROM {STAGES[kind].name} AS s WHERE {OPEN} AND s.is_new = 1",
        **{column: value for column, value in bound.items() if column in values},
    )


def _default(run: Statements, kind: Kind, name: str, value: str) -> str:
    """Return a default as the hub holds it; what it refers to is merged before."""
    field = next(field for field in FIELDS[kind] if field.name == name)
    if field.ref is None:
        return value
    found = run.rows(
        f"SELECT l.sourced_id FROM {LINKS[field.ref].name} AS l WHERE l.app_id = :app"
        " AND l.external_id = :named AND l.ended_at IS NULL",
        named=value,
    )
    if not found:
        raise ConfigurationError(
            f"{kind}.{name}",
            f"new records are to get {value!r}, and the hub knows no such record of the app",
            "Look into the quarantine for it, and correct the app's settings.",
        )
    sourced_id = str(found[0][0])
    return (encode_list([sourced_id]) or "") if field.many else sourced_id


def merged_rows(
    run: Statements, kind: Kind, supplied: Sequence[str], ownership: Ownership
) -> tuple[str, str]:
    """Return a query `m` for the rows that mean a record `h` which is there, and what differs.

    Of several rows that mean one record, the first is merged. The query gives the record's ids and
    the merged values; the condition, over `h` and `m`, is true where the record changes.
    """
    stage, link, hub = STAGES[kind].name, LINKS[kind].name, HUB[kind].name
    values = ", ".join(f"{take(run, ownership, kind, name)} AS {snake(name)}" for name in supplied)
    known = f"{OPEN} AND s.is_new IS NULL"
    query = (
        f"SELECT h.sourced_id, s.external_id, {_returns(supplied)} AS returns, {values}"
        f" FROM {stage} AS s"
        f" JOIN {hub} AS h ON h.tenant_id = :tenant AND h.sourced_id = s.sourced_id"
        f" LEFT JOIN {link} AS l ON l.app_id = :app AND l.external_id = s.external_id"
        f" WHERE {known} AND s.n IN"
        f" (SELECT min(s.n) FROM {stage} AS s WHERE {known} GROUP BY s.sourced_id)"
    )
    differs = " OR ".join(f"h.{snake(name)} IS DISTINCT FROM m.{snake(name)}" for name in supplied)
    condition = (
        "h.tenant_id = :tenant AND h.sourced_id = m.sourced_id"
        f" AND ((h.status = 'active' AND ({differs})) OR (h.status <> 'active' AND m.returns > 0))"
    )
    owners = ", ".join(str(app_id) for app_id in ownership.other_owners(kind))
    if owners:
        # whom the owner of the kind has let go, no other app brings back
        condition += (
            f" AND (h.status = 'active' OR NOT EXISTS (SELECT 1 FROM {link} AS o"
            f" WHERE o.sourced_id = h.sourced_id AND o.app_id IN ({owners})"
            " AND o.ended_why = 'removed'))"
        )
    return query, condition


def _returns(supplied: Sequence[str]) -> str:
    """Return whether a row brings a removed record back: 0, 1, or 2 for an edit that outlives it.

    It does when it is new or shown again, and when the app has edited it since both last agreed.
    What only echoes our own writes, or comes because a link was looked at anew, does not.
    """
    edited = " OR ".join(f"s.{snake(name)} IS DISTINCT FROM l.{snake(name)}" for name in supplied)
    return (
        "CASE WHEN l.app_id IS NULL OR l.ended_at IS NOT NULL THEN 1"
        f" WHEN {edited} THEN 2 ELSE 0 END"
    )


def change_json(run: Statements, supplied: Sequence[str]) -> tuple[str, str]:
    """Return expressions for the fields that change from `h` to `m`: before, and after."""
    differs = {name: f"h.{snake(name)} IS DISTINCT FROM m.{snake(name)}" for name in supplied}
    before, after = (
        run.json_where(
            [
                ("status", status, "h.status <> 'active'"),
                *((name, f"{side}.{snake(name)}", differs[name]) for name in supplied),
            ]
        )
        for side, status in (("h", "h.status"), ("m", "'active'"))
    )
    return before, after


def _update(
    run: Statements, kind: Kind, supplied: Sequence[str], ownership: Ownership
) -> tuple[int, int, int]:
    """Write what the merge changed, first to the change log: the fields that moved, no others.

    Returns:
        How many records were updated, how many restored, and how many of these since the app had
        edited what another has removed.
    """
    hub = HUB[kind].name
    merged, where = merged_rows(run, kind, supplied, ownership)
    before, after = change_json(run, supplied)
    changed = run.run(
        "INSERT INTO change_log"
        " (job_id, app_id, tenant_id, kind, sourced_id, op, before, after, at)"
        " SELECT :job, :app, :tenant, CAST(:kind AS text), h.sourced_id,"
        " CASE WHEN h.status = 'active' THEN 'update' ELSE 'restore' END,"
        f" {before}, {after}, {run.instant()} FROM {hub} AS h, ({merged}) AS m WHERE {where}",
        kind=kind,
    )
    if not changed:
        return 0, 0, 0
    restored = run.value(
        "SELECT count(*) FROM change_log WHERE job_id = :job AND kind = :kind AND op = 'restore'"
        " AND app_id = :app",
        kind=kind,
    )
    survived = (
        run.value(
            f"SELECT count(*) FROM {hub} AS h, ({merged}) AS m WHERE {where}"
            " AND h.status <> 'active' AND m.returns = 2"
        )
        if restored
        else 0
    )
    columns = [snake(name) for name in supplied]
    run.run(
        f"UPDATE {hub} AS h SET status = 'active', date_last_modified = {run.instant()},"
        f" last_job = :job, last_app = :app,"
        f" {', '.join(f'{column} = m.{column}' for column in columns)}"
        f" FROM ({merged}) AS m WHERE {where}"
    )
    return changed - restored, restored, survived


def _link(run: Statements, kind: Kind, supplied: Sequence[str]) -> None:
    """Write the links of new and changed rows; the base is what the app holds now."""
    columns = [snake(name) for name in supplied]
    listed = ", ".join(columns)
    given = ", ".join(f"s.{column}" for column in columns)
    base = ", ".join(f"{column} = excluded.{column}" for column in columns)
    link = LINKS[kind].name
    again = (
        " ON CONFLICT (app_id, external_id) DO UPDATE SET sourced_id = excluded.sourced_id,"
        " fingerprint = excluded.fingerprint, last_job = excluded.last_job, ended_job = NULL,"
        f" ended_at = NULL, ended_why = NULL, {base}"
    )
    # an app's only running job is this one: where it has no link, none can come meanwhile
    if not run.value(
        f"SELECT count(*) FROM (SELECT 1 FROM {link} WHERE app_id = :app LIMIT 1) AS o"
    ):
        again = ""
    run.run(
        f"INSERT INTO {link} (app_id, external_id, sourced_id, fingerprint, first_job,"
        f" last_job, {listed})"
        f" SELECT :app, s.external_id, s.sourced_id, s.fingerprint, :job, :job, {given}"
        f" FROM {STAGES[kind].name} AS s WHERE {OPEN}{again}"
    )
