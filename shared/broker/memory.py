"""The embedded broker: Dramatiq's stub broker, topic events and commands, in one process.

It keeps nothing when the process ends, and need not: the database is the truth. Simulations
subclass `EmbeddedBroker` and let `publish` drop, double or delay.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Sequence

from dramatiq.brokers.stub import StubBroker

from shared.broker.consumer import (
    Ack,
    Consumer,
    Delivery,
    Handle,
    Reject,
    Requeue,
    kept,
    reply_to,
)
from shared.broker.publisher import Publisher
from shared.broker.topology import EXCHANGES, QUEUES
from shared.messages import QUEUE_OF_TIER, Publication

log = logging.getLogger(__name__)


class EmbeddedBroker:
    """A broker inside this process; also its own publisher. Thread-safe."""

    def __init__(self) -> None:
        self.dramatiq = StubBroker(middleware=[])
        for name in QUEUE_OF_TIER.values():
            self.dramatiq.declare_queue(name)
        self.queues: defaultdict[str, queue.Queue[Delivery]] = defaultdict(queue.Queue)

    @property
    def publisher(self) -> Publisher:
        """Itself."""
        return self

    def publish(self, publications: Sequence[Publication]) -> list[bool]:
        """Put each publication into the queues that it is routed to."""
        return [self._route(publication) for publication in publications]

    def consumer(
        self, name: str, handle: Handle, *, prefetch: int, rejected_to: str | None = None
    ) -> Consumer:
        """Return a consumer of one of our own queues."""
        return _EmbeddedConsumer(self, name, handle, prefetch, rejected_to)

    def reply(self, delivery: Delivery, body: bytes) -> None:
        """Answer a delivery that asked for it."""
        self.publish([reply_to(delivery, body)])

    def depth(self, name: str) -> int | None:
        """Return how many messages of a queue are ready."""
        if name in self.dramatiq.queues:
            return int(self.dramatiq.queues[name].qsize())
        return self.queues[name].qsize()

    def close(self) -> None:
        """Forget every message."""
        self.dramatiq.close()

    def _route(self, publication: Publication) -> bool:
        if publication.exchange == "":
            if publication.routing_key in self.dramatiq.queues:
                self.dramatiq.queues[publication.routing_key].put(publication.body)
            else:
                self.queues[publication.routing_key].put(_delivery(publication))
            return True
        if publication.exchange not in EXCHANGES:
            return False
        bound = [
            spec.name
            for spec in QUEUES
            if any(
                exchange == publication.exchange and _matches(key, publication.routing_key)
                for exchange, key in spec.bindings
            )
        ]
        for name in bound:
            self.queues[name].put(_delivery(publication))
        return bool(bound) or not publication.mandatory


class _EmbeddedConsumer:
    def __init__(
        self,
        broker: EmbeddedBroker,
        name: str,
        handle: Handle,
        prefetch: int,
        rejected_to: str | None,
    ) -> None:
        self._broker = broker
        self._name = name
        self._handle = handle
        self._prefetch = prefetch
        self._rejected_to = rejected_to

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            batch = self._arrived()
            if batch:
                self._settle(batch, stop)

    def _arrived(self) -> list[Delivery]:
        source = self._broker.queues[self._name]
        batch: list[Delivery] = []
        try:
            batch.append(source.get(timeout=0.2))
            while len(batch) < self._prefetch:
                batch.append(source.get_nowait())
        except queue.Empty:
            return batch
        return batch

    def _settle(self, batch: list[Delivery], stop: threading.Event) -> None:
        try:
            verdicts = self._handle(batch)
        # as on RabbitMQ: whatever the handler meets, its deliveries come again
        except Exception as error:
            log.error("%s: %s; %d come again", self._name, type(error).__name__, len(batch))
            log.debug("%s", self._name, exc_info=error)
            verdicts = [Requeue() for _ in batch]
        for delivery, verdict in zip(batch, verdicts, strict=True):
            match verdict:
                case Ack():
                    pass
                case Reject(reason):
                    place = self._rejected_to or f"{self._name}.rejected"
                    self._broker.publish([kept(delivery, reason, place)])
                case Requeue():
                    self._broker.queues[self._name].put(delivery)
                    stop.wait(1)


def _delivery(publication: Publication) -> Delivery:
    return Delivery(
        body=publication.body,
        message_id=publication.message_id or None,
        correlation_id=publication.correlation_id,
        headers=publication.headers,
    )


def _matches(pattern: str, key: str) -> bool:
    """Match an AMQP topic pattern of words and `*`."""
    wanted, given = pattern.split("."), key.split(".")
    return len(wanted) == len(given) and all(
        word in {"*", part} for word, part in zip(wanted, given, strict=True)
    )
