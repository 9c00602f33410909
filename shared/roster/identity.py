"""Who is who: the keys by which a record that an app shows for the first time is known.

Once matched, a record is linked, and from then on only the link counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from shared.domain.records import Kind
from shared.roster.rules import AppRules, MatchRule

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
