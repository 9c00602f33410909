"""Publishing with a window of unconfirmed messages.

One connection in a thread of its own; many callers. Each waits for the confirms of its own
publications alone, so that a single message costs a round trip and a thousand cost little more.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol

import pika
from pika.adapters.select_connection import SelectConnection

from shared.broker import topology
from shared.broker.dramatiq_broker import parameters_of
from shared.errors import BrokerUnavailableError
from shared.messages import Publication

log = logging.getLogger(__name__)

#: Unconfirmed messages at once.
WINDOW = 1000
#: How long a caller waits for its confirms, in seconds.
CONFIRM_TIMEOUT_S = 30.0


class Publisher(Protocol):
    """Sends publications. Thread-safe."""

    def publish(self, publications: Sequence[Publication]) -> list[bool]:
        """Send, and wait for the broker's word on each.

        Returns:
            For each publication, whether the broker has taken it into its keeping.

        Raises:
            BrokerUnavailableError: the broker cannot be reached; nothing is known of any.
        """
        ...

    def close(self) -> None:
        """Close the connection; idempotent."""
        ...


class _Fate(Enum):
    UNKNOWN = auto()
    CONFIRMED = auto()
    REFUSED = auto()
    UNROUTABLE = auto()


@dataclass
class _Batch:
    publications: Sequence[Publication]
    fates: list[_Fate] = field(default_factory=list)
    left: int = 0
    settled: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.fates = [_Fate.UNKNOWN] * len(self.publications)
        self.left = len(self.publications)

    def settle(self, index: int, fate: _Fate) -> None:
        if self.fates[index] is not _Fate.UNROUTABLE:  # a return comes before its confirm
            self.fates[index] = fate
        self.left -= 1
        if not self.left:
            self.settled.set()


class RabbitPublisher:
    """A publisher on RabbitMQ.

    It connects at the first use and again after a loss. What turns out unroutable (somebody has
    deleted the queue) is sent once more after the topology was declared anew.

    Args:
        url: AMQP URL.
        window: unconfirmed messages at once.
    """

    def __init__(self, url: str, *, window: int = WINDOW) -> None:
        self._url = url
        self._window = window
        self._lock = threading.Lock()
        self._link: _Link | None = None

    def publish(self, publications: Sequence[Publication]) -> list[bool]:
        """See `Publisher.publish`."""
        if not publications:
            return []
        fates = self._send(publications)
        again = [
            index
            for index, fate in enumerate(fates)
            if fate is _Fate.UNKNOWN or (fate is _Fate.UNROUTABLE and publications[index].mandatory)
        ]
        if again:
            if any(fates[index] is _Fate.UNROUTABLE for index in again):
                self._declare()
            second = self._send([publications[index] for index in again])
            for index, fate in zip(again, second, strict=True):
                fates[index] = fate
        if all(fate is _Fate.UNKNOWN for fate in fates):
            raise BrokerUnavailableError("the broker confirmed nothing")
        return [
            fate is _Fate.CONFIRMED or (fate is _Fate.UNROUTABLE and not publication.mandatory)
            for fate, publication in zip(fates, publications, strict=True)
        ]

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def _send(self, publications: Sequence[Publication]) -> list[_Fate]:
        batch = _Batch(publications)
        link = self._connected()
        link.submit(batch)
        if not batch.settled.wait(CONFIRM_TIMEOUT_S):
            log.warning("the broker has not confirmed for %.0f s", CONFIRM_TIMEOUT_S)
            self._drop(link)
        return list(batch.fates)

    def _connected(self) -> _Link:
        with self._lock:
            if self._link is None or self._link.is_dead:
                self._declare()
                self._link = _Link(self._url, self._window)
                self._link.open()
            return self._link

    def _drop(self, link: _Link) -> None:
        with self._lock:
            if self._link is link:
                self._link = None
        link.close()

    def _declare(self) -> None:
        try:
            connection = pika.BlockingConnection(parameters_of(self._url))
            try:
                topology.declare(connection.channel())
            finally:
                connection.close()
        except (pika.exceptions.AMQPError, OSError) as error:
            raise BrokerUnavailableError(
                f"the broker cannot be reached: {type(error).__name__}"
            ) from error


class _Link(threading.Thread):
    """The life of one connection; only this thread touches its channel."""

    def __init__(self, url: str, window: int) -> None:
        super().__init__(name="publisher", daemon=True)
        self._parameters = parameters_of(url)
        self._window = window
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._incoming: deque[_Batch] = deque()
        self._waiting: deque[tuple[_Batch, int]] = deque()
        self._unconfirmed: dict[int, tuple[_Batch, int]] = {}
        self._by_message_id: dict[str, tuple[_Batch, int]] = {}
        self._next_tag = 1
        self._alive: dict[int, _Batch] = {}
        self.is_dead = False
        self._channel: Any = None
        self._connection: Any = None

    def open(self) -> None:
        self.start()
        if not self._ready.wait(CONFIRM_TIMEOUT_S) or self.is_dead:
            self.close()
            raise BrokerUnavailableError("the broker does not open a channel")

    def submit(self, batch: _Batch) -> None:
        with self._lock:
            if self.is_dead:
                batch.settled.set()
                return
            self._alive[id(batch)] = batch
            self._incoming.append(batch)
            self._connection.ioloop.add_callback_threadsafe(self._accept)

    def close(self) -> None:
        with self._lock:
            connection = self._connection
            if connection is not None and not self.is_dead:
                connection.ioloop.add_callback_threadsafe(self._close)
        if self.is_alive() and threading.current_thread() is not self:
            self.join(5)

    def run(self) -> None:
        self._connection = SelectConnection(
            self._parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_lost,
            on_close_callback=self._on_lost,
        )
        self._connection.ioloop.start()
        self._connection.ioloop.close()

    def _close(self) -> None:
        if self._connection.is_open:
            self._connection.close()
        else:
            self._on_lost(self._connection, None)

    def _on_open(self, connection: SelectConnection) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(lambda *_: self._close())
        channel.confirm_delivery(self._on_confirm, callback=lambda _: self._ready.set())

    def _on_lost(self, connection: object, reason: object) -> None:
        del connection
        with self._lock:
            self.is_dead = True
            alive, self._alive = self._alive, {}
        for batch in alive.values():
            batch.settled.set()
        if reason is not None:
            log.debug("the publisher's connection ended: %s", type(reason).__name__)
        self._ready.set()
        # a turn later, so that the transport can close its socket
        self._connection.ioloop.call_later(0.05, self._connection.ioloop.stop)

    def _accept(self) -> None:
        while True:
            with self._lock:
                if not self._incoming:
                    break
                batch = self._incoming.popleft()
            self._waiting.extend((batch, index) for index in range(len(batch.publications)))
        self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._unconfirmed) < self._window and not self.is_dead:
            batch, index = self._waiting.popleft()
            publication = batch.publications[index]
            self._unconfirmed[self._next_tag] = (batch, index)
            self._by_message_id[publication.message_id] = (batch, index)
            self._next_tag += 1
            self._channel.basic_publish(
                publication.exchange,
                publication.routing_key,
                publication.body,
                properties=properties_of(publication),
                mandatory=publication.mandatory,
            )

    def _on_return(self, channel: object, method: Any, properties: Any, body: bytes) -> None:
        del channel, method, body
        found = self._by_message_id.get(properties.message_id)
        if found is not None:
            batch, index = found
            batch.fates[index] = _Fate.UNROUTABLE

    def _on_confirm(self, frame: Any) -> None:
        tag, multiple = frame.method.delivery_tag, frame.method.multiple
        fate = _Fate.CONFIRMED if isinstance(frame.method, pika.spec.Basic.Ack) else _Fate.REFUSED
        tags = [known for known in self._unconfirmed if known <= tag] if multiple else [tag]
        for confirmed in tags:
            batch, index = self._unconfirmed.pop(confirmed)
            self._by_message_id.pop(batch.publications[index].message_id, None)
            batch.settle(index, fate)
            if batch.settled.is_set():
                with self._lock:
                    self._alive.pop(id(batch), None)
        self._fill()


def properties_of(publication: Publication) -> pika.BasicProperties:
    """Return the AMQP properties of a publication; every message is persistent."""
    return pika.BasicProperties(
        content_type=publication.content_type,
        delivery_mode=2,
        message_id=publication.message_id,
        correlation_id=publication.correlation_id,
        headers=dict(publication.headers) or None,
    )
