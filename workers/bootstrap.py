"""A worker's composition root: settings → database, broker, procedures → one pool."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import dramatiq
from prometheus_client import start_http_server

from shared.broker.connect import Broker, open_broker
from shared.broker.relay import Relay
from shared.db.claiming import Terms
from shared.db.engine import Database, open_database
from shared.db.gate import Gate
from shared.db.migrate import wait_until_current
from shared.db.outbox import Outbox
from shared.domain.states import Tier
from shared.settings import Settings, check_state_dir
from workers.actors import register
from workers.exporting import Exporting
from workers.importing import Importing
from workers.opening import Opener, network_of
from workers.pools import POOLS
from workers.runner import Procedure, Runner
from workers.two_way import TwoWay

log = logging.getLogger(__name__)

#: The exit code when a worker thread has died: a supervisor starts us again.
EXIT_DEAD_THREAD = 70


def terms_of(settings: Settings) -> Terms:
    """Return the terms that the settings name."""
    return Terms(
        lease_s=settings.lease_s,
        deadline_s=settings.job_deadline_s,
        max_failures=settings.max_failures,
        retry_base_s=settings.retry_base_s,
    )


def build(
    settings: Settings, database: Database, broker: Broker, stopping: threading.Event
) -> Runner:
    """Wire a runner that knows every tier's procedure."""
    opener = Opener(settings.secret_key, network_of(settings, database))
    procedures: Mapping[Tier, Procedure] = {
        Tier.IMPORT: Importing(opener),
        Tier.TWO_WAY: TwoWay(opener),
        Tier.EXPORT: Exporting(opener, settings.secret_key),
    }
    return Runner(
        Gate(database, relay_after_s=settings.relay_after_s),
        Relay(broker.publisher, Outbox(database)),
        procedures,
        terms=terms_of(settings),
        beat_s=settings.beat_s,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        work_dir=Path(settings.state_dir) / "work",
        stopping=stopping,
    )


class Pool:
    """Threads that run one or more tiers' jobs, by Dramatiq's worker.

    Args:
        broker: whose Dramatiq broker has the tiers' actors.
        tiers: whose queues are consumed.
        threads: jobs at once.
    """

    def __init__(self, broker: Broker, tiers: Sequence[Tier], threads: int) -> None:
        queues = {POOLS[tier].queue for tier in tiers}
        self._worker = dramatiq.Worker(
            broker.dramatiq, queues=queues, worker_threads=threads, worker_timeout=200
        )
        # a message that waits in a busy worker could have been run by an idle one
        self._worker.queue_prefetch = threads

    def start(self) -> None:
        """Start to consume."""
        self._worker.start()

    def stop(self, timeout_s: float) -> None:
        """Stop to consume, and wait for the jobs that run."""
        self._worker.stop(timeout=int(timeout_s * 1000))

    def dead(self) -> list[str]:
        """Return the names of threads that have ended although nobody stopped them."""
        threads = [*self._worker.workers, *self._worker.consumers.values()]
        return [thread.name for thread in threads if not thread.is_alive()]


def run(settings: Settings, tier: Tier, threads: int | None = None) -> int:
    """Run one tier's pool until SIGTERM or SIGINT; returns the process's exit code.

    On a signal, running jobs are given back at their next checkpoint.

    Raises:
        ConfigurationError: a setting is wrong, or the database wants an upgrade.
    """
    check_state_dir(settings)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    count = threads or POOLS[tier].threads
    database = open_database(settings, pool_size=2 * count + 2)
    broker = open_broker(settings)
    try:
        register(broker.dramatiq, build(settings, database, broker, stopping).run, [tier])
        if settings.metrics_port is not None:
            start_http_server(settings.metrics_port)
        code = 0
        if wait_until_current(database, stopping):
            pool = Pool(broker, [tier], count)
            pool.start()
            log.info("a worker of tier %s runs, %d threads", tier, count)
            code = _watch(pool, stopping)
            pool.stop(settings.grace_s)
    finally:
        broker.close()
        database.dispose()
    log.info("the worker has stopped")
    return code


def _watch(pool: Pool, stopping: threading.Event) -> int:
    """Return the exit code once it is told to stop; a thread that died stops it too."""
    while not stopping.wait(1):
        dead = pool.dead()
        if dead:
            log.error("a thread has died: %s", ", ".join(dead))
            stopping.set()
            return EXIT_DEAD_THREAD
    return 0
