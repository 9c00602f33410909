"""The actors: one a tier, each of one line. A message carries a job's id and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import dramatiq

from shared.domain.states import Tier
from shared.messages import ACTOR_OF_TIER, QUEUE_OF_TIER


def register(
    broker: dramatiq.Broker, run: Callable[[int], None], tiers: Iterable[Tier] = tuple(Tier)
) -> None:
    """Register the actors of these tiers with a broker; each hands the job's id to `run`."""
    for tier in tiers:
        dramatiq.actor(
            actor_name=ACTOR_OF_TIER[tier], queue_name=QUEUE_OF_TIER[tier], broker=broker
        )(run)
