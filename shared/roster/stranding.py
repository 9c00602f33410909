"""What a read still shows of a record that it no longer has: an enrollment of a user who is gone.

By the standard a set is whole in itself, so such a row names nobody: it goes to quarantine, and
what the hub holds of it goes along with what it names. It is found by links, for the row itself has
mostly not changed, and hangs together with the rest by `shared.roster.holding`.
"""

from __future__ import annotations

from collections.abc import Collection

from shared.db.hub_tables import HUB, LINKS, STAGES, raw, snake
from shared.domain.records import FIELDS, Field, Kind
from shared.roster.absences import ABSENT, SCHOOL_OF
from shared.roster.quarantine import refuse
from shared.roster.removing import ENDING
from shared.roster.shown import unseen
from shared.roster.statements import HERE, OPEN, Statements


def strand(run: Statements, kind: Kind, before: Collection[Kind]) -> int:
    """Refuse the rows that name what goes, and note the links that stood for them as absent.

    Args:
        run: for the attempt, whose absences of the kind are found.
        kind: of the rows.
        before: the earlier kinds that have absences, and were held already.

    Returns:
        How many absences were added.
    """
    found = 0
    for field in FIELDS[kind]:
        named = field.ref
        if named is None or not field.required or named not in before:
            continue
        if _is_any_going(run, named):
            found += _strand_by(run, kind, field, named)
    return found


def _is_any_going(run: Statements, kind: Kind) -> bool:
    removed = f"SELECT 1 FROM stage_absences AS a WHERE {ABSENT} AND a.verdict = 'removed'"
    return bool(run.value(f"SELECT CASE WHEN EXISTS ({removed}) THEN 1 ELSE 0 END", kind=kind))


def _strand_by(run: Statements, kind: Kind, field: Field, named: Kind) -> int:
    going = f"WITH going AS MATERIALIZED ({_going(named)})"
    reason = f"'it names no record of {named} that was read: ' || s.{raw(field)}"
    opened = f"{going} SELECT s.n FROM {STAGES[kind].name} AS s WHERE {OPEN}"
    opened += f" AND {_names_going(run, kind, 's', field)}"
    refuse(run, kind, f"{OPEN} AND s.n IN ({opened})", field.name, reason, ref=named)
    link = LINKS[kind].name
    in_hub, in_link = (_names_going(run, kind, row, field) for row in ("h", "l"))
    # by the hub's indexes: the links of one user are found by none
    added = run.run(
        "INSERT INTO stage_absences"
        " (app_id, job_id, attempt, kind, external_id, sourced_id, school, fingerprint, verdict)"
        f" {going}, named AS MATERIALIZED (SELECT h.sourced_id FROM {HUB[kind].name} AS h"
        f" WHERE h.tenant_id = :tenant AND h.status = 'active' AND {in_hub})"
        " SELECT :app, :job, :attempt, CAST(:kind AS text), l.external_id, l.sourced_id,"
        f" {SCHOOL_OF[kind]}, l.fingerprint, 'removed' FROM named AS m"
        f" JOIN {link} AS l ON l.sourced_id = m.sourced_id AND l.app_id = :app"
        f" JOIN {HUB[kind].name} AS h ON h.tenant_id = :tenant AND h.sourced_id = m.sourced_id"
        f" WHERE l.ended_at IS NULL AND {in_link}"
        f" AND l.external_id NOT IN (SELECT a.external_id FROM stage_absences AS a WHERE {ABSENT})"
        f" AND l.external_id NOT IN (SELECT s.external_id FROM {STAGES[kind].name} AS s"
        f" WHERE {OPEN})",
        kind=kind,
        ref=named,
    )
    if added:
        absent = (
            "SELECT a.external_id FROM stage_absences AS a WHERE a.job_id = :job"
            " AND a.attempt = :attempt AND a.kind = :child"
        )
        unchanged = f"{HERE} AND s.verdict = 'unchanged' AND s.external_id IN ({absent})"
        refuse(run, kind, unchanged, field.name, reason, child=kind)
        if kind in run.known:
            _tell_known(run, kind, field)
    return added


def count_stranded(run: Statements, kind: Kind) -> int:
    """Return how many rows there are that name what goes, and were not staged: known again."""
    if kind not in run.known:
        return 0
    return run.value(f"SELECT count(*) FROM ({stranded(kind)}) AS x", kind=kind)


def stranded(kind: Kind) -> str:
    """Return a query for the external ids of such rows."""
    return (
        f"SELECT a.external_id FROM stage_absences AS a WHERE {ABSENT}"
        f" AND a.external_id NOT IN ({unseen(kind)})"
    )


def _tell_known(run: Statements, kind: Kind, field: Field) -> None:
    """Put rows that were not staged into quarantine, as their links know them."""
    given = {}
    for one in FIELDS[kind]:
        given[one.name] = f"l.{snake(one.name)}"
        if one.ref is not None and not one.many:
            given[one.name] = (
                f"(SELECT min(k.external_id) FROM {LINKS[one.ref].name} AS k WHERE k.app_id = :app"
                f" AND k.sourced_id = l.{snake(one.name)})"
            )
    told = "SELECT q.external_id FROM quarantine AS q WHERE q.job_id = :job AND q.kind = :kind"
    named = given[field.name]
    run.run(
        "INSERT INTO quarantine (job_id, tenant_id, app_id, kind, external_id, field, reason,"
        " source, found_by, at)"
        " SELECT :job, :tenant, :app, CAST(:kind AS text), l.external_id, CAST(:field AS text),"
        f" 'it names no record of {field.ref} that was read: ' || {named},"
        f" {run.json({'sourcedId': 'l.external_id', **given})}, 'hub', {run.instant()}"
        f" FROM {LINKS[kind].name} AS l WHERE l.app_id = :app"
        f" AND l.external_id IN ({stranded(kind)})"
        f" AND l.external_id NOT IN ({told})",
        kind=kind,
        field=field.name,
    )


def _names_going(run: Statements, kind: Kind, row: str, field: Field) -> str:
    """Return the condition: a reference of stage `s`, hub `h` or link `l` names what is going."""
    column = snake(field.name)
    going = "SELECT g.sourced_id FROM going AS g"
    if not field.many:
        return f"{row}.{column} IN ({going})"
    table, key, where = {
        "s": (STAGES[kind].name, "n", OPEN.replace("s.", "x.")),
        "h": (HUB[kind].name, "sourced_id", "x.tenant_id = :tenant AND x.status = 'active'"),
        "l": (LINKS[kind].name, "external_id", "x.app_id = :app AND x.ended_at IS NULL"),
    }[row]
    # taken apart once for all rows: in a row's own condition all that goes is looked at for each
    parts = (
        f"SELECT x.{key} AS place, e.value FROM {table} AS x"
        f" CROSS JOIN {run.elements(f'x.{column}')} WHERE {where} AND x.{column} IS NOT NULL"
    )
    return (
        f"{row}.{key} IN (WITH parts AS MATERIALIZED ({parts})"
        f" SELECT o.place FROM parts AS o WHERE o.value IN ({going}))"
    )


def _going(kind: Kind) -> str:
    """Return a query for the records of kind `:ref` that the app has no more, by any of its ids."""
    others = (
        f"b.job_id = :job AND b.attempt = :attempt AND b.kind = :ref AND b.verdict IN ({ENDING})"
    )
    return (
        "SELECT a.sourced_id FROM stage_absences AS a WHERE a.job_id = :job"
        " AND a.attempt = :attempt AND a.kind = :ref AND a.verdict = 'removed'"
        f" AND NOT EXISTS (SELECT 1 FROM {LINKS[kind].name} AS k WHERE k.app_id = :app"
        " AND k.sourced_id = a.sourced_id AND k.ended_at IS NULL AND k.external_id NOT IN"
        f" (SELECT b.external_id FROM stage_absences AS b WHERE {others}))"
        f" AND a.sourced_id NOT IN (SELECT s.sourced_id FROM {STAGES[kind].name} AS s"
        f" WHERE {OPEN} AND s.sourced_id IS NOT NULL)"
    )
