"""Renames that only a likeness suggests: a person decides.

A user who is gone and one who is new may be one person with a new id. The same SIS or state id is
proof enough (`shared.roster.resolving`); the same username, e-mail address, or name and birth date
is not. Until a person has decided, the new row stands for the old record.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shared.db.hub_tables import HUB, LINKS, STAGES
from shared.domain.records import Kind
from shared.roster.identity import shown_link
from shared.roster.statements import HERE, OPEN, Statements

_STAGE, _HUB = STAGES[Kind.USERS].name, HUB[Kind.USERS].name


@dataclass(frozen=True, slots=True)
class _Likeness:
    """What makes two users alike.

    Attributes:
        fields: of the user that it needs.
        key: an expression over a user `{u}` and, for a birth date, `b`.
        has_birth_date: whether it needs one.
    """

    fields: tuple[str, ...]
    key: str
    has_birth_date: bool = False


_LIKENESSES = (
    _Likeness(("username",), "lower({u}.username)"),
    _Likeness(("email",), "lower({u}.email)"),
    _Likeness(
        ("givenName", "familyName"),
        "lower({u}.given_name) || '|' || lower({u}.family_name) || '|' || b.birth_date",
        has_birth_date=True,
    ),
)
# in sets: the birth date of one user at a time would look at all demographics for each of them
_BIRTHS_STAGED = (
    " JOIN (SELECT s.raw_user_sourced_id AS user_id, min(s.birth_date) AS birth_date"
    f" FROM {STAGES[Kind.DEMOGRAPHICS].name} AS s WHERE {HERE} AND s.birth_date IS NOT NULL"
    " GROUP BY s.raw_user_sourced_id) AS b ON b.user_id = s.external_id"
)
_BIRTHS_KNOWN = (
    " JOIN (SELECT d.user_sourced_id AS user_id, min(d.birth_date) AS birth_date"
    f" FROM {HUB[Kind.DEMOGRAPHICS].name} AS d WHERE d.tenant_id = :tenant"
    " AND d.status = 'active' AND d.birth_date IS NOT NULL GROUP BY d.user_sourced_id) AS b"
    " ON b.user_id = h.sourced_id"
)


def propose_renames(run: Statements, supplied: Collection[str]) -> None:
    """Let new users who look like one that is gone stand for that record, as a proposal.

    Args:
        run: for the attempt, whose read of the users was complete.
        supplied: the users' fields that the app supplies.
    """
    shown = shown_link(run, Kind.USERS, "h.sourced_id", is_complete=True)
    claimed = f"SELECT s.sourced_id FROM {_STAGE} AS s WHERE {HERE} AND s.sourced_id IS NOT NULL"
    gone = (
        f" WHERE h.tenant_id = :tenant AND h.status = 'active' AND h.sourced_id IN"
        f" (SELECT l.sourced_id FROM {LINKS[Kind.USERS].name} AS l WHERE l.app_id = :app"
        f" AND l.ended_at IS NULL) AND NOT EXISTS ({shown}) AND h.sourced_id NOT IN ({claimed})"
    )
    new = f" WHERE {OPEN} AND s.is_new = 1"
    for rows in (f"{_STAGE} AS s{new}", f"{_HUB} AS h{gone}"):
        if not run.value(f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {rows}) THEN 1 ELSE 0 END"):
            return
    for likeness in _LIKENESSES:
        if not set(likeness.fields) <= set(supplied):
            continue
        births = (_BIRTHS_STAGED, _BIRTHS_KNOWN) if likeness.has_birth_date else ("", "")
        staged, known = (likeness.key.format(u=user) for user in ("s", "h"))
        # a key that several have names none of them
        lost = (
            f"lost AS MATERIALIZED (SELECT {known} AS likeness, min(h.sourced_id) AS sourced_id"
            f" FROM {_HUB} AS h{births[1]}{gone} AND {known} IS NOT NULL GROUP BY 1"
            " HAVING count(*) = 1)"
        )
        found = (
            f"found AS MATERIALIZED (SELECT {staged} AS likeness,"
            f" min(s.external_id) AS external_id FROM {_STAGE} AS s{births[0]}{new}"
            f" AND {staged} IS NOT NULL GROUP BY 1 HAVING count(*) = 1)"
        )
        judged = (
            "SELECT 1 FROM judged_pairs AS j WHERE j.tenant_id = :tenant AND j.kind = 'users'"
            " AND j.verdict = 'distinct' AND j.first = lost.sourced_id"
            " AND j.second = found.external_id"
        )
        pairs = (
            f"WITH {lost}, {found} SELECT found.external_id, lost.sourced_id FROM found"
            f" JOIN lost ON lost.likeness = found.likeness WHERE NOT EXISTS ({judged})"
        )
        run.run(
            f"UPDATE {_STAGE} AS s SET verdict = 'proposed', is_new = NULL,"
            f" sourced_id = q.sourced_id FROM ({pairs}) AS q"
            f" WHERE {OPEN} AND s.is_new = 1 AND s.external_id = q.external_id"
        )
