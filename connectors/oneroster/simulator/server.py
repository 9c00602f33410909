"""The simulated server's paths: the standard's, and apart from them those of the tests.

Source: OneRoster 1.1 (2017-04-17) §3 and 1.2 (2022-06-06): collections, single records, joins, the
envelope named after the collection, `limit` 100 and `offset` 0 by default, errors as
`imsx_StatusInfo`. Whether a server tells totals and links, filters, or gives pages as long as asked
for is set by test, since servers differ.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.district.model import District
from connectors.district.troubles import damaged
from connectors.oneroster.simulator.access import Access
from connectors.oneroster.simulator.control import Control
from connectors.oneroster.simulator.faults import oneroster_faults
from connectors.oneroster.simulator.paths import LISTS, SINGLES, Listing, parent_of
from connectors.oneroster.simulator.queries import BadQueryError, only, sorted_by, test_of
from connectors.oneroster.simulator.records import Record
from connectors.oneroster.simulator.store import Amend, Store, encode

Handler = Callable[[Request], Awaitable[Response]]
#: Records of a page unless asked for otherwise.
DEFAULT_LIMIT = 100


@dataclass(slots=True)
class Habits:
    """What servers do differently.

    Attributes:
        totals: whether `X-Total-Count` is told.
        links: whether `Link` is told.
        page_size: the longest page, however long a one is asked for.
        filters: honoured, ignored, refused, or empty (whatever is filtered is nothing).
        behind: what a page behind the last one is: empty, or missing (404).
    """

    totals: bool = True
    links: bool = True
    page_size: int = 10_000
    filters: str = "honoured"
    behind: str = "empty"


class Server:
    """One simulated server.

    Args:
        district: of the first day.
        base_url: its address.
        roots: by version, the path of its services.
        token_path: where it gives tokens.
        habits: what it does that others do otherwise.
        amend: makes a record what this vendor's server would write.
        salt: so that two vendors' credentials differ.
    """

    def __init__(
        self,
        district: District,
        base_url: str,
        *,
        roots: Mapping[str, tuple[str, ...]],
        token_path: str,
        habits: Habits,
        amend: Amend,
        salt: str,
    ) -> None:
        self._base_url = base_url
        self.habits = habits
        self.access = Access(district, salt)
        self.faults = oneroster_faults()
        self.stores = {
            version: Store(district, version, f"{base_url}{paths[0]}", amend)
            for version, paths in roots.items()
        }
        self.control = Control(self.stores, self.access, self.faults, habits)
        routes = [Route(token_path, self._watched(self.access.token), methods=["POST"])]
        for version, paths in roots.items():
            for root in paths:
                routes += self._routes(self.stores[version], root)
        newest = max(roots)

        async def unknown(request: Request, error: Exception) -> Response:
            del request, error
            return problem(newest, 404, "unknownobject", "There is no such endpoint.")

        self.app = Starlette(
            routes=[*routes, *self.control.routes()], exception_handlers={404: unknown}
        )

    def turn(self, district: District) -> None:
        """Hold a district of another day."""
        for store in self.stores.values():
            store.turn(district)

    def _routes(self, store: Store, root: str) -> list[Route]:
        routes = [
            Route(
                f"{root}{listing.path}",
                self._guard(store, listing.collection, self._list(store, listing)),
            )
            for listing in LISTS
        ]
        for path, collection, key in SINGLES:
            one = self._guard(store, collection, self._one(store, collection, key))
            routes.append(Route(f"{root}/{path}/{{id}}", one))
        return routes

    def _watched(self, handler: Handler) -> Handler:
        """Let faults strike before and after a handler."""

        async def watched(request: Request) -> Response:
            place = self.control.note(request)
            if slow := self.faults.strike("slow", place):
                await asyncio.sleep(slow.value)
            if broken := self.faults.answer(place):
                return broken
            if self.faults.strike("expire", place):
                self.access.forget_tokens()
            if self.faults.strike("leaves", place):
                self.control.lose_first_user()
            if self.faults.strike("joins", place):
                self.control.put_user_in_front()
            response = await handler(request)
            if self.access.skew_s:
                response.headers["Date"] = formatdate(time.time() + self.access.skew_s, usegmt=True)
            return damaged(self.faults, response, place)

        return watched

    def _guard(self, store: Store, collection: str, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            refused = self.access.refusal(request, collection)
            if refused is not None:
                status, told = refused
                minor = "unauthorisedrequest" if status != 403 else "forbidden"
                return problem(store.version, status, minor, told)
            try:
                return await handler(request)
            except BadQueryError as error:
                return problem(store.version, 400, error.minor, str(error))

        return self._watched(guarded)

    def _list(self, store: Store, listing: Listing) -> Handler:
        parent = parent_of(listing.path)

        async def listed(request: Request) -> Response:
            if parent and request.path_params["of"] not in store.records[parent]:
                return problem(store.version, 404, "unknownobject", "There is no such record.")
            limit, offset = _numbers(request)
            limit = min(limit, self.habits.page_size)
            place = request.url.query
            sent, total = self._select(store, listing, request, offset, limit)
            if not sent and offset and self.habits.behind == "missing":
                return problem(store.version, 404, "unknownobject", "There is no such page.")
            at = f"{request.url.path}?{place}"
            if sent and self.faults.strike("short", at):
                sent = sent[:-1]
            if self.faults.strike("empty", at):
                sent = []
            if fault := self.faults.strike("miscount", at):
                total += int(fault.value)
            body = b'{"%s":[%s]}' % (listing.collection.encode(), b",".join(sent))
            headers = self._headers(request, limit, offset, total)
            return Response(body, media_type="application/json", headers=headers)

        return listed

    def _select(
        self, store: Store, listing: Listing, request: Request, offset: int, limit: int
    ) -> tuple[list[bytes], int]:
        """Return a page of what is asked for, and how many records there are of it."""
        params = request.query_params
        filter_ = params.get("filter") if self.habits.filters != "ignored" else None
        if filter_ and self.habits.filters == "refused":
            raise BadQueryError("invalid_filter_field", "Filters are not supported.")
        if filter_ and self.habits.filters == "empty":
            return [], 0
        plain = listing.test is None and not filter_ and not {"sort", "fields"} & set(params)
        if plain:
            return store.page(listing.collection, offset, offset + limit)
        with store.lock:
            found = list(store.records[listing.collection].values())
            links = listing.links(store.records, request.path_params) if listing.links else None
        known = {name for record in found for name in record}
        if listing.test is not None:
            found = [one for one in found if listing.test(one, request.path_params, links)]
        if filter_:
            found = list(filter(test_of(filter_, known), found))
        if "sort" in params:
            found = sorted_by(found, params["sort"], params.get("orderBy", "asc"), known)
        page = found[offset : offset + limit]
        if "fields" in params:
            page = [only(record, params["fields"]) for record in page]
        return [encode(record) for record in page], len(found)

    def _headers(self, request: Request, limit: int, offset: int, total: int) -> dict[str, str]:
        headers = {}
        if self.habits.totals:
            headers["X-Total-Count"] = str(total)
        if self.habits.links:
            places = {"first": 0, "last": max(0, (total - 1) // limit * limit)}
            if offset + limit < total:
                places["next"] = offset + limit
            if offset:
                places["prev"] = max(0, offset - limit)
            others = {k: v for k, v in request.query_params.items() if k not in {"limit", "offset"}}
            path = request.url.path
            headers["Link"] = ", ".join(
                f"<{request.url.scheme}://{request.headers['host']}{path}"
                f'?{urlencode({**others, "limit": limit, "offset": at})}>; rel="{name}"'
                for name, at in places.items()
            )
        return headers

    def _one(self, store: Store, collection: str, envelope: str) -> Handler:
        async def one(request: Request) -> Response:
            record: Record | None = store.records[collection].get(request.path_params["id"])
            if record is None:
                return problem(store.version, 404, "unknownobject", "There is no such record.")
            return JSONResponse({envelope: record})

        return one


def _numbers(request: Request) -> tuple[int, int]:
    try:
        limit = int(request.query_params.get("limit", DEFAULT_LIMIT))
        offset = int(request.query_params.get("offset", 0))
    except ValueError as error:
        raise BadQueryError("invaliddata", "limit and offset are numbers.") from error
    if limit < 1 or offset < 0:
        raise BadQueryError("invaliddata", "limit is at least 1, offset at least 0.")
    return limit, offset


def problem(version: str, status: int, minor: str, told: str) -> Response:
    """Return an error as a version writes it."""
    info = {
        "imsx_codeMajor": "failure",
        "imsx_severity": "error",
        "imsx_description": told,
    }
    field = {
        "imsx_codeMinorFieldName": "TargetEndSystem",
        "imsx_codeMinorFieldValue": minor,
    }
    if version == "1.1":
        body: dict[str, object] = {"statusInfoSet": [{**info, "imsx_codeMinor": minor}]}
    else:
        body = {"imsx_StatusInfo": {**info, "imsx_CodeMinor": {"imsx_codeMinorField": [field]}}}
    return JSONResponse(body, status_code=status)
