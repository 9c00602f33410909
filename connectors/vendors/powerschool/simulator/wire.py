"""How the simulated server writes records: JSON that was made of XML.

Source: seen on the wire: text that looks like a whole number becomes one, nulls are left out, an
empty expansion is "", a list of one is its record; without `Accept: application/json`, XML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from connectors.vendors.powerschool.simulator.tables import COLUMNS, EXTENSION, Item

#: Sent only when asked for; a resource that has any tells them in `@expansions`.
EXPANSIONS: Mapping[str, tuple[str, ...]] = {
    "students": (
        "addresses", "alerts", "contact", "contact_info", "demographics", "ethnicity_race", "fees",
        "initial_enrollment", "lunch", "phones", "schedule_setup", "school_enrollment",
    ),
    "staff": ("addresses", "emails", "phones", "school_affiliations"),
    "sections": ("term",),
    "schools": ("addresses", "phones", "principal"),
}  # fmt: skip
#: Of these tables, what extends a record; names that are unknown are ignored.
EXTENSIONS: Mapping[str, str] = {
    "students": f"{EXTENSION},studentcorefields",
    "staff": "s_ssf_x",
    "enrollments": "s_cc_x",
}
_WHOLE = re.compile(r"-?[0-9]{1,15}")


def shown(table: str, item: Item, request: Request) -> Item:
    """Return a record as it is sent: only the expansions asked for, nothing that is null."""
    optional = EXPANSIONS.get(table, ())
    asked = _asked(request, "expansions")
    found = {
        name: value
        for name, value in item.items()
        if not name.startswith("_") and name not in optional
    }
    found |= {name: item.get(name) or "" for name in optional if name in asked}
    affiliations = found.get("school_affiliations")
    if isinstance(affiliations, list):
        found["school_affiliations"] = {"school_affiliation": one_or_many(affiliations)}
    sent: Item = _as_sent(found)
    if table == "students" and EXTENSION in _asked(request, "extensions"):
        sent["_extension_data"] = {"_table_extension": one_or_many([_extension_of(item)])}
    return sent


def _extension_of(item: Item) -> Item:
    held = item.get("_extension", {})
    fields = [
        {"name": name, "type": "String", "value": value}
        for name in COLUMNS
        if (value := held.get(name)) is not None
    ]
    told = {"name": EXTENSION, "recordFound": bool(held)}
    return {**told, "_field": one_or_many(fields)} if fields else told


def _asked(request: Request, name: str) -> set[str]:
    return set(re.split(r"[,\s]+", request.query_params.get(name, "").lower()))


def headings(table: str) -> Item:
    """Return the attributes that stand beside a resource's records."""
    found: Item = {}
    if table in EXPANSIONS:
        found["@expansions"] = ", ".join(EXPANSIONS[table])
    if table in EXTENSIONS:
        found["@extensions"] = EXTENSIONS[table]
    return found


def address(request: Request) -> str:
    """Return the server's own address, as the client wrote it."""
    return str(request.url).partition("/ws/")[0]


def one_or_many(items: list[Any]) -> Any:
    """Return a list as the JSON made of XML has it: the XML beneath knows no list of one."""
    return items[0] if len(items) == 1 else items


def answer(content: Item, request: Request, status: int = 200) -> Response:
    """Return JSON to whom asks for it, and XML to everybody else."""
    if "json" in request.headers.get("accept", ""):
        text, kind = json.dumps(content, ensure_ascii=False), "application/json"
    else:
        text, kind = "".join(_xml(name, value) for name, value in content.items()), "text/xml"
    return Response(text, status_code=status, media_type=kind)


def _as_sent(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _as_sent(found) for name, found in value.items() if found is not None}
    if isinstance(value, list):
        return [_as_sent(found) for found in value]
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return value


def _xml(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_xml(name, one) for one in value)
    if not isinstance(value, Mapping):
        told = str(value).lower() if isinstance(value, bool) else escape(str(value))
        return f"<{name}>{told}</{name}>"
    attributes = [(key, found) for key, found in value.items() if key[:1] in "@$"]
    told = "".join(f' {key[1:]}="{escape(str(found))}"' for key, found in attributes)
    return f"<{name}{told}>{_inside(value)}</{name}>"


def _inside(value: Mapping[str, Any]) -> str:
    elements: Iterable[tuple[str, Any]] = value.items()
    return "".join(_xml(key, found) for key, found in elements if key[:1] not in "@$")
