"""The simulated services' paths: token, Classroom and Directory, and apart from them the tests'.

Source: the bundled discovery documents (paths and scopes of every method).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.district.model import District
from connectors.district.troubles import damaged
from connectors.vendors.google_classroom.simulator.access import Access, may
from connectors.vendors.google_classroom.simulator.answers import GoogleError, Item
from connectors.vendors.google_classroom.simulator.batch import parts_of, reply
from connectors.vendors.google_classroom.simulator.classroom import Classroom
from connectors.vendors.google_classroom.simulator.control import Control, google_faults
from connectors.vendors.google_classroom.simulator.directory import Directory
from connectors.vendors.google_classroom.simulator.people import Asking
from connectors.vendors.google_classroom.simulator.requests import (
    Answer,
    Asked,
    Method,
    named,
    query_of,
)
from connectors.vendors.google_classroom.simulator.store import Store

_COURSES = ("classroom.courses",)
_ROSTERS = ("classroom.rosters",)
_PROFILES = (*_ROSTERS, "classroom.profile.emails")
_USERS = ("admin.directory.user",)
_UNITS = ("admin.directory.orgunit",)
_GUARDIANS = ("classroom.guardianlinks.students",)
_READING = {"GET": ".readonly"}


class Server:
    """One simulated Workspace.

    Args:
        district: of the first day.
        base_url: its address.
    """

    def __init__(self, district: District, base_url: str) -> None:
        self.store = Store(district)
        self.access = Access(district.name, self.store.admin["primaryEmail"], base_url)
        self.faults = google_faults()
        self.control = Control(self.store, self.access, self.faults, district)
        self.methods = _methods(self.store)
        verbs = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        self.app = Starlette(
            routes=[
                *self.control.routes(),
                Route("/token", self._token, methods=["POST"]),
                Route("/batch{rest:path}", self._batch, methods=["POST"]),
                Route("/{rest:path}", self._api, methods=verbs),
            ]
        )

    def turn(self, district: District) -> None:
        """Hold a district of another day: who has joined gets an account."""
        self.store.turn(district)

    async def _token(self, request: Request) -> Response:
        place = self.control.note(request)
        return await self._struck(place) or damaged(
            self.faults, self._dated(await self.access.token(request)), place
        )

    async def _batch(self, request: Request) -> Response:
        """Answer several requests, each as if it came alone; a fault may strike each of them."""
        place = self.control.note(request)
        struck = await self._struck(place)
        if struck is not None:
            return struck
        try:
            parts = parts_of(request.headers.get("content-type", ""), await request.body())
        except GoogleError as error:
            return self._dated(error.response())
        return reply([(part, await self._api(part.request(request.scope))) for part in parts])

    async def _api(self, request: Request) -> Response:
        place = self.control.note(request)
        struck = await self._struck(place)
        if struck is not None:
            return struck
        try:
            body = await self._answer(request, place)
        except GoogleError as error:
            return self._dated(error.response())
        if self.faults.strike("lost", place):
            # it was done, and nobody hears of it
            return Response(status_code=503)
        return damaged(self.faults, self._dated(JSONResponse(body)), place)

    async def _struck(self, place: str) -> Response | None:
        if slow := self.faults.strike("slow", place):
            await asyncio.sleep(slow.value)
        if self.faults.strike("expire", place):
            self.access.forget_tokens()
        return self.faults.answer(place)

    async def _answer(self, request: Request, place: str) -> Item:
        method, path = self._method(request)
        scopes = self.access.scopes_of(request)
        if scopes is None:
            told = "Request had invalid authentication credentials."
            raise GoogleError(401, told)
        reading = _READING.get(request.method, "")
        needed = (*method.scopes, *(f"{scope}{reading}" for scope in method.scopes))
        if not may(scopes, *needed):
            told = "Request had insufficient authentication scopes."
            raise GoogleError(403, told, reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        asked = Asked(path, query_of(request.url.query), await request.body(), scopes)
        body = await run_in_threadpool(self._locked, method, asked)
        for key, found in body.items():
            if isinstance(found, list) and request.method == "GET":
                if self.faults.strike("short", place):
                    return {**body, key: found[:-1]}
                if self.faults.strike("empty", place):
                    return {}
        return body

    def _locked(self, method: Method, asked: Asked) -> Item:
        with self.store.lock:
            return method.answer(asked)

    def _method(self, request: Request) -> tuple[Method, dict[str, str]]:
        raw = request.scope.get("raw_path", request.url.path.encode()).decode()
        prefix = request.scope.get("root_path", "")
        segments = raw.removeprefix(prefix).strip("/").split("/")
        for method in self.methods:
            if method.verb == request.method:
                found = named(method.path, segments)
                if found is not None:
                    return method, found
        raise GoogleError(404, "Method not found.")

    def _dated(self, response: Response) -> Response:
        if self.access.skew_s:
            response.headers["Date"] = formatdate(time.time() + self.access.skew_s, usegmt=True)
        return response


def _methods(store: Store) -> list[Method]:
    classroom = Classroom(store)
    directory, asking = Directory(store), Asking(store, classroom)
    course, profile = "v1/courses/{course}", "v1/userProfiles/{student}"
    users, units = "admin/directory/v1/users", "admin/directory/v1/customer/{customer}/orgunits"
    unit = f"{units}/{{+unit}}"
    members, invitation = f"{course}/{{list}}", f"{profile}/guardianInvitations/{{invitation}}"
    listed = [
        Method("GET", "v1/courses", _COURSES, classroom.courses),
        Method("POST", "v1/courses", _COURSES, classroom.create),
        Method("GET", "v1/courses/{id}", _COURSES, classroom.get),
        Method("PATCH", "v1/courses/{id}", _COURSES, classroom.patch),
        Method("PUT", "v1/courses/{id}", _COURSES, classroom.update),
        Method("DELETE", "v1/courses/{id}", _COURSES, classroom.delete),
        Method("GET", f"{course}/aliases", _COURSES, classroom.aliases),
        Method("POST", f"{course}/aliases", _COURSES, classroom.add_alias),
        Method("DELETE", f"{course}/aliases/{{alias}}", _COURSES, classroom.remove_alias),
        Method("GET", members, _ROSTERS, classroom.members),
        Method("POST", members, _ROSTERS, classroom.add_member),
        Method("GET", f"{members}/{{user}}", _ROSTERS, classroom.member),
        Method("DELETE", f"{members}/{{user}}", _ROSTERS, classroom.remove_member),
        Method("GET", "v1/invitations", _ROSTERS, asking.invitations),
        Method("POST", "v1/invitations", _ROSTERS, asking.invite),
        Method("POST", "v1/invitations/{invitation}:accept", _ROSTERS, asking.accept),
        Method("GET", "v1/invitations/{invitation}", _ROSTERS, asking.invitation),
        Method("DELETE", "v1/invitations/{invitation}", _ROSTERS, asking.uninvite),
        Method("GET", profile, _PROFILES, asking.profile),
        Method("GET", f"{profile}/guardians", _GUARDIANS, asking.guardians),
        Method("GET", f"{profile}/guardians/{{guardian}}", _GUARDIANS, asking.guardian),
        Method("DELETE", f"{profile}/guardians/{{guardian}}", _GUARDIANS, asking.remove_guardian),
        Method("GET", f"{profile}/guardianInvitations", _GUARDIANS, asking.guardian_invitations),
        Method("POST", f"{profile}/guardianInvitations", _GUARDIANS, asking.invite_guardian),
        Method("GET", invitation, _GUARDIANS, asking.guardian_invitation),
        Method("PATCH", invitation, _GUARDIANS, asking.change_guardian_invitation),
        Method("GET", users, _USERS, directory.users),
        Method("POST", users, _USERS, directory.insert),
        Method("GET", f"{users}/{{user}}", _USERS, directory.get),
        Method("PATCH", f"{users}/{{user}}", _USERS, directory.patch),
        Method("PUT", f"{users}/{{user}}", _USERS, directory.patch),
        Method("DELETE", f"{users}/{{user}}", _USERS, directory.delete),
        Method("POST", f"{users}/{{user}}/undelete", _USERS, directory.undelete),
        Method("GET", units, _UNITS, directory.units),
        Method("POST", units, _UNITS, directory.add_unit),
        Method("GET", unit, _UNITS, directory.unit),
        Method("PATCH", unit, _UNITS, directory.change_unit),
        Method("PUT", unit, _UNITS, directory.change_unit),
        Method("DELETE", unit, _UNITS, directory.remove_unit),
    ]
    # by name, since a pattern would take any word for a list
    return [
        Method(one.verb, one.path.replace("{list}", name), one.scopes, _on(one, name))
        if "{list}" in one.path
        else one
        for one in listed
        for name in (("teachers", "students") if "{list}" in one.path else ("",))
    ]


def _on(method: Method, listed: str) -> Answer:
    def answer(asked: Asked) -> Item:
        return method.answer(replace(asked, path={**asked.path, "list": listed}))

    return answer
