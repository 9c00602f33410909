"""The tests' own paths on the simulated API, under `/_simulator`, apart from the vendor's.

- `POST /_simulator/faults` takes a list of faults (`connectors.district.troubles`, and `miscount`:
  rowCount is `value` too high); `DELETE` forgets all.
- `POST /_simulator/settings` takes the habits (`page_size`, `modified`, `sorts`, `repeats`,
  `unpopulated`), `grants` (a list of paths, null: all), `per_second`, `per_minute` and
  `clock_skew_s`.
- `PUT`, `PATCH` and `DELETE /_simulator/records/TABLE/KEY` change a record, `GET` shows it; a key
  of two parts has a comma.
- `GET /_simulator/requests` tells the requests so far, as `METHOD PATH?QUERY`; `GET
  /_simulator/pace` the most that came in any second and minute.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.district.faults import Faults, fault_route
from connectors.vendors.facts.simulator.access import Access
from connectors.vendors.facts.simulator.tables import KEYS, Tables

#: Requests that are remembered.
REMEMBERED = 20_000


class Control:
    """Changes a simulated API from outside.

    Attributes:
        clock_skew_s: how far the server's clock is ahead of ours.
    """

    def __init__(self, tables: Tables, access: Access, faults: Faults, habits: Any) -> None:
        self._tables = tables
        self._access = access
        self._faults = faults
        self._habits = habits
        self._requests: deque[str] = deque(maxlen=REMEMBERED)
        self.clock_skew_s = 0.0

    def note(self, request: Request) -> str:
        """Remember a request of the vendor's paths; returns how it is told."""
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        told = f"{request.method} {path}?{request.url.query}".rstrip("?")
        self._requests.append(told)
        return told

    def routes(self) -> list[Route]:
        """Return the paths."""
        return [
            fault_route(self._faults),
            Route("/_simulator/settings", self._set, methods=["POST"]),
            Route("/_simulator/requests", self._told_requests),
            Route("/_simulator/pace", self._told_pace),
            Route(
                "/_simulator/records/{table}/{key}",
                self._record,
                methods=["GET", "PUT", "PATCH", "DELETE"],
            ),
        ]

    async def _set(self, request: Request) -> Response:
        for name, value in (await request.json()).items():
            match name:
                case "grants":
                    self._access.grants = None if value is None else set(value)
                case "per_second" | "per_minute":
                    setattr(self._access, name, value)
                case "clock_skew_s":
                    self.clock_skew_s = value
                case "unpopulated":
                    self._habits.unpopulated = set(value)
                case _ if name in type(self._habits).__slots__:
                    setattr(self._habits, name, value)
                case _:
                    return JSONResponse({"message": f"no setting {name}"}, status_code=400)
        return JSONResponse({})

    async def _told_requests(self, request: Request) -> Response:
        del request
        return JSONResponse(list(self._requests))

    async def _told_pace(self, request: Request) -> Response:
        del request
        return JSONResponse({str(k): v for k, v in self._access.most_at_once.items()})

    async def _record(self, request: Request) -> Response:
        table, told = request.path_params["table"], request.path_params["key"]
        parts = tuple(int(part) if part.isdigit() else part for part in told.split(","))
        held = self._tables.records.get(table, {})
        if request.method == "PUT" and table in KEYS:
            own = dict(zip(KEYS[table], parts, strict=True))
            self._tables.put(table, {**await request.json(), **own})
            return JSONResponse({})
        if parts not in held:
            return JSONResponse({"message": f"no {table} {told}"}, status_code=404)
        match request.method:
            case "DELETE":
                self._tables.remove(table, parts)
            case "PATCH":
                self._tables.put(table, {**held[parts], **await request.json()})
        return JSONResponse(held.get(parts, {}))
