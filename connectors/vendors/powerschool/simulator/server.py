"""The simulated server's paths: the vendor's, and apart from them those of the tests."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from connectors.district.model import District
from connectors.district.troubles import damaged
from connectors.vendors.powerschool.simulator import wire
from connectors.vendors.powerschool.simulator.access import Access
from connectors.vendors.powerschool.simulator.contacts import Contacts
from connectors.vendors.powerschool.simulator.control import Control
from connectors.vendors.powerschool.simulator.extension_tables import ExtensionTables
from connectors.vendors.powerschool.simulator.faults import make_faults
from connectors.vendors.powerschool.simulator.named_queries import NamedQueries
from connectors.vendors.powerschool.simulator.queries import (
    GRADUATED_SCHOOL,
    BadQueryError,
    select,
)
from connectors.vendors.powerschool.simulator.student_writes import write
from connectors.vendors.powerschool.simulator.tables import Item, Tables

#: Records of a page: the largest, which is the default too.
PAGE_SIZE = 100
RESOURCES = ("course", "school", "section", "section_enrollment", "staff", "student", "term")
Handler = Callable[[Request], Awaitable[Response]]

#: Lists: path, table, key of one record, key of the list.
LISTS = (
    ("/ws/v1/district/school", "schools", "school", "schools"),
    ("/ws/v1/school", "schools", "school", "schools"),
    ("/ws/v1/district/student", "students", "student", "students"),
    ("/ws/v1/school/{school:int}/student", "students", "student", "students"),
    ("/ws/v1/school/{school:int}/staff", "staff", "staff", "staffs"),
    ("/ws/v1/school/{school:int}/course", "courses", "course", "courses"),
    ("/ws/v1/school/{school:int}/term", "terms", "term", "terms"),
    ("/ws/v1/school/{school:int}/section", "sections", "section", "sections"),
    (
        "/ws/v1/section/{section:int}/section_enrollment",
        "enrollments",
        "section_enrollment",
        "section_enrollments",
    ),
)
#: Single records: resource, table.
SINGLES = (
    ("school", "schools"),
    ("student", "students"),
    ("staff", "staff"),
    ("course", "courses"),
    ("section", "sections"),
    ("term", "terms"),
    ("section_enrollment", "enrollments"),
)


class Server:
    """One simulated server.

    Attributes:
        tables: its records.
        access: its plugin.
        faults: what is to go wrong.
        page_sizes: the largest page by resource.
        app: the ASGI application.
    """

    def __init__(self, district: District) -> None:
        self._name = district.name
        self.tables = Tables(district)
        self.access = Access(district)
        self.faults = make_faults()
        self.page_sizes = dict.fromkeys((*RESOURCES, "schema_table_query"), PAGE_SIZE)
        self.queries = NamedQueries(self.tables, self.faults)
        self.control = Control(self.tables, self.access, self.faults, self.page_sizes, self.queries)
        self.app = Starlette(routes=[*self._routes(), *self.control.routes()])

    def _routes(self) -> list[Route]:
        token = self._watched(self.access.token)
        routes = [
            Route("/oauth/access_token", token, methods=["POST"]),
            Route("/oauth/access_token/", token, methods=["POST"]),
            Route("/ws/v1/metadata", self._watched(self._metadata)),
            Route("/ws/v1/time", self._watched(self._time)),
            Route("/ws/v1/district", self._guard(self._district)),
            Route("/ws/v1/student", self._guard(self._write, writes=True), methods=["POST"]),
        ]
        routes += self._apart_from_v1()
        for path, table, singular, plural in LISTS:
            routes.append(Route(f"{path}/count", self._guard(self._count(table))))
            routes.append(Route(path, self._guard(self._list(table, singular, plural))))
        for singular, table in SINGLES:
            one = self._guard(self._one(table, singular))
            routes.append(Route(f"/ws/v1/{singular}/{{dcid:int}}", one))
        return routes

    def _apart_from_v1(self) -> list[Route]:
        """Return the paths that `accessLevelV1Api` does not govern."""
        contacts = Contacts(self.tables)
        tables = ExtensionTables(self.tables, self.page_sizes)
        query = "/ws/schema/query"
        found = [
            ("/ws/dataversion/{application}/{version}", self._data_version, "GET"),
            ("/ws/contacts/student/{dcid:int}", contacts.of_student, "GET"),
            ("/ws/contacts/contact/{dcid:int}", contacts.one, "GET"),
            ("/ws/contacts/contacts", contacts.some, "GET"),
            (f"{query}/api", self.queries.known, "GET"),
            (f"{query}/{{name}}/count", self.queries.count, "POST"),
            (f"{query}/{{name}}", self.queries.rows, "POST"),
            *tables.routes(),
        ]
        return [
            Route(path, self._guard(handler, by_level=False), methods=[method])
            for path, handler, method in found
        ]

    def _watched(self, handler: Handler) -> Handler:
        """Let faults strike before and after a handler."""

        async def watched(request: Request) -> Response:
            place = _place(request)
            self.control.note(request)
            if slow := self.faults.strike("slow", place):
                await asyncio.sleep(slow.value)
            if broken := self.faults.answer(place):
                return broken
            if self.faults.strike("expire", place):
                self.access.forget_tokens()
            if gone := self.faults.strike("remove", place):
                self.tables.students.pop(int(gone.value), None)
                self.tables.touch("students", int(gone.value))
            response = await handler(request)
            if self.access.skew_s:
                response.headers["Date"] = formatdate(time.time() + self.access.skew_s, usegmt=True)
            return self._damaged(response, place)

        return watched

    def _guard(self, handler: Handler, *, writes: bool = False, by_level: bool = True) -> Handler:
        async def guarded(request: Request) -> Response:
            refused = self.access.refusal(request, writes=writes, by_level=by_level)
            return refused if refused is not None else await handler(request)

        return self._watched(guarded)

    def _damaged(self, response: Response, place: str) -> Response:
        if response.status_code == 200 and self.faults.strike("lost", place):
            # carried out, and then the connection ends
            body = bytes(response.body)
            return StreamingResponse(_broken_off(body), media_type=response.media_type)
        return damaged(self.faults, response, place)

    async def _metadata(self, request: Request) -> Response:
        found: Item = {f"{name}_max_page_size": size for name, size in self.page_sizes.items()}
        found["district_timezone"] = "America/New_York"
        if self.access.is_signed(request):  # it answers without a token too
            found["plugin_id"] = 31
        return wire.answer({"metadata": found}, request)

    async def _time(self, request: Request) -> Response:
        now = datetime.now(UTC)
        told = {"date": f"{now:%Y-%m-%d}", "time": f"{now:%H:%M:%S}", "timestamp": now.isoformat()}
        return wire.answer({"time": told}, request)

    async def _district(self, request: Request) -> Response:
        return wire.answer({"district": {"name": self._name, "district_number": 1}}, request)

    def _list(self, table: str, singular: str, plural: str) -> Handler:
        async def listed(request: Request) -> Response:
            try:
                rows = self._rows(table, request)
                size = int(request.query_params.get("pagesize", self.page_sizes[singular]))
                page = int(request.query_params.get("page", 1))
            except ValueError as error:
                return _message(400, str(error))
            if not 1 <= size <= self.page_sizes[singular] or page < 1:
                # what the vendor does is not told; this brings a client's mistake to light
                return _message(400, "pagesize is greater than the maximum")
            place = _place(request)
            cut = self._spoilt(rows[(page - 1) * size : page * size], place)
            holder = wire.headings(table)
            if cut:
                holder[singular] = wire.one_or_many(
                    [wire.shown(table, self._expanded(table, row), request) for row in cut]
                )
            return wire.answer({plural: holder}, request)

        return self._where_school_exists(listed)

    def _spoilt(self, rows: list[Item], place: str) -> list[Item]:
        if self.faults.strike("empty", place):
            return []
        if rows and self.faults.strike("short", place):
            return rows[:-1]
        return rows

    def _count(self, table: str) -> Handler:
        async def counted(request: Request) -> Response:
            try:
                rows = self._rows(table, request)
            except BadQueryError as error:
                return _message(400, str(error))
            count = sum(row.get("school_number") != GRADUATED_SCHOOL for row in rows)
            if wrong := self.faults.strike("miscount", _place(request)):
                count += int(wrong.value)
            return wire.answer({"resource": {"count": count}}, request)

        return self._where_school_exists(counted)

    def _where_school_exists(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            found = request.path_params
            if found.get("school", None) not in {None, *self.tables.schools}:
                return _message(404, "there is no such school")
            if found.get("section", None) not in {None, *self.tables.sections}:
                return _message(404, "there is no such section")
            return await handler(request)

        return checked

    def _rows(self, table: str, request: Request) -> list[Item]:
        return select(
            self.tables,
            table,
            school=request.path_params.get("school"),
            section=request.path_params.get("section"),
            query=request.query_params.get("q", ""),
        )

    def _one(self, table: str, singular: str) -> Handler:
        async def found(request: Request) -> Response:
            row = self.tables.of(table).get(request.path_params["dcid"])
            if row is None:
                return _message(404, f"{singular} was not found")
            item = wire.shown(table, self._expanded(table, row), request)
            return wire.answer({singular: {**wire.headings(table), **item}}, request)

        return found

    def _expanded(self, table: str, row: Item) -> Item:
        if table != "sections":
            return row
        return {**row, "term": self.tables.terms.get(row["term_id"])}

    async def _data_version(self, request: Request) -> Response:
        version = request.path_params["version"]
        if not (version.isascii() and version.isdigit()):
            return _message(400, "the version is no integer")
        with self.tables.lock:
            tables = self.tables.changed_since(int(version))
            # the cursor is text, whatever it looks like
            return JSONResponse({"$dataversion": str(self.tables.version), "tables": tables})

    async def _write(self, request: Request) -> Response:
        place = _place(request)
        try:
            body = json.loads(await request.body())
            given = body["students"]["student"]
        except (ValueError, KeyError, TypeError):
            return _message(400, "the body is not understood")
        records = given if isinstance(given, list) else [given]
        self.control.writes += records
        used: set[str] = set()
        base = wire.address(request)
        results = [write(self.tables, record, used, base) for record in records]
        if self.faults.strike("warning", place):
            results = [_warned(result) for result in results]
        if self.faults.strike("silent", place):
            return Response(media_type="application/json")
        counts = {
            f"{action.lower()}_count": sum(
                result["action"] == action and result["status"] != "ERROR" for result in results
            )
            for action in ("INSERT", "UPDATE", "DELETE")
        }
        if self.faults.strike("unanswered", place):
            results = results[:-1]
        return wire.answer({"results": {**counts, "result": wire.one_or_many(results)}}, request)


def _place(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}"


def _message(status: int, told: str) -> Response:
    return JSONResponse({"message": told}, status_code=status)


def _warned(result: Item) -> Item:
    if result["status"] == "ERROR":
        return result
    told = {
        "field": "student/fees",
        "warning_code": "FEES_ASSIGN_FEES_FAILED",
        "warning_description": "Fees were not assigned",
    }
    return {**result, "status": "WARNING", "warning_message": {"warning": told}}


async def _broken_off(body: bytes) -> Any:
    yield body[: len(body) // 2]
    # the server ends the connection without the last chunk
    raise ConnectionResetError("asked for by a fault")
