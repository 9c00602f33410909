"""From the vendor's records to the hub's rows; pure, so that it is tested without a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.normalise import boolean, email, external_id, grade, name, text
from shared.domain.reading import Refused, Row
from shared.domain.records import Kind, encode_list

Item = Mapping[str, Any]

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.ORGS: ("name", "type", "identifier"),
    Kind.USERS: (
        "enabledUser",
        "username",
        "givenName",
        "familyName",
        "identifier",
        "email",
        "grades",
    ),
    Kind.ROLES: ("userSourcedId", "roleType", "role", "orgSourcedId"),
}


def school_row(item: Item) -> Row:
    """Return the org of a school."""
    return (external_id(item.get("id")), name(item.get("name")), "school", text(item.get("code")))


def user_row(item: Item) -> Row:
    """Return the user of a person."""
    return (
        external_id(item.get("id")),
        boolean(item.get("active")),
        text(item.get("login")),
        name(item.get("first")),
        name(item.get("last")),
        text(item.get("number")),
        email(item.get("mail")),
        encode_list([grade(item.get("level")) or ""]),
    )


def role_row(item: Item) -> Row:
    """Return the role of a person at their school."""
    person = external_id(item.get("id"))
    return (role_id(person), person, "primary", text(item.get("kind")), text(item.get("school")))


def role_id(person: str) -> str:
    """Return the id of a person's role: the vendor has none, and it must be the same each time."""
    return f"{person}/role"


def attempt(kind: Kind, item: Item, make: Callable[[Item], Row]) -> Row | Refused:
    """Return a row, or the record that could not be made one, with its reason for quarantine."""
    try:
        return make(item)
    except ValueError as error:
        key = str(item.get("id") or "without an id")
        return Refused(kind, key, "id", str(error), {"id": key})
