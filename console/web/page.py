"""A page: a function, its place and its template. Whoever asks for JSON gets what it would show.

```python
@page("GET", "/tenants/{tenant}", needs=Permission.VIEW, template="home.html")
def home(visit: Visit, tenant: str) -> Data: ...
```

A page is never the only door: what it shows and does are operations, which judge the caller again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Concatenate, TypeVar

from starlette.responses import Response

from console.service.download import Download
from console.service.operation import SAFE_METHODS
from console.web.visit import Visit
from shared.domain.roles import Permission

#: What a page shows: ready for JSON.
Data = dict[str, Any]


class Access(Enum):
    """Who may ask for a page that needs no permission."""

    #: Everybody: it is how one signs in.
    PUBLIC = auto()
    #: Whoever has signed in; it shows no more than the caller may see.
    SIGNED_IN = auto()


@dataclass(frozen=True, slots=True)
class Redirect:
    """After something was done: the page to go on with, and what that page says of it."""

    to: str
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """What was sent cannot be taken: the template is shown again, with the error in its data."""

    data: Data
    status: int = 422


@dataclass(frozen=True)
class Page:
    """One row of the table of pages.

    Attributes:
        method: HTTP's.
        path: of the page.
        needs: the permission, in the tenant of the path, else for every tenant; or `Access`.
        function: makes its data.
        template: writes them; None: it always redirects, or answers by itself.
        is_live: whether it changes by itself: its template has the address of the stream in `live`.
    """

    method: str
    path: str
    needs: Permission | Access
    function: Callable[..., Any]
    template: str | None
    is_live: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing."""
        return self.method in SAFE_METHODS

    @property
    def has_tenant(self) -> bool:
        """Whether it is about one tenant."""
        return "{tenant}" in self.path

    @property
    def is_open_to_old_passwords(self) -> bool:
        """Whether somebody may ask who must set a new password first: it leads there, or out."""
        return self.path in ("/account", "/account/password", "/sign-out")

    def parameters(self) -> list[inspect.Parameter]:
        """Return what it takes of path and query, with their types."""
        told = inspect.signature(self.function, eval_str=True)
        return list(told.parameters.values())[1:]


_FUNCTION = TypeVar(
    "_FUNCTION",
    bound=Callable[Concatenate[Visit, ...], Data | Redirect | Refused | Download | Response],
)

_pages: list[Page] = []


def page(
    method: str,
    path: str,
    *,
    needs: Permission | Access,
    template: str | None = None,
    is_live: bool = False,
) -> Callable[[_FUNCTION], _FUNCTION]:
    """Enter a function into the table of pages; it stays as it is."""

    def enter(function: _FUNCTION) -> _FUNCTION:
        _pages.append(Page(method, path, needs, function, template, is_live))
        return function

    return enter


def pages() -> Iterator[Page]:
    """Yield every page of the modules that are imported; what is in a path comes before a name."""
    yield from sorted(
        _pages, key=lambda one: [part.startswith("{") for part in one.path.split("/")]
    )
