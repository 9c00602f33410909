"""Dramatiq on a real RabbitMQ: what must not stop a queue, kill a thread, or lose a message."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import dramatiq
import pika
import pytest

from shared.broker import topology
from shared.broker.connect import RabbitBroker
from shared.broker.dramatiq_broker import JobBroker
from shared.domain.states import Tier
from shared.messages import DEAD_LETTERS_QUEUE, job_message
from tests.deployment import wait_until
from workers.actors import register

NOW = datetime(2026, 11, 24, tzinfo=UTC)
IMPORT = "sync.import"


class Running:
    """A real worker that notes which jobs it was handed."""

    def __init__(self, url: str) -> None:
        self.broker = RabbitBroker(url)
        self.got: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        register(self.broker.dramatiq, self._run, [Tier.IMPORT])
        self.worker = dramatiq.Worker(self.broker.dramatiq, worker_threads=2, worker_timeout=100)
        self.worker.start()

    def _run(self, job_id: int) -> None:
        self.gate.wait(30)
        self.got.append(job_id)

    def send(self, job_id: int) -> None:
        message = job_message(job_id, Tier.IMPORT, message_id=f"m{job_id}", at=NOW)
        assert self.broker.publisher.publish([message]) == [True]

    def close(self) -> None:
        self.gate.set()
        self.worker.stop(timeout=10_000)
        self.broker.close()


@pytest.fixture
def running(broker_url: str) -> Iterator[Running]:
    made = Running(broker_url)
    yield made
    made.close()


@pytest.fixture
def channel(broker_url: str) -> Iterator[object]:
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    yield connection.channel()
    if connection.is_open:
        connection.close()


def _count(channel, queue: str) -> int:
    return channel.queue_declare(queue, passive=True).method.message_count


GOOD = json.loads(job_message(7, Tier.IMPORT, message_id="x", at=NOW).body)
BAD = {
    "options null": {**GOOD, "options": None},
    "foreign queue_name": {**GOOD, "queue_name": "somebody"},
    "eta": {**GOOD, "options": {"eta": 1}},
    "unknown actor": {**GOOD, "actor_name": "nobody"},
    "two args": {**GOOD, "args": [1, 2]},
    "text for an id": {**GOOD, "args": ["1"]},
    "true for an id": {**GOOD, "args": [True]},
    "kwargs": {**GOOD, "kwargs": {"job": 1}},
    "no message id": {k: v for k, v in GOOD.items() if k != "message_id"},
    "a list": [GOOD],
}


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_message_is_dead_lettered_and_the_queue_goes_on(name, running, channel):
    running.send(1)
    channel.basic_publish("", IMPORT, json.dumps(BAD[name]).encode())
    running.send(2)
    running.send(3)
    wait_until(lambda: sorted(running.got) == [1, 2, 3], 20)
    wait_until(lambda: _count(channel, f"{IMPORT}.XQ") == 1, 20)
    assert all(thread.is_alive() for thread in running.worker.workers)


def test_bytes_that_are_no_json_are_dead_lettered(running, channel):
    running.send(1)
    channel.basic_publish("", IMPORT, b"\xff\x00")
    running.send(2)
    wait_until(lambda: sorted(running.got) == [1, 2], 20)
    wait_until(lambda: _count(channel, f"{IMPORT}.XQ") == 1, 20)


def test_nothing_unrun_is_acknowledged_after_a_reconnect(running, servers, broker_url, channel):
    """Two jobs are being run when every connection is closed; a third waits behind them."""
    running.send(1)
    wait_until(lambda: running.got == [1], 20)
    running.gate.clear()
    for job_id in (2, 3, 4):
        running.send(job_id)
    wait_until(lambda: _count(channel, IMPORT) == 0, 20)
    before = next(iter(running.worker.consumers.values())).consumer
    for consumer in running.worker.consumers.values():
        connection = consumer.consumer.connection
        connection.add_callback_threadsafe(connection.close)
    wait_until(lambda: next(iter(running.worker.consumers.values())).consumer is not before, 30)
    running.gate.set()
    # each was run at least once more than it was acknowledged: none is lost, some came twice
    wait_until(lambda: {2, 3, 4} <= set(running.got), 30)
    running.send(5)
    wait_until(lambda: 5 in running.got, 30)
    wait_until(lambda: _count(channel, IMPORT) == 0, 30)


def test_a_deleted_queue_is_declared_anew(running, channel):
    running.send(1)
    wait_until(lambda: running.got == [1], 20)
    thread = running.worker.consumers[IMPORT]
    before = thread.consumer
    channel.queue_delete(IMPORT)
    wait_until(lambda: thread.consumer is not before, 30)
    running.send(2)
    wait_until(lambda: running.got == [1, 2], 30)


def test_our_topology_is_dramatiqs_own(broker_url: str, channel):
    topology.declare(channel)
    theirs = JobBroker(broker_url)
    for queue in ("sync.import", "sync.two_way", "sync.export"):
        theirs.declare_queue(queue, ensure=True)  # another declaration would be refused: 406
    theirs.close()
    topology.declare(channel)


def test_our_message_is_what_dramatiq_encodes(broker_url: str):
    broker = RabbitBroker(broker_url)
    register(broker.dramatiq, lambda job_id: None)
    for tier in Tier:
        ours = job_message(42, tier, message_id="one", at=NOW)
        actor = broker.dramatiq.get_actor(f"sync_{tier}")
        theirs = actor.message(42).copy()
        theirs = theirs.__class__(
            **{**theirs.asdict(), "message_id": "one",
               "message_timestamp": int(NOW.timestamp() * 1000)}
        )  # fmt: skip
        assert ours.body == theirs.encode()
        assert ours.routing_key == theirs.queue_name
    broker.close()


def test_what_is_dead_is_kept_with_its_reason(broker_url, running, channel):
    from scheduler.dead_letters import explain_dead_letters

    topology.declare(channel)
    channel.basic_publish("", IMPORT, json.dumps(BAD["options null"]).encode())
    wait_until(lambda: _count(channel, f"{IMPORT}.XQ") == 1, 20)
    stop = threading.Event()
    consumer = running.broker.consumer(
        f"{IMPORT}.XQ", explain_dead_letters, prefetch=5, rejected_to=DEAD_LETTERS_QUEUE
    )
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    wait_until(lambda: _count(channel, DEAD_LETTERS_QUEUE) == 1, 20)
    stop.set()
    thread.join(10)
    _, properties, _ = channel.basic_get(DEAD_LETTERS_QUEUE)
    assert properties.headers["x-bellringer-reason"] == "options: it is not {}"
