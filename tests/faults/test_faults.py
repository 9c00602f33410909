"""Processes are killed, the broker goes and comes, queues vanish: every job ends in order."""

from __future__ import annotations

import os
import random
import time
from urllib.parse import quote, urlsplit

import pytest

from shared.domain.states import JobState
from tests.checker import check_history
from tests.deployment import TENANTS, Deployment, wait_until

#: How long faults are made: short in every run of the tests, long under `make faults`.
FAULTS_S = 240 if os.environ.get("BELLRINGER_FAULTS") == "long" else 25

pytestmark = [pytest.mark.faults, pytest.mark.timeout(FAULTS_S + 240)]


def _check(deployment: Deployment) -> dict[str, int]:
    with deployment.database.read() as connection:
        assert check_history(connection) == []
        rows = connection.exec_driver_sql("SELECT state, count(*) FROM jobs GROUP BY state").all()
    return {state: count for state, count in rows}


def test_kills_a_broker_restart_and_lost_queues(
    deployment: Deployment, servers, broker_url: str
) -> None:
    dice = random.Random(4)
    deployment.start_all()
    vhost = quote(urlsplit(broker_url).path.removeprefix("/"), safe="")
    started = time.monotonic()
    stopped = deleted = False
    while (passed := time.monotonic() - started) < FAULTS_S:
        for tenant in TENANTS:
            deployment.ask(f"{tenant}/sis", cascade=True)
        victim = dice.choice(sorted(deployment.processes))
        deadline = time.monotonic() + dice.uniform(0.2, 2.5)
        while time.monotonic() < deadline:
            deployment.revive_dead()
            time.sleep(0.05)
        deployment.kill(victim)
        deployment.restart(victim)
        if not stopped and passed > FAULTS_S / 3:
            servers.stop("rabbitmq")
            for tenant in TENANTS:
                deployment.ask(f"{tenant}/powerschool")
            servers.start("rabbitmq")
            stopped = True
        if not deleted and passed > 2 * FAULTS_S / 3:
            for tenant in TENANTS:
                deployment.ask(f"{tenant}/sis", cascade=True)
            for queue in servers.manage("GET", f"/queues/{vhost}"):
                servers.manage("DELETE", f"/queues/{vhost}/{quote(queue['name'], safe='')}")
            deleted = True
    assert stopped
    assert deleted
    deployment.drain(150)
    ended = _check(deployment)
    assert set(ended) <= {JobState.SUCCEEDED}
    assert ended[JobState.SUCCEEDED] >= 3 * len(TENANTS)


def test_events_alone_drain_without_the_sweeper(deployment: Deployment) -> None:
    loops = "ticker,intake,releaser,relay,dead_letters"
    deployment.start_all(BELLRINGER_SCHEDULER_LOOPS=loops)
    for tenant in TENANTS:
        deployment.ask(f"{tenant}/sis", cascade=True)
    deployment.drain(90)
    assert _check(deployment) == {JobState.SUCCEEDED: 3 * len(TENANTS)}


def test_the_sweep_alone_drains_without_the_releaser(deployment: Deployment) -> None:
    loops = "ticker,intake,relay,sweeper,dead_letters"
    deployment.start_all(BELLRINGER_SCHEDULER_LOOPS=loops)
    for tenant in TENANTS:
        deployment.ask(f"{tenant}/sis", cascade=True)
    deployment.drain(120)
    assert _check(deployment) == {JobState.SUCCEEDED: 3 * len(TENANTS)}


def test_processes_that_start_before_their_servers_wait_for_them(
    deployment: Deployment, servers
) -> None:
    for name in ("rabbitmq", "postgresql"):
        servers.stop(name)
    try:
        deployment.start_all()
        wait_until(lambda: all(map(deployment.has_met_a_refusal, deployment.processes)), 60)
    finally:
        for name in ("postgresql", "rabbitmq"):
            servers.start(name)
    for tenant in TENANTS:
        deployment.ask(f"{tenant}/sis", cascade=True)
    deployment.drain(120)
    assert deployment.restarted == []
    assert _check(deployment) == {JobState.SUCCEEDED: 3 * len(TENANTS)}
