"""From an entry to the hub's rows; pure.

A user's id is the objectGUID: names, units and addresses change, and it does not. A role's is made
of the user's, the role and the school's number, so that a change of units is a change of roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from connectors.vendors.active_directory.config import ActiveDirectoryConfig, RoleRule
from connectors.vendors.active_directory.values import (
    Values,
    first,
    guid_text,
    has_expired,
    is_disabled,
    text,
    texts,
)
from shared.domain.reading import Row
from shared.domain.records import FIELDS, Kind, encode_list

ORG_FIELDS = ("name", "type", "identifier")
ROLE_FIELDS = ("userSourcedId", "roleType", "role", "orgSourcedId")

#: What scope and state are judged by, beside what is mapped.
ALWAYS = (
    "objectGUID",
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "accountExpires",
    "isCriticalSystemObject",
    "primaryGroupID",
)
_MANY = {field.name for field in FIELDS[Kind.USERS] if field.many}


def attributes_of(config: ActiveDirectoryConfig, *, groups: bool) -> tuple[str, ...]:
    """Return the attributes that are asked for, each once; groups where they count."""
    wanted = (*ALWAYS, *(("memberOf",) if groups else ()), *config.fields.values())
    return tuple({name.lower(): name for name in wanted}.values())


def deciding_attributes(config: ActiveDirectoryConfig) -> tuple[str, ...]:
    """Return the attributes whose change changes a user, or whether they are one of ours."""
    wanted = (
        "userAccountControl",
        "accountExpires",
        "isCriticalSystemObject",
        "primaryGroupID",
        *config.fields.values(),
        *config.filter_attributes,
    )
    return tuple({name.lower(): name for name in wanted}.values())


def user_fields(config: ActiveDirectoryConfig) -> tuple[str, ...]:
    """Return the fields of a user's row; a school only where roles tell of one."""
    school = ("primaryOrgSourcedId",) if config.role_rules else ()
    return ("enabledUser", *config.fields, *school)


def org_rows(config: ActiveDirectoryConfig) -> list[Row]:
    """Return the schools; the number, by which a student system knows them, is the id as well."""
    return [(number, name, "school", number) for number, name in config.school_names.items()]


def user_row(
    values: Values, fields: Mapping[str, str], roles: Iterable[RoleRule] | None, now: datetime
) -> Row:
    """Return a user. Whoever is locked out stays enabled: that passes by itself.

    Args:
        values: of the entry.
        fields: by field, the attribute.
        roles: of the user, the primary one first; None: there are no rules.
        now: the instant (aware) by which an account has ended.

    Raises:
        BadValueError: a value cannot be read.
    """
    is_enabled = not is_disabled(values) and not has_expired(values, now)
    mapped = [
        encode_list(texts(values, attribute)) if name in _MANY else text(values, attribute)
        for name, attribute in fields.items()
    ]
    school = () if roles is None else (next((rule.school for rule in roles), None),)
    return (user_id(values), "true" if is_enabled else "false", *mapped, *school)


def user_id(values: Values) -> str:
    """Return the external id of a user.

    Raises:
        BadValueError: the entry has no objectGUID.
    """
    return guid_text(first(values, "objectGUID") or b"")


def role_rows(user: str, roles: Iterable[RoleRule]) -> list[Row]:
    """Return the roles of a user; the first is the primary one."""
    return [
        (
            role_id(user, rule),
            user,
            "secondary" if place else "primary",
            rule.role,
            rule.school,
        )
        for place, rule in enumerate(roles)
    ]


def role_id(user: str, rule: RoleRule) -> str:
    """Return the external id of a role."""
    return f"{user}:{rule.role}:{rule.school}"
