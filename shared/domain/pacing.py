"""How fast a vendor may be asked: budgets of requests that everybody who asks it shares.

A budget is a token bucket, kept as the one number of GCRA: the instant at which its next request
would be on time if all were evenly spaced. A request may come early by the bucket's burst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any `period_s` seconds; a tenth of them may come at once."""

    requests: int
    period_s: float

    @property
    def burst(self) -> int:
        """How many requests may come early."""
        return self.requests // 10

    @property
    def interval_s(self) -> float:
        """Seconds between two requests, so that those and a burst are no more than allowed."""
        return self.period_s / (self.requests - self.burst)


@dataclass(frozen=True, slots=True)
class Turn:
    """When a request may go, and what its buckets hold then.

    Attributes:
        at: the instant, in the seconds that `reserve` was asked in.
        free_at: by rate, what is to be kept.
    """

    at: float
    free_at: tuple[float, ...]


def reserve(rates: Sequence[Rate], free_at: Sequence[float], now: float) -> Turn:
    """Return the first turn that all rates allow.

    Args:
        rates: one or more.
        free_at: by rate, what was kept of the turn before; 0: there was none.
        now: seconds on any clock that all who share the budget read.

    >>> rate = Rate(1, 2.0)
    >>> reserve([rate], reserve([rate], [0.0], 100.0).free_at, 100.5).at
    102.0
    """
    both = list(zip(rates, free_at, strict=True))
    at = max(now, *(free - rate.burst * rate.interval_s for rate, free in both))
    return Turn(at, tuple(max(free, at) + rate.interval_s for rate, free in both))


class Pacer(Protocol):
    """Keeps the budgets of vendor accounts.

    Every adapter holds: whoever shares it, no more requests are let through than a rate allows; a
    turn that was given is taken, whether the request is sent or not.
    """

    def take(self, account: str, rates: Sequence[Rate], longest_s: float) -> float:
        """Take the next turn of an account, and return the seconds until then.

        Where it is further away than `longest_s`, it is not taken.
        """
        ...

    def hold(self, account: str, rates: Sequence[Rate], seconds: float) -> None:
        """Let nobody ask for an account for a while: its vendor has said so."""
        ...
