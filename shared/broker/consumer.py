"""A small consumer for run-nows, completion events and dead letters.

It hands on whatever is there, up to the prefetch, in one call, settles each delivery by the verdict
it gets, and connects again for as long as it is not told to stop.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from shared.broker import topology
from shared.broker.dramatiq_broker import parameters_of
from shared.broker.publisher import Publisher
from shared.errors import BrokerUnavailableError
from shared.messages import REASON_HEADER, Publication

log = logging.getLogger(__name__)

#: The longest wait between two tries to connect, in seconds.
MAX_WAIT_S = 15.0
#: How long the consumer looks for deliveries before it looks whether it should stop, in seconds.
TURN_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message as it was delivered; `user_id` was verified by the broker."""

    body: bytes
    message_id: str | None = None
    user_id: str | None = None
    reply_to: str | None = None
    correlation_id: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Ack:
    """The delivery is done with."""


@dataclass(frozen=True, slots=True)
class Reject:
    """The delivery is kept in the queue of rejected ones, with the reason in a header."""

    reason: str


@dataclass(frozen=True, slots=True)
class Requeue:
    """The delivery comes again, a little later."""


Verdict = Ack | Reject | Requeue
Handle = Callable[[Sequence[Delivery]], Sequence[Verdict]]


class Consumer(Protocol):
    """Feeds one queue's deliveries to a handler."""

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set; outlives a broker that goes away."""
        ...


class RabbitConsumer:
    """A consumer on RabbitMQ.

    Args:
        url: AMQP URL.
        queue: the queue's name.
        handle: gets deliveries and returns a verdict for each; when it raises, all come again.
        prefetch: deliveries at once.
        publisher: republishes what is rejected.
        rejected_to: the queue that keeps what is rejected.
    """

    def __init__(
        self,
        url: str,
        queue: str,
        handle: Handle,
        *,
        prefetch: int,
        publisher: Publisher,
        rejected_to: str | None = None,
    ) -> None:
        self._parameters = parameters_of(url)
        self._queue = queue
        self._handle = handle
        self._prefetch = prefetch
        self._publisher = publisher
        self._rejected_to = rejected_to

    def run(self, stop: threading.Event) -> None:
        """See `Consumer.run`."""
        wait_s = 0.5
        while not stop.is_set():
            try:
                self._consume(stop)
                wait_s = 0.5
            except (pika.exceptions.AMQPError, OSError) as error:
                log.warning(
                    "%s: the broker is away (%s), again in %.1f s",
                    self._queue,
                    type(error).__name__,
                    wait_s,
                )
                stop.wait(wait_s)
                wait_s = min(MAX_WAIT_S, 2 * wait_s)

    def _consume(self, stop: threading.Event) -> None:
        connection = BlockingConnection(self._parameters)
        try:
            channel = connection.channel()
            topology.declare(channel)
            channel.basic_qos(prefetch_count=self._prefetch)
            arrived: list[tuple[int, Delivery]] = []
            cancelled = threading.Event()
            # the broker cancels us when the queue is deleted; connecting again declares it anew
            channel.add_on_cancel_callback(lambda _: cancelled.set())
            channel.basic_consume(
                self._queue,
                lambda _, method, properties, body: arrived.append(
                    (method.delivery_tag, _delivery(method, properties, body))
                ),
            )
            while not stop.is_set() and not cancelled.is_set():
                connection.process_data_events(time_limit=TURN_S)
                if arrived:
                    batch, arrived[:] = list(arrived), []
                    self._settle(connection, channel, batch, stop)
        finally:
            _close(connection)

    def _settle(
        self,
        connection: BlockingConnection,
        channel: BlockingChannel,
        batch: Sequence[tuple[int, Delivery]],
        stop: threading.Event,
    ) -> None:
        del connection
        verdicts = self._verdicts([delivery for _, delivery in batch])
        must_wait = False
        for (tag, delivery), verdict in zip(batch, verdicts, strict=True):
            match verdict:
                case Ack():
                    channel.basic_ack(tag)
                case Reject(reason):
                    self._keep(delivery, reason)
                    channel.basic_ack(tag)
                case Requeue():
                    must_wait = True
                    channel.basic_nack(tag, requeue=True)
        if must_wait:
            stop.wait(1)

    def _verdicts(self, deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        try:
            return self._handle(deliveries)
        # whatever a handler meets (the database is away), its deliveries must come again
        except Exception as error:
            log.error("%s: %s; %d come again", self._queue, type(error).__name__, len(deliveries))
            log.debug("%s", self._queue, exc_info=error)
            return [Requeue() for _ in deliveries]

    def _keep(self, delivery: Delivery, reason: str) -> None:
        if self._rejected_to is None:
            raise ValueError(f"{self._queue} has no place for what is rejected")
        taken = self._publisher.publish([kept(delivery, reason, self._rejected_to)])
        if not all(taken):
            raise pika.exceptions.AMQPError("the rejected message could not be kept")


def kept(delivery: Delivery, reason: str, queue: str) -> Publication:
    """Make the copy of a delivery that is kept, with the reason in a header."""
    headers = {name: str(value) for name, value in delivery.headers.items()}
    headers[REASON_HEADER] = reason[:1000]
    for name in ("user_id", "reply_to", "correlation_id"):
        value = getattr(delivery, name)
        if value:
            headers[f"x-bellringer-{name.replace('_', '-')}"] = value
    return Publication(
        exchange="",
        routing_key=queue,
        body=delivery.body,
        message_id=delivery.message_id or "",
        headers=headers,
    )


def reply_to(delivery: Delivery, body: bytes) -> Publication:
    """Make the reply to a delivery that asked for one; nobody minds if its queue is gone."""
    return Publication(
        exchange="",
        routing_key=delivery.reply_to or "",
        body=body,
        message_id=f"reply-{delivery.message_id or ''}",
        correlation_id=delivery.correlation_id,
        mandatory=False,
    )


def _delivery(method: Any, properties: Any, body: bytes) -> Delivery:
    return Delivery(
        body=body,
        message_id=properties.message_id,
        user_id=properties.user_id,
        reply_to=properties.reply_to,
        correlation_id=properties.correlation_id,
        headers=properties.headers or {},
        redelivered=method.redelivered,
    )


def _close(connection: BlockingConnection) -> None:
    try:
        connection.close()
    except (pika.exceptions.AMQPError, BrokerUnavailableError, OSError) as error:
        log.debug("while closing: %s", type(error).__name__)
