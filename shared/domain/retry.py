"""How long to wait before a job is tried again."""

from __future__ import annotations

#: The longest wait that we choose, in seconds.
CAP_S = 3600.0
#: The longest wait that a vendor may ask for, in seconds.
RETRY_AFTER_CAP_S = 6 * 3600.0


def retry_delay_s(
    failures: int,
    *,
    base_s: float,
    cap_s: float = CAP_S,
    retry_after_s: float | None = None,
    spread: float = 0.0,
) -> float:
    """Return the seconds to wait after a transient failure.

    Args:
        failures: how many there were, this one included; at least 1.
        base_s: the wait after the first; it doubles with each.
        cap_s: the longest.
        retry_after_s: what the vendor asked for: never less than this, up to six hours.
        spread: `[0, 1)`; adds up to a quarter, so that many jobs do not come back together.

    >>> retry_delay_s(3, base_s=30)
    120.0
    """
    doubled: float = base_s * 2 ** min(failures - 1, 30)
    own = min(doubled, cap_s) * (1 + spread / 4)
    return max(own, min(retry_after_s or 0.0, RETRY_AFTER_CAP_S))
