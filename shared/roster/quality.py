"""Quality rules that every tenant has: what a record must hold to be taken in.

A record that breaks one goes to quarantine, and its last good version stays; of a value that a
record can do without, only the value is left out, and told.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.db.hub_tables import HUB, LINKS, STAGES, raw, snake
from shared.domain.records import EXTENSIBLE, Field, Kind
from shared.roster.quarantine import look_again, refuse, tell
from shared.roster.shown import unseen
from shared.roster.statements import OPEN, Statements

#: Fields that hold a date.
DATES = frozenset({"startDate", "endDate", "beginDate", "birthDate"})
#: By kind: the earlier date, the later one, and what is wrong between them.
_ORDER = {
    Kind.ACADEMIC_SESSIONS: ("startDate", "endDate", ">="),
    Kind.ROLES: ("beginDate", "endDate", ">"),
    Kind.ENROLLMENTS: ("beginDate", "endDate", ">"),
}
#: Why an e-mail address was left out.
NO_EMAIL = "it is no e-mail address; it was left out"
_USERS, _ROLES = STAGES[Kind.USERS].name, STAGES[Kind.ROLES].name


def check_values(run: Statements, kind: Kind, fields: Sequence[Field]) -> None:
    """Refuse the open rows that hold what they must not, or lack what they must have."""
    wrong = [rule for field in fields for rule in _of_field(run, kind, field)]
    wrong += _of_order(kind, {field.name for field in fields})
    if not wrong:
        return
    # one look at all rows finds out that nothing is wrong, which is the rule
    any_wrong = " OR ".join(condition for _, condition, _ in wrong)
    if run.value(f"SELECT count(*) FROM {STAGES[kind].name} AS s WHERE {OPEN} AND ({any_wrong})"):
        for name, condition, reason in wrong:
            refuse(run, kind, f"{OPEN} AND {condition}", name, f"'{reason}'")
    if kind is Kind.USERS and any(field.name == "email" for field in fields):
        _leave_out_emails(run)


def check_references(
    run: Statements, kind: Kind, fields: Sequence[Field], *, has_roles: bool
) -> None:
    """Look at the references of open rows, once they are resolved.

    Args:
        run: for the attempt.
        kind: of the rows.
        fields: that the app supplies.
        has_roles: whether the same read brought every role.
    """
    for field in fields:
        if field.ref is kind and not field.many:
            _refuse_circles(run, kind, field)
    names = {field.name for field in fields}
    if kind is Kind.USERS and has_roles and "primaryOrgSourcedId" in names:
        _leave_out_primary_orgs(run)


def _of_field(run: Statements, kind: Kind, field: Field) -> list[tuple[str, str, str]]:
    """Return (field, condition, reason) of what one field's value alone can break."""
    column = f"s.{raw(field) if field.ref is not None else snake(field.name)}"
    wrong = []
    if field.required:
        wrong.append((field.name, f"{column} IS NULL", "it is missing"))
    if field.vocabulary:
        told = ", ".join(sorted(field.vocabulary))
        allowed = ", ".join(f"'{word}'" for word in sorted(field.vocabulary))
        extended = ""
        if (kind, field.name) in EXTENSIBLE:
            extended = f" AND substr({column}, 1, 4) <> 'ext:'"
        condition = f"({column} NOT IN ({allowed}){extended})"
        wrong.append((field.name, condition, f"it is not one of {told}"))
    if field.name in DATES:
        condition = f"({column} IS NOT NULL AND {run.is_no_date(column)})"
        wrong.append((field.name, condition, "it is no day of the calendar, as YYYY-MM-DD"))
    return wrong


def _of_order(kind: Kind, names: set[str]) -> list[tuple[str, str, str]]:
    if kind not in _ORDER:
        return []
    first, last, wrong = _ORDER[kind]
    if not {first, last} <= names:
        return []
    condition = f"s.{snake(first)} {wrong} s.{snake(last)}"
    told = "is not before" if wrong == ">=" else "is after"
    return [(last, f"({condition})", f"{first} {told} it")]


def _leave_out_emails(run: Statements) -> None:
    """Leave out what is no e-mail address; the user is taken in, with the last good one.

    The value is gone from staging then, so that a second look, at a hub that has moved, goes by
    what was told at the first.
    """
    shape = "s.email LIKE '_%@_%._%' AND s.email NOT LIKE '%@%@%' AND s.email NOT LIKE '% %'"
    where = f"{OPEN} AND s.email IS NOT NULL AND NOT ({shape})"
    told = (
        "quarantine AS q WHERE q.job_id = :job AND q.kind = 'users' AND q.field = 'email'"
        f" AND q.reason = '{NO_EMAIL}'"
    )
    tell(run, Kind.USERS, where, "email", f"'{NO_EMAIL}'")
    if not run.value(f"SELECT count(*) FROM {told}"):
        return
    _keep_base(run, "email", where)
    look_again(run, Kind.USERS, f"s.external_id IN (SELECT q.external_id FROM {told})")


def _leave_out_primary_orgs(run: Statements) -> None:
    """Leave out a user's primary org where the user has no role; OneRoster 1.2 asks for one."""
    there = "r.job_id = :job AND r.attempt = :attempt"
    # in sets: no index finds the roles of one user
    without = (
        "WITH given AS MATERIALIZED"
        " (SELECT s.n, s.external_id, s.raw_primary_org_sourced_id AS org,"
        " s.sourced_id AS user_id, s.primary_org_sourced_id AS org_id"
        f" FROM {_USERS} AS s WHERE {OPEN} AND s.primary_org_sourced_id IS NOT NULL),"
        " had AS MATERIALIZED (SELECT DISTINCT r.raw_user_sourced_id AS external_id,"
        f" r.raw_org_sourced_id AS org FROM {_ROLES} AS r WHERE {there}"
        " AND r.raw_user_sourced_id IN (SELECT g.external_id FROM given AS g))"
        " SELECT g.n FROM given AS g LEFT JOIN had ON had.external_id = g.external_id"
        " AND had.org = g.org WHERE had.external_id IS NULL"
    )
    if Kind.ROLES in run.known:
        link = LINKS[Kind.ROLES].name
        without += (
            f" AND NOT EXISTS (SELECT 1 FROM {link} AS l WHERE l.app_id = :app"
            " AND l.ended_at IS NULL AND l.user_sourced_id = g.user_id AND l.org_sourced_id"
            f" = g.org_id AND l.external_id NOT IN ({unseen(Kind.ROLES)}))"
        )
    where = f"{OPEN} AND s.n IN ({without})"
    reason = "'the user has no role in it: ' || s.raw_primary_org_sourced_id || '; it was left out'"
    if tell(run, Kind.USERS, where, "primaryOrgSourcedId", reason):
        look_again(run, Kind.USERS, f"s.n IN ({without})")
        _keep_base(run, "primary_org_sourced_id", where)


def _keep_base(run: Statements, column: str, where: str) -> None:
    """Let a user's value be what the app last gave: as if it had not touched it.

    Also where the link has ended, and the user is shown again.
    """
    base = (
        f"SELECT l.{column} FROM {LINKS[Kind.USERS].name} AS l WHERE l.app_id = :app"
        " AND l.external_id = s.external_id AND l.sourced_id = s.sourced_id"
    )
    run.run(f"UPDATE {_USERS} AS s SET {column} = ({base}) WHERE {where}")


def _refuse_circles(run: Statements, kind: Kind, field: Field) -> None:
    """Refuse rows from whose parents no way leads to a record without one.

    Found from the top down, each record once: a walk up from every row would never end.
    """
    stage, column = STAGES[kind].name, snake(field.name)
    with_parent = f"SELECT count(*) FROM {stage} AS s WHERE {OPEN} AND s.{column} IS NOT NULL"
    if not run.value(with_parent):
        return
    rooted = (
        "WITH RECURSIVE parents AS MATERIALIZED ("
        f"SELECT s.sourced_id AS id, s.{column} AS parent FROM {stage} AS s WHERE {OPEN}"
        f" UNION ALL SELECT h.sourced_id, h.{column} FROM {HUB[kind].name} AS h"
        " WHERE h.tenant_id = :tenant AND NOT EXISTS"
        f" (SELECT 1 FROM {stage} AS s WHERE {OPEN} AND s.sourced_id = h.sourced_id)),"
        " rooted AS (SELECT p.id FROM parents AS p LEFT JOIN parents AS o ON o.id = p.parent"
        " WHERE o.id IS NULL"
        " UNION SELECT p.id FROM rooted AS r JOIN parents AS p ON p.parent = r.id)"
    )
    lost = (
        f"{rooted} SELECT s.n FROM {stage} AS s LEFT JOIN rooted AS r ON r.id = s.sourced_id"
        f" WHERE {OPEN} AND r.id IS NULL"
    )
    reason = f"'its parents run in a circle: ' || s.{raw(field)}"
    refuse(run, kind, f"{OPEN} AND s.{column} IS NOT NULL", field.name, reason, join=lost)
