"""Staged rows are prepared for the merge: checked, known again, their references resolved.

Works in sets, kind by kind in dependency order, and writes to staging and quarantine alone, so it
can be done again. A row whose source has not changed since it was last taken in is done with at
once, and is not even written to: where a kind has links, its rows are staged as unchanged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from shared.db.hub_tables import LINKS, STAGES, raw, snake
from shared.domain.records import FIELDS, Field, Kind
from shared.roster.identity import SHARED_KINDS, shown_link
from shared.roster.quarantine import refuse
from shared.roster.resolving import resolve
from shared.roster.rules import AppRules
from shared.roster.statements import HERE, OPEN, Statements


def prepare(
    run: Statements,
    supplied: Mapping[Kind, Sequence[str]],
    rules: AppRules,
    complete: Collection[Kind],
    *,
    again: bool,
) -> None:
    """Prepare every kind that was read.

    Args:
        run: for the attempt.
        supplied: by kind, the fields that the app supplies.
        rules: of the app.
        complete: the kinds of which every record was read.
        again: whether it was done before; the hub has moved since.
    """
    for kind in Kind:
        if not supplied.get(kind):
            continue
        fields = [field for field in FIELDS[kind] if field.name in supplied[kind]]
        if again:
            _reset(run, kind)
        _know_again(run, kind, rules.grace_days, is_complete=kind in complete)
        _repeated(run, kind)
        some = f"SELECT 1 FROM {STAGES[kind].name} AS s WHERE {OPEN} LIMIT 1"
        if run.value(f"SELECT count(*) FROM ({some}) AS o"):
            _check_values(run, kind, fields)
            resolve(run, kind, fields, rules, is_complete=kind in complete)


def _reset(run: Statements, kind: Kind) -> None:
    run.run(
        f"UPDATE {STAGES[kind].name} AS s SET verdict = 'unchanged', sourced_id = NULL,"
        f" is_new = NULL WHERE {HERE} AND coalesce(s.verdict, '') NOT IN ('deleted', 'filtered')"
    )
    run.run(
        "DELETE FROM quarantine WHERE job_id = :job AND kind = :kind AND found_by = 'hub'",
        kind=kind,
    )


def _know_again(run: Statements, kind: Kind, grace_days: int, *, is_complete: bool) -> None:
    """Open what differs from what was last taken in, and take the hub's id from its link.

    What reappears within the grace period is who it was; after it, its id means nothing any more.
    What was only out of scope has never gone, however long ago. An id that was given up for another
    one, under which the app shows the record now, means nothing either.
    """
    since = run.moment(run.at - timedelta(days=grace_days))
    stage, link = STAGES[kind].name, LINKS[kind].name
    run.run(
        f"UPDATE {stage} AS s SET verdict = NULL WHERE {HERE} AND s.verdict = 'unchanged'"
        f" AND NOT EXISTS (SELECT 1 FROM {link} AS l WHERE l.app_id = :app"
        " AND l.external_id = s.external_id AND l.fingerprint = s.fingerprint"
        " AND l.ended_at IS NULL)"
    )
    known = f"l.ended_at >= {since} OR l.ended_why = 'out_of_scope'"
    if kind not in SHARED_KINDS:
        shown = shown_link(kind, "l.sourced_id", is_complete=is_complete)
        known = f"({known}) AND NOT EXISTS ({shown})"
    run.run(
        f"UPDATE {stage} AS s SET sourced_id = l.sourced_id FROM {link} AS l"
        f" WHERE {OPEN} AND l.app_id = :app AND l.external_id = s.external_id"
        f" AND (l.ended_at IS NULL OR ({known}))"
    )


def _repeated(run: Statements, kind: Kind) -> None:
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
    still = f"{HERE} AND coalesce(s.verdict, 'unchanged') = 'unchanged'"
    some = f"s.external_id IN ({repeated})"
    run.run(
        f"UPDATE {stage} AS s SET verdict = 'repeated' WHERE {still} AND {some}"
        f" AND EXISTS ({twin} AND o.fingerprint = s.fingerprint AND o.n < s.n)"
    )
    clash = f"{still} AND {some} AND EXISTS ({twin} AND o.fingerprint <> s.fingerprint)"
    refuse(run, kind, clash, "sourcedId", "'the id comes more than once with different values'")


def _check_values(run: Statements, kind: Kind, fields: Sequence[Field]) -> None:
    wrong: list[tuple[str, str, str]] = []
    for field in fields:
        column = f"s.{raw(field) if field.ref is not None else snake(field.name)}"
        if field.required:
            wrong.append((field.name, f"{column} IS NULL", "it is missing"))
        if field.vocabulary:
            told = ", ".join(sorted(field.vocabulary))
            allowed = ", ".join(f"'{word}'" for word in sorted(field.vocabulary))
            # the binding lets every vocabulary be extended
            condition = f"({column} NOT IN ({allowed}) AND substr({column}, 1, 4) <> 'ext:')"
            wrong.append((field.name, condition, f"it is not one of {told}"))
    if not wrong:
        return
    any_wrong = " OR ".join(condition for _, condition, _ in wrong)
    if not run.value(
        f"SELECT count(*) FROM {STAGES[kind].name} AS s WHERE {OPEN} AND ({any_wrong})"
    ):
        return
    for name, condition, reason in wrong:
        refuse(run, kind, f"{OPEN} AND {condition}", name, f"'{reason}'")
