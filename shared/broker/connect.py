"""One door to the broker, whichever it is."""

from __future__ import annotations

import threading
from typing import Protocol

import dramatiq
import pika

from shared.broker.consumer import Consumer, Delivery, Handle, RabbitConsumer, reply_to
from shared.broker.dramatiq_broker import JobBroker, parameters_of
from shared.broker.memory import EmbeddedBroker
from shared.broker.publisher import Publisher, RabbitPublisher
from shared.errors import ConfigurationError
from shared.settings import Settings


class Broker(Protocol):
    """What a process needs of a broker; RabbitMQ and the embedded one both give it."""

    @property
    def dramatiq(self) -> dramatiq.Broker:
        """The Dramatiq broker on which actors are registered."""
        ...

    @property
    def publisher(self) -> Publisher:
        """Sends publications."""
        ...

    def consumer(
        self, name: str, handle: Handle, *, prefetch: int, rejected_to: str | None = None
    ) -> Consumer:
        """Return a consumer of one of our own queues."""
        ...

    def reply(self, delivery: Delivery, body: bytes) -> None:
        """Answer a delivery that asked for it."""
        ...

    def depth(self, name: str) -> int | None:
        """Return how many messages of a queue are ready; None: it cannot be known now."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


def open_broker(settings: Settings) -> Broker:
    """Open the broker that the settings name; connects at the first use.

    Raises:
        ConfigurationError: `BELLRINGER_BROKER_URL` is no AMQP URL.
    """
    if settings.broker_url is None:
        return EmbeddedBroker()
    return RabbitBroker(settings.broker_url)


class RabbitBroker:
    """RabbitMQ.

    Args:
        url: AMQP URL.

    Raises:
        ConfigurationError: it is none.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith(("amqp://", "amqps://")):
            raise ConfigurationError(
                "BELLRINGER_BROKER_URL",
                "it is not an AMQP URL",
                "Give amqp://USER:PASSWORD@HOST:PORT/VHOST.",
            )
        self._url = url
        self._publisher = RabbitPublisher(url)
        self._dramatiq: JobBroker | None = None
        self._lock = threading.Lock()
        self._asking: pika.BlockingConnection | None = None

    @property
    def dramatiq(self) -> dramatiq.Broker:
        """The Dramatiq broker, made at the first use."""
        if self._dramatiq is None:
            self._dramatiq = JobBroker(self._url)
        return self._dramatiq

    @property
    def publisher(self) -> Publisher:
        """Sends with windowed confirms."""
        return self._publisher

    def consumer(
        self, name: str, handle: Handle, *, prefetch: int, rejected_to: str | None = None
    ) -> Consumer:
        """Return a consumer of one of our own queues."""
        return RabbitConsumer(
            self._url,
            name,
            handle,
            prefetch=prefetch,
            publisher=self._publisher,
            rejected_to=rejected_to,
        )

    def reply(self, delivery: Delivery, body: bytes) -> None:
        """Answer a delivery that asked for it."""
        self._publisher.publish([reply_to(delivery, body)])

    def depth(self, name: str) -> int | None:
        """Return how many messages of a queue are ready; None: the broker does not answer."""
        with self._lock:
            try:
                if self._asking is None or not self._asking.is_open:
                    self._asking = pika.BlockingConnection(parameters_of(self._url))
                channel = self._asking.channel()
                try:
                    declared = channel.queue_declare(name, passive=True)
                    return int(declared.method.message_count)
                finally:
                    if channel.is_open:
                        channel.close()
            except pika.exceptions.ChannelClosedByBroker:
                return 0  # there is no such queue, so there are no messages
            except (pika.exceptions.AMQPError, OSError):
                self._asking = None
                return None

    def close(self) -> None:
        """Close every connection."""
        self._publisher.close()
        if self._dramatiq is not None:
            self._dramatiq.close()
        with self._lock:
            if self._asking is not None and self._asking.is_open:
                self._asking.close()
