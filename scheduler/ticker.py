"""The ticker fires what is due (T1) and publishes what that releases."""

from __future__ import annotations

import logging

from shared.broker.relay import Relay
from shared.db.firing import fire_due
from shared.db.gate import Gate

log = logging.getLogger(__name__)


class Ticker:
    """Fires due slots. Several tickers are safe, and share the work.

    Args:
        gate: of the database.
        relay: publishes what a tick has committed.
    """

    def __init__(self, gate: Gate, relay: Relay) -> None:
        self._gate = gate
        self._relay = relay

    def run_once(self) -> int:
        """Fire everything that is due now; returns the slots recorded."""
        recorded = 0
        while True:
            fired = fire_due(self._gate)
            self._relay.publish_now(fired.publications)
            recorded += fired.slots
            if not fired.slots:
                break
        if recorded:
            log.info("fired %d slots", recorded)
        return recorded
