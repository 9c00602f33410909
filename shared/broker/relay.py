"""The relay brings the outbox to the broker (T2): publish, and only then mark.

A crash in between is a duplicate, which the claim refuses. No lock is held while publishing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from shared.broker.publisher import Publisher
from shared.errors import BrokerUnavailableError
from shared.messages import Publication

log = logging.getLogger(__name__)

#: Rows that are taken at once.
BATCH = 1000


class Outbox(Protocol):
    """Where publications lie until the broker has confirmed them."""

    def take(self, limit: int) -> list[Publication]:
        """Lease the rows that their committer has left, oldest first."""
        ...

    def mark(self, ids: Sequence[int]) -> None:
        """Take out what was confirmed."""
        ...


class Relay:
    """Publishes what commits have caused.

    Args:
        publisher: to the broker.
        outbox: of the database.
    """

    def __init__(self, publisher: Publisher, outbox: Outbox) -> None:
        self._publisher = publisher
        self._outbox = outbox

    def publish_now(self, publications: Sequence[Publication]) -> int:
        """Publish what the caller has just committed; returns how many were confirmed.

        While the broker is down it only says so: the rows stay, and the scheduler relays them.
        """
        if not publications:
            return 0
        try:
            return self._publish(publications)
        except BrokerUnavailableError as error:
            log.warning("%d messages stay in the outbox: %s", len(publications), error)
            return 0

    def run_once(self) -> int:
        """Relay for committers that did not; returns how many were confirmed.

        Raises:
            BrokerUnavailableError: the broker is down.
        """
        confirmed = 0
        while taken := self._outbox.take(BATCH):
            confirmed += self._publish(taken)
            if len(taken) < BATCH:
                break
        return confirmed

    def _publish(self, publications: Sequence[Publication]) -> int:
        taken = self._publisher.publish(publications)
        confirmed = [
            publication.id
            for publication, is_taken in zip(publications, taken, strict=True)
            if is_taken and publication.id is not None
        ]
        self._outbox.mark(confirmed)
        refused = len(publications) - sum(taken)
        if refused:
            log.warning("the broker took %d messages less than it was given", refused)
        return len(confirmed)
