"""What every broker must do, RabbitMQ and the embedded one alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import dramatiq
import pytest

from shared.broker.connect import Broker, open_broker
from shared.broker.consumer import Ack, Reject, Requeue
from shared.domain.states import Tier
from shared.errors import BrokerUnavailableError
from shared.messages import (
    COMMANDS_EXCHANGE,
    COMPLETIONS_QUEUE,
    REJECTED_QUEUE,
    RUN_NOW_KEY,
    RUN_NOW_QUEUE,
    JobEventData,
    Publication,
    job_event,
    job_message,
)
from shared.settings import Settings
from tests.deployment import wait_until
from workers.actors import register

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(params=["embedded", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    url = request.getfixturevalue("broker_url") if request.param == "rabbitmq" else None
    made = open_broker(Settings(broker_url=url))
    yield made
    made.close()


class Collector:
    """Collects what a consumer hands on, in a thread."""

    def __init__(self, broker: Broker, queue: str, *verdicts, rejected_to=None) -> None:
        self.got: list = []
        self._verdicts = list(verdicts)
        self.stop = threading.Event()
        consumer = broker.consumer(queue, self._handle, prefetch=10, rejected_to=rejected_to)
        self.thread = threading.Thread(target=consumer.run, args=(self.stop,))
        self.thread.start()

    def _handle(self, deliveries):
        self.got += deliveries
        return [self._verdicts.pop(0) if self._verdicts else Ack() for _ in deliveries]

    def close(self) -> None:
        self.stop.set()
        self.thread.join(15)
        assert not self.thread.is_alive()


def _command(body: bytes, message_id: str = "a") -> Publication:
    return Publication(
        exchange=COMMANDS_EXCHANGE, routing_key=RUN_NOW_KEY, body=body, message_id=message_id
    )


def test_a_job_message_reaches_its_actor(broker):
    got: list[int] = []
    register(broker.dramatiq, got.append)
    worker = dramatiq.Worker(broker.dramatiq, worker_threads=2, worker_timeout=100)
    worker.start()
    messages = [
        job_message(n, tier, message_id=f"{tier}{n}", at=NOW) for n, tier in enumerate(Tier, 1)
    ]
    assert broker.publisher.publish(messages) == [True, True, True]
    wait_until(lambda: sorted(got) == [1, 2, 3], 20)
    worker.stop(timeout=5000)


def test_completion_events_reach_the_releaser_and_nothing_else_does(broker):
    collector = Collector(broker, COMPLETIONS_QUEUE)
    broker.publisher.publish([_command(b"{}")])

    def event(state: str) -> Publication:
        data = JobEventData(
            job=1, tenant_id=2, tenant="a", app="a/b", tier="import", state=state, attempt=1, wave=1
        )
        return job_event(data, event_id=f"e-{state}", at=NOW)

    ended = ["succeeded", "failed", "skipped", "cancelled"]
    assert broker.publisher.publish([event(s) for s in [*ended, "running"]]) == [True] * 5
    wait_until(lambda: len(collector.got) == 4, 20)
    collector.close()
    assert sorted(d.message_id for d in collector.got) == sorted(f"e-{s}" for s in ended)


def test_what_is_rejected_is_kept_with_its_reason(broker):
    first = Collector(broker, RUN_NOW_QUEUE, Reject("app: unknown"), rejected_to=REJECTED_QUEUE)
    broker.publisher.publish([_command(b"bad", "m1")])
    wait_until(lambda: broker.depth(REJECTED_QUEUE) == 1, 20)
    first.close()
    second = Collector(broker, REJECTED_QUEUE)
    wait_until(lambda: len(second.got) == 1, 20)
    second.close()
    kept = second.got[0]
    assert (kept.body, kept.message_id) == (b"bad", "m1")
    assert kept.headers["x-bellringer-reason"] == "app: unknown"


def test_what_is_requeued_comes_again(broker):
    collector = Collector(broker, RUN_NOW_QUEUE, Requeue())
    broker.publisher.publish([_command(b"again")])
    wait_until(lambda: len(collector.got) == 2, 20)
    collector.close()


def test_a_handler_that_raises_loses_nothing(broker):
    raised: list[int] = []

    class Failing(Collector):
        def _handle(self, deliveries):
            if not raised:
                raised.append(1)
                raise RuntimeError("the database is away")
            return super()._handle(deliveries)

    collector = Failing(broker, RUN_NOW_QUEUE)
    broker.publisher.publish([_command(b"kept")])
    wait_until(lambda: [d.body for d in collector.got] == [b"kept"], 20)
    collector.close()


def test_depth_counts_what_is_ready(broker):
    messages = [job_message(n, Tier.EXPORT, message_id=str(n), at=NOW) for n in (1, 2, 3)]
    broker.publisher.publish(messages)
    assert broker.depth("sync.export") == 3


def test_a_reply_nobody_waits_for_is_no_error(broker):
    publication = Publication(
        exchange="", routing_key="nobody.waits", body=b"{}", message_id="r", mandatory=False
    )
    assert broker.publisher.publish([publication]) == [True]


def test_many_callers_share_the_publisher(broker_url: str):
    broker = open_broker(Settings(broker_url=broker_url))
    results: list[bool] = []

    def publish(base: int) -> None:
        for n in range(base, base + 200):
            message = job_message(n + 1, Tier.IMPORT, message_id=f"c{n}", at=NOW)
            results.extend(broker.publisher.publish([message]))

    threads = [threading.Thread(target=publish, args=(1000 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [True] * 800
    assert broker.depth("sync.import") == 800
    broker.close()


def test_a_broker_that_is_not_there_is_said_so():
    broker = open_broker(Settings(broker_url="amqp://nobody:nothing@127.0.0.1:1/"))
    with pytest.raises(BrokerUnavailableError):
        broker.publisher.publish([_command(b"{}")])
    assert broker.depth("sync.import") is None
    broker.close()


def test_publishing_goes_on_after_the_broker_was_restarted(broker_url: str, servers):
    broker = open_broker(Settings(broker_url=broker_url))
    assert broker.publisher.publish([_command(b"1")]) == [True]
    servers.stop("rabbitmq")
    with pytest.raises(BrokerUnavailableError):
        broker.publisher.publish([_command(b"2")])
    servers.start("rabbitmq")

    def is_back() -> bool:
        try:
            return broker.publisher.publish([_command(b"3")]) == [True]
        except BrokerUnavailableError:
            return False

    wait_until(is_back, 40)
    broker.close()
