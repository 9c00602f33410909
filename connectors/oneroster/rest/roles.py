"""A user's roles, which REST keeps on the user: one role with its orgs in 1.1, a list in 1.2.

They have no id of their own there. A user's first primary role is `USER/primary`, so that whoever
moves to another school keeps that record; any other is named by its org and role.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

from connectors.normalise import without_time
from connectors.oneroster.layout import ROLES_1_1
from connectors.oneroster.mapping import BadRowError, checked, is_id, roles_of_1_1
from connectors.oneroster.rest.values import Item, own_id, ref_of, text_of
from shared.domain.reading import Row
from shared.domain.records import FIELDS, Kind, field_names

FIELD_NAMES = field_names(Kind.ROLES)
_ROLE_TYPE = FIELD_NAMES.index("roleType") + 1
_FIELDS = {field.name: field for field in FIELDS[Kind.ROLES]}

_ROLES = _FIELDS["role"].vocabulary

OrgType = Callable[[str], str | None]


def roles_of(item: Item, version: str, org_type: OrgType) -> list[Row]:
    """Return the rows of a user's roles.

    Args:
        item: the user.
        version: "1.1" or "1.2".
        org_type: returns an org's type by its id, None: unknown.

    Raises:
        BadRowError: one of them breaks the standard's rules.
    """
    user = own_id(item)
    made = _of_1_1(user, item, org_type) if version == "1.1" else _of_1_2(user, item)
    rows: dict[str | None, Row] = {}
    for row in made:
        is_first_primary = row[_ROLE_TYPE] == "primary" and f"{user}/primary" not in rows
        key = f"{user}/primary" if is_first_primary else row[0]
        # the same role in the same org, told twice, is one
        rows.setdefault(key, (key, *row[1:]))
    return list(rows.values())


def plain_role_of(record: Any, version: str, orgs: Container[str]) -> Row | None:
    """Return the row of a user who has one plain role, as nearly all have; None: look closer.

    Args:
        record: the user, of `records.read_records` or a dictionary.
        version: "1.1" or "1.2".
        orgs: the ids of the orgs that are known.
    """
    if isinstance(record, dict):
        return None
    user = record.sourcedId_
    if version == "1.1":
        named = ROLES_1_1.get(record.role_)
        if named is None or not record.orgs_ or len(record.orgs_) != 1:
            return None
        org = record.orgs_[0].sourcedId
    else:
        if not record.roles_ or len(record.roles_) != 1:
            return None
        (role,) = record.roles_
        named, org = role.role, role.org.sourcedId
        if role.roleType != "primary" or role.beginDate or role.endDate or named not in _ROLES:
            return None
    if org not in orgs or not is_id(user) or not is_id(org):
        return None
    return (f"{user}/primary", user, "primary", named, None, None, org)


def role_names(item: Item) -> set[object]:
    """Return the names of a user's roles."""
    roles = item.get("roles")
    of_1_2 = roles if isinstance(roles, list) else []
    named = (role.get("role") for role in of_1_2 if isinstance(role, dict))
    return {name for name in (item.get("role"), *named) if isinstance(name, str)}


def _of_1_1(user: str, item: Item, org_type: OrgType) -> Iterator[Row]:
    orgs = item.get("orgs")
    if orgs is None or orgs == []:
        raise BadRowError("orgs", "it is missing")
    named = [ref_of("orgs", org) for org in (orgs if isinstance(orgs, list) else [orgs])]
    role = text_of("role", item.get("role")).strip()
    for org in named:
        checked(Kind.ROLES, _FIELDS["orgSourcedId"], org)
    values = {"sourcedId": user, "role": role, "orgSourcedIds": ",".join(named)}
    yield from roles_of_1_1(values, org_type)


def _of_1_2(user: str, item: Item) -> Iterator[Row]:
    roles = item.get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, dict) for role in roles):
        raise BadRowError("roles", "it is no list of roles")
    for role in roles:
        told = {
            "userSourcedId": user,
            "roleType": text_of("roleType", role.get("roleType")),
            "role": text_of("role", role.get("role")),
            "beginDate": without_time(text_of("beginDate", role.get("beginDate"))),
            "endDate": without_time(text_of("endDate", role.get("endDate"))),
            "orgSourcedId": ref_of("org", role.get("org")),
        }
        values = tuple(checked(Kind.ROLES, _FIELDS[name], told[name]) for name in FIELD_NAMES)
        yield (f"{user}/{told['orgSourcedId']}/{told['role']}", *values)
