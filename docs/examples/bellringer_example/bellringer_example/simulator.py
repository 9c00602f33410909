"""The vendor's side for tests, from the vendor's documents: it shares no code with the client.

Example SIS answers `{"total", "revision", "data"}`. Each change moves the revision; with `since` a
list holds what has changed after one, and what was removed as `{"id", "removed": true}`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.district.model import District, Person
from connectors.district.troubles import damaged, make_faults
from connectors.sdk import Mounted

Item = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]


def mount(district: District, base_url: str) -> Mounted:
    """Return a server that holds a district, and the settings that reach it."""
    server = Server(district)
    settings = {"url": base_url, "client_id": server.key, "client_secret": server.secret}
    return Mounted(app=server.app, settings=settings, turn=server.turn)


class Server:
    """One simulated server."""

    def __init__(self, district: District) -> None:
        told = hashlib.sha256(f"{district.name}/{district.seed}".encode()).hexdigest()
        self.key, self.secret = told[:12], told[12:40]
        self._page_size = 1000
        self._faults = make_faults()
        self._requests: list[str] = []
        self._tokens: set[str] = set()
        self._revision = 1
        #: By list and id: the record, and the revision of its last change.
        self._held: dict[str, dict[str, tuple[Item, int]]] = {"schools": {}, "people": {}}
        self.turn(district)
        lists = [
            Route(f"/v1/{what}", self._watched(self._list(what))) for what in ("schools", "people")
        ]
        self.app = Starlette(
            routes=[
                *lists,
                Route("/token", self._watched(self._token), methods=["POST"]),
                Route("/_simulator/faults", self._set_faults, methods=["POST", "DELETE"]),
                Route("/_simulator/settings", self._set, methods=["POST"]),
                Route("/_simulator/requests", self._told),
            ]
        )

    def turn(self, district: District) -> None:
        """Hold the district of another day: what differs has changed now."""
        self._revision += 1
        for what, wanted in (("schools", _schools(district)), ("people", _people(district))):
            held = self._held[what]
            for key, item in wanted.items():
                if key not in held or held[key][0] != item:
                    held[key] = (item, self._revision)
            for key in [key for key in held if key not in wanted]:
                gone: Item = {"id": key, "removed": True}
                if held[key][0] != gone:
                    held[key] = (gone, self._revision)

    def _watched(self, handler: Handler) -> Handler:
        async def watched(request: Request) -> Response:
            path = request.url.path.removeprefix(request.scope.get("root_path", ""))
            place = f"{path}?{request.url.query}"
            self._requests.append(f"{request.method} {place}".rstrip("?"))
            if slow := self._faults.strike("slow", place):
                await asyncio.sleep(slow.value)
            if broken := self._faults.answer(place):
                return broken
            if self._faults.strike("expire", place):
                self._tokens.clear()
            return damaged(self._faults, await handler(request), place)

        return watched

    async def _token(self, request: Request) -> Response:
        form = {name: of[0] for name, of in parse_qs((await request.body()).decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != (self.key, self.secret):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        self._tokens.add(f"token-{len(self._requests)}")
        return JSONResponse({"access_token": f"token-{len(self._requests)}"})

    def _list(self, what: str) -> Handler:
        async def listed(request: Request) -> Response:
            if request.headers.get("authorization", "")[7:] not in self._tokens:
                return JSONResponse({"error": "unauthorized"}, status_code=401)
            asked = request.query_params
            held = self._held[what].values()
            if "since" in asked:
                found = [item for item, at in held if at > int(asked["since"])]
            else:
                found = [item for item, _ in held if "removed" not in item]
            size = min(int(asked.get("per_page", 100)), self._page_size)
            start = (int(asked.get("page", 1)) - 1) * size
            data = found[start : start + size]
            if self._faults.strike("empty", request.url.path):
                data = []
            if data and self._faults.strike("short", request.url.path):
                data = data[:-1]
            told = {"total": len(found), "revision": str(self._revision), "data": data}
            return JSONResponse(told)

        return listed

    async def _set_faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._faults.clear()
            return JSONResponse({})
        try:
            self._faults.ask(await request.json())
        except ValueError as error:
            return JSONResponse({"message": str(error)}, status_code=400)
        return JSONResponse({})

    async def _set(self, request: Request) -> Response:
        given = await request.json()
        if set(given) != {"page_size"}:
            return JSONResponse({"message": "there is page_size"}, status_code=400)
        self._page_size = given["page_size"]
        return JSONResponse({})

    async def _told(self, request: Request) -> Response:
        del request
        return JSONResponse(self._requests)


def _schools(district: District) -> dict[str, Item]:
    return {
        f"s{one.number}": {"id": f"s{one.number}", "name": one.name, "code": one.number}
        for one in district.schools
    }


def _people(district: District) -> dict[str, Item]:
    found = [_person(one.person, "teacher", one.schools[0], None) for one in district.teachers]
    found += [_person(one.person, "student", one.school, one.grade) for one in district.students]
    return {item["id"]: item for item in found}


def _person(person: Person, kind: str, school: int, level: str | None) -> Item:
    return {
        "id": f"p{person.number}",
        "kind": kind,
        "school": f"s{school}",
        "first": person.given_name,
        "last": person.family_name,
        "login": person.username,
        "mail": person.email,
        "number": person.number,
        "level": level,
        "active": True,
    }
