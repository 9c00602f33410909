"""The first figures, each as a ratio to a peer or a floor measured in the same run."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dramatiq
import pika
import pytest
from pika.adapters.select_connection import SelectConnection
from sqlalchemy import insert

from scheduler.bootstrap import build
from shared.broker import topology
from shared.broker.connect import RabbitBroker
from shared.broker.dramatiq_broker import JobBroker, parameters_of
from shared.broker.relay import Relay
from shared.db import outbox
from shared.db.asking import Ask, ask
from shared.db.claiming import Outcome, Terms
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.migrate import upgrade
from shared.db.outbox import Outbox
from shared.db.tables import apps, tenants
from shared.domain.states import Tier
from shared.messages import job_message
from shared.settings import Settings
from tests.deployment import wait_until
from workers.actors import register
from workers.runner import Runner

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
N_TENANTS = 60
N_MESSAGES = 10_000
THREADS = 8


@pytest.fixture
def bench_database(database_url: str):
    made = Database(Settings(database_url=database_url).resolved_database_url(), pool_size=24)
    upgrade(made)
    yield made
    made.dispose()


def _report(name: str, **figures: float) -> None:
    told = "  ".join(f"{key}={value:,.2f}" for key, value in figures.items())
    print(f"\nBENCH {name}: {told}")  # noqa: T201


def _tenants(database: Database) -> list[str]:
    names = [f"t{number:03d}" for number in range(N_TENANTS)]
    with database.write() as connection:
        now = database.now(connection)
        for number, name in enumerate(names, start=1):
            connection.execute(insert(tenants).values(name=name, zone="UTC", created_at=now))
            for position, tier in enumerate(Tier, start=1):
                connection.execute(
                    insert(apps).values(
                        tenant_id=number,
                        name=tier,
                        connector="none",
                        tier=tier,
                        modes=["full"],
                        position=position,
                        config={},
                        created_at=now,
                    )
                )
    return names


class Protocol:
    """The whole protocol in this process on the real servers, with procedures that do nothing."""

    def __init__(self, database: Database, broker_url: str, folder: Path) -> None:
        settings = Settings(broker_url=broker_url, tick_s=5, sweep_s=5)
        self.gate = Gate(database)
        self.broker = RabbitBroker(broker_url)
        self.service = build(settings, database, self.broker)
        self.starts: dict[int, float] = {}
        self.ends: dict[int, float] = {}
        relay = Relay(self.broker.publisher, Outbox(database))
        runner = Runner(
            self.gate,
            relay,
            dict.fromkeys(Tier, self._procedure),
            terms=Terms(),
            beat_s=15,
            worker="bench",
            work_dir=folder,
            stopping=threading.Event(),
        )
        register(self.broker.dramatiq, runner.run)
        self.relay = relay
        self.worker = dramatiq.Worker(self.broker.dramatiq, worker_threads=THREADS)

    def _procedure(self, work) -> Callable[[object], Outcome]:
        job_id = work.assignment.job_id
        self.starts[job_id] = time.perf_counter()

        def apply(_connection: object) -> Outcome:
            self.ends[job_id] = time.perf_counter()
            return Outcome(counts={})

        return apply

    def __enter__(self):
        self.worker.start()
        self.service.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.service.stop()
        self.worker.stop(timeout=20_000)
        self.broker.close()


def _bare(broker_url: str, count: int, threads: int) -> tuple[float, list[float]]:
    """Return messages per second of a Dramatiq actor that does nothing, and idle send → start."""
    broker = JobBroker(broker_url)
    starts: list[float] = []

    def noop(_number: int) -> None:
        starts.append(time.perf_counter())

    actor = dramatiq.actor(actor_name="noop", queue_name="bench.noop", broker=broker)(noop)
    broker.declare_queue("bench.noop", ensure=True)
    publisher = RabbitBroker(broker_url).publisher
    worker = dramatiq.Worker(broker, worker_threads=threads)
    broker_consume = broker.consumer_class
    assert broker_consume
    began = time.perf_counter()
    for number in range(1, count + 1):
        actor.send(number)
    worker.start()
    wait_until(lambda: len(starts) == count, 120)
    rate = count / (time.perf_counter() - began)
    latencies = []
    for number in range(60):
        expected = len(starts) + 1
        sent = time.perf_counter()
        actor.send(number + 1)
        wait_until(lambda expected=expected: len(starts) >= expected, 20)
        latencies.append((starts[-1] - sent) * 1000)
    worker.stop(timeout=10_000)
    publisher.close()
    broker.close()
    return rate, latencies


def test_jobs_through_the_whole_protocol(bench_database, broker_url, tmp_path):
    names = _tenants(bench_database)
    with Protocol(bench_database, broker_url, tmp_path) as protocol:
        began = time.perf_counter()
        for name in names:
            asked = ask(protocol.gate, Ask(app=f"{name}/import", cascade=True))
            protocol.relay.publish_now(asked.publications)
        total = 3 * len(names)
        wait_until(lambda: len(protocol.ends) == total, 240)
        rate = total / (time.perf_counter() - began)
        waits = sorted(_release_waits(bench_database))
    bare_rate, bare_waits = _bare(broker_url, 600, THREADS)
    _report("jobs per second", ours=rate, bare_dramatiq=bare_rate, ratio=rate / bare_rate)
    bare_p50 = statistics.median(bare_waits)
    p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99) - 1]
    _report(
        "completion → next tier's start, under that load, ms",
        p50=p50,
        p99=p99,
        bare_send_to_start_p50=bare_p50,
        ratio_p50=p50 / bare_p50,
    )
    assert rate > 0


def test_completion_to_the_next_start_when_idle(bench_database, broker_url, tmp_path):
    names = _tenants(bench_database)[:20]
    waits: list[float] = []
    with Protocol(bench_database, broker_url, tmp_path) as protocol:
        for done, name in enumerate(names, start=1):
            asked = ask(protocol.gate, Ask(app=f"{name}/import", cascade=True))
            protocol.relay.publish_now(asked.publications)
            wait_until(lambda done=done: len(protocol.ends) == 3 * done, 60)
        waits = sorted(_release_waits(bench_database))
    _, bare_waits = _bare(broker_url, 50, THREADS)
    p50, p99 = statistics.median(waits), waits[-1]
    bare = sorted(bare_waits)
    _report(
        "completion → next tier's start, idle, ms",
        p50=p50,
        p99=p99,
        bare_p50=statistics.median(bare),
        bare_p99=bare[-1],
        ratio_p50=p50 / statistics.median(bare),
    )
    assert waits


def _release_waits(database: Database) -> list[float]:
    """Return the milliseconds from each tier's end to the next one's start, by the history."""
    with database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT 1000 * extract(epoch FROM n.started_at - j.finished_at) FROM jobs j JOIN jobs n"
            " ON n.tenant_id = j.tenant_id AND n.wave = j.wave AND n.id = j.id + 1"
            " WHERE j.finished_at IS NOT NULL AND n.started_at IS NOT NULL"
        ).all()
    return [float(row[0]) for row in rows]


def test_relay_against_bare_pika(bench_database, broker_url):
    messages = [
        job_message(n, Tier.IMPORT, message_id=f"m{n}", at=NOW) for n in range(1, N_MESSAGES + 1)
    ]
    broker = RabbitBroker(broker_url)
    box = Outbox(bench_database)
    with bench_database.write() as connection:
        now = bench_database.now(connection)
        outbox.put(connection, messages, now=now, after_s=0)
    relay = Relay(broker.publisher, box)
    relay.publish_now([messages[0]])
    began = time.perf_counter()
    sent = 0
    while sent < N_MESSAGES:
        sent += relay.run_once()
    ours = N_MESSAGES / (time.perf_counter() - began)
    began = time.perf_counter()
    assert all(broker.publisher.publish(messages))
    publisher = N_MESSAGES / (time.perf_counter() - began)
    broker.close()
    bare = _bare_pika(broker_url, [message.body for message in messages])
    _report(
        "relayed messages per second",
        relay_from_the_outbox=ours,
        publisher_alone=publisher,
        bare_pika=bare,
        ratio_relay=ours / bare,
        ratio_publisher=publisher / bare,
    )
    assert ours > 0


def _bare_pika(url: str, bodies: list[bytes], window: int = 1000) -> float:
    """Return confirmed messages per second of a bare SelectConnection with a window."""
    setup = pika.BlockingConnection(parameters_of(url))
    topology.declare(setup.channel())
    setup.close()
    state = {"sent": 0, "confirmed": 0, "began": 0.0, "took": 0.0}

    def on_confirm(frame) -> None:
        tag = frame.method.delivery_tag
        state["confirmed"] = tag if frame.method.multiple else state["confirmed"] + 1
        fill()

    def fill() -> None:
        while state["sent"] < len(bodies) and state["sent"] - state["confirmed"] < window:
            channel.basic_publish(
                "", "sync.import", bodies[state["sent"]],
                properties=pika.BasicProperties(delivery_mode=2), mandatory=True,
            )  # fmt: skip
            state["sent"] += 1
        if state["confirmed"] >= len(bodies) and not state["took"]:
            state["took"] = time.perf_counter() - state["began"]
            connection.close()

    def on_channel(opened) -> None:
        nonlocal channel
        channel = opened
        channel.confirm_delivery(on_confirm, callback=lambda _: start())

    def start() -> None:
        state["began"] = time.perf_counter()
        fill()

    channel = None
    connection = SelectConnection(
        parameters_of(url),
        on_open_callback=lambda c: c.channel(on_open_callback=on_channel),
        on_close_callback=lambda c, _: c.ioloop.call_later(0.05, c.ioloop.stop),
    )
    connection.ioloop.start()
    connection.ioloop.close()
    return len(bodies) / state["took"]
