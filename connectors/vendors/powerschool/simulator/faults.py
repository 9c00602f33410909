"""What may go wrong on the simulated server: what does on any (`connectors.district.troubles`).

This one's own, beyond those:

- before the answer: `remove` (student `value` is gone), `nothing` (404 with a page of HTML),
  `too_early` (status `value`, and words that tell to wait)
- of the answer: `miscount` (a count is `value` too high)
- of a write: `silent` (no body), `unanswered` (no result for the last record), `lost` (carried out,
  then the connection ends), `warning` (each record is taken with a warning)
"""

from __future__ import annotations

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from connectors.district import troubles
from connectors.district.faults import Fault, Faults

NAMES = ("remove", "miscount", "silent", "unanswered", "lost", "warning")
_PAGE = "<html>PowerSchool page unavailable</html>"
_EARLY = "Too many requests, wait 60 seconds"


def make_faults() -> Faults:
    """Return a server's faults, of which none waits yet."""
    return troubles.make_faults(
        NAMES,
        {
            "down": lambda _: RedirectResponse(
                "https://message.powerschool.com/?server=simulated", 302
            ),
            "nothing": lambda _: Response(_PAGE, 404, media_type="text/html"),
            "too_early": lambda fault: PlainTextResponse(_EARLY, int(fault.value)),
            "html": lambda _: Response(_PAGE, media_type="text/html"),
            "busy": lambda fault: _too_many(fault, {"Retry-After": f"{fault.value:g}"}),
            "busy_silent": lambda fault: _too_many(fault, {}),
            "error": lambda _: JSONResponse({"message": "An error occurred"}, status_code=500),
        },
    )


def _too_many(fault: Fault, headers: dict[str, str]) -> Response:
    told = f"Too many requests, wait {fault.value:g} seconds"
    return PlainTextResponse(told, 429, headers=headers)
