"""The canonical model: OneRoster 1.2's kinds and fields, as data.

Everything that knows the shape of a record (hub tables, staging, connectors, exports) reads it
here. Values are text: dates `YYYY-MM-DD`, booleans `true`/`false`, a set-valued field a JSON array
made by `encode_list`; absent is None, never "".

Source: 1EdTech OneRoster 1.2 CSV binding, final 2022-06-06, with the 1.2.1 corrections of
2023-08-22. A user's orgs and roles are records of kind `roles` (1.1 keeps them on the user).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """A kind of record, in dependency order: a kind refers only to itself and to earlier ones."""

    ORGS = "orgs"
    ACADEMIC_SESSIONS = "academicSessions"
    COURSES = "courses"
    CLASSES = "classes"
    USERS = "users"
    ROLES = "roles"
    ENROLLMENTS = "enrollments"
    DEMOGRAPHICS = "demographics"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind.

    Attributes:
        name: OneRoster's name.
        required: whether a record without it goes to quarantine.
        ref: the kind that the value names by id, None for a plain value.
        many: whether the value is a set, written as a JSON array.
        vocabulary: the values allowed; empty: any.
    """

    name: str
    required: bool = False
    ref: Kind | None = None
    many: bool = False
    vocabulary: frozenset[str] = frozenset()


def _must(name: str, ref: Kind | None = None, *, many: bool = False, among: str = "") -> Field:
    return Field(name, True, ref, many, frozenset(among.split()))


def _may(name: str, ref: Kind | None = None, *, many: bool = False, among: str = "") -> Field:
    return Field(name, False, ref, many, frozenset(among.split()))


_RACES = (
    "americanIndianOrAlaskaNative",
    "asian",
    "blackOrAfricanAmerican",
    "nativeHawaiianOrOtherPacificIslander",
    "white",
    "demographicRaceTwoOrMoreRaces",
    "hispanicOrLatinoEthnicity",
)

#: The fields of each kind, in the order of the CSV binding (without sourcedId, status and
#: dateLastModified, which every kind has).
FIELDS: Mapping[Kind, tuple[Field, ...]] = MappingProxyType(
    {
        Kind.ORGS: (
            _must("name"),
            _must("type", among="department school district local state national"),
            _may("identifier"),
            _may("parentSourcedId", Kind.ORGS),
        ),
        Kind.ACADEMIC_SESSIONS: (
            _must("title"),
            _must("type", among="gradingPeriod semester schoolYear term"),
            _must("startDate"),
            _must("endDate"),
            _may("parentSourcedId", Kind.ACADEMIC_SESSIONS),
            _must("schoolYear"),
        ),
        Kind.COURSES: (
            _may("schoolYearSourcedId", Kind.ACADEMIC_SESSIONS),
            _must("title"),
            _may("courseCode"),
            _may("grades", many=True),
            _must("orgSourcedId", Kind.ORGS),
            _may("subjects", many=True),
            _may("subjectCodes", many=True),
        ),
        Kind.CLASSES: (
            _must("title"),
            _may("grades", many=True),
            _must("courseSourcedId", Kind.COURSES),
            _may("classCode"),
            _must("classType", among="homeroom scheduled"),
            _may("location"),
            _must("schoolSourcedId", Kind.ORGS),
            _must("termSourcedIds", Kind.ACADEMIC_SESSIONS, many=True),
            _may("subjects", many=True),
            _may("subjectCodes", many=True),
            _may("periods", many=True),
        ),
        Kind.USERS: (
            _must("enabledUser", among="true false"),
            _must("username"),
            _may("userIds", many=True),
            _must("givenName"),
            _must("familyName"),
            _may("middleName"),
            _may("identifier"),
            _may("email"),
            _may("sms"),
            _may("phone"),
            _may("agentSourcedIds", Kind.USERS, many=True),
            _may("grades", many=True),
            _may("userMasterIdentifier"),
            _may("preferredGivenName"),
            _may("preferredMiddleName"),
            _may("preferredFamilyName"),
            _may("primaryOrgSourcedId", Kind.ORGS),
            _may("pronouns"),
        ),
        Kind.ROLES: (
            _must("userSourcedId", Kind.USERS),
            _must("roleType", among="primary secondary"),
            _must(
                "role",
                among="aide counselor districtAdministrator guardian parent principal proctor"
                " relative siteAdministrator student systemAdministrator teacher",
            ),
            _may("beginDate"),
            _may("endDate"),
            _must("orgSourcedId", Kind.ORGS),
        ),
        Kind.ENROLLMENTS: (
            _must("classSourcedId", Kind.CLASSES),
            _must("schoolSourcedId", Kind.ORGS),
            _must("userSourcedId", Kind.USERS),
            _must("role", among="administrator proctor student teacher"),
            _may("primary", among="true false"),
            _may("beginDate"),
            _may("endDate"),
        ),
        Kind.DEMOGRAPHICS: (
            _must("userSourcedId", Kind.USERS),
            _may("birthDate"),
            _may("sex", among="male female unspecified other"),
            *(_may(name, among="true false") for name in _RACES),
            _may("countryOfBirthCode"),
            _may("stateOfBirthAbbreviation"),
            _may("cityOfBirth"),
            _may("publicSchoolResidenceStatus"),
        ),
    }
)

#: The fields whose vocabularies a district may extend by `ext:` terms, by OneRoster 1.2.
EXTENSIBLE: frozenset[tuple[Kind, str]] = frozenset(
    {
        (Kind.ORGS, "type"),
        (Kind.ACADEMIC_SESSIONS, "type"),
        (Kind.CLASSES, "classType"),
        (Kind.ROLES, "role"),
        (Kind.ENROLLMENTS, "role"),
        (Kind.DEMOGRAPHICS, "sex"),
    }
)


def field_names(kind: Kind) -> tuple[str, ...]:
    """Return the names of a kind's fields, in the binding's order."""
    return tuple(field.name for field in FIELDS[kind])


def encode_list(values: Iterable[str]) -> str | None:
    """Encode a set-valued field: sorted, unique, a compact JSON array; None when empty.

    >>> encode_list(["10", "09", "10", ""])
    '["09","10"]'
    """
    unique = sorted({value for value in values if value})
    return json.dumps(unique, ensure_ascii=False, separators=(",", ":")) if unique else None


def decode_list(value: str | None) -> list[str]:
    """Return the elements of a set-valued field, sorted.

    >>> decode_list('["09","10"]')
    ['09', '10']
    """
    return [str(element) for element in json.loads(value)] if value else []
