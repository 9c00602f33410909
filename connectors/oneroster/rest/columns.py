"""Many records at once, column by column: the same rows as `values.row_of`, several times as fast.

Whatever is not plainly right makes it `None`: the records then go one by one through
`values.row_of`, which says what is wrong with which. A test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from connectors.normalise import without_time
from connectors.oneroster.blocks import DoubtError, ids_of, plain_values
from connectors.oneroster.mapping import DATES, is_id
from connectors.oneroster.rest.records import attribute
from connectors.oneroster.rest.shape import Form, Part
from connectors.oneroster.rest.values import text_of
from shared.domain.reading import Row
from shared.domain.records import Field, encode_list

_TEXT, _NONE_TOO = frozenset({str}), frozenset({str, type(None)})


def rows_of(records: Sequence[Any], parts: Sequence[Part]) -> list[Row] | None:
    """Return the hub's rows of records of `records.read_records`; an absent value may be "".

    Returns:
        None where one is wrong, or not plainly right.
    """
    try:
        own = [record.sourcedId_.strip() for record in records]
        ids = ids_of(own, required=True)
        columns = [_column(records, part, ids) for part in parts]
    except DoubtError:
        return None
    return list(zip(ids, *columns, strict=True))


def _column(records: Sequence[Any], part: Part, own: Sequence[str]) -> Sequence[str]:
    if part.form is Form.OWN_ID:
        return own
    values = list(map(attrgetter(attribute(part.key)), records))
    match part.form:
        case Form.TEXT:
            texts = _texts(part.key, values)
            if part.field.name in DATES:
                texts = [without_time(text.strip()) for text in texts]
            return plain_values(part.field, texts)
        case Form.REF:
            return plain_values(part.field, _refs(values))
        case Form.REFS:
            return _lists(part.field, [_ids(value) if value else () for value in values])
        case Form.USER_IDS:
            return _lists(part.field, [_user_ids(value) if value else () for value in values])
        case _:
            stripped = [tuple(map(str.strip, value)) if value else () for value in values]
            return _lists(part.field, stripped)


def _texts(name: str, values: list[Any]) -> list[str]:
    found = set(map(type, values))
    if found <= _TEXT:
        return values
    if found <= _NONE_TOO:
        return [value or "" for value in values]
    return [value if type(value) is str else text_of(name, value) for value in values]


def _refs(values: list[Any]) -> list[str]:
    if None not in values:
        ids = [value.sourcedId for value in values]
        if "" in ids:
            raise DoubtError
        return ids
    ids = [value.sourcedId if value is not None else "" for value in values]
    if ids.count("") != values.count(None):
        raise DoubtError
    return ids


def _ids(value: list[Any]) -> tuple[str, ...]:
    found = tuple([one.sourcedId.strip() for one in value])
    if not all(map(is_id, found)):
        raise DoubtError
    return found


def _user_ids(value: list[Any]) -> tuple[str, ...]:
    return tuple([f"{{{one.type.strip()}:{one.identifier.strip()}}}" for one in value])


def _lists(field: Field, lists: list[tuple[str, ...]]) -> list[str]:
    made = {found: _encoded(found) for found in set(lists)}
    if field.required and "" in made.values():
        raise DoubtError
    return [made[found] for found in lists]


def _encoded(elements: tuple[str, ...]) -> str:
    if len(elements) == 1:
        (one,) = elements
        # what needs no escape needs no encoder either, whose call costs ten times as much
        if one and one.isprintable() and '"' not in one and "\\" not in one:
            return f'["{one}"]'
    return encode_list(elements) or ""
