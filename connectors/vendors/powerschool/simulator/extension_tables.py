"""`/ws/schema/table` on the simulated server: the extension of students, and a child table.

Source: PowerSchool developer pages on tables: `projection` is required, all values are text,
`/count` is not wrapped; a change answers with a result for each record, a delete with 204. Not
told, and so inferred: the shape of `/metadata`, and that a record of an extension comes and goes
with its student (403).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.vendors.powerschool.simulator.fiql import in_order, restricted
from connectors.vendors.powerschool.simulator.tables import CHILD, COLUMNS, EXTENSION, Item, Tables
from connectors.vendors.powerschool.simulator.wire import address

#: The columns of each table; a record has all of them, though they be null.
TABLES: Mapping[str, tuple[str, ...]] = {
    EXTENSION: ("id", "studentsdcid", *COLUMNS),
    CHILD: ("id", "studentsdcid", "badge"),
}
_WHOLE = frozenset({"id", "studentsdcid"})
Handler = Callable[[Request], Awaitable[Response]]


class ExtensionTables:
    """Answers for `u_students_extension`, of which each student has one record, and `u_badges`.

    Args:
        tables: hold the records.
        page_sizes: the largest page by resource.
    """

    def __init__(self, tables: Tables, page_sizes: Mapping[str, int]) -> None:
        self._tables = tables
        self._page_sizes = page_sizes

    def routes(self) -> list[tuple[str, Handler, str]]:
        """Return the paths, what answers them, and their methods."""
        path = "/ws/schema/table/{table}"
        return [
            (f"{path}/count", self.count, "GET"),
            (f"{path}/metadata", self.metadata, "GET"),
            (f"{path}/{{key:int}}", self.one, "GET"),
            (f"{path}/{{key:int}}", self.update, "PUT"),
            (f"{path}/{{key:int}}", self.delete, "DELETE"),
            (path, self.listed, "GET"),
            (path, self.insert, "POST"),
        ]

    async def listed(self, request: Request) -> Response:
        """Answer `GET /ws/schema/table/{table}`."""
        params, size = request.query_params, self._page_sizes["schema_table_query"]
        table = _table(request)
        if table is None:
            return _message(404, "there is no such table")
        try:
            wanted = _projected(request, table)
            page, asked = int(params.get("page", 1)), int(params.get("pagesize", size))
            rows = self._asked_for(table, params)
        except ValueError as error:
            return _message(400, str(error))
        if not 1 <= asked <= size or page < 1:
            return _message(400, "pagesize is greater than the maximum")
        cut = rows[(page - 1) * asked : page * asked]
        found = [_record(table, row, wanted) for row in cut]
        shown = {"record": found} if found else {}
        return JSONResponse({"name": table, **shown, "@extensions": ""})

    async def count(self, request: Request) -> Response:
        """Answer `GET /ws/schema/table/{table}/count`."""
        table = _table(request)
        if table is None:
            return _message(404, "there is no such table")
        try:
            count = len(self._asked_for(table, {"q": request.query_params.get("q", "")}))
        except ValueError as error:
            return _message(400, str(error))
        return JSONResponse({"count": count})

    async def metadata(self, request: Request) -> Response:
        """Answer `GET /ws/schema/table/{table}/metadata`."""
        table = _table(request)
        if table is None:
            return _message(404, "there is no such table")
        columns = [
            {"name": name, "type": "Integer" if name in _WHOLE else "String"}
            for name in TABLES[table]
        ]
        return JSONResponse({"name": table, "columns": columns})

    async def one(self, request: Request) -> Response:
        """Answer `GET /ws/schema/table/{table}/{key}`."""
        found = self._found(request)
        if isinstance(found, Response):
            return found
        table, row = found
        try:
            wanted = _projected(request, table)
        except ValueError as error:
            return _message(400, str(error))
        return JSONResponse({**_record(table, row, wanted), "@extensions": ""})

    async def insert(self, request: Request) -> Response:
        """Answer `POST /ws/schema/table/{table}`."""
        table = _table(request)
        if table is None:
            return _message(404, "there is no such table")
        if table == EXTENSION:
            return _message(403, "each student has a record of it already")
        try:
            given = await self._given(request, table)
        except ValueError as error:
            return _message(400, str(error))
        with self._tables.lock:
            self._tables.last_badge += 1
            key = self._tables.last_badge
            self._tables.badges[key] = {**dict.fromkeys(TABLES[table]), **given, "id": key}
            self._tables.touch(table, key)
        return _done(request, table, "INSERT", key, 201)

    async def update(self, request: Request) -> Response:
        """Answer `PUT /ws/schema/table/{table}/{key}`."""
        found = self._found(request)
        if isinstance(found, Response):
            return found
        table, key = found[0], request.path_params["key"]
        try:
            given = await self._given(request, table)
        except ValueError as error:
            return _message(400, str(error))
        with self._tables.lock:
            if table == EXTENSION:
                held = self._tables.students[key].setdefault("_extension", {})
                given.pop("studentsdcid", None)  # it stays that student's
            else:
                held = self._tables.badges[key]
            held |= given
            self._tables.touch(table, key)
        return _done(request, table, "UPDATE", key, 200)

    async def delete(self, request: Request) -> Response:
        """Answer `DELETE /ws/schema/table/{table}/{key}`."""
        found = self._found(request)
        if isinstance(found, Response):
            return found
        if found[0] == EXTENSION:
            return _message(403, "a record of it goes with its student")
        with self._tables.lock:
            del self._tables.badges[request.path_params["key"]]
            self._tables.touch(found[0], request.path_params["key"])
        return Response(status_code=204)

    def _found(self, request: Request) -> Response | tuple[str, Item]:
        table, key = _table(request), request.path_params["key"]
        if table is None:
            return _message(404, "there is no such table")
        row = next((row for row in self._rows(table) if row["id"] == key), None)
        return (table, row) if row is not None else _message(404, "there is no such record")

    async def _given(self, request: Request, table: str) -> Item:
        """Return the columns that a body sets; "" is null.

        Raises:
            ValueError: it is not understood, or sets what it may not.
        """
        try:
            tables = json.loads(await request.body())["tables"]
            given = {name.lower(): held for name, held in tables[table].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError("the body is not understood") from error
        if unknown := given.keys() - {*TABLES[table], "name"}:
            raise ValueError(f"{', '.join(sorted(unknown))}: there is no such column")
        if not all(isinstance(held, str) for held in given.values()):
            raise ValueError("typecast error: every value is text")
        owner = given.get("studentsdcid")
        if owner and (not owner.isascii() or not owner.isdigit()):
            raise ValueError("typecast error: studentsdcid is a whole number")
        if owner and int(owner) not in self._tables.students:
            raise ValueError("studentsdcid: there is no such student")
        return {
            name: (int(held) if name in _WHOLE else held) if held else None
            for name, held in given.items()
            if name not in {"id", "name"}
        }

    def _asked_for(self, table: str, params: Mapping[str, str]) -> list[Item]:
        """Return the rows that `q` lets through, in the order of `sort`.

        Raises:
            ValueError: one of them is not understood.
        """
        rows, columns = self._rows(table), TABLES[table]
        for clause in filter(None, params.get("q", "").split(";")):
            rows = restricted(rows, None, columns, clause)
        way = ";desc" if params.get("sortdescending", "").lower() in {"true", "1"} else ""
        names = filter(None, params.get("sort", "").split(","))
        return in_order(rows, columns, ",".join(f"{name}{way}" for name in names))

    def _rows(self, table: str) -> list[Item]:
        with self._tables.lock:
            if table == CHILD:
                return [dict(row) for _, row in sorted(self._tables.badges.items())]
            empty = dict.fromkeys(COLUMNS)
            return [
                {**empty, **student.get("_extension", {}), "id": dcid, "studentsdcid": dcid}
                for dcid, student in sorted(self._tables.students.items())
            ]


def _table(request: Request) -> str | None:
    """Return the table of a path, None: there is none of this name."""
    name = str(request.path_params["table"]).lower()
    return name if name in TABLES else None


def _projected(request: Request, table: str) -> tuple[str, ...]:
    """Return the columns that are to be sent.

    Raises:
        ValueError: there is no projection, or it names no column.
    """
    told = request.query_params.get("projection", "")
    names = tuple(name.strip().lower() for name in told.split(",") if name.strip())
    if not names:
        raise ValueError("projection is required")
    if "*" in names:
        return TABLES[table]
    if unknown := set(names) - set(TABLES[table]):
        raise ValueError(f"{', '.join(sorted(unknown))}: there is no such column")
    return names


def _record(table: str, row: Item, wanted: tuple[str, ...]) -> Item:
    shown = {name: str(row[name]) for name in wanted if row[name] is not None}
    return {"id": row["id"], "name": table, "tables": {table: shown}}


def _done(request: Request, table: str, action: str, key: int, status: int) -> Response:
    done = {"id": key, "ref": f"{address(request)}/ws/schema/table/{table}/{key}"}
    result: dict[str, Any] = {"status": "SUCCESS", "action": action, "success_message": done}
    counts = {f"{one.lower()}_count": int(one == action) for one in ("INSERT", "UPDATE", "DELETE")}
    return JSONResponse({**counts, "result": [result]}, status_code=status)


def _message(status: int, told: str) -> Response:
    return JSONResponse({"message": told}, status_code=status)
