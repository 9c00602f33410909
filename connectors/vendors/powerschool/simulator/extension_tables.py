"""`/ws/schema/table` on the simulated server, for the one extension of students that it has.

Source: PowerSchool developer pages on tables: `projection` is required, all values are text, one
record is an object, `/count` is not wrapped; a change answers with a result for each record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.vendors.powerschool.simulator.tables import EXTENSION, Item, Tables
from connectors.vendors.powerschool.simulator.wire import one_or_many


class ExtensionTables:
    """Answers for `u_students_extension`, of which each student has one record.

    Args:
        tables: hold the records, at the students.
        page_sizes: the largest page by resource.
    """

    def __init__(self, tables: Tables, page_sizes: Mapping[str, int]) -> None:
        self._tables = tables
        self._page_sizes = page_sizes

    async def listed(self, request: Request) -> Response:
        """Answer `GET /ws/schema/table/{table}`."""
        params, size = request.query_params, self._page_sizes["schema_table_query"]
        if request.path_params["table"].lower() != EXTENSION:
            return _message(404, "there is no such table")
        if not params.get("projection"):
            return _message(400, "projection is required")
        try:
            page, asked = int(params.get("page", 1)), int(params.get("pagesize", size))
            rows = self._rows(params.get("q", ""))
        except ValueError as error:
            return _message(400, str(error))
        if not 1 <= asked <= size:
            return _message(400, "pagesize is greater than the maximum")
        found = [_record(row) for row in rows[(page - 1) * asked : page * asked]]
        shown = {"record": found} if found else {}
        return JSONResponse({"name": EXTENSION, **shown, "@extensions": ""})

    async def count(self, request: Request) -> Response:
        """Answer `GET /ws/schema/table/{table}/count`."""
        try:
            return JSONResponse({"count": len(self._rows(request.query_params.get("q", "")))})
        except ValueError as error:
            return _message(400, str(error))

    async def one(self, request: Request) -> Response:
        """Answer `GET` and `PUT /ws/schema/table/{table}/{dcid}`."""
        dcid = request.path_params["dcid"]
        if request.path_params["table"].lower() != EXTENSION or dcid not in self._tables.students:
            return _message(404, "there is no such record")
        if request.method == "GET":
            row = next(row for row in self._rows("") if row["id"] == str(dcid))
            return JSONResponse({"name": EXTENSION, **_record(row), "@extensions": ""})
        try:
            given = json.loads(await request.body())["tables"][EXTENSION]
            changes = {name.lower(): value for name, value in given.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return _message(400, "the body is not understood")
        if not all(isinstance(value, str) for value in changes.values()):
            return _message(400, "typecast error: every value is text")
        with self._tables.lock:
            held = self._tables.students[dcid].setdefault("_extension", {})
            held |= {name: value or None for name, value in changes.items() if name != "id"}
            self._tables.touch(EXTENSION, dcid)
        done = {"id": dcid, "ref": f"/ws/schema/table/{EXTENSION}/{dcid}"}
        result = {"status": "SUCCESS", "action": "UPDATE", "success_message": done}
        counts = {"insert_count": 0, "update_count": 1, "delete_count": 0}
        return JSONResponse({**counts, "result": one_or_many([result])})

    def _rows(self, query: str) -> list[Item]:
        with self._tables.lock:
            rows = [
                {"id": str(dcid), "studentsdcid": str(dcid), **student.get("_extension", {})}
                for dcid, student in sorted(self._tables.students.items())
            ]
        for clause in filter(None, query.split(";")):
            column, is_equal, value = clause.partition("==")
            if not is_equal:
                raise ValueError(f"{clause} is not understood")
            rows = [row for row in rows if str(row.get(column.lower(), "")) == value]
        return rows


def _record(row: Item) -> Item:
    shown = {name: value for name, value in row.items() if value is not None}
    return {"id": int(row["id"]), "name": EXTENSION, "tables": {EXTENSION: shown}}


def _message(status: int, told: str) -> Response:
    return JSONResponse({"message": told}, status_code=status)
