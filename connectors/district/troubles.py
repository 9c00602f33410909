"""The troubles that any vendor's server may be in, which every simulator has by the same names.

- before the answer: `unauthorized` (401), `denied` (403), `missing` (404), `busy` (429, Retry-After
  `value`), `busy_silent` (429 without), `error` (500), `unavailable` (503), `html` (200 with a
  page), `down` (302 to a status page), `moved` (301)
- what a server strikes for itself: `expire` (every token is forgotten), `slow` (`value` seconds),
  `short` (a page lacks its last record), `empty` (a list is empty)
- of the answer: `drip` (a byte each `value` seconds), `endless` (a body that never ends), `cut`
  (half of it), `drop` (the connection ends in the middle), `shape` (JSON that is no envelope),
  `twice` (the first record of a list comes once more at its end)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response, StreamingResponse

from connectors.district.faults import Fault, Faults

_STRUCK_BY_THE_SERVER = ("expire", "slow", "short", "empty")
_OF_THE_BODY = ("drip", "endless", "cut", "drop", "shape", "twice")
_PAGE = "<html><body>We will be back soon.</body></html>"

Maker = Callable[[Fault], Response]


def _status(code: int) -> Maker:
    return lambda _: Response(status_code=code)


_BROKEN: dict[str, Maker] = {
    "unauthorized": _status(401),
    "denied": _status(403),
    "missing": _status(404),
    "busy": lambda fault: Response(status_code=429, headers={"Retry-After": f"{fault.value:g}"}),
    "busy_silent": _status(429),
    "error": _status(500),
    "unavailable": _status(503),
    "html": lambda _: Response(_PAGE, media_type="text/html"),
    "down": lambda _: RedirectResponse("https://status.example/down?host=simulated", 302),
    "moved": lambda _: RedirectResponse("https://moved.example/", 301),
}


def make_faults(more: Collection[str] = (), broken: Mapping[str, Maker] | None = None) -> Faults:
    """Return a server's faults, of which none waits yet.

    Args:
        more: faults that are this vendor's own.
        broken: answers that this vendor gives otherwise than most, or alone.
    """
    answers = {**_BROKEN, **(broken or {})}
    return Faults({*answers, *_STRUCK_BY_THE_SERVER, *_OF_THE_BODY, *more}, answers)


def damaged(faults: Faults, response: Response, place: str) -> Response:
    """Return an answer as a fault of its body leaves it.

    Args:
        faults: of the server.
        response: as it should be; one that is no success is left alone.
        place: path and query of the request.
    """
    if response.status_code != 200:
        return response
    body, kind = bytes(response.body), "application/json"
    if faults.strike("cut", place):
        return Response(body[: len(body) // 2], media_type=kind)
    if faults.strike("shape", place):
        return Response(b"[1,2]", media_type=kind)
    if faults.is_asked("twice") and _has_list(body) and faults.strike("twice", place):
        return _repeating(response)
    if faults.strike("drop", place):
        return StreamingResponse(_broken_off(body), media_type=kind)
    if faults.strike("endless", place):
        return StreamingResponse(_endless(), media_type=kind)
    if fault := faults.strike("drip", place):
        return StreamingResponse(_dripping(body, fault.value), media_type=kind)
    return response


def _repeating(response: Response) -> Response:
    """Return an answer whose list repeats its first record; its headers say what they said."""
    found = json.loads(bytes(response.body))
    records = _first_list(found)
    records.append(records[0])
    headers = {name: of for name, of in response.headers.items() if name != "content-length"}
    return Response(json.dumps(found), headers=headers)


def _has_list(body: bytes) -> bool:
    try:
        return bool(_first_list(json.loads(body)))
    except ValueError:
        return False


def _first_list(found: Any) -> list[Any]:
    """Return the first list of objects that a document holds, from the outside in; else none."""
    if isinstance(found, list):
        return found if found and all(isinstance(one, dict) for one in found) else []
    inner = found.values() if isinstance(found, dict) else ()
    return next((records for one in inner if (records := _first_list(one))), [])


async def _broken_off(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionResetError("asked for by a fault")


async def _endless() -> AsyncIterator[bytes]:
    yield b'{"records":['
    while True:
        yield b" " * 65_536
        await asyncio.sleep(0)


async def _dripping(body: bytes, every_s: float) -> AsyncIterator[bytes]:
    for place in range(len(body)):
        yield body[place : place + 1]
        await asyncio.sleep(every_s)
