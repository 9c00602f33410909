"""The CSV binding's files: their headers by version, and what a package may hold.

Source: OneRoster CSV binding 1.1 (2017-04-17), 1.2 (2022-06-06) and its correction 1.2.1
(2023-08-22), §4: columns stand in this order; `metadata.*` columns may follow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.domain.records import EXTENSIBLE, FIELDS, Field, Kind

#: Columns with which every data file begins.
BASE = ("sourcedId", "status", "dateLastModified")

_USERS_1_1 = (
    "enabledUser orgSourcedIds role username userIds givenName familyName middleName identifier"
    " email sms phone agentSourcedIds grades password"
)
_USERS_1_2 = (
    "enabledUser username userIds givenName familyName middleName identifier email sms phone"
    " agentSourcedIds grades password userMasterIdentifier"
)
_USERS_END = (
    "preferredGivenName preferredMiddleName preferredFamilyName primaryOrgSourcedId pronouns"
)
_ROLES = "userSourcedId roleType role beginDate endDate orgSourcedId userProfileSourcedId"
_DEMOGRAPHICS = tuple(
    field.name for field in FIELDS[Kind.DEMOGRAPHICS] if field.name != "userSourcedId"
)


def _same(kind: Kind) -> tuple[str, ...]:
    return (*BASE, *(field.name for field in FIELDS[kind]))


_COMMON: Mapping[Kind, tuple[tuple[str, ...], ...]] = {
    kind: (_same(kind),)
    for kind in (
        Kind.ORGS,
        Kind.ACADEMIC_SESSIONS,
        Kind.COURSES,
        Kind.CLASSES,
        Kind.ENROLLMENTS,
    )
}

#: By version and kind, the headers that are accepted; several where a correction changed one.
HEADERS: Mapping[str, Mapping[Kind, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        "1.1": {
            **_COMMON,
            Kind.DEMOGRAPHICS: ((*BASE, *_DEMOGRAPHICS),),
            Kind.USERS: ((*BASE, *_USERS_1_1.split()),),
        },
        "1.2": {
            **_COMMON,
            Kind.DEMOGRAPHICS: ((*BASE, *_DEMOGRAPHICS),),
            Kind.USERS: (
                (*BASE, *f"{_USERS_1_2} {_USERS_END}".split()),
                # 1.2.0 had one column more, which 1.2.1 took out
                (*BASE, *f"{_USERS_1_2} resourceSourcedIds {_USERS_END}".split()),
            ),
            Kind.ROLES: ((*BASE, *_ROLES.split()),),
        },
    }
)

#: Without these a set is no roster.
REQUIRED: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        version: tuple(kind for kind in headers if kind is not Kind.DEMOGRAPHICS)
        for version, headers in HEADERS.items()
    }
)

#: 1.1's one role of a user, as 1.2 calls it; an administrator's depends on the org.
ROLES_1_1: Mapping[str, str] = MappingProxyType(
    {
        "aide": "aide",
        "guardian": "guardian",
        "parent": "parent",
        "proctor": "proctor",
        "relative": "relative",
        "student": "student",
        "teacher": "teacher",
    }
)

_FILES_1_1 = (
    "academicSessions categories classes classResources courses courseResources demographics"
    " enrollments lineItems orgs resources results users"
)
_FILES_1_2 = (
    "academicSessions categories classes classResources courses courseResources demographics"
    " enrollments lineItemLearningObjectiveIds lineItems lineItemScoreScales orgs resources"
    " resultLearningObjectiveIds results resultScoreScales roles scoreScales userProfiles"
    " userResources users"
)
#: Every data file of a version, in the order in which its manifest names them.
FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"1.1": tuple(_FILES_1_1.split()), "1.2": tuple(_FILES_1_2.split())}
)

#: 1.2's roles as 1.1 calls them, the one that says most of a user first. 1.1's aide is who helps
#: and has none of the other roles: so is a counselor, and so aide comes last.
ROLES_TO_1_1: Mapping[str, str] = MappingProxyType(
    {
        "districtAdministrator": "administrator",
        "siteAdministrator": "administrator",
        "systemAdministrator": "administrator",
        "principal": "administrator",
        "teacher": "teacher",
        "student": "student",
        "proctor": "proctor",
        "parent": "parent",
        "guardian": "guardian",
        "relative": "relative",
        "counselor": "aide",
        "aide": "aide",
    }
)


def words_of(version: str, kind: Kind, field: Field) -> frozenset[str]:
    """Return a version's words for a field of the hub; empty: any text.

    A role is one of 1.1's words if it can be told in them.
    """
    if version == "1.1" and (kind, field.name) == (Kind.ROLES, "role"):
        return frozenset(ROLES_TO_1_1)
    if version == "1.1" and field.name == "sex":
        return frozenset({"male", "female"})
    return field.vocabulary


def may_extend(version: str, kind: Kind, field: Field) -> bool:
    """Return whether a version lets a district add `ext:` terms to a field's words."""
    return version != "1.1" and (kind, field.name) in EXTENSIBLE


def allows(version: str, kind: Kind, field: Field, value: str) -> bool:
    """Return whether a version's vocabulary of a field has a value.

    >>> allows("1.1", Kind.ORGS, FIELDS[Kind.ORGS][1], "ext:annex")
    False
    """
    words = words_of(version, kind, field)
    extends = may_extend(version, kind, field) and value.startswith("ext:")
    return not words or value in words or extends
