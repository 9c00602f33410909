"""The tests' own paths on the simulated server, under `/_simulator`, apart from the vendor's.

- `POST /_simulator/faults` takes a list of faults (see `faults`), or for short an object of names
  and times, among which settings may stand; `DELETE` forgets all faults.
- `POST /_simulator/settings` takes `access` (NONE, READ, FULL), `interval_ms`, `throttle` (status,
  and whether it tells Retry-After), `page_size` (of all resources), `page_sizes` (by resource),
  `token_life_s`, `clock_skew_s`, `has_plugin`, `may_read` and `is_flat` (of PowerQueries).
- `GET`, `PATCH` and `DELETE /_simulator/TABLE/DCID` read, change and remove a record; `POST
  /_simulator/TABLE` puts one in, whose `id` is its DCID. Each moves the data version.
- `GET /_simulator/requests` tells the vendor's requests so far, as `METHOD PATH?QUERY`; `GET
  /_simulator/writes` the students that were sent to be written.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.district.faults import Faults
from connectors.vendors.powerschool.simulator.access import Access
from connectors.vendors.powerschool.simulator.named_queries import NamedQueries
from connectors.vendors.powerschool.simulator.tables import NAMES, Item, Tables

#: What `settings` takes.
SETTINGS = (
    *("access", "interval_ms", "throttle", "page_size", "page_sizes", "token_life_s"),
    *("clock_skew_s", "has_plugin", "may_read", "is_flat"),
)
#: Requests that are remembered.
REMEMBERED = 20_000


class Control:
    """Changes a simulated server from outside.

    Attributes:
        writes: the students that were sent to be written, the newest last.
    """

    def __init__(
        self,
        tables: Tables,
        access: Access,
        faults: Faults,
        page_sizes: dict[str, int],
        queries: NamedQueries,
    ) -> None:
        self._tables = tables
        self._access = access
        self._faults = faults
        self._page_sizes = page_sizes
        self._queries = queries
        self._requests: deque[str] = deque(maxlen=REMEMBERED)
        self.writes: list[Any] = []

    def note(self, request: Request) -> None:
        """Remember a request of the vendor's paths."""
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        self._requests.append(f"{request.method} {path}?{request.url.query}".rstrip("?"))

    def routes(self) -> list[Route]:
        """Return the paths."""
        return [
            Route("/_simulator/faults", self._set_faults, methods=["POST", "DELETE"]),
            Route("/_simulator/settings", self._set, methods=["POST"]),
            Route("/_simulator/requests", self._told_requests),
            Route("/_simulator/writes", self._told_writes),
            Route("/_simulator/{table}", self._put_in, methods=["POST"]),
            Route(
                "/_simulator/{table}/{dcid:int}", self._record, methods=["GET", "PATCH", "DELETE"]
            ),
        ]

    async def _set_faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._faults.clear()
            return JSONResponse({})
        try:
            given = await request.json()
            if isinstance(given, dict):
                self._change({name: given.pop(name) for name in SETTINGS if name in given})
                given = [{"name": name, "times": times} for name, times in given.items()]
            self._faults.ask(given)
        except (ValueError, TypeError, AttributeError) as error:
            return JSONResponse({"message": str(error)}, status_code=400)
        return JSONResponse({})

    async def _set(self, request: Request) -> Response:
        given = await request.json()
        if unknown := set(given) - set(SETTINGS):
            return JSONResponse({"message": f"no setting {sorted(unknown)}"}, status_code=400)
        self._change(given)
        return JSONResponse({})

    def _change(self, given: dict[str, Any]) -> None:
        self._access.level = given.get("access", self._access.level)
        self._access.interval_ms = given.get("interval_ms", self._access.interval_ms)
        self._access.throttle = tuple(given.get("throttle", self._access.throttle))
        self._access.life_s = given.get("token_life_s", self._access.life_s)
        self._access.skew_s = given.get("clock_skew_s", self._access.skew_s)
        for name in ("has_plugin", "may_read", "is_flat"):
            setattr(self._queries, name, given.get(name, getattr(self._queries, name)))
        if "page_size" in given:
            self._page_sizes.update(dict.fromkeys(self._page_sizes, given["page_size"]))
        self._page_sizes.update(given.get("page_sizes", {}))

    async def _told_requests(self, request: Request) -> Response:
        del request
        return JSONResponse(list(self._requests))

    async def _told_writes(self, request: Request) -> Response:
        del request
        return JSONResponse(self.writes)

    async def _put_in(self, request: Request) -> Response:
        table, record = request.path_params["table"], await request.json()
        if table not in NAMES:
            return JSONResponse({"message": f"no table {table}"}, status_code=404)
        with self._tables.lock:
            self._tables.of(table)[int(record["id"])] = record
            self._tables.touch(table, int(record["id"]))
        return JSONResponse({"$dataversion": str(self._tables.version)})

    async def _record(self, request: Request) -> Response:
        table, dcid = request.path_params["table"], request.path_params["dcid"]
        if table not in NAMES or dcid not in self._tables.of(table):
            return JSONResponse({"message": f"no {table} {dcid}"}, status_code=404)
        with self._tables.lock:
            rows = self._tables.of(table)
            if request.method == "GET":
                return JSONResponse(rows[dcid])
            if request.method == "DELETE":
                gone = rows.pop(dcid)
            else:
                gone = rows[dcid]
                _merge(gone, await request.json())
            self._tables.touch(table, dcid)
            if table == "staff":
                self._tables.touch("users", gone["users_dcid"])
        return JSONResponse({"$dataversion": str(self._tables.version)})


def _merge(into: Item, changes: Item) -> None:
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value
