"""What an HTTP status means for a job, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType


class Outcome(Enum):
    """What to do with an answer."""

    #: It can be read.
    OK = auto()
    #: The token may be old: sign in again, then it is a denial.
    UNAUTHORIZED = auto()
    #: Later it may work.
    RETRY = auto()
    #: Too many requests: it was not carried out, and the server may say how long to wait.
    RATE_LIMITED = auto()
    #: The server lives at another address for good.
    MOVED = auto()
    #: Somebody must change a setting or a permission.
    DENIED = auto()
    #: There is no such thing; the caller knows what that means.
    MISSING = auto()
    #: The request itself is wrong.
    REFUSED = auto()


#: By exact status; else by its hundreds.
BY_STATUS: Mapping[int, Outcome] = MappingProxyType(
    {
        301: Outcome.MOVED,
        308: Outcome.MOVED,
        401: Outcome.UNAUTHORIZED,
        403: Outcome.DENIED,
        404: Outcome.MISSING,
        408: Outcome.RETRY,
        410: Outcome.MISSING,
        425: Outcome.RETRY,
        429: Outcome.RATE_LIMITED,
    }
)
BY_CLASS: Mapping[int, Outcome] = MappingProxyType(
    {
        2: Outcome.OK,
        # a server that is down sends a browser elsewhere; what lies there is no answer
        3: Outcome.RETRY,
        4: Outcome.REFUSED,
        5: Outcome.RETRY,
    }
)


def outcome_of(status: int) -> Outcome:
    """Return what a status means.

    >>> outcome_of(503).name
    'RETRY'
    """
    return BY_STATUS.get(status, BY_CLASS.get(status // 100, Outcome.REFUSED))
