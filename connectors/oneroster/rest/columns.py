"""Many records at once, column by column: the same rows as `values.row_of`, several times as fast.

Whatever is not plainly right makes it `None`: the records then go one by one through
`values.row_of`, which says what is wrong with which. A test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.oneroster.blocks import DoubtError, ids_of, plain_values
from connectors.oneroster.mapping import DATES, is_id
from connectors.oneroster.rest.shape import Form, Part
from connectors.oneroster.rest.values import Item, date_of, text_of
from shared.domain.reading import Row
from shared.domain.records import Field, encode_list

_PLAIN = frozenset({str, int, float, bool, type(None)})
_TEXT, _NONE_TOO = frozenset({str}), frozenset({str, type(None)})


def rows_of(items: Sequence[Item], parts: Sequence[Part]) -> list[Row] | None:
    """Return the hub's rows of records, one or more; an absent value may be "".

    Returns:
        None where one is wrong, or not plainly right.
    """
    try:
        own = list(map(str.strip, _texts("sourcedId", [item.get("sourcedId") for item in items])))
        ids = ids_of(own, required=True)
        columns = [_column(items, part, ids) for part in parts]
    except DoubtError:
        return None
    return list(zip(ids, *columns, strict=True))


def _column(items: Sequence[Item], part: Part, own: Sequence[str]) -> Sequence[str]:
    if part.form is Form.OWN_ID:
        return own
    key = part.key
    values = [item.get(key) for item in items]
    match part.form:
        case Form.TEXT:
            texts = _texts(key, values)
            if part.field.name in DATES:
                texts = [date_of(text.strip()) for text in texts]
            return plain_values(part.field, texts)
        case Form.REF:
            return plain_values(part.field, _refs(values))
        case Form.REFS:
            return _lists(part.field, [_ids(value) for value in values])
        case Form.USER_IDS:
            return _lists(part.field, [_user_ids(value) for value in values])
        case _:
            return _lists(part.field, [_elements(value) for value in values])


def _texts(name: str, values: list[Any]) -> list[str]:
    found = set(map(type, values))
    if found <= _TEXT:
        return values
    if found <= _NONE_TOO:
        return [value or "" for value in values]
    if not found <= _PLAIN:
        raise DoubtError
    return [value if type(value) is str else text_of(name, value) for value in values]


def _refs(values: list[Any]) -> list[str]:
    try:
        ids = [value["sourcedId"] if value is not None else "" for value in values]
    except (TypeError, KeyError) as error:
        raise DoubtError from error
    if not set(map(type, ids)) <= _TEXT or (None not in values and "" in ids):
        raise DoubtError
    return ids


def _ids(value: Any) -> tuple[str, ...]:
    if not value:
        return ()
    if type(value) is not list:
        raise DoubtError
    found = tuple(map(str.strip, _refs(value)))
    if not all(map(is_id, found)):
        raise DoubtError
    return found


def _elements(value: Any) -> tuple[str, ...]:
    if not value:
        return ()
    if type(value) is not list or not set(map(type, value)) <= _TEXT:
        raise DoubtError
    return tuple(map(str.strip, value))


def _user_ids(value: Any) -> tuple[str, ...]:
    if not value:
        return ()
    if type(value) is not list or not set(map(type, value)) <= {dict}:
        raise DoubtError
    pairs = [(one.get("type"), one.get("identifier")) for one in value]
    if not {type(part) for pair in pairs for part in pair} <= _TEXT:
        raise DoubtError
    return tuple(f"{{{kind.strip()}:{identifier.strip()}}}" for kind, identifier in pairs)


def _lists(field: Field, lists: list[tuple[str, ...]]) -> list[str]:
    made = {found: encode_list(found) or "" for found in set(lists)}
    if field.required and "" in made.values():
        raise DoubtError
    return [made[found] for found in lists]
