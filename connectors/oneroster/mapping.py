"""From a CSV row to the hub's fields; pure.

What is wrong with one row is said of that row, which goes to quarantine; the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from connectors.oneroster.layout import BASE, ROLES_1_1
from shared.domain.reading import Row
from shared.domain.records import EXTENSIBLE, FIELDS, Field, Kind, encode_list

_GUID = re.compile(r"[0-9A-Za-z.\-_/@]{1,255}")
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)
#: The XML schema's dateTime, with its zone.
_INSTANT = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?"
    r"(Z|[+-]\d{2}:\d{2})",
    re.ASCII,
)
#: What a record of a set of changes is.
GONE = "tobedeleted"
STATUSES = frozenset({"active", GONE})
#: Fields that hold a date.
DATES = frozenset({"startDate", "endDate", "beginDate", "birthDate"})

Values = Mapping[str, str]


class BadRowError(ValueError):
    """One row is wrong: `field` and `reason` say how."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def supplied(kind: Kind, header: Sequence[str]) -> tuple[str, ...]:
    """Return the hub's fields that a file with this header supplies."""
    if kind is Kind.DEMOGRAPHICS:
        return tuple(field.name for field in FIELDS[kind])
    return tuple(field.name for field in FIELDS[kind] if field.name in header)


def row_of(kind: Kind, values: Values, fields: Sequence[Field]) -> Row:
    """Return the hub's row of one CSV row.

    Raises:
        BadRowError: a value breaks the binding's rules.
    """
    sourced_id = sourced_id_of(values)
    return (sourced_id, *(_value(kind, field, values) for field in fields))


def sourced_id_of(values: Values) -> str:
    """Return a row's id.

    Raises:
        BadRowError: it is none, or the row is not one of a bulk set.
    """
    sourced_id = _id_of(values)
    for name in BASE[1:]:
        if values[name]:
            raise BadRowError(name, "it is filled, which a bulk set forbids")
    return sourced_id


def changed_row_of(kind: Kind, values: Values, fields: Sequence[Field]) -> Row:
    """Return the hub's row of one CSV row of a set of changes; of what is gone the id alone.

    Raises:
        BadRowError: a value breaks the binding's rules.
    """
    sourced_id = _id_of(values)
    status, at = (values[name] for name in BASE[1:])
    if status not in STATUSES:
        raise BadRowError("status", f"{status[:40]!r} is not one of {_told(STATUSES)}")
    if not _INSTANT.fullmatch(at):
        raise BadRowError(
            "dateLastModified", f"{at[:40]!r} is no time such as 2026-11-25T20:00:00.000Z"
        )
    if status == GONE:
        return (sourced_id,)
    return (sourced_id, *(_value(kind, field, values) for field in fields))


def _id_of(values: Values) -> str:
    sourced_id = values["sourcedId"]
    if not _GUID.fullmatch(sourced_id):
        raise BadRowError("sourcedId", "it is not 1 to 255 of 0-9 a-z A-Z . - _ / @")
    return sourced_id


def roles_of_1_1(values: Values, org_type: Callable[[str], str | None]) -> Iterator[Row]:
    """Yield the `roles` rows that a 1.1 user's `role` and `orgSourcedIds` mean.

    The first is `USER/primary`, so that whoever moves to another school keeps that record.

    Args:
        values: the user's row.
        org_type: returns an org's type by its id, None: unknown.

    Raises:
        BadRowError: the role is none of 1.1's.
    """
    user, role = values["sourcedId"], values["role"]
    if role not in ROLES_1_1 and role != "administrator":
        raise BadRowError("role", f"there is no role {role!r} in OneRoster 1.1")
    orgs = split_list(values["orgSourcedIds"])
    if not orgs:
        raise BadRowError("orgSourcedIds", "it is missing")
    for place, org in enumerate(dict.fromkeys(orgs)):
        named = ROLES_1_1.get(role) or (
            "siteAdministrator" if org_type(org) == "school" else "districtAdministrator"
        )
        key, kind = (f"{org}/{role}", "secondary") if place else ("primary", "primary")
        yield (f"{user}/{key}", user, kind, named, None, None, org)


def split_list(cell: str) -> list[str]:
    """Return the elements of a list cell, in their order."""
    return [element.strip() for element in cell.split(",") if element.strip()]


def _value(kind: Kind, field: Field, values: Values) -> str | None:
    if kind is Kind.DEMOGRAPHICS and field.name == "userSourcedId":
        return values["sourcedId"]  # a demographics row has its user's id
    cell = values[field.name]
    if field.many:
        return listed(field, split_list(cell))
    return checked(kind, field, cell)


def listed(field: Field, elements: Sequence[str]) -> str | None:
    """Return a set-valued field's value.

    Raises:
        BadRowError: it is missing.
    """
    found = encode_list(elements)
    if found is None and field.required:
        raise BadRowError(field.name, "it is missing")
    return found


def checked(kind: Kind, field: Field, cell: str) -> str | None:
    """Return a plain field's value.

    Raises:
        BadRowError: it breaks the standard's rules.
    """
    cell = cell.strip()
    if not cell:
        if field.required:
            raise BadRowError(field.name, "it is missing")
        return None
    extends = (kind, field.name) in EXTENSIBLE and cell.startswith("ext:")
    if field.vocabulary and cell not in field.vocabulary and not extends:
        raise BadRowError(field.name, f"{cell[:40]!r} is not one of {_told(field.vocabulary)}")
    if field.name in DATES and not is_date(cell):
        raise BadRowError(field.name, f"{cell[:40]!r} is not a date, YYYY-MM-DD")
    if field.ref is not None and not is_id(cell):
        raise BadRowError(field.name, "it is no id")
    return cell


def is_id(cell: str) -> bool:
    """Return whether a cell is an id as the standard writes it."""
    return _GUID.fullmatch(cell) is not None


def is_date(cell: str) -> bool:
    """Return whether a cell is a date as the binding writes it."""
    return _DATE.fullmatch(cell) is not None


def _told(vocabulary: frozenset[str]) -> str:
    return ", ".join(sorted(vocabulary))
