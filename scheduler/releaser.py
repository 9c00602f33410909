"""The releaser turns completion events into decisions (T5).

An event only says where to look: the database says what is true. So a lost, doubled, late or
forged event changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pydantic import ValidationError

from shared.broker.consumer import Ack, Delivery, Verdict
from shared.broker.relay import Relay
from shared.db.gate import Gate
from shared.messages import CloudEvent

log = logging.getLogger(__name__)


class Releaser:
    """Decides for the tenants that completion events name.

    Args:
        gate: of the database.
        relay: publishes what a decision has committed.
    """

    def __init__(self, gate: Gate, relay: Relay) -> None:
        self._gate = gate
        self._relay = relay

    def handle(self, deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        """Decide once for each tenant named; every delivery is acknowledged after the commit."""
        tenant_ids = {tenant for delivery in deliveries if (tenant := _tenant(delivery))}
        if tenant_ids:
            with self._gate.locked(tenant_ids) as locked:
                locked.decide("releaser")
            self._relay.publish_now(locked.publications)
        return [Ack() for _ in deliveries]


def _tenant(delivery: Delivery) -> int | None:
    try:
        return CloudEvent.model_validate_json(delivery.body).data.tenant_id
    except ValidationError as error:
        # anyone may publish here; the sweep does what a bad event fails to do
        log.warning(
            "ignored a completion event that does not parse: %d errors", error.error_count()
        )
        return None
