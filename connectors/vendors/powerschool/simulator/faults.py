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

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

NAMES = frozenset(
    {
        *("down", "busy", "busy_silent", "unavailable", "error", "html", "moved", "expire"),
        *("slow", "remove", "cut", "drop", "miscount", "short", "twice", "empty", "shape"),
        *("silent", "unanswered", "lost", "warning"),
    }
)


@dataclass(slots=True)
class Fault:
    """One fault that waits for its time."""

    name: str
    times: int = 1
    after: int = 0
    on: str = ""
    value: float = 1


class Faults:
    """The faults that are asked for, by name."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def ask(self, given: Iterable[Mapping[str, Any]]) -> None:
        """Take faults.

        Raises:
            ValueError: there is no such fault, or it has another field.
        """
        for one in given:
            if one.get("name") not in NAMES or set(one) - set(Fault.__slots__):
                raise ValueError(f"not a fault: {one}")
            self._waiting.append(Fault(**one))

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()

    def strike(self, name: str, place: str) -> Fault | None:
        """Return the fault if it strikes this request, None if not.

        Args:
            name: of the fault.
            place: path and query of the request.
        """
        for fault in self._waiting:
            if fault.name == name and fault.on in place:
                if fault.after > 0:
                    fault.after -= 1
                    return None
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    def answer(self, place: str) -> Response | None:
        """Return the answer of a server in trouble, None: it is well."""
        for name, make in _BROKEN.items():
            if self.strike(name, place):
                return make()
        return None


_BROKEN: dict[str, Callable[[], Response]] = {
    "down": lambda: RedirectResponse("https://message.powerschool.com/?server=simulated", 302),
    "moved": lambda: RedirectResponse("https://moved.example/", 301),
    "busy": lambda: PlainTextResponse(
        "Too many requests, wait 1 seconds", 429, headers={"Retry-After": "1"}
    ),
    "busy_silent": lambda: PlainTextResponse("Too many requests, wait 1 seconds", 429),
    "unavailable": lambda: PlainTextResponse("Service unavailable", 503),
    "error": lambda: JSONResponse({"message": "An error occurred"}, status_code=500),
    "html": lambda: Response("<html>PowerSchool page unavailable</html>", media_type="text/html"),
}
