"""An operation: a function that CLI, pages and REST API share, and its place in the API.

```python
@operation("POST", "/tenants/{tenant}/apps/{app}/pause", needs=Permission.OPERATE)
def pause_app(means: Means, tenant: str, app: str, wish: Pause) -> Shown: ...
```

The names in the path are arguments of the function; an argument that is a pydantic model is the
request's body; all others are the query. What it returns can be told as JSON.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any, Concatenate, TypeVar

from pydantic import BaseModel

from console.service.means import Means
from shared.domain.roles import Permission

#: Methods by which nothing is changed.
SAFE_METHODS = frozenset({"GET", "HEAD"})


class Reach(Enum):
    """Whose an operation's answer is, by which the caller's permission is judged."""

    #: The tenant's in the path.
    TENANT = auto()
    #: Everybody's: the permission must be given for every tenant.
    INSTANCE = auto()
    #: The caller's own; the operation itself leaves out what the caller may not see.
    CALLER = auto()


@dataclass(frozen=True)
class Operation:
    """One row of the table of operations.

    Attributes:
        method: HTTP's.
        path: below `/api/v1`.
        needs: the permission.
        reach: whose it is.
        function: what does it.
        subject: what it is about, by the module; the API's pages are grouped by it.
        is_audited: whether it is written into the audit log; what changes something is.
    """

    method: str
    path: str
    needs: Permission
    reach: Reach
    function: Callable[..., Any]
    subject: str
    is_audited: bool

    @property
    def name(self) -> str:
        """Return the function's name, which is unique."""
        return self.function.__name__

    @cached_property
    def signature(self) -> inspect.Signature:
        """Return the arguments that a caller gives, with their types."""
        told = inspect.signature(self.function, eval_str=True)
        return told.replace(parameters=list(told.parameters.values())[1:])

    @cached_property
    def body(self) -> str | None:
        """Return the name of the argument that is the request's body, None: it has none."""
        for parameter in self.signature.parameters.values():
            kind = parameter.annotation
            if inspect.isclass(kind) and issubclass(kind, BaseModel):
                return parameter.name
        return None

    @cached_property
    def in_path(self) -> frozenset[str]:
        """Return the names of the arguments that stand in the path."""
        return frozenset(re.findall(r"{(\w+)}", self.path))


_FUNCTION = TypeVar("_FUNCTION", bound=Callable[Concatenate[Means, ...], Any])

_operations: dict[Callable[..., Any], Operation] = {}


def operation(
    method: str,
    path: str,
    *,
    needs: Permission,
    reach: Reach | None = None,
    is_audited: bool | None = None,
) -> Callable[[_FUNCTION], _FUNCTION]:
    """Enter a function into the table of operations; it stays as it is.

    Args:
        method: HTTP's: GET changes nothing.
        path: below `/api/v1`.
        needs: what the caller must be permitted.
        reach: whose it is; by default the tenant's where the path names one, else everybody's.
        is_audited: whether it is written into the audit log; by default what is not only read is.
    """

    def enter(function: _FUNCTION) -> _FUNCTION:
        has_tenant = "{tenant}" in path
        if has_tenant and reach not in (None, Reach.TENANT):
            raise TypeError(f"{function.__name__}: a path with a tenant reaches that tenant alone")
        _operations[function] = Operation(
            method=method,
            path=path,
            needs=needs,
            reach=reach or (Reach.TENANT if has_tenant else Reach.INSTANCE),
            function=function,
            subject=function.__module__.rpartition(".")[2],
            is_audited=method not in SAFE_METHODS if is_audited is None else is_audited,
        )
        return function

    return enter


def operation_of(function: Callable[..., Any]) -> Operation:
    """Return an operation by its function.

    Raises:
        KeyError: the function is none.
    """
    return _operations[function]


def operations() -> Iterator[Operation]:
    """Yield every operation of the modules that are imported, by path and method."""
    yield from sorted(_operations.values(), key=lambda one: (one.path, one.method))
