"""Records as the JSON is read into them: fast where it has the standard's shape.

What has another shape anywhere on a page is read as plain dictionaries instead, by `plain` as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from types import GenericAlias
from typing import Any

import msgspec

from connectors.oneroster.rest.shape import Form, parts_of
from shared.domain.records import Kind

Item = dict[str, Any]


class Ref(msgspec.Struct, gc=False):
    """A reference; all else that it tells is not needed."""

    sourcedId: str


class UserId(msgspec.Struct, gc=False):
    """Another system's id of a user."""

    type: str
    identifier: str


class Role(msgspec.Struct, gc=False):
    """A user's role, as 1.2 has it."""

    roleType: str
    role: str
    org: Ref
    beginDate: str | None = None
    endDate: str | None = None


_TYPES: dict[Form, Any] = {
    Form.TEXT: str | int | float | bool | None,
    Form.LIST: list[str] | None,
    Form.REF: Ref | None,
    Form.REFS: list[Ref] | None,
    Form.USER_IDS: list[UserId] | None,
}
_BASE: dict[str, Any] = {"sourcedId": str, "status": str | None, "dateLastModified": str | None}
_OF_USERS: dict[str, dict[str, Any]] = {
    "1.1": {"role": str | None, "orgs": list[Ref] | None},
    "1.2": {"roles": list[Role] | None},
}


def attribute(key: str) -> str:
    """Return the attribute that holds a key's value; a key may be a word of Python's."""
    return f"{key}_"


@lru_cache(maxsize=32)
def decoder_of(version: str, kind: Kind) -> msgspec.json.Decoder[Any]:
    """Return what reads a page of a collection into an object whose `items` are its records."""
    types = dict(_BASE)
    types |= {p.key: _TYPES[p.form] for p in parts_of(version, kind) if p.form is not Form.OWN_ID}
    if kind is Kind.USERS:
        types |= _OF_USERS[version]
    record = msgspec.defstruct(
        f"Record_{kind}",
        [
            (attribute(key), type_) if key == "sourcedId" else (attribute(key), type_, None)
            for key, type_ in types.items()
        ],
        rename={attribute(key): key for key in types},
        gc=False,
    )
    items = GenericAlias(list, (record,))
    envelope = msgspec.defstruct("Envelope", [("items", items)], rename={"items": str(kind)})
    return msgspec.json.Decoder(envelope)


def read_records(body: bytes, version: str, kind: Kind) -> list[Any] | None:
    """Return a page's records, None: one of them has another shape, or it is no JSON at all."""
    try:
        found: list[Any] = decoder_of(version, kind).decode(body).items
    except (ValueError, RecursionError):
        return None
    return found


def plain(record: Any) -> Item:
    """Return a record as a dictionary."""
    if isinstance(record, dict):
        return record
    made: Item = msgspec.to_builtins(record)
    return made


def values_of(records: Sequence[Any], key: str) -> list[Any]:
    """Return the values of one key, in the records' order."""
    if records and isinstance(records[0], dict):
        return [record.get(key) for record in records]
    name = attribute(key)
    return [getattr(record, name) for record in records]
