"""The pools: one a tier, each a number of threads on one queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.domain.states import Tier
from shared.messages import QUEUE_OF_TIER


@dataclass(frozen=True, slots=True)
class Pool:
    """How one tier's jobs are run.

    Attributes:
        queue: the tier's queue.
        threads: jobs at once in one process, by default; also the prefetch.
    """

    queue: str
    threads: int


#: By tier; imports and 2-way jobs wait for vendors most of the time, exports for the disk.
POOLS: Mapping[Tier, Pool] = MappingProxyType(
    {
        Tier.IMPORT: Pool(QUEUE_OF_TIER[Tier.IMPORT], threads=4),
        Tier.TWO_WAY: Pool(QUEUE_OF_TIER[Tier.TWO_WAY], threads=4),
        Tier.EXPORT: Pool(QUEUE_OF_TIER[Tier.EXPORT], threads=2),
    }
)
