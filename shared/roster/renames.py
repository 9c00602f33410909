"""Renames that only a likeness suggests: a person decides.

A user who is gone and one who is new may be one person with a new id. The same SIS or state id is
proof enough (`shared.roster.resolving`); the same username, e-mail address, or name and birth date
is not. Until a person has decided, the new row stands for the old record.
"""

from __future__ import annotations

from collections.abc import Collection

from shared.db.hub_tables import HUB, LINKS, STAGES
from shared.domain.records import Kind
from shared.roster.statements import HERE, OPEN, Statements

_STAGE, _HUB = STAGES[Kind.USERS].name, HUB[Kind.USERS].name
_BIRTH_STAGED = (
    f"(SELECT min(d.birth_date) FROM {STAGES[Kind.DEMOGRAPHICS].name} AS d"
    " WHERE d.job_id = s.job_id AND d.attempt = s.attempt"
    " AND d.raw_user_sourced_id = s.external_id)"
)
_BIRTH_KNOWN = (
    f"(SELECT min(d.birth_date) FROM {HUB[Kind.DEMOGRAPHICS].name} AS d"
    " WHERE d.tenant_id = h.tenant_id AND d.user_sourced_id = h.sourced_id)"
)
#: What makes two users alike: the fields it needs, and the key of a staged row and of a record.
_LIKENESSES = (
    (("username",), "lower(s.username)", "lower(h.username)"),
    (("email",), "lower(s.email)", "lower(h.email)"),
    (
        ("givenName", "familyName"),
        f"lower(s.given_name) || '|' || lower(s.family_name) || '|' || {_BIRTH_STAGED}",
        f"lower(h.given_name) || '|' || lower(h.family_name) || '|' || {_BIRTH_KNOWN}",
    ),
)


def propose_renames(run: Statements, supplied: Collection[str]) -> None:
    """Let new users who look like one that is gone stand for that record, as a proposal.

    Args:
        run: for the attempt, whose read of the users was complete.
        supplied: the users' fields that the app supplies.
    """
    seen = (
        f"SELECT 1 FROM {_STAGE} AS s WHERE {HERE} AND s.external_id = l.external_id"
        " AND coalesce(s.verdict, '') NOT IN ('deleted', 'filtered')"
    )
    claimed = f"SELECT 1 FROM {_STAGE} AS s WHERE {HERE} AND s.sourced_id = l.sourced_id"
    gone = (
        f"FROM {LINKS[Kind.USERS].name} AS l JOIN {_HUB} AS h"
        " ON h.tenant_id = :tenant AND h.sourced_id = l.sourced_id"
        " WHERE l.app_id = :app AND l.ended_at IS NULL AND h.status = 'active'"
        f" AND NOT EXISTS ({seen}) AND NOT EXISTS ({claimed})"
    )
    new = f"FROM {_STAGE} AS s WHERE {OPEN} AND s.is_new = 1"
    if not run.value(f"SELECT CASE WHEN EXISTS (SELECT 1 {new}) THEN 1 ELSE 0 END"):
        return
    if not run.value(f"SELECT CASE WHEN EXISTS (SELECT 1 {gone}) THEN 1 ELSE 0 END"):
        return
    for fields, staged, known in _LIKENESSES:
        if not set(fields) <= set(supplied):
            continue
        lost = (
            f"SELECT {known} AS likeness, min(h.sourced_id) AS sourced_id {gone}"
            f" AND {known} IS NOT NULL GROUP BY {known} HAVING count(*) = 1"
        )
        found = (
            f"SELECT {staged} AS likeness, min(s.external_id) AS external_id {new}"
            f" AND {staged} IS NOT NULL GROUP BY {staged} HAVING count(*) = 1"
        )
        judged = (
            "SELECT 1 FROM judged_pairs AS j WHERE j.tenant_id = :tenant AND j.kind = 'users'"
            " AND j.verdict = 'distinct' AND j.first = o.sourced_id"
            " AND j.second = f.external_id"
        )
        run.run(
            f"UPDATE {_STAGE} AS s SET verdict = 'proposed', is_new = NULL,"
            f" sourced_id = q.sourced_id FROM (SELECT f.external_id, o.sourced_id"
            f" FROM ({found}) AS f JOIN ({lost}) AS o ON o.likeness = f.likeness"
            f" WHERE NOT EXISTS ({judged})) AS q"
            f" WHERE {OPEN} AND s.is_new = 1 AND s.external_id = q.external_id"
        )
