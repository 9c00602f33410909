"""How the REST binding writes a record: for each of the hub's fields its key and its form.

Source: OneRoster 1.1 (2017-04-17) §4 and 1.2 (2022-06-06) rostering information model: a reference
is an object with `sourcedId`; demographics carry their user's id; 1.2 gives users preferred names,
pronouns and a primary org, and their roles as a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from shared.domain.records import FIELDS, Field, Kind

#: The collections, in the order in which they are read; roles stand on the users.
COLLECTIONS = tuple(kind for kind in Kind if kind is not Kind.ROLES)

_KEYS: Mapping[str, str] = {
    "termSourcedIds": "terms",
    "agentSourcedIds": "agents",
    "preferredGivenName": "preferredFirstName",
    "preferredFamilyName": "preferredLastName",
}
_NOT_IN_1_1 = frozenset(
    {
        *("userMasterIdentifier", "preferredGivenName", "preferredMiddleName"),
        *("preferredFamilyName", "primaryOrgSourcedId", "pronouns"),
    }
)


class Form(Enum):
    """How a value is written."""

    #: Text; a number or a boolean may stand for it.
    TEXT = auto()
    #: A list of texts.
    LIST = auto()
    #: A reference.
    REF = auto()
    #: A list of references.
    REFS = auto()
    #: A list of `{type, identifier}`.
    USER_IDS = auto()
    #: The record's own id.
    OWN_ID = auto()


class Part(NamedTuple):
    """One field of the hub, the key where it stands and the form that it has there."""

    field: Field
    key: str
    form: Form
    kind: Kind


@lru_cache(maxsize=32)
def parts_of(version: str, kind: Kind) -> tuple[Part, ...]:
    """Return the fields of a collection that a version supplies, in the hub's order."""
    return tuple(
        Part(field, _key(field), _form(kind, field), kind)
        for field in FIELDS[kind]
        if not (version == "1.1" and kind is Kind.USERS and field.name in _NOT_IN_1_1)
    )


def _key(field: Field) -> str:
    return _KEYS.get(field.name, field.name.removesuffix("SourcedId"))


def _form(kind: Kind, field: Field) -> Form:
    if kind is Kind.DEMOGRAPHICS and field.name == "userSourcedId":
        return Form.OWN_ID
    if field.ref is not None:
        return Form.REFS if field.many else Form.REF
    if field.name == "userIds":
        return Form.USER_IDS
    return Form.LIST if field.many else Form.TEXT
