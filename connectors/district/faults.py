"""What may go wrong on a simulated server, as data, and when it does.

A fault is `{"name": …, "times": 1, "after": 0, "on": "", "value": 1}`: it strikes `times` times,
after so many requests whose path and query contain `on`. Each vendor's simulator names its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass(slots=True)
class Fault:
    """One fault that waits for its time."""

    name: str
    times: int = 1
    after: int = 0
    on: str = ""
    value: float = 1


class Faults:
    """The faults that are asked for, by name.

    Args:
        names: that a vendor's simulator knows.
        broken: those that make up the whole answer, and how.
    """

    def __init__(
        self, names: Collection[str], broken: Mapping[str, Callable[[Fault], Response]]
    ) -> None:
        self._names = frozenset(names)
        self._broken = dict(broken)
        self._waiting: list[Fault] = []

    def ask(self, given: Iterable[Mapping[str, Any]]) -> None:
        """Take faults.

        Raises:
            ValueError: there is no such fault, or it has another field.
        """
        for one in given:
            if not isinstance(one, Mapping):
                raise ValueError('give a list of faults, such as [{"name": "busy"}]')
            if one.get("name") not in self._names or set(one) - set(Fault.__slots__):
                raise ValueError(f"not a fault: {one}")
            self._waiting.append(Fault(**one))

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()

    def is_asked(self, name: str) -> bool:
        """Return whether a fault of this name waits for its time."""
        return any(fault.name == name for fault in self._waiting)

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
        for name, make in self._broken.items():
            if fault := self.strike(name, place):
                return make(fault)
        return None


def fault_route(faults: Faults) -> Route:
    """Return the path by which tests ask for faults: `POST` takes a list, `DELETE` forgets all."""

    async def asked(request: Request) -> Response:
        if request.method == "DELETE":
            faults.clear()
            return JSONResponse({})
        try:
            faults.ask(await request.json())
        except (ValueError, TypeError) as error:
            return JSONResponse({"message": str(error)}, status_code=400)
        return JSONResponse({})

    return Route("/_simulator/faults", asked, methods=["POST", "DELETE"])
