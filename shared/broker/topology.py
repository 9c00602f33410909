"""Exchanges, queues and bindings, as data. Declaring them again changes nothing.

The sync queues are Dramatiq's: their arguments are taken from Dramatiq itself, since a queue
that is declared with others is refused (406).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.common import xq_name
from pika.adapters.blocking_connection import BlockingChannel

from shared.domain.states import UNFINISHED, JobState
from shared.messages import (
    COMMANDS_EXCHANGE,
    COMPLETIONS_QUEUE,
    DEAD_LETTERS_QUEUE,
    EVENTS_EXCHANGE,
    QUEUE_OF_TIER,
    REJECTED_QUEUE,
    RUN_NOW_KEY,
    RUN_NOW_QUEUE,
)

#: Exchanges by name, each with its type; all durable.
EXCHANGES: Mapping[str, str] = {COMMANDS_EXCHANGE: "direct", EVENTS_EXCHANGE: "topic"}

#: Keys of the events that end a job.
ENDED_KEYS = tuple(f"job.*.{state}" for state in JobState if state not in UNFINISHED)


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A durable queue, its arguments, and what it is bound to: (exchange, key)."""

    name: str
    bindings: tuple[tuple[str, str], ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)


#: The queues of our own.
QUEUES: tuple[QueueSpec, ...] = (
    QueueSpec(RUN_NOW_QUEUE, ((COMMANDS_EXCHANGE, RUN_NOW_KEY),)),
    QueueSpec(REJECTED_QUEUE),
    QueueSpec(DEAD_LETTERS_QUEUE),
    QueueSpec(COMPLETIONS_QUEUE, tuple((EVENTS_EXCHANGE, key) for key in ENDED_KEYS)),
)

#: The queues to which Dramatiq dead-letters; what lies there is moved to `DEAD_LETTERS_QUEUE`.
DRAMATIQ_DEAD_LETTER_QUEUES = tuple(xq_name(queue) for queue in QUEUE_OF_TIER.values())


def sync_queues() -> tuple[QueueSpec, ...]:
    """Return each tier's queue, delay queue and dead letter queue, as Dramatiq declares them."""
    recorder = _Recorder()
    for queue in QUEUE_OF_TIER.values():
        recorder.declare(queue)
    return tuple(recorder.found)


def declare(channel: BlockingChannel) -> None:
    """Declare everything; idempotent."""
    for exchange, kind in EXCHANGES.items():
        channel.exchange_declare(exchange, exchange_type=kind, durable=True)
    for queue in (*QUEUES, *sync_queues()):
        channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        for exchange, key in queue.bindings:
            channel.queue_bind(queue.name, exchange, routing_key=key)


class _Recorder(RabbitmqBroker):
    """Dramatiq's broker with a channel that writes down what is declared on it."""

    def __init__(self) -> None:
        super().__init__(middleware=[])
        self.found: list[QueueSpec] = []

    def declare(self, queue: str) -> None:
        self._declare_queue(queue)
        self._declare_dq_queue(queue)
        self._declare_xq_queue(queue)

    @property
    def channel(self) -> Any:
        return self

    def queue_declare(self, *, queue: str, durable: bool, arguments: dict[str, Any]) -> None:
        if not durable:
            raise ValueError(f"Dramatiq declares {queue} as not durable")
        self.found.append(QueueSpec(queue, arguments=arguments))
