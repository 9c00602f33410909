"""From a value of the JSON to the hub's text, one at a time; says what is wrong with it.

What is right is judged by the rules that the CSV binding has too (`connectors.oneroster.mapping`).
"""

from __future__ import annotations

from typing import Any

from connectors.normalise import plain, without_time
from connectors.oneroster.mapping import DATES, BadRowError, checked, is_id, listed, split_list
from connectors.oneroster.rest.shape import Form, Part
from shared.domain.reading import Row
from shared.domain.records import Field

Item = dict[str, Any]


def row_of(item: Item, parts: tuple[Part, ...]) -> Row:
    """Return the hub's row of one record.

    Raises:
        BadRowError: a value breaks the standard's rules.
    """
    own = own_id(item)
    return (own, *(_value(item, part, own) for part in parts))


def own_id(item: Item) -> str:
    """Return a record's id.

    Raises:
        BadRowError: it has none.
    """
    own = text_of("sourcedId", item.get("sourcedId")).strip()
    if not is_id(own):
        raise BadRowError("sourcedId", "it is not 1 to 255 of 0-9 a-z A-Z . - _ / @")
    return own


def text_of(name: str, value: Any) -> str:
    """Return a plain value as text, "" for none; servers were seen to write numbers and booleans.

    Raises:
        BadRowError: it is a list or an object.
    """
    try:
        return plain(value)
    except ValueError as error:
        raise BadRowError(name, str(error)) from None


def ref_of(name: str, value: Any) -> str:
    """Return the id that a reference names, "" for none; a bare id stands for one.

    Raises:
        BadRowError: it names none.
    """
    if isinstance(value, dict):
        found = text_of(name, value.get("sourcedId")).strip()
        if not found:
            raise BadRowError(name, "the reference has no sourcedId")
        return found
    return text_of(name, value).strip()


def _value(item: Item, part: Part, own: str) -> str | None:
    field, value = part.field, item.get(part.key)
    match part.form:
        case Form.OWN_ID:
            return own
        case Form.TEXT:
            text = text_of(field.name, value).strip()
            return checked(part.kind, field, without_time(text) if field.name in DATES else text)
        case Form.REF:
            return checked(part.kind, field, ref_of(field.name, value))
        case Form.REFS:
            found = [ref_of(field.name, one) for one in _list(field, value)]
            if not all(map(is_id, found)):
                raise BadRowError(field.name, "one of the references is no id")
            return listed(field, found)
        case Form.USER_IDS:
            return listed(field, [_user_id(field, one) for one in _list(field, value)])
        case Form.LIST:
            texts = [text_of(field.name, one).strip() for one in _list(field, value)]
            return listed(field, texts)


def _list(field: Field, value: Any) -> list[Any]:
    """Return a list; text with commas stands for one, as the CSV binding has it."""
    if value is None:
        return []
    if isinstance(value, str):
        return list(split_list(value))
    if not isinstance(value, list):
        raise BadRowError(field.name, "it is no list")
    return value


def _user_id(field: Field, value: Any) -> str:
    if not isinstance(value, dict):
        return text_of(field.name, value)
    told = (text_of(field.name, value.get(name)).strip() for name in ("type", "identifier"))
    return "{" + ":".join(told) + "}"
