"""The tests' own paths on the simulated server, under `/_simulator`, apart from the standard's.

- `POST /_simulator/faults` takes a list of faults (see `faults` and
  `connectors.district.troubles`); `DELETE` forgets all.
- `POST /_simulator/settings` takes the habits (`totals`, `links`, `page_size`, `filters`, `behind`)
  and `token_life_s`, `grants` (a list, null: all), `styles`, `says_expired`, `clock_skew_s`,
  `tombstones`.
- `PUT`, `PATCH` and `DELETE /_simulator/records/COLLECTION/ID` change a record in every version.
- `GET /_simulator/requests` tells the requests so far, as `METHOD PATH?QUERY`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.district.faults import Faults, fault_route
from connectors.oneroster.simulator.access import Access
from connectors.oneroster.simulator.store import Store

#: Requests that are remembered.
REMEMBERED = 20_000


class Control:
    """Changes a simulated server from outside."""

    def __init__(
        self, stores: Mapping[str, Store], access: Access, faults: Faults, habits: Any
    ) -> None:
        self._stores = stores
        self._access = access
        self._faults = faults
        self._habits = habits
        self._requests: deque[str] = deque(maxlen=REMEMBERED)

    def note(self, request: Request) -> str:
        """Remember a request of the standard's paths; returns how it is told."""
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
            Route(
                "/_simulator/records/{collection}/{id}",
                self._record,
                methods=["PUT", "PATCH", "DELETE"],
            ),
        ]

    def lose_first_user(self) -> None:
        """Let the first user vanish, as somebody who is deleted while they are read."""
        for store in self._stores.values():
            with store.lock:
                users = store.records["users"]
                users.pop(next(iter(users)))
                store.changed("users")

    def put_user_in_front(self) -> None:
        """Put a user before all others, as somebody who joins while they are read."""
        for store in self._stores.values():
            with store.lock:
                users = store.records["users"]
                first = next(iter(users.values()))
                joined = {**first, "sourcedId": "user-joined", "username": "joined"}
                store.records["users"] = {"user-joined": joined, **users}
                store.changed("users")

    async def _set(self, request: Request) -> Response:
        for name, value in (await request.json()).items():
            match name:
                case "token_life_s":
                    self._access.life_s = value
                case "grants":
                    self._access.grants = None if value is None else set(value)
                case "styles":
                    self._access.styles = set(value)
                case "says_expired":
                    self._access.says_expired = value
                case "clock_skew_s":
                    self._access.skew_s = value
                    for store in self._stores.values():
                        store.skew_s = value
                case "tombstones":
                    for store in self._stores.values():
                        store.has_tombstones = value
                case _ if name in type(self._habits).__slots__:
                    setattr(self._habits, name, value)
                case _:
                    return JSONResponse({"message": f"no setting {name}"}, status_code=400)
        return JSONResponse({})

    async def _told_requests(self, request: Request) -> Response:
        del request
        return JSONResponse(list(self._requests))

    async def _record(self, request: Request) -> Response:
        name, key = request.path_params["collection"], request.path_params["id"]
        change = {} if request.method == "DELETE" else await request.json()
        for store in self._stores.values():
            held = store.records.get(name, {})
            if request.method != "PUT" and key not in held:
                return JSONResponse({"message": f"no {name} {key}"}, status_code=404)
            with store.lock:
                if request.method == "DELETE":
                    store.remove(name, key)
                    continue
                now = {"dateLastModified": store.stamp()}
                before = {} if request.method == "PUT" else held[key]
                store.put(name, {**before, **now, **change, "sourcedId": key})
        return JSONResponse({})
