"""What `users.list` of the simulated Directory takes as `query`: clauses joined by blanks.

Source: the Directory API's page on searching for users: `field=value` is the whole value,
`field:value` a word of it and `field:value*` its beginning; values with blanks stand in single
quotes; case does not count; a unit is meant with all that is below it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connectors.vendors.google_classroom.simulator.answers import GoogleError, Item

_CLAUSE = re.compile(r"\s*(\w+)([=:])('(?:[^'\\]|\\.)*'|[^\s']+)(\*?)(?=\s|$)")
_TEXTS: Mapping[str, Callable[[Item], str]] = {
    "email": lambda user: user["primaryEmail"],
    "givenName": lambda user: user["name"]["givenName"],
    "familyName": lambda user: user["name"]["familyName"],
    "name": lambda user: user["name"]["fullName"],
}
_FLAGS: Mapping[str, str] = {
    "isSuspended": "suspended", "isArchived": "archived", "isAdmin": "isAdmin",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: `=` or `:`, and for `:` whether the value is a beginning."""

    field: str
    operator: str
    value: str
    is_beginning: bool


def parsed(query: str) -> Sequence[Clause]:
    """Return a query's clauses, which all must hold.

    Raises:
        GoogleError: it is none.

    >>> [one.value for one in parsed("orgUnitPath='/Grade 9' email:a*")]
    ['/grade 9', 'a']
    """
    made, place = [], 0
    while query[place:].strip():
        found = _CLAUSE.match(query, place)
        if found is None:
            raise _invalid()
        field, operator, value, star = found.groups()
        if value.startswith("'"):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elif value.endswith("*"):
            value, star = value[:-1], "*"
        made.append(Clause(field, operator, value.lower(), bool(star)))
        place = found.end()
    for one in made:
        _check(one)
    return made


def is_found(user: Item, wanted: Sequence[Clause]) -> bool:
    """Return whether an account is one of those that a query asks for."""
    return all(_holds(user, one) for one in wanted)


def is_below(path: str, unit: str) -> bool:
    """Return whether a unit is another one, or below it.

    >>> is_below("/Staff/Office", "/Staff"), is_below("/Staffers", "/Staff")
    (True, False)
    """
    return path == unit or path.startswith(f"{unit.rstrip('/')}/")


def _check(one: Clause) -> None:
    is_text = one.field in _TEXTS
    is_flag = one.field in _FLAGS and one.value in {"true", "false"}
    is_plain = one.operator == "=" and not one.is_beginning
    if not is_text and not (is_plain and (is_flag or one.field == "orgUnitPath")):
        raise _invalid()
    if one.is_beginning and one.operator == "=":
        raise _invalid()


def _holds(user: Item, one: Clause) -> bool:
    if one.field in _FLAGS:
        return bool(user.get(_FLAGS[one.field])) == (one.value == "true")
    if one.field == "orgUnitPath":
        return is_below(user["orgUnitPath"].lower(), one.value)
    held = _TEXTS[one.field](user).lower()
    if one.is_beginning:
        return held.startswith(one.value)
    return held == one.value or (one.operator == ":" and one.value in re.split(r"[\s@]+", held))


def _invalid() -> GoogleError:
    return GoogleError(400, "Invalid Input: query", reason="invalid")
