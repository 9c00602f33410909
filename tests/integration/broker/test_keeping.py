"""Kept messages: looked at as often as one likes, without losing any; settled one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pika
import pytest

from shared.broker.connect import RabbitBroker
from shared.broker.dramatiq_broker import parameters_of
from shared.broker.keeping import RENEW_AT, KeptQueue
from shared.errors import BrokerUnavailableError, NotFoundError
from shared.messages import REASON_HEADER, REJECTED_QUEUE, RUN_NOW_QUEUE, Publication


@pytest.fixture
def broker(broker_url: str) -> Iterator[RabbitBroker]:
    made = RabbitBroker(broker_url)
    yield made
    made.close()


def keep(broker: RabbitBroker, *bodies: str) -> None:
    """Have run-nows refused, each by its own reason."""
    taken = broker.publisher.publish(
        [
            Publication(
                exchange="", routing_key=REJECTED_QUEUE, body=body.encode(), message_id=f"m{n}",
                headers={REASON_HEADER: f"reason {n}", "x-bellringer-user-id": "ops"},
            )
            for n, body in enumerate(bodies)
        ]
    )  # fmt: skip
    assert all(taken)


def test_looks_lose_nothing_however_many(broker: RabbitBroker, broker_url: str) -> None:
    keep(broker, "one", "two", "three")
    queue = KeptQueue(broker_url, REJECTED_QUEUE)
    # RabbitMQ 4 drops after 20 what comes back; some looks in between begin to count anew
    looks = [queue.look().messages for _ in range(2 * RENEW_AT + 3)]
    for look in looks:
        assert sorted(message.body for message in look) == [b"one", b"three", b"two"]
        assert {(m.message_id, m.reason) for m in look} == {
            (f"m{n}", f"reason {n}") for n in (0, 1, 2)
        }
        assert all(message.headers["x-bellringer-user-id"] == "ops" for message in look)
        assert all(message.looks < RENEW_AT for message in look)
    assert len({message.key for look in looks for message in look}) == 3
    assert max(message.looks for look in looks for message in look) > 1


def test_one_is_replayed_and_the_others_stay(broker: RabbitBroker, broker_url: str) -> None:
    keep(broker, "one", "two", "three")
    queue = KeptQueue(broker_url, REJECTED_QUEUE)
    two = next(one for one in queue.look().messages if one.body == b"two")
    body = json.dumps({"app": "oak/sis"}).encode()
    assert queue.replay(two.key, body, by="kim").message_id == "m1"
    assert [message.body for message in queue.look().messages] == [b"one", b"three"]
    with pytest.raises(NotFoundError):
        queue.replay(two.key, body, by="kim")
    with pytest.raises(NotFoundError):
        queue.drop(two.key)

    connection = pika.BlockingConnection(parameters_of(broker_url))
    _, properties, arrived = connection.channel().basic_get(RUN_NOW_QUEUE, auto_ack=True)
    connection.close()
    assert arrived == body
    assert properties.message_id == "m1"
    assert properties.user_id == parameters_of(broker_url).credentials.username
    assert properties.headers["x-bellringer-replayed-by"] == "kim"


def test_one_is_dropped(broker: RabbitBroker, broker_url: str) -> None:
    keep(broker, "one", "two")
    queue = KeptQueue(broker_url, REJECTED_QUEUE)
    queue.drop(queue.look().messages[0].key)
    assert [message.body for message in queue.look().messages] == [b"two"]


def test_a_broker_that_is_away_is_told() -> None:
    with pytest.raises(BrokerUnavailableError):
        KeptQueue("amqp://guest:guest@127.0.0.1:1/", REJECTED_QUEUE).look()
