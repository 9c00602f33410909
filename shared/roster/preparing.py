"""Staged rows are prepared for the merge: checked, known again, their references resolved.

Works in sets, kind by kind in dependency order, and writes to staging and quarantine alone, so it
can be done again. A row whose source has not changed since it was last taken in is done with at
once, and is not even written to: where a kind has links, its rows are staged as unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

from shared.db.hub_tables import LINKS, STAGES, raw, snake
from shared.domain.records import FIELDS, Field, Kind
from shared.roster.filtering import forget_filtered_agents
from shared.roster.identity import SHARED_KINDS, shown_link
from shared.roster.quality import NO_EMAIL, check_references, check_values
from shared.roster.quarantine import refuse
from shared.roster.resolving import resolve
from shared.roster.rules import AppRules
from shared.roster.schools import map_schools
from shared.roster.shown import unseen
from shared.roster.statements import HERE, OPEN, Statements
from shared.roster.tenant_quality import CompiledRule, check_quality
from shared.roster.undone import reopen_undone

_CLASH = "'the id comes more than once with different values'"


def prepare(
    run: Statements,
    supplied: Mapping[Kind, Sequence[str]],
    rules: AppRules,
    complete: Collection[Kind],
    quality: Sequence[CompiledRule],
    *,
    again: bool,
    then: Callable[[Kind], None],
) -> None:
    """Prepare every kind that was read.

    Args:
        run: for the attempt.
        supplied: by kind, the fields that the app supplies.
        rules: of the app.
        complete: the kinds of which every record was read.
        quality: the tenant's own rules.
        again: whether it was done before; the hub has moved since.
        then: is called for every kind before the next, whose references it may still break.
    """
    for kind in Kind:
        if supplied.get(kind):
            _prepare(run, kind, supplied, rules, complete, quality, again=again)
        then(kind)


def _prepare(
    run: Statements,
    kind: Kind,
    supplied: Mapping[Kind, Sequence[str]],
    rules: AppRules,
    complete: Collection[Kind],
    quality: Sequence[CompiledRule],
    *,
    again: bool,
) -> None:
    fields = [field for field in FIELDS[kind] if field.name in supplied[kind]]
    if again:
        _reset(run, kind)
    _know_again(run, kind, rules.grace_days, is_complete=kind in complete)
    mapped = map_schools(run, rules) if kind is Kind.ORGS and rules.schools else "[]"
    if kind is Kind.USERS and not rules.filters.is_empty:
        forget_filtered_agents(run)
    _repeated(run, kind, fields)
    some = f"SELECT 1 FROM {STAGES[kind].name} AS s WHERE {OPEN} LIMIT 1"
    if run.value(f"SELECT count(*) FROM ({some}) AS o"):
        references = [field for field in fields if field.ref is not None]
        values = [field for field in fields if field.ref is None]
        known_too = kind in run.known and _refuse_other_than_known(run, kind, values)
        check_values(run, kind, fields)
        check_quality(run, kind, supplied[kind], quality)
        resolve(run, kind, fields, rules, is_complete=kind in complete, mapped=mapped)
        has_roles = Kind.ROLES in complete and bool(supplied.get(Kind.ROLES))
        if known_too and _refuse_other_than_known(run, kind, references):
            run.run(
                f"UPDATE {STAGES[kind].name} AS s SET verdict = 'repeated'"
                f" WHERE {OPEN} AND s.n IN ({_known_too(kind)})"
            )
        check_references(run, kind, fields, has_roles=has_roles)


def _refuse_other_than_known(run: Statements, kind: Kind, fields: Sequence[Field]) -> bool:
    """Refuse rows whose id has come as its link knows it, too, if other values came with it.

    Args:
        run: for the attempt.
        kind: of the rows.
        fields: to be compared with the link's base; references are resolved.

    Returns:
        Whether there were such rows.
    """
    names = [snake(field.name) for field in fields]
    same = " AND ".join(f"s.{name} IS NOT DISTINCT FROM l.{name}" for name in names) or "1 = 1"
    twice = _known_too(kind)
    if not run.value(f"SELECT count(*) FROM ({twice}) AS q"):
        return False
    refuse(run, kind, f"{OPEN} AND s.n IN ({twice} AND NOT ({same}))", "sourcedId", _CLASH)
    return True


def _known_too(kind: Kind) -> str:
    """Return a query for the open rows whose id has come as its link knows it, too."""
    return (
        f"SELECT s.n FROM {STAGES[kind].name} AS s"
        f" JOIN {LINKS[kind].name} AS l ON l.app_id = :app AND l.external_id = s.external_id"
        f" WHERE {OPEN} AND l.ended_at IS NULL AND l.external_id NOT IN ({unseen(kind)})"
    )


def _reset(run: Statements, kind: Kind) -> None:
    run.run(
        f"UPDATE {STAGES[kind].name} AS s SET verdict = 'unchanged', sourced_id = NULL,"
        " is_new = NULL, fingerprint = rtrim(fingerprint, '*')"
        f" WHERE {HERE} AND coalesce(s.verdict, '') NOT IN ('deleted', 'filtered')"
    )
    run.run(
        "DELETE FROM quarantine WHERE job_id = :job AND kind = :kind AND found_by = 'hub'"
        " AND reason <> :left_out",
        kind=kind,
        left_out=NO_EMAIL,
    )


def _know_again(run: Statements, kind: Kind, grace_days: int, *, is_complete: bool) -> None:
    """Open what differs from what was last taken in, and take the hub's id from its link.

    What reappears within the grace period is who it was; after it, its id means nothing any more.
    What was only out of scope has never gone, however long ago. An id that was given up for another
    one, under which the app shows the record now, means nothing either.
    What a person has undone stays undone while its row is what it was.
    """
    since = run.moment(run.at - timedelta(days=grace_days))
    stage, link = STAGES[kind].name, LINKS[kind].name
    run.run(
        f"UPDATE {stage} AS s SET verdict = NULL WHERE {HERE} AND s.verdict = 'unchanged'"
        f" AND NOT EXISTS (SELECT 1 FROM {link} AS l WHERE l.app_id = :app"
        " AND l.external_id = s.external_id AND l.fingerprint = s.fingerprint"
        " AND (l.ended_at IS NULL OR l.ended_why = 'undone'))"
    )
    reopen_undone(run, kind)
    known = f"l.ended_at >= {since} OR l.ended_why = 'out_of_scope'"
    if kind not in SHARED_KINDS:
        shown = shown_link(run, kind, "l.sourced_id", is_complete=is_complete)
        known = f"({known}) AND NOT EXISTS ({shown})"
    run.run(
        f"UPDATE {stage} AS s SET sourced_id = l.sourced_id FROM {link} AS l"
        f" WHERE {OPEN} AND l.app_id = :app AND l.external_id = s.external_id"
        f" AND (l.ended_at IS NULL OR ({known}))"
    )


def _repeated(run: Statements, kind: Kind, fields: Sequence[Field]) -> None:
    """Count identical repeats of a row once; refuse an id that comes with different values."""
    stage = STAGES[kind].name
    repeated = (
        f"SELECT s.external_id FROM {stage} AS s WHERE {HERE}"
        " AND coalesce(s.verdict, '') <> 'deleted' GROUP BY s.external_id HAVING count(*) > 1"
    )
    if not run.value(f"SELECT count(*) FROM ({repeated}) AS r"):
        return
    twin = (
        f"SELECT 1 FROM {stage} AS o WHERE o.job_id = s.job_id AND o.attempt = s.attempt"
        " AND o.external_id = s.external_id AND o.n <> s.n"
        " AND coalesce(o.verdict, '') <> 'deleted'"
    )
    given = [raw(field) if field.ref is not None else snake(field.name) for field in fields]
    same = " AND ".join(f"o.{column} IS NOT DISTINCT FROM s.{column}" for column in given)
    still = f"{HERE} AND coalesce(s.verdict, 'unchanged') = 'unchanged'"
    some = f"s.external_id IN ({repeated})"
    run.run(
        f"UPDATE {stage} AS s SET verdict = 'repeated' WHERE {still} AND {some}"
        f" AND EXISTS ({twin} AND {same} AND o.n < s.n)"
    )
    clash = f"{still} AND {some} AND EXISTS ({twin} AND NOT ({same}))"
    refuse(run, kind, clash, "sourcedId", _CLASH)
