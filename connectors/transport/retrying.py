"""When a request is tried again, and after which wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connectors.transport.outcomes import Outcome, outcome_of

#: Waits between quick tries of a request that is safe to repeat, in seconds.
QUICK_WAITS_S = (0.2, 1.0)
#: Waits after "too many requests" that says no time, in seconds; the job tries again after these.
RATE_WAITS_S = (1.0, 2.0, 4.0, 8.0)
#: The longest time that a server may make a running job wait; longer, the job itself waits.
LONGEST_WAIT_S = 30.0


@dataclass(slots=True)
class Tries:
    """The tries that one request has left.

    Attributes:
        is_safe: whether it may be sent again after it may have been carried out.
    """

    is_safe: bool
    _quick: Iterator[float] = field(init=False)
    _rate: Iterator[float] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with all of them."""
        self._quick = iter(QUICK_WAITS_S if self.is_safe else ())
        self._rate = iter(RATE_WAITS_S)

    def wait_s(self, status: int | None, headers: Mapping[str, str]) -> float | None:
        """Return the seconds to wait before the next try; None: there is none.

        Args:
            status: of the answer, None: there was none.
            headers: of the answer.
        """
        if status is None:
            return next(self._quick, None)
        outcome = outcome_of(status)
        asked_s = retry_after_s(headers)
        if outcome is Outcome.RATE_LIMITED:
            usual_s = next(self._rate, None)
            wait_s = usual_s if usual_s is None or asked_s is None else asked_s
        elif outcome is Outcome.RETRY and status >= 400:
            usual_s = next(self._quick, None)
            wait_s = usual_s if usual_s is None or asked_s is None else max(asked_s, usual_s)
        else:
            # what is sent elsewhere is sent there the next second too
            return None
        return wait_s if wait_s is None or wait_s <= LONGEST_WAIT_S else None


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds that `Retry-After` asks for, given as a number or a date; None: none.

    At most a day: what is longer is taken for a mistake.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value.lstrip("0")[:9] or 0), 86_400.0)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if at.tzinfo is None:  # "-0000" and a zone left out are UTC
        at = at.replace(tzinfo=UTC)
    return min(max(0.0, (at - (now or datetime.now(UTC))).total_seconds()), 86_400.0)
