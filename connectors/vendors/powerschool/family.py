"""From PowerSchool's contacts to those who stand for a student; pure.

Source: PowerSchool developer pages on `/ws/contacts` (SIS 12.0 and later), whose fields are in
camelCase and whose nulls are written; the named query is our own plugin's, in small letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.oneroster.family import family_role
from connectors.vendors.powerschool.mapping import Item, part, text

CONTACT = "contact:"
_YES = frozenset({"true", "1", "y", "yes"})


@dataclass(frozen=True, slots=True)
class Tie:
    """One contact of one student.

    Attributes:
        values: the contact's fields as a user.
        role: what they are to the student, as OneRoster names it.
        has_custody: whether they have custody.
    """

    contact: str
    values: Mapping[str, str | None]
    role: str
    has_custody: bool


def ties_of(contacts: Any, student: str) -> Iterator[Tie]:
    """Yield the ties of a student that hold, from the answer of `/ws/contacts/student/DCID`.

    Args:
        contacts: the answer, a list.
        student: the DCID; a contact tells of all students whose it is.
    """
    for item in contacts:
        key = text(item, "contactId")
        if key is None or text(item, "active") == "false":
            continue
        for tied in _objects(item.get("contactStudents")):
            if text(tied, "dcid") != student:
                continue
            details = [
                one
                for one in _objects(tied.get("studentDetails"))
                if text(one, "active") != "false"
            ]
            if details:
                told = details[0]
                yield Tie(
                    f"{CONTACT}{key}",
                    _values_of_contact(item, key),
                    family_role(text(told, "relationship")),
                    any(_is_yes(one, "custodial") for one in details),
                )
                break


def tie_of_row(row: Item) -> Tie | None:
    """Return the tie of a row of the named query, None for one that names no contact."""
    key = text(row, "contact_id")
    if key is None:
        return None
    values = {
        "enabledUser": "true",
        "username": text(row, "email") or f"{CONTACT}{key}",
        "givenName": text(row, "first_name"),
        "familyName": text(row, "last_name"),
        "middleName": text(row, "middle_name"),
        "email": text(row, "email"),
    }
    role = family_role(text(row, "relationship"))
    return Tie(f"{CONTACT}{key}", values, role, _is_yes(row, "is_custodial"))


def _values_of_contact(item: Item, key: str) -> Mapping[str, str | None]:
    account = part(item, "contactAccount")
    emails = [one for one in _objects(item.get("emails")) if text(one, "address")]
    primary = next((one for one in emails if _is_yes(one, "primary")), emails[0] if emails else {})
    email = text(primary, "address")
    return {
        "enabledUser": "true",
        # whoever has no account yet is known by something that is theirs alone
        "username": text(account, "userName") or email or f"{CONTACT}{key}",
        "givenName": text(item, "firstName"),
        "familyName": text(item, "lastName"),
        "middleName": text(item, "middleName"),
        "email": email,
    }


def _is_yes(item: Item, name: str) -> bool:
    return (text(item, name) or "").lower() in _YES


def _objects(found: Any) -> list[Item]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
