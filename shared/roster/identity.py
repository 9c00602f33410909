"""Who is who: the keys by which a record that an app shows for the first time is known.

Once matched, a record is linked, and from then on only the link counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from shared.db.hub_tables import LINKS, STAGES
from shared.domain.records import Kind
from shared.roster.rules import AppRules, MatchRule
from shared.roster.shown import unseen
from shared.roster.statements import HERE, Statements

#: By kind, the fields that together name one record. A record that lacks one of them is not
#: matched, and a key that two records of the hub share matches neither.
KEYS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.ORGS: ("type", "identifier"),
        Kind.ACADEMIC_SESSIONS: ("type", "schoolYear", "startDate", "endDate"),
        Kind.COURSES: ("orgSourcedId", "courseCode"),
        Kind.CLASSES: ("schoolSourcedId", "courseSourcedId", "classCode", "termSourcedIds"),
        Kind.ROLES: ("userSourcedId", "orgSourcedId", "role"),
        Kind.ENROLLMENTS: ("classSourcedId", "userSourcedId", "role"),
        Kind.DEMOGRAPHICS: ("userSourcedId",),
    }
)

#: Kinds of which several external ids of one app may mean one record: each school of a student
#: system has a first semester of its own.
SHARED_KINDS = frozenset({Kind.ACADEMIC_SESSIONS})

_USER_KEYS = {
    MatchRule.SIS_ID: "identifier",
    MatchRule.STATE_ID: "userMasterIdentifier",
    MatchRule.EMAIL: "email",
}


@dataclass(frozen=True, slots=True)
class MatchKey:
    """One way to know a record.

    Attributes:
        fields: that together name it.
        domains: of the first field, an e-mail address; empty: it is none.
    """

    fields: tuple[str, ...]
    domains: frozenset[str] = frozenset()


def match_keys(kind: Kind, rules: AppRules) -> Sequence[MatchKey]:
    """Return the ways to know a record of a kind, the first to be tried first."""
    if kind is not Kind.USERS:
        return [MatchKey(KEYS[kind])]
    keys = []
    for rule in rules.matching:
        domains = rules.verified_email_domains if rule is MatchRule.EMAIL else frozenset()
        # an address in a domain that the district does not give out names nobody
        if rule is not MatchRule.EMAIL or domains:
            keys.append(MatchKey((_USER_KEYS[rule],), domains))
    return keys


def shown_link(run: Statements, kind: Kind, sourced_id: str, *, is_complete: bool) -> str:
    """Return a query for the links by which the app still shows a record.

    Args:
        run: for the attempt.
        kind: of the record.
        sourced_id: an expression for its id.
        is_complete: whether an id that is missing from the read has been given up.
    """
    stage = STAGES[kind].name
    if is_complete:
        # a record that the connector could not read is there all the same
        still = (
            f"IN (SELECT s.external_id FROM {stage} AS s WHERE {HERE}"
            " AND coalesce(s.verdict, '') NOT IN ('deleted', 'filtered') UNION ALL"
            " SELECT q.external_id FROM quarantine AS q WHERE q.job_id = :job"
            f" AND q.kind = '{kind}' AND q.found_by = 'connector')"
        )
        if kind in run.known:
            still = f"NOT IN ({unseen(kind)}) OR k.external_id {still}"
    else:
        still = (
            f"NOT IN (SELECT s.external_id FROM {stage} AS s WHERE {HERE}"
            " AND s.verdict IN ('deleted', 'filtered'))"
        )
    return (
        f"SELECT 1 FROM {LINKS[kind].name} AS k WHERE k.sourced_id = {sourced_id}"
        f" AND k.app_id = :app AND k.ended_at IS NULL AND (k.external_id {still})"
    )
