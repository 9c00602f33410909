"""The simulated API's paths: the vendor's, and apart from them those of the tests.

Source: the vendor's API description; that `/SchoolTerms` is 404 and `/SchoolTerms/v2` is taken for
a school's id and 400 was seen, as were the envelope and the words of a 404 of the gateway.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.district.model import District
from connectors.district.troubles import damaged, make_faults
from connectors.vendors.facts.simulator.access import Access
from connectors.vendors.facts.simulator.columns import COLUMNS, renamed
from connectors.vendors.facts.simulator.control import Control
from connectors.vendors.facts.simulator.records import Record
from connectors.vendors.facts.simulator.sieve import (
    UnknownColumnError,
    filtered,
    in_order,
)
from connectors.vendors.facts.simulator.tables import Tables

Handler = Callable[[Request], Awaitable[Response]]
#: Records of a page unless asked for otherwise.
DEFAULT_SIZE = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: its path, its table, and the column that a part of the path must equal."""

    path: str
    table: str
    equals: str | None = None


LISTS = (
    Listing("/SchoolConfigurations", "schools"),
    Listing("/SchoolYears", "years"),
    Listing("/Schools/{of:int}/SchoolTerms", "terms", "_school"),
    Listing("/SchoolTerms/v2/Schools/{of:int}", "terms", "_school"),
    Listing("/Students", "students"),
    Listing("/People", "people"),
    Listing("/People/Staff", "staff"),
    Listing("/People/ParentStudent", "parents"),
    Listing("/People/PersonFamily", "person_families"),
    Listing("/People/Address", "addresses"),
    Listing("/Students/EnrollmentHistories", "histories"),
    Listing("/Students/Status", "statuses"),
    Listing("/UserDefinedFields", "user_fields"),
    Listing("/UserDefinedData", "user_data"),
    Listing("/Families", "families"),
    Listing("/Courses", "courses"),
    Listing("/Classes", "classes"),
    Listing("/Classes/v2", "classes"),
    Listing("/Classes/SchoolYears/{of:int}", "classes", "yearId"),
    Listing("/Classes/v2/SchoolYears/{of:int}", "classes", "yearId"),
    Listing("/Academics/Enrollments", "enrollments"),
)
#: Single records: path, table, column. One student goes by the other number.
SINGLES = (
    ("/SchoolConfigurations", "schools", "configSchoolID"),
    ("/Students", "students", "personStudentId"),
    ("/People", "people", "personId"),
    ("/People/Staff", "staff", "staffId"),
    ("/Courses", "courses", "courseID"),
)


@dataclass(slots=True)
class Habits:
    """What nobody knows of the real server, or what differs.

    Attributes:
        page_size: the longest page, however long a one is asked for.
        modified: a filter by modifiedDate is honoured, refused (500) or empty (nothing fits).
        sorts: whether an order may be asked for; else it is 500.
        repeats: whether a list of classes holds its first one twice.
        unpopulated: columns that there are, and in which no filter finds anything.
    """

    page_size: int = 10_000
    modified: str = "honoured"
    sorts: bool = True
    repeats: bool = False
    unpopulated: set[str] = field(default_factory=set)


class Server:
    """One simulated API.

    Args:
        district: of the first day.
        base_url: its address, for the links to next pages.
    """

    def __init__(self, district: District, base_url: str) -> None:
        self._base_url = base_url
        self.tables = Tables(district)
        self.access = Access(district)
        self.habits = Habits()
        self.faults = make_faults(("miscount",))
        self.control = Control(self.tables, self.access, self.faults, self.habits)
        routes = [Route(one.path, self._guard(self._list(one))) for one in LISTS]
        for path, table, column in SINGLES:
            one = self._guard(self._one(table, column))
            routes.append(Route(f"{path}/{{key:int}}", one))
        routes += [
            Route("/Classes/Students/{key:int}", self._guard(self._classes_of)),
            Route("/Classes/v2/Students/{key:int}", self._guard(self._classes_of)),
            Route("/SchoolTerms/{key:int}", self._guard(self._one("terms", "schoolTermID"))),
            Route("/SchoolTerms/{key}", self._guard(_not_a_number)),
        ]
        self.app = Starlette(
            routes=[*routes, *self.control.routes(), Route("/{rest:path}", self._guard(_nowhere))]
        )

    def turn(self, district: District) -> None:
        """Hold a district of another day."""
        self.tables.turn(district)

    def _guard(self, handler: Handler) -> Handler:
        """Let faults strike before and after a handler, and let nobody in without keys."""

        async def guarded(request: Request) -> Response:
            place = self.control.note(request)
            if slow := self.faults.strike("slow", place):
                await asyncio.sleep(slow.value)
            broken = self.faults.answer(place)
            # it has no tokens that could expire
            self.faults.strike("expire", place)
            path = place.partition(" /")[2].partition("?")[0]
            refused = broken or self.access.refusal(request, path)
            response = refused or await handler(request)
            if self.control.clock_skew_s:
                at = time.time() + self.control.clock_skew_s
                response.headers["Date"] = formatdate(at, usegmt=True)
            return damaged(self.faults, response, place)

        return guarded

    def _list(self, listing: Listing) -> Handler:
        async def listed(request: Request) -> Response:
            records = self.tables.of(listing.table)
            if listing.equals is not None:
                wanted = request.path_params["of"]
                records = [one for one in records if one[listing.equals] == wanted]
            if listing.table == "classes" and self.habits.repeats:
                records = records[:1] + records
            return self._page(request, listing.table, records)

        return listed

    def _page(self, request: Request, table: str, records: list[Record]) -> Response:
        names = renamed(table, path=request.url.path)
        records = [_shown(one, names) for one in records]
        columns = {names.get(column, column) for column in COLUMNS[table]}
        # names of parameters are taken in any case
        params = {name.lower(): value for name, value in request.query_params.items()}
        try:
            records = self._asked_for(records, params, columns)
            page = int(params.get("page", 1))
            size = min(int(params.get("pagesize", DEFAULT_SIZE)), self.habits.page_size)
        except UnknownColumnError as error:
            return Response(
                f"System.ArgumentException: {error} not found.\n   at Sieve.Services.Apply()",
                status_code=500,
                media_type="text/plain",
            )
        except ValueError:
            return _problem(400, "BadArgument", "Page and PageSize are numbers.")
        if page < 1 or size < 1:
            return _problem(400, "BadArgument", "Page and PageSize are at least 1.")
        place = f"{request.url.path}?{request.url.query}"
        count = len(records)
        sent = records[(page - 1) * size : page * size]
        if sent and self.faults.strike("short", place):
            sent = sent[:-1]
        if self.faults.strike("empty", place):
            sent = []
        if wrong := self.faults.strike("miscount", place):
            count += int(wrong.value)
        pages = -(-count // size)
        following = {**request.query_params, "Page": page + 1}
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        return JSONResponse(
            {
                "results": sent,
                "currentPage": page,
                "pageCount": pages,
                "pageSize": size,
                "rowCount": count,
                "nextPage": f"{self._base_url}{path}?{urlencode(following)}"
                if page < pages
                else "",
            }
        )

    def _asked_for(
        self, records: list[Record], params: Mapping[str, str], columns: set[str]
    ) -> list[Record]:
        filters, sorts = params.get("filters", ""), params.get("sorts", "")
        if "modifiedDate" in filters:
            if self.habits.modified == "refused":
                raise UnknownColumnError("modifiedDate")
            if self.habits.modified == "empty":
                return []
        if sorts and not self.habits.sorts:
            raise UnknownColumnError(sorts)
        if any(name in filters for name in self.habits.unpopulated):
            return []
        return in_order(filtered(records, filters, columns), sorts, columns)

    def _one(self, table: str, column: str) -> Handler:
        async def one(request: Request) -> Response:
            key = request.path_params["key"]
            for record in self.tables.of(table):
                if record[column] == key:
                    return JSONResponse(_shown(record, renamed(table, path=request.url.path)))
            return _problem(404, "NotFound", "There is no such record.")

        return one

    async def _classes_of(self, request: Request) -> Response:
        key = request.path_params["key"]
        taken = {e["classId"] for e in self.tables.of("enrollments") if e["studentId"] == key}
        found = [c for c in self.tables.of("classes") if c["classId"] in taken]
        return self._page(request, "classes", found)


def _shown(record: Record, names: Mapping[str, str]) -> Record:
    """Return a record as it is sent, by the names that the list has for its columns."""
    return {
        names.get(name, name): value for name, value in record.items() if not name.startswith("_")
    }


def _problem(status: int, code: str, told: str) -> Response:
    error: dict[str, Any] = {"code": code, "message": told, "target": "", "details": []}
    return JSONResponse({"error": {**error, "innererror": {}}}, status)


async def _not_a_number(request: Request) -> Response:
    del request
    return _problem(400, "BadArgument", "schoolTermId is a number.")


async def _nowhere(request: Request) -> Response:
    del request
    return JSONResponse({"statusCode": 404, "message": "Resource not found"}, 404)
