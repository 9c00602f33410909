"""PowerQueries: named queries of the plugin, page by page, compared with their count.

Source: PowerSchool developer pages on PowerQuery: POST with a JSON body, `page` and `pagesize` in
the query, `/count`, 400 for an argument, 403 for a field that the plugin has not asked for, 404 for
a query that is not installed. Rows come flat or grouped by table; an empty answer has no `record`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.transport.http import Answer
from connectors.transport.outcomes import Outcome
from connectors.vendors.powerschool.wire import (
    NAME,
    Item,
    Wire,
    as_list,
    changed,
    object_of,
    whole,
)
from shared.errors import PermanentConnectorError

#: Our plugin's queries, behind the prefix.
CONTACTS, MEMBERS = "student.contacts", "section.members"


def rows(
    wire: Wire, name: str, arguments: Mapping[str, Any], *, at_most: int | None = None
) -> Iterator[list[Item]]:
    """Yield the pages of a query's rows, each row flat and in small letters.

    Args:
        wire: signs what is asked.
        name: of the query.
        arguments: its own, and `$q`.
        at_most: how many rows are wanted, uncounted; None: all.

    Raises:
        PermanentConnectorError: it is not installed, or may not read what it reads.
        TransientConnectorError: there are not as many rows as the server counts.
    """
    path = f"/ws/schema/query/{name}"
    size = wire.page_size("schema_table_query")
    if at_most is not None:
        yield _page(wire, path, arguments, 1, min(size, at_most))
        return
    answer = _ask(wire, f"{path}/count", arguments, {})
    found = wire.object(answer, f"{path}/count")
    expected = whole(found.get("count"), f"{path}/count: it counts nothing")
    given, page = 0, 1
    while True:
        items = _page(wire, path, arguments, page, size)
        given += len(items)
        if items:
            yield items
        if len(items) < size or given > expected:
            break
        page += 1
    if given != expected:
        raise changed(path, f"the server counts {expected} and gave {given}")


def _page(wire: Wire, path: str, arguments: Mapping[str, Any], page: int, size: int) -> list[Item]:
    params = {"page": str(page), "pagesize": str(size)}
    found = wire.object(_ask(wire, path, arguments, params), path)
    return [_flat(object_of(row, path)) for row in as_list(found.get("record"))]


def _ask(wire: Wire, path: str, arguments: Mapping[str, Any], params: Mapping[str, str]) -> Answer:
    # a query reads and nothing more, so that it may be asked again
    body = json.dumps(dict(arguments)).encode()
    answer = wire.signed("POST", path, is_safe=True, content=body, params=dict(params))
    told = f"{path}: status {answer.status}"
    match answer.outcome:
        case Outcome.MISSING:
            told += ". The query is not installed: install the plugin that docs/connectors/"
            told += "powerschool-plugin holds, or set query_prefix to that of yours"
            raise PermanentConnectorError(NAME, told)
        case Outcome.DENIED:
            told += ". The query reads a field that its plugin has not asked for: each must stand"
            told += " in <access_request> of plugin.xml, with access ViewOnly"
            raise PermanentConnectorError(NAME, told)
        case Outcome.REFUSED:
            told += ". The query takes other arguments: install the plugin that belongs to this"
            told += " version of the connector"
            raise PermanentConnectorError(NAME, told)
    return answer


def _flat(row: Item) -> Item:
    """Return a row whose values may be grouped by table as a flat one."""
    grouped = row.get("tables")
    parts = [part for part in grouped.values() if isinstance(part, dict)] if grouped else [row]
    return {name.lower(): value for part in parts for name, value in part.items()}
