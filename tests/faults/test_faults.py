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

#: Processes that are killed between two faults of the broker: some in every run of the tests, many
#: under `make faults`. Counted, not timed, so that a slow machine leaves no fault out.
KILLS = 60 if os.environ.get("BELLRINGER_FAULTS") == "long" else 5

pytestmark = [pytest.mark.faults, pytest.mark.timeout(12 * KILLS + 300)]


def _check(deployment: Deployment) -> dict[str, int]:
    with deployment.database.read() as connection:
        assert check_history(connection) == []
        rows = connection.exec_driver_sql("SELECT state, count(*) FROM jobs GROUP BY state").all()
    return {state: count for state, count in rows}


def _kill_some(deployment: Deployment, dice: random.Random) -> None:
    for _ in range(KILLS):
        for tenant in TENANTS:
            deployment.ask(f"{tenant}/sis", cascade=True)
        deadline = time.monotonic() + dice.uniform(0.2, 2.5)
        while time.monotonic() < deadline:
            deployment.revive_dead()
            time.sleep(0.05)
        victim = dice.choice(sorted(deployment.processes))
        deployment.kill(victim)
        deployment.restart(victim)


def test_kills_a_broker_restart_and_lost_queues(
    deployment: Deployment, servers, broker_url: str
) -> None:
    dice = random.Random(4)
    deployment.start_all()
    vhost = quote(urlsplit(broker_url).path.removeprefix("/"), safe="")
    _kill_some(deployment, dice)
    servers.stop("rabbitmq")
    try:
        for tenant in TENANTS:
            deployment.ask(f"{tenant}/powerschool")
    finally:
        servers.start("rabbitmq")
    _kill_some(deployment, dice)
    for tenant in TENANTS:
        deployment.ask(f"{tenant}/sis", cascade=True)
    queues = servers.manage("GET", f"/queues/{vhost}")
    assert queues
    for queue in queues:
        servers.manage("DELETE", f"/queues/{vhost}/{quote(queue['name'], safe='')}")
    _kill_some(deployment, dice)
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
