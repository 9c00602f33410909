"""How fast a job goes, and how long it takes still: no more than its progress can tell."""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds after which a rate means something.
_ENOUGH_S = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How a step of a job goes.

    Attributes:
        rate: records a second; None: it is too early to tell.
        left_s: seconds that the step takes still, at this rate; None: nobody knows how much it is.
    """

    rate: float | None
    left_s: float | None


def pace_of(done: int, total: int | None, elapsed_s: float | None) -> Pace:
    """Return how a step goes.

    Args:
        done: records so far.
        total: of so many; None: it is not known.
        elapsed_s: seconds since the step began; None: it is not known.

    >>> pace_of(600, 1000, 3.0)
    Pace(rate=200.0, left_s=2.0)
    >>> pace_of(600, None, 3.0)
    Pace(rate=200.0, left_s=None)
    >>> pace_of(600, 1000, 0.2)
    Pace(rate=None, left_s=None)
    """
    if elapsed_s is None or elapsed_s < _ENOUGH_S or done <= 0:
        return Pace(None, None)
    rate = done / elapsed_s
    is_known = total is not None and done < total
    return Pace(round(rate, 1), round((total - done) / rate, 1) if total and is_known else None)
