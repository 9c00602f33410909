"""A PowerSchool server for tests and demo, written from the vendor's facts.

Source: PowerSchool developer pages (v1 resources, data version, student writes) and what was seen
on the wire: one record is an object, an empty expansion is "", nulls are left out, numbers stand
for text that looks like one, a write answers 200 even when records fail, and a server that is down
redirects to a page. It shares no code with the client. Under `/_simulator` tests change records and
ask for faults.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from connectors.district.model import District
from connectors.sdk import Mounted
from connectors.vendors.powerschool.records import Item, Tables

PAGE_SIZE = 100
TOKEN_LIFE_S = 2_504_956
_EXPANSIONS = {
    "students": ("demographics", "addresses", "alerts", "contact_info", "school_enrollment"),
    "staff": ("addresses", "emails", "school_affiliations"),
}
Handler = Callable[[Request], Awaitable[Response]]


def mount(district: District, base_url: str) -> Mounted:
    """Return a server that holds a district, and the settings that reach it."""
    server = Server(district)
    return Mounted(
        app=server.app,
        settings={
            "url": base_url,
            "client_id": server.client_id,
            "client_secret": server.client_secret,
            "application_name": "bellringer",
        },
    )


class Server:
    """One simulated server.

    Attributes:
        tables: its records.
        faults: how many of the next answers are broken, by fault: `down` (a redirect), `busy`
            (429), `error` (500), `html`, `cut` (half a body), `expire` (the token), `miscount`.
    """

    def __init__(self, district: District) -> None:
        told = hashlib.sha256(f"{district.name}/{district.seed}".encode()).hexdigest()
        self.client_id, self.client_secret = told[:24], told[24:56]
        self.tables = Tables(district)
        self.faults: dict[str, int] = {}
        self.page_size = PAGE_SIZE
        self.access = "FULL"
        self.writes: list[Item] = []
        self._tokens: set[str] = set()
        self.app = Starlette(routes=[*self._vendor_routes(), *self._test_routes()])

    def _vendor_routes(self) -> list[Route]:
        plain = [
            Route("/oauth/access_token", self._token, methods=["POST"]),
            Route("/oauth/access_token/", self._token, methods=["POST"]),
            Route("/ws/v1/metadata", self._metadata),
            Route("/ws/v1/time", self._time),
        ]
        guarded: list[tuple[str, Callable[[Request], Response]]] = [
            ("/ws/v1/district/school", self._list("schools", "school")),
            ("/ws/v1/school", self._list("schools", "school")),
            ("/ws/v1/district/student", self._list("students", "student")),
            ("/ws/v1/school/{school:int}/student", self._list("students", "student")),
            ("/ws/v1/school/{school:int}/staff", self._list("staff", "staff", "staffs")),
            ("/ws/v1/school/{school:int}/course", self._list("courses", "course")),
            ("/ws/v1/school/{school:int}/term", self._list("terms", "term")),
            ("/ws/v1/school/{school:int}/section", self._list("sections", "section")),
            (
                "/ws/v1/section/{section:int}/section_enrollment",
                self._list("enrollments", "section_enrollment", "section_enrollments"),
            ),
        ]
        routes = list(plain)
        for path, handler in guarded:
            routes.append(Route(f"{path}/count", self._guard(self._count(handler))))
            routes.append(Route(path, self._guard(handler)))
        for singular, table in (
            ("school", "schools"),
            ("student", "students"),
            ("staff", "staff"),
            ("course", "courses"),
            ("section", "sections"),
            ("term", "terms"),
            ("section_enrollment", "enrollments"),
        ):
            one = self._guard(self._one(table, singular))
            routes.append(Route(f"/ws/v1/{singular}/{{dcid:int}}", one))
        routes.append(
            Route("/ws/dataversion/{application}/{version}", self._guard(self._data_version))
        )
        routes.append(Route("/ws/v1/student", self._student_writes, methods=["POST"]))
        return routes

    def _test_routes(self) -> list[Route]:
        return [
            Route("/_simulator/faults", self._set_faults, methods=["POST"]),
            Route("/_simulator/{table}/{dcid:int}", self._edit, methods=["PATCH", "DELETE"]),
        ]

    async def _token(self, request: Request) -> Response:
        if fault := self._fault("down", "error", "busy", "html"):
            return fault
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            pair = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            pair = ""
        form = dict(part.partition("=")[::2] for part in (await request.body()).decode().split("&"))
        if kind != "Basic" or pair != f"{self.client_id}:{self.client_secret}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        token = hashlib.sha256(f"{pair}{len(self._tokens)}".encode()).hexdigest()
        self._tokens.add(token)
        return JSONResponse(
            # a number as text, as the wire has it
            {"access_token": token, "token_type": "Bearer", "expires_in": str(TOKEN_LIFE_S)}
        )

    async def _metadata(self, request: Request) -> Response:
        found: Item = {
            f"{name}_max_page_size": self.page_size
            for name in ("course", "school", "section", "section_enrollment", "staff", "student",
                         "term", "schema_table_query")
        }  # fmt: skip
        found["district_timezone"] = "America/New_York"
        if self._is_signed(request):
            found["plugin_id"] = 31
        return JSONResponse({"metadata": found})

    async def _time(self, request: Request) -> Response:
        del request
        return JSONResponse({"time": {"timestamp": self.tables.version}})

    def _guard(self, handler: Callable[[Request], Response]) -> Handler:
        async def guarded(request: Request) -> Response:
            return self._refusal(request) or handler(request)

        return guarded

    def _refusal(self, request: Request) -> Response | None:
        if fault := self._fault("down", "busy", "error", "html"):
            return fault
        if self.faults.pop("expire", 0):
            self._tokens.clear()
        if not self._is_signed(request):
            told = (
                'Bearer error="invalid_token",realm="PowerSchool",'
                'error_description="The access token has expired"'
            )
            return Response(status_code=401, headers={"WWW-Authenticate": told})
        if self.access == "NONE":
            return JSONResponse({"message": "Access to the v1 API is denied"}, status_code=403)
        if "json" not in request.headers.get("accept", ""):
            return Response("<results/>", media_type="application/xml")  # XML is the native form
        return None

    def _is_signed(self, request: Request) -> bool:
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self._tokens

    def _fault(self, *names: str) -> Response | None:
        for name in names:
            if self.faults.get(name, 0) > 0:
                self.faults[name] -= 1
                return _BROKEN[name]()
        return None

    def _list(
        self, table: str, singular: str, plural: str | None = None
    ) -> Callable[[Request], Response]:
        def listed(request: Request) -> Response:
            found = self._selected(table, request)
            counting = getattr(request.state, "counting", False)
            if counting:
                wrong = 1 if self.faults.pop("miscount", 0) else 0
                return JSONResponse({"resource": {"count": len(found) + wrong}})
            size = min(int(request.query_params.get("pagesize", self.page_size)), self.page_size)
            page = int(request.query_params.get("page", 1))
            cut = found[(page - 1) * size : page * size]
            items = [self._shown(table, item, request) for item in cut]
            holder: Item = {}
            if table in _EXPANSIONS:
                holder["@expansions"] = ", ".join(_EXPANSIONS[table])
            if items:
                # the XML beneath knows no list of one
                holder[singular] = items[0] if len(items) == 1 else items
            return self._sent({plural or f"{singular}s": holder})

        return listed

    def _count(self, handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def counted(request: Request) -> Response:
            request.state.counting = True
            return handler(request)

        return counted

    def _one(self, table: str, singular: str) -> Callable[[Request], Response]:
        def found(request: Request) -> Response:
            with self.tables.lock:
                item = getattr(self.tables, table).get(request.path_params["dcid"])
            if item is None:
                return JSONResponse({"message": f"{singular} was not found"}, status_code=404)
            return self._sent({singular: self._shown(table, item, request)})

        return found

    def _selected(self, table: str, request: Request) -> list[Item]:
        school, section = (request.path_params.get(name) for name in ("school", "section"))
        with self.tables.lock:
            rows = [
                dict(row)
                for _, row in sorted(getattr(self.tables, table).items())
                if (school is None or _school_of(row) == school)
                and (section is None or row["section_id"] == section)
            ]
        query = unquote(request.query_params.get("q", ""))
        return [row for row in rows if self._fits(row, query)]

    def _fits(self, row: Item, query: str) -> bool:
        for clause in filter(None, query.split(";")):
            match = re.fullmatch(r"([\w.]+)(==|=gt=|=ge=|=lt=|=le=)(.*)", clause)
            if match is None:
                return False
            path, operator, wanted = match.groups()
            if not _compare(self._value(row, path), operator, wanted):
                return False
        return True

    def _value(self, row: Item, path: str) -> Any:
        if path.startswith("term.") and "term_id" in row:
            return self.tables.terms[row["term_id"]].get(path.removeprefix("term."))
        found: Any = row
        for step in path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def _shown(self, table: str, item: Item, request: Request) -> Item:
        """Return a record as it is sent: only the expansions asked for, nothing that is null."""
        optional = set(_EXPANSIONS.get(table, ()))
        asked = set(re.split(r"[,\s]+", request.query_params.get("expansions", "")))
        shown = {
            name: value
            for name, value in item.items()
            if not name.startswith("_") and value is not None
            and (name not in optional or name in asked)
        }  # fmt: skip
        affiliations = shown.get("school_affiliations")
        if isinstance(affiliations, list):
            one = affiliations[0] if len(affiliations) == 1 else affiliations
            shown["school_affiliations"] = {"school_affiliation": one}
        return shown

    def _sent(self, content: Item) -> Response:
        if self.faults.get("cut", 0) > 0:
            self.faults["cut"] -= 1
            text = json.dumps(content)
            return Response(text[: len(text) // 2], media_type="application/json")
        return JSONResponse(content)

    def _data_version(self, request: Request) -> Response:
        version = request.path_params["version"]
        if not version.isdigit():
            return JSONResponse({"message": "the version is no integer"}, status_code=400)
        with self.tables.lock:
            return self._sent(
                {
                    "$dataversion": str(self.tables.version),
                    "tables": self.tables.changed_since(int(version)),
                }
            )

    async def _student_writes(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if self.access != "FULL":
            return JSONResponse({"message": "The plugin may not write"}, status_code=403)
        body = json.loads(await request.body())
        given = body.get("students", {}).get("student", [])
        results = [self._write(item) for item in (given if isinstance(given, list) else [given])]
        if self.faults.pop("silent", 0):
            return Response(status_code=200, media_type="application/json")
        updated = sum(result["status"] != "ERROR" for result in results)
        one = results[0] if len(results) == 1 else results
        return JSONResponse(
            {
                "results": {
                    "insert_count": 0,
                    "update_count": updated,
                    "delete_count": 0,
                    "result": one,
                }
            }
        )

    def _write(self, given: Item) -> Item:
        uid = str(given.get("client_uid", ""))
        answer: Item = {
            "client_uid": int(uid) if uid.isdigit() else uid,
            "action": given.get("action"),
        }
        self.writes.append(given)
        dcid = int(given["id"]) if str(given.get("id", "")).isdigit() else None
        email = (given.get("contact_info") or {}).get("email")
        with self.tables.lock:
            student = self.tables.students.get(dcid) if dcid is not None else None
            if given.get("action") != "UPDATE" or student is None:
                return _refused(answer, "student/id", "NOT_FOUND", "There is no such student")
            if email and "@" not in email:
                return _refused(
                    answer, "student/contact_info/email", "FIELD_VALIDATION_ERROR",
                    "Value must be an e-mail address",
                )  # fmt: skip
            if email is not None:
                student["contact_info"] = {"email": email} if email else ""
            if "student_username" in given:
                student["student_username"] = given["student_username"] or None
            self.tables.touch("students", int(student["id"]))
        return {**answer, "status": "SUCCESS", "success_message": {"id": dcid}}

    async def _set_faults(self, request: Request) -> Response:
        given = await request.json()
        self.access = given.pop("access", self.access)
        self.page_size = given.pop("page_size", self.page_size)
        self.faults.update(given)
        return JSONResponse(self.faults)

    async def _edit(self, request: Request) -> Response:
        table, dcid = request.path_params["table"], request.path_params["dcid"]
        with self.tables.lock:
            rows: dict[int, Item] = getattr(self.tables, table)
            if request.method == "DELETE":
                del rows[dcid]
            else:
                _merge(rows[dcid], await request.json())
            self.tables.touch("cc" if table == "enrollments" else table, dcid)
        return JSONResponse({"$dataversion": str(self.tables.version)})


_BROKEN: dict[str, Callable[[], Response]] = {
    "down": lambda: RedirectResponse("https://message.powerschool.com/?server=simulated", 302),
    "busy": lambda: PlainTextResponse(
        "Too many requests, wait 1 seconds", 429, headers={"Retry-After": "1"}
    ),
    "error": lambda: JSONResponse({"message": "An error occurred"}, status_code=500),
    "html": lambda: Response("<html>PowerSchool page unavailable</html>", media_type="text/html"),
}


def _school_of(row: Item) -> Any:
    if "_school" in row:
        return row["_school"]
    if "school_enrollment" in row:
        return row["school_enrollment"]["school_id"]
    return row.get("school_id")


def _compare(value: Any, operator: str, wanted: str) -> bool:
    wanted = wanted.strip("()")
    if operator == "==":
        if wanted.endswith("*"):
            return str(value).startswith(wanted[:-1])
        return str(value) == wanted
    if value is None:
        return False
    left, right = (int(value), int(wanted)) if wanted.isdigit() else (str(value), wanted)
    return {
        "=gt=": left > right,  # type: ignore[operator]
        "=ge=": left >= right,  # type: ignore[operator]
        "=lt=": left < right,  # type: ignore[operator]
        "=le=": left <= right,  # type: ignore[operator]
    }[operator]


def _refused(answer: Item, field: str, code: str, told: str) -> Item:
    error = {"field": field, "error_code": code, "error_description": told}
    return {**answer, "status": "ERROR", "error_message": {"error": error}}


def _merge(into: Item, changes: Item) -> None:
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value
