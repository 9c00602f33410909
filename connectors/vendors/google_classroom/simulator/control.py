"""The tests' own paths on the simulated Workspace, under `/_simulator`, apart from Google's.

- `POST /_simulator/faults` takes a list of faults (see `connectors.district.troubles`), among them
  `quota_exceeded` and `user_rate` (403 with Google's reason), `rate_limited` (429 in Google's
  envelope, Retry-After `value`), `lost` (carried out, then 503); `DELETE` forgets all.
- `POST /_simulator/settings` takes `page_size`, `token_life_s`, `clock_skew_s`, `scopes` (those
  that are delegated, null: all), the limits `members`, `teachers`, `new_user_misses`,
  `folder_lags`, and `courses` (so many sections get courses that their teachers make).
- `GET /_simulator/requests` tells the requests so far, as `METHOD PATH?QUERY`; `DELETE` forgets
  them.
- `POST /_simulator/guardians/INVITATION` lets the invited guardian accept.
"""

from __future__ import annotations

from collections import deque

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.district.faults import Fault, Faults, fault_route
from connectors.district.model import District
from connectors.district.troubles import make_faults
from connectors.vendors.google_classroom.simulator.access import Access
from connectors.vendors.google_classroom.simulator.answers import GoogleError
from connectors.vendors.google_classroom.simulator.store import Store

#: Requests that are remembered.
REMEMBERED = 20_000


def google_faults() -> Faults:
    """Return a server's faults, of which none waits yet."""
    return make_faults(
        ("lost",),
        {
            "quota_exceeded": lambda _: _quota("quotaExceeded"),
            "user_rate": lambda _: _quota("userRateLimitExceeded"),
            "rate_limited": _limited,
        },
    )


def _quota(reason: str) -> Response:
    return GoogleError(403, "Quota exceeded.", reason=reason).response()


def _limited(fault: Fault) -> Response:
    response = GoogleError(429, "Resource has been exhausted (e.g. check quota).").response()
    response.headers["Retry-After"] = f"{fault.value:g}"
    return response


class Control:
    """Changes a simulated Workspace from outside."""

    def __init__(self, store: Store, access: Access, faults: Faults, district: District) -> None:
        self._store = store
        self._access = access
        self._faults = faults
        self._district = district
        self._requests: deque[str] = deque(maxlen=REMEMBERED)

    def note(self, request: Request) -> str:
        """Remember a request of Google's paths; returns how it is told."""
        raw = request.scope.get("raw_path", request.url.path.encode()).decode()
        path = raw.removeprefix(request.scope.get("root_path", ""))
        told = f"{request.method} {path}?{request.url.query}".rstrip("?")
        self._requests.append(told)
        return told

    def routes(self) -> list[Route]:
        """Return the paths."""
        return [
            fault_route(self._faults),
            Route("/_simulator/settings", self._set, methods=["POST"]),
            Route("/_simulator/requests", self._told_requests, methods=["GET", "DELETE"]),
            Route("/_simulator/guardians/{invitation}", self._accept, methods=["POST"]),
        ]

    async def _set(self, request: Request) -> Response:
        for name, value in (await request.json()).items():
            match name:
                case "token_life_s":
                    self._access.life_s = value
                case "clock_skew_s":
                    self._access.skew_s = value
                case "scopes":
                    self._access.delegated = None if value is None else frozenset(value)
                case "courses":
                    with self._store.lock:
                        self._store.teach(self._district, int(value))
                case _ if name in type(self._store.limits).__slots__:
                    setattr(self._store.limits, name, value)
                case _:
                    return JSONResponse({"message": f"no setting {name}"}, status_code=400)
        return JSONResponse({})

    async def _told_requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._requests.clear()
        return JSONResponse(list(self._requests))

    async def _accept(self, request: Request) -> Response:
        found = self._store.guardian_invitations.get(request.path_params["invitation"])
        if found is None or found["state"] != "PENDING":
            return JSONResponse({"message": "no such invitation waits"}, status_code=404)
        with self._store.lock:
            return JSONResponse(self._store.accept_guardian(found))
