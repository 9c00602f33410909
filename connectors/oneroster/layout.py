"""The CSV binding's files: their headers by version, and what a package may hold.

Source: OneRoster CSV binding 1.1 (2017-04-17), 1.2 (2022-06-06) and its correction 1.2.1
(2023-08-22), §4: columns stand in this order; `metadata.*` columns may follow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.domain.records import FIELDS, Kind

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
