"""What may go wrong on the simulated server, beside the troubles that any server may be in.

Those are `connectors.district.troubles`; this server says some in words of its own, and knows more:

- before the answer: `remove` (student `value` is gone)
- of the answer: `miscount` (a count is `value` too high)
- of a write: `silent` (no body), `unanswered` (no result for the last record), `lost` (carried out,
  then the connection ends), `warning` (each record is taken with a warning)
"""

from __future__ import annotations

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from connectors.district import troubles
from connectors.district.faults import Fault, Faults
from connectors.district.troubles import make_faults as make

_OWN = ("remove", "miscount", "silent", "unanswered", "lost", "warning")
_SLOW_DOWN = "Too many requests, wait {:g} seconds"
_BROKEN: dict[str, Callable[[Fault], Response]] = {
    "down": lambda _: RedirectResponse("https://message.powerschool.com/?server=simulated", 302),
    "busy": lambda fault: PlainTextResponse(
        _SLOW_DOWN.format(fault.value), 429, headers={"Retry-After": f"{fault.value:g}"}
    ),
    "busy_silent": lambda _: PlainTextResponse(_SLOW_DOWN.format(1), 429),
    "unavailable": lambda _: PlainTextResponse("Service unavailable", 503),
    "error": lambda _: JSONResponse({"message": "An error occurred"}, status_code=500),
    "html": lambda _: Response("<html>PowerSchool page unavailable</html>", media_type="text/html"),
}


def make_faults() -> Faults:
    """Return a server's faults, of which none waits yet."""
    return make(_OWN, _BROKEN)
