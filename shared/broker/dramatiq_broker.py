"""Dramatiq on RabbitMQ, with a consumer that can be trusted with what lies in a queue.

Seen with dramatiq 2.2.1: after a reconnect an old delivery tag is acknowledged on the new channel,
so that a message which no worker has run is lost; `"options": null` stops a queue; a foreign
`queue_name` kills a worker thread. The consumer here acknowledges only on the channel that
delivered, and dead-letters what is none of ours before a thread sees it.
"""

from __future__ import annotations

import logging
from typing import Any

import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker, _RabbitmqConsumer, _RabbitmqMessage
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed
from dramatiq.message import Message

from shared.messages import check_job_message

log = logging.getLogger(__name__)

HEARTBEAT_S = 30
BLOCKED_TIMEOUT_S = 30


def parameters_of(url: str) -> pika.URLParameters:
    """Return the connection parameters that every connection of ours has."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = HEARTBEAT_S
    parameters.blocked_connection_timeout = BLOCKED_TIMEOUT_S
    parameters.socket_timeout = 10
    parameters.stack_timeout = 15
    parameters.connection_attempts = 1
    parameters.client_properties = {"connection_name": "bellringer"}
    return parameters


class JobBroker(RabbitmqBroker):
    """Dramatiq's broker as the protocol needs it: no retries, results, delays or time limits."""

    def __init__(self, url: str) -> None:
        super().__init__(url=url, confirm_delivery=True, middleware=[])
        self.parameters = parameters_of(url)

    @property
    def consumer_class(self) -> type[_RabbitmqConsumer]:
        """The consumer that looks before it hands on."""
        return JobConsumer


class JobConsumer(_RabbitmqConsumer):
    """A consumer that never settles another channel's delivery, and trusts no body."""

    def ack(self, message: Any) -> None:
        """Acknowledge, if this very consumer delivered it; else the broker delivers it again."""
        if self._is_mine(message):
            super().ack(message)

    def nack(self, message: Any) -> None:
        """Dead-letter, if this very consumer delivered it."""
        if self._is_mine(message):
            super().nack(message)

    def __next__(self) -> Any:
        """Return the next message of ours, None when there is none for now."""
        try:
            method, _, body = next(self.iterator)
        except StopIteration:
            # the broker has cancelled us, since the queue is gone: declare it anew
            self.broker.queues_pending.add(q_name(self.queue_name))
            raise ConnectionClosed(StopIteration("the queue is gone")) from None
        except (
            AssertionError,
            pika.exceptions.AMQPConnectionError,
            pika.exceptions.AMQPChannelError,
        ) as error:
            if getattr(error, "reply_code", None) == 404:
                self.broker.queues_pending.add(q_name(self.queue_name))
            raise ConnectionClosed(error) from None
        if method is None:
            return None
        problem = check_job_message(body, self.queue_name, self.broker.actors)
        if problem is not None:
            log.error("a message on %s is dead-lettered: %s", self.queue_name, problem)
            self._nack(method.delivery_tag)
            return None
        self.known_tags.add(method.delivery_tag)
        return _JobMessage(self, method, body)

    def _is_mine(self, message: Any) -> bool:
        if message.delivered_by is self:
            return True
        log.warning("a delivery from before a reconnect is left to be delivered again")
        return False


class _JobMessage(_RabbitmqMessage):
    """A delivery that knows which consumer delivered it."""

    def __init__(self, delivered_by: JobConsumer, method: Any, body: bytes) -> None:
        super().__init__(method.redelivered, method.delivery_tag, Message.decode(body))
        self.delivered_by = delivered_by
