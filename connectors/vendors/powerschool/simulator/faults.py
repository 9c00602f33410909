"""What may go wrong on the simulated server, as data, and when it does.

A fault is `{"name": …, "times": 1, "after": 0, "on": "", "value": 1}`: it strikes `times` times,
after so many requests whose path and query contain `on`. Names:

- before the answer: `down` (302 to the message page), `busy` (429 with Retry-After), `busy_silent`
  (429 without), `unavailable` (503), `error` (500), `html` (200 with a page), `moved` (301),
  `expire` (every token is forgotten), `slow` (`value` seconds), `remove` (student `value` is gone)
- of the answer: `cut` (half of it), `drop` (the connection ends in the middle), `miscount` (a
  count is `value` too high), `short` (a page lacks its last record), `twice` (a page repeats its
  first record), `empty` (a page of nothing), `shape` (JSON that is no object)
- of a write: `silent` (no body), `unanswered` (no result for the last record), `lost` (carried out,
  then the connection ends), `warning` (each record is taken with a warning)
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from connectors.district.faults import Fault, Faults

NAMES = frozenset(
    {
        *("down", "busy", "busy_silent", "unavailable", "error", "html", "moved", "expire"),
        *("slow", "remove", "cut", "drop", "miscount", "short", "twice", "empty", "shape"),
        *("silent", "unanswered", "lost", "warning"),
    }
)


_BROKEN: dict[str, Callable[[Fault], Response]] = {
    "down": lambda _: RedirectResponse("https://message.powerschool.com/?server=simulated", 302),
    "moved": lambda _: RedirectResponse("https://moved.example/", 301),
    "busy": lambda _: PlainTextResponse(
        "Too many requests, wait 1 seconds", 429, headers={"Retry-After": "1"}
    ),
    "busy_silent": lambda _: PlainTextResponse("Too many requests, wait 1 seconds", 429),
    "unavailable": lambda _: PlainTextResponse("Service unavailable", 503),
    "error": lambda _: JSONResponse({"message": "An error occurred"}, status_code=500),
    "html": lambda _: Response("<html>PowerSchool page unavailable</html>", media_type="text/html"),
}


def make_faults() -> Faults:
    """Return a server's faults, of which none waits yet."""
    return Faults(NAMES, _BROKEN)
