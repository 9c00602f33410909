"""The scheduler's composition root: settings → database, broker, clock → the loops."""

from __future__ import annotations

import logging
import signal
import threading

from prometheus_client import start_http_server

from scheduler.dead_letters import explain_dead_letters
from scheduler.intake import Intake
from scheduler.metrics import register_metrics
from scheduler.releaser import Releaser
from scheduler.service import Loop, Service
from scheduler.sweeper import Sweeper
from scheduler.ticker import Ticker
from shared.broker.connect import Broker, open_broker
from shared.broker.relay import Relay
from shared.broker.topology import DRAMATIQ_DEAD_LETTER_QUEUES
from shared.clock import SystemClock
from shared.db.engine import Database, open_database
from shared.db.gate import Gate
from shared.db.migrate import wait_until_current
from shared.db.outbox import Outbox
from shared.errors import ConfigurationError
from shared.messages import (
    COMPLETIONS_QUEUE,
    DEAD_LETTERS_QUEUE,
    QUEUE_OF_TIER,
    REJECTED_QUEUE,
    RUN_NOW_QUEUE,
)
from shared.settings import Settings

log = logging.getLogger(__name__)

LOOPS = ("ticker", "intake", "releaser", "relay", "sweeper", "dead_letters")
#: Run-nows, and completion events, that are taken in one go.
INTAKE_PREFETCH = 20
RELEASER_PREFETCH = 200
#: The exit code when a loop has died: a supervisor starts us again.
EXIT_DEAD_LOOP = 70


def build(settings: Settings, database: Database, broker: Broker) -> Service:
    """Wire the loops that the settings name; nothing runs yet.

    Raises:
        ConfigurationError: `BELLRINGER_SCHEDULER_LOOPS` names an unknown loop.
    """
    gate = Gate(database, relay_after_s=settings.relay_after_s)
    relay = Relay(broker.publisher, Outbox(database))
    ticker = Ticker(gate, relay)
    sweeper = Sweeper(
        gate, relay, lambda tier: broker.depth(QUEUE_OF_TIER[tier]), SystemClock(), settings
    )
    intake = Intake(gate, relay, broker.reply, require_user_id=settings.require_user_id)
    releaser = Releaser(gate, relay)
    loops = {
        "ticker": Loop("ticker", ticker.run_once, settings.tick_s),
        "relay": Loop("relay", relay.run_once, settings.tick_s),
        "sweeper": Loop("sweeper", sweeper.run_once, settings.sweep_s),
    }
    consumers = {
        "intake": [
            broker.consumer(
                RUN_NOW_QUEUE, intake.handle, prefetch=INTAKE_PREFETCH, rejected_to=REJECTED_QUEUE
            )
        ],
        "releaser": [
            broker.consumer(COMPLETIONS_QUEUE, releaser.handle, prefetch=RELEASER_PREFETCH)
        ],
        "dead_letters": [
            broker.consumer(
                queue, explain_dead_letters, prefetch=20, rejected_to=DEAD_LETTERS_QUEUE
            )
            for queue in DRAMATIQ_DEAD_LETTER_QUEUES
        ],
    }
    wanted = _wanted(settings)
    return Service(
        [loop for name, loop in loops.items() if name in wanted],
        [(name, one.run) for name, all_ in consumers.items() if name in wanted for one in all_],
    )


def run(settings: Settings) -> int:
    """Run the scheduler until SIGTERM or SIGINT; returns the process's exit code.

    Raises:
        ConfigurationError: a setting is wrong, or the database wants an upgrade.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = open_database(settings)
    broker = open_broker(settings)
    try:
        service = build(settings, database, broker)
        if settings.metrics_port is not None:
            register_metrics(database)
            start_http_server(settings.metrics_port)
        code = 0
        if wait_until_current(database, stop):
            service.start()
            log.info("the scheduler runs: %s", settings.scheduler_loops)
            code = _watch(service, stop)
            service.stop(settings.grace_s)
    finally:
        broker.close()
        database.dispose()
    log.info("the scheduler has stopped")
    return code


def _watch(service: Service, stop: threading.Event) -> int:
    """Return the exit code once it is told to stop, or a loop has died."""
    while not stop.wait(1):
        dead = service.dead()
        if dead:
            log.error("a loop has died: %s", ", ".join(dead))
            return EXIT_DEAD_LOOP
    return 0


def _wanted(settings: Settings) -> set[str]:
    wanted = {name.strip() for name in settings.scheduler_loops.split(",") if name.strip()}
    unknown = wanted - set(LOOPS)
    if unknown:
        raise ConfigurationError(
            "BELLRINGER_SCHEDULER_LOOPS",
            f"there is no loop {sorted(unknown)[0]!r}",
            f"Name some of {', '.join(LOOPS)}.",
        )
    return wanted
