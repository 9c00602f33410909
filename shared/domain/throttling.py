"""How long one must wait after attempts that failed, as data and one pure function."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may fail.

    Attributes:
        free: failures that cost no wait.
        base_s: the first wait, in seconds; it doubles with each failure.
        longest_s: the longest wait, in seconds.
        window_s: seconds from the first failure until it counts from nothing.
    """

    free: int
    base_s: float
    longest_s: float
    window_s: float


def wait_after(failures: int, limit: Limit) -> float:
    """Return the seconds to wait after so many failures.

    >>> limit = Limit(free=3, base_s=1, longest_s=10.0, window_s=3600)
    >>> [wait_after(n, limit) for n in range(1, 9)]
    [0.0, 0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 10.0]
    """
    if failures <= limit.free:
        return 0.0
    # the power is bounded, since nothing bounds the failures
    doublings = min(failures - limit.free - 1, 32)
    return min(limit.base_s * 2.0**doublings, limit.longest_s)
