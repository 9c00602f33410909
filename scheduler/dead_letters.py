"""Dead letters of the sync queues are moved to a queue that keeps them, with their reason.

Dramatiq's own dead letter queues drop what is older than seven days.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from shared.broker.consumer import Delivery, Reject, Verdict
from shared.messages import ACTOR_OF_TIER, QUEUE_OF_TIER, check_job_message

log = logging.getLogger(__name__)


def explain_dead_letters(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
    """Find out why each message died, and have it kept."""
    return [Reject(_reason(delivery)) for delivery in deliveries]


def _reason(delivery: Delivery) -> str:
    deaths = delivery.headers.get("x-death") or [{}]
    queue = str(deaths[0].get("queue", next(iter(QUEUE_OF_TIER.values()))))
    problem = check_job_message(delivery.body, queue, list(ACTOR_OF_TIER.values()))
    reason = problem or "a worker could not run it: its log says why"
    log.error("a dead letter of %s: %s", queue, reason)
    return reason
