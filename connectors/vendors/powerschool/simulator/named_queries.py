"""PowerQueries on the simulated server: the plugin's own, and two that every server has.

Source: PowerSchool developer pages on PowerQuery: POST with a JSON body, `page`, `pagesize` (0: all
rows), `order`, `count` and `/count`; `$q` by aliases, joined by `;` alone; `projection` with
semicolons; an answer without rows has no `record`; 400, 403 and 404.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.district.faults import Faults
from connectors.vendors.powerschool.simulator.tables import Item, Tables

#: What our plugin's queries are called in front.
PREFIX = "org.bellringer.roster"
_CLAUSE = re.compile(r"(\w+)\.(\w+)(==|=gt=|=ge=|=lt=|=le=)(.*)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "=gt=": lambda left, right: left > right,
    "=ge=": lambda left, right: left >= right,
    "=lt=": lambda left, right: left < right,
    "=le=": lambda left, right: left <= right,
}
Rows = list[Item]


class NamedQueries:
    """Answers queries.

    Attributes:
        has_plugin: whether the plugin's queries are installed.
        may_read: whether the plugin has asked for the fields that they read.
        is_flat: whether rows come flat; else grouped by table.
    """

    def __init__(self, tables: Tables, faults: Faults) -> None:
        self._tables = tables
        self._faults = faults
        self.has_plugin = True
        self.may_read = True
        self.is_flat = True
        #: By name: the alias of its table, its arguments, and what makes its rows.
        self._known: dict[str, tuple[str, frozenset[str], Callable[[Item], Rows]]] = {
            f"{PREFIX}.student.contacts": ("contacts", frozenset(), self._contacts),
            f"{PREFIX}.section.members": ("members", frozenset({"start_year"}), self._members),
            "com.pearson.core.student.student_dcid_id_map": (
                "students",
                frozenset({"students_id", "students_dcid"}),
                self._ids,
            ),
            "com.pearson.core.guardian.student_guardian_detail": (
                "students",
                frozenset({"guardian_id"}),
                self._of_guardian,
            ),
        }

    async def known(self, request: Request) -> Response:
        """Answer `GET /ws/schema/query/api`."""
        del request
        return JSONResponse({"queries": [{"name": name} for name in sorted(self._installed())]})

    async def rows(self, request: Request) -> Response:
        """Answer `POST /ws/schema/query/{name}`."""
        found = await self._found(request)
        if isinstance(found, Response):
            return found
        alias, rows, body = found
        params = request.query_params
        try:
            page, size = int(params.get("page", 1)), int(params.get("pagesize", 100))
        except ValueError:
            return _message(400, "page and pagesize are numbers")
        place = f"{request.url.path}?{request.url.query}"
        part = rows if size == 0 else rows[(page - 1) * size : page * size]
        if part and self._faults.strike("short", place):
            part = part[:-1]
        if self._faults.strike("empty", place):
            part = []
        answer: Item = {"@extensions": ""}
        if part:
            shown = [self._shown(alias, row, body) for row in part]
            answer = {"name": alias, "record": shown[0] if len(shown) == 1 else shown, **answer}
        if params.get("count") == "true":
            answer["count"] = len(rows)
        return JSONResponse(answer)

    async def count(self, request: Request) -> Response:
        """Answer `POST /ws/schema/query/{name}/count`."""
        found = await self._found(request)
        if isinstance(found, Response):
            return found
        count = len(found[1])
        if wrong := self._faults.strike("miscount", f"{request.url.path}?{request.url.query}"):
            count += int(wrong.value)
        return JSONResponse({"count": count})

    def _installed(self) -> list[str]:
        return [name for name in self._known if self.has_plugin or not name.startswith(PREFIX)]

    async def _found(self, request: Request) -> Response | tuple[str, Rows, Item]:
        name = request.path_params["name"]
        if name not in self._installed():
            return _message(404, "there is no such query")
        alias, arguments, make = self._known[name]
        if name.startswith(PREFIX) and not self.may_read:
            return _message(403, "a field was not asked for by the plugin")
        try:
            body = json.loads(await request.body() or b"{}")
            unknown = set(body) - arguments - {"$q", "projection"}
            if unknown:
                return _message(400, f"{', '.join(sorted(unknown))}: no such argument")
            with self._tables.lock:
                rows = make(body)
            query = str(body.get("$q") or request.query_params.get("$q", ""))
            for clause in filter(None, query.split(";")):
                rows = _restricted(rows, alias, clause)
            order = request.query_params.get("order", "")
            for part in reversed([part for part in order.split(",") if part]):
                column, _, way = part.partition(";")
                rows.sort(key=itemgetter(column.rpartition(".")[2]), reverse=way == "desc")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _message(400, f"not understood: {error}")
        return alias, rows, body

    def _shown(self, alias: str, row: Item, body: Item) -> Item:
        wanted = [part.rpartition(".")[2] for part in str(body.get("projection", "*")).split(";")]
        # a null is left out, and a number is text, as the JSON of tables has it
        shown = {
            name: str(value)
            for name, value in row.items()
            if value is not None and ("*" in wanted or name in wanted)
        }
        if self.is_flat:
            return {"_name": alias, **shown}
        return {"id": 1, "name": alias, "tables": {alias: shown}}

    def _contacts(self, body: Item) -> Rows:
        del body
        found: Rows = []
        here = {0, -1}
        for dcid, student in sorted(self._tables.students.items()):
            if student["school_enrollment"]["enroll_status_code"] not in here:
                continue
            for contact in self._tables.contacts_of(dcid):
                tie = next(one for one in contact["students"] if one["dcid"] == dcid)
                if not (contact["active"] and tie["active"]):
                    continue
                found.append(
                    {
                        "student_dcid": dcid,
                        "school_dcid": student["school_enrollment"]["school_id"],
                        "contact_id": contact["id"],
                        **contact["name"],
                        "email": contact["emails"][0] if contact["emails"] else None,
                        "relationship": tie["relationship"],
                        "is_custodial": int(tie["custodial"]),
                    }
                )
        return found

    def _members(self, body: Item) -> Rows:
        since = int(body["start_year"])
        found: Rows = []
        for dcid, row in sorted(self._tables.enrollments.items()):
            section = self._tables.sections.get(row["section_id"], {})
            term = self._tables.terms.get(section.get("term_id", 0), {})
            if not row["dropped"] and term.get("start_year", 0) >= since:
                found.append(
                    {
                        "id": dcid,
                        "section_dcid": row["section_id"],
                        "student_dcid": row["student_id"],
                        "entry_date": row["entry_date"],
                        "exit_date": row["exit_date"],
                    }
                )
        return found

    def _ids(self, body: Item) -> Rows:
        asked = (body.get("students_id", []), body.get("students_dcid", []))
        wanted = {int(key) for keys in asked for key in keys}
        return [
            {"id": dcid, "dcid": dcid}
            for dcid in sorted(self._tables.students)
            if not wanted or dcid in wanted
        ]

    def _of_guardian(self, body: Item) -> Rows:
        wanted = {int(key) for key in body.get("guardian_id", [])}
        found = [self._tables.contacts[key] for key in wanted if key in self._tables.contacts]
        students = {tie["dcid"] for contact in found for tie in contact["students"]}
        return [{"id": dcid, "dcid": dcid} for dcid in sorted(students)]


def _restricted(rows: Rows, alias: str, clause: str) -> Rows:
    match = _CLAUSE.fullmatch(clause)
    if match is None or match[1] != alias:
        raise ValueError(f"{clause} names no column of the query")
    column, compare, wanted = match[2], _COMPARE[match[3]], match[4]
    if rows and column not in rows[0]:
        raise ValueError(f"{column} is no column of the query")
    return [row for row in rows if compare(*_alike(row.get(column), wanted))]


def _alike(value: Any, wanted: str) -> tuple[Any, Any]:
    if isinstance(value, int) and re.fullmatch(r"-?[0-9]+", wanted):
        return value, int(wanted)
    return str(value), wanted


def _message(status: int, told: str) -> Response:
    return JSONResponse({"message": told}, status_code=status)
