"""A queue that keeps messages for a person: looked at without losing any, settled one by one.

A look takes what lies there and gives it back. A quorum queue counts that as a failed delivery, and
RabbitMQ 4 drops a message after 20 of them (https://www.rabbitmq.com/docs/quorum-queues, "Poison
message handling"). So a message that was looked at `RENEW_AT` times is published once more, and the
old one acknowledged after the new one is confirmed: a crash in between makes two of it, never none.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from shared.broker import topology
from shared.broker.dramatiq_broker import parameters_of
from shared.errors import BrokerUnavailableError, NotFoundError
from shared.messages import COMMANDS_EXCHANGE, REASON_HEADER, RUN_NOW_KEY

#: The most messages that are looked at at once, and the most bytes of them.
MOST = 200
MOST_BYTES = 8 * 1024 * 1024
#: Looks after which a message is published once more.
RENEW_AT = 10

_COUNT_HEADER = "x-delivery-count"
#: Two looks at once would hide messages from each other.
_looking = threading.Lock()


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A message that waits for a person.

    Attributes:
        key: tells it from all others that differ from it.
        message_id: as its sender gave it, "" for none.
        reason: why it is kept.
        body: as it came.
        headers: all others than the reason.
        looks: how often it was given back.
    """

    key: str
    message_id: str
    reason: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """What lies in the queue.

    Attributes:
        messages: the oldest first, `MOST` at most.
        is_cut: whether there are more.
    """

    messages: list[KeptMessage]
    is_cut: bool


class KeptQueue:
    """A queue of kept messages on RabbitMQ.

    Args:
        url: AMQP URL.
        queue: its name.
    """

    def __init__(self, url: str, queue: str) -> None:
        self._url = url
        self._queue = queue

    def look(self) -> Kept:
        """Return what lies there; it stays.

        Raises:
            BrokerUnavailableError: the broker cannot be reached.
        """
        with self._channel() as channel:
            taken, is_cut = self._take(channel)
            return Kept([message for _, message in taken], is_cut)

    def drop(self, key: str) -> KeptMessage:
        """Take a message away for good.

        Raises:
            NotFoundError: it does not lie there any more.
            BrokerUnavailableError: the broker cannot be reached.
        """
        with self._channel() as channel:
            tag, message = self._find(channel, key)
            channel.basic_ack(tag)
        return message

    def replay(self, key: str, body: bytes, *, by: str) -> KeptMessage:
        """Publish a run-now again; what is kept is taken away once the broker has confirmed it.

        It keeps its message id, or gets one of its key: a repeat after a crash changes nothing.

        Args:
            key: which message.
            body: what is published in its place.
            by: who has it published.

        Raises:
            NotFoundError: it does not lie there any more.
            BrokerUnavailableError: the broker cannot be reached, or does not take it.
        """
        with self._channel() as channel:
            tag, message = self._find(channel, key)
            properties = pika.BasicProperties(
                content_type="application/json",
                delivery_mode=2,
                message_id=message.message_id or f"replay-{key}",
                # verified by the broker, where run-nows without a sender are refused
                user_id=parameters_of(self._url).credentials.username,
                headers={"x-bellringer-replayed-by": by},
            )
            channel.basic_publish(COMMANDS_EXCHANGE, RUN_NOW_KEY, body, properties, mandatory=True)
            channel.basic_ack(tag)
        return message

    @contextmanager
    def _channel(self) -> Iterator[BlockingChannel]:
        """Yield a channel with confirms; what is not acknowledged goes back when it closes."""
        with _looking:
            try:
                connection = pika.BlockingConnection(parameters_of(self._url))
                try:
                    channel = connection.channel()
                    topology.declare(channel)
                    channel.confirm_delivery()
                    yield channel
                finally:
                    if connection.is_open:
                        connection.close()
            except (pika.exceptions.AMQPError, OSError) as error:
                raise BrokerUnavailableError(
                    f"the broker cannot be reached: {type(error).__name__}"
                ) from error

    def _find(self, channel: BlockingChannel, key: str) -> tuple[int, KeptMessage]:
        taken, _ = self._take(channel)
        for tag, message in taken:
            if message.key == key:
                return tag, message
        raise NotFoundError(
            "message",
            "it does not lie there any more",
            "Look at the list again: somebody has replayed or dropped it.",
        )

    def _take(self, channel: BlockingChannel) -> tuple[list[tuple[int, KeptMessage]], bool]:
        """Get what lies there, each with its delivery tag, and whether there is more."""
        taken: list[tuple[int, KeptMessage]] = []
        size = 0
        while len(taken) < MOST and size < MOST_BYTES:
            method, properties, body = channel.basic_get(self._queue)
            if method is None:
                return taken, False
            message = _message(properties, body)
            if message.looks >= RENEW_AT:
                # it comes again at the end of the queue, which this look may reach
                self._renew(channel, properties, body)
                channel.basic_ack(method.delivery_tag)
                continue
            size += len(body)
            taken.append((method.delivery_tag, message))
        declared = channel.queue_declare(self._queue, passive=True)
        return taken, declared.method.message_count > 0

    def _renew(self, channel: BlockingChannel, properties: Any, body: bytes) -> None:
        headers = {name: of for name, of in properties.headers.items() if name != _COUNT_HEADER}
        renewed = pika.BasicProperties(
            content_type=properties.content_type,
            delivery_mode=2,
            message_id=properties.message_id,
            headers=headers,
        )
        channel.basic_publish("", self._queue, body, renewed, mandatory=True)


def _message(properties: Any, body: bytes) -> KeptMessage:
    headers = {name: str(of) for name, of in (properties.headers or {}).items()}
    looks = int(headers.pop(_COUNT_HEADER, "0"))
    reason = headers.pop(REASON_HEADER, "")
    message_id = properties.message_id or ""
    told = b"\0".join([message_id.encode(), reason.encode(), body])
    return KeptMessage(
        key=hashlib.sha256(told).hexdigest()[:32],
        message_id=message_id,
        reason=reason,
        body=body,
        headers=headers,
        looks=looks,
    )
