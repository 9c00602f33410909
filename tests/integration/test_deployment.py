"""Two schedulers and three workers on the real servers, and an operator at the management API."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from urllib.parse import quote, urlsplit

import httpx
import pika
import pytest

from shared.db import views
from shared.domain.states import JobState
from tests.checker import check_history
from tests.deployment import ROOT, TENANTS, Deployment, wait_until
from workers.bootstrap import EXIT_DEAD_THREAD

pytestmark = pytest.mark.timeout(180)

CONSUMED = (
    "sync.import",
    "sync.two_way",
    "sync.export",
    "bellringer.run_now",
    "bellringer.completions",
)


def _vhost(broker_url: str) -> str:
    return quote(urlsplit(broker_url).path.removeprefix("/"), safe="")


def _queues(servers, vhost: str) -> dict[str, dict]:
    return {queue["name"]: queue for queue in servers.manage("GET", f"/queues/{vhost}")}


def _is_bound(servers, vhost: str, queue: str) -> bool:
    """Whether something else than the default exchange leads to a queue."""
    if queue not in _queues(servers, vhost):
        return False
    bindings = servers.manage("GET", f"/queues/{vhost}/{queue}/bindings")
    return any(binding["source"] for binding in bindings)


def _count(broker_url: str, queue: str) -> int:
    """Return how many messages are ready, without taking them: a queue counts what is returned."""
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        declared = connection.channel().queue_declare(queue, passive=True)
    return declared.method.message_count


def _get(servers, vhost: str, queue: str) -> list[dict]:
    body = {"count": 50, "ackmode": "ack_requeue_true", "encoding": "auto"}
    return servers.manage("POST", f"/queues/{vhost}/{queue}/get", body)


def _publish(servers, vhost: str, payload: str, **properties: object) -> None:
    body = {
        "properties": properties,
        "routing_key": "run_now",
        "payload": base64.b64encode(payload.encode()).decode(),
        "payload_encoding": "base64",
    }
    answer = servers.manage("POST", f"/exchanges/{vhost}/bellringer.commands/publish", body)
    assert answer == {"routed": True}


def _jobs(deployment: Deployment, tenant: str | None = None) -> list[dict]:
    with deployment.database.read() as connection:
        return views.list_jobs(connection, tenant=tenant, limit=1000)


def test_every_job_ends_in_order_and_the_management_api_shows_it(
    deployment: Deployment, servers, broker_url: str
) -> None:
    vhost = _vhost(broker_url)
    deployment.start_all()
    for tenant in TENANTS:
        deployment.ask(f"{tenant}/sis", cascade=True)
    deployment.drain(90)
    with deployment.database.read() as connection:
        assert check_history(connection) == []
    jobs = _jobs(deployment)
    assert {job["state"] for job in jobs} == {JobState.SUCCEEDED}
    assert len(jobs) == 3 * len(TENANTS)
    # the management API's figures follow some seconds behind
    wait_until(
        lambda: all(_queues(servers, vhost)[q].get("consumers", 0) > 0 for q in CONSUMED), 30
    )
    assert _get(servers, vhost, "bellringer.dead_letters") == []
    for tier in ("import", "two_way", "export"):
        assert _get(servers, vhost, f"sync.{tier}.XQ") == []


def test_run_now_through_the_management_api(
    deployment: Deployment, servers, broker_url: str
) -> None:
    vhost = _vhost(broker_url)
    deployment.start_all(schedulers=1)
    good = json.dumps({"app": "ash/sis", "mode": "full", "cascade": False})
    # a queue is there a moment before it is bound, and what is published then goes nowhere
    wait_until(lambda: _is_bound(servers, vhost, "bellringer.run_now"), 30)
    for _ in range(2):
        _publish(servers, vhost, good, message_id="once")
    malformed = [
        "not json",
        json.dumps({"app": "ash/nobody"}),
        json.dumps({"app": "ash/sis", "mode": "sideways"}),
        json.dumps({"application": "ash/sis"}),
        json.dumps({"app": "ash/lightspeed", "mode": "incremental"}),
    ]
    for payload in malformed:
        _publish(servers, vhost, payload)
    wait_until(lambda: _count(broker_url, "bellringer.run_now.rejected") == 5, 30)
    kept = _get(servers, vhost, "bellringer.run_now.rejected")
    reasons = [message["properties"]["headers"]["x-bellringer-reason"] for message in kept]
    assert [message["payload"] for message in kept] == malformed
    for reason, word in zip(
        reasons, ("JSON", "nobody", "mode", "application", "mode"), strict=True
    ):
        assert word in reason
    _publish(servers, vhost, json.dumps({"app": "birch/sis"}), message_id="next")
    wait_until(lambda: len(_jobs(deployment)) == 2, 30)
    deployment.drain(60)
    assert sorted(job["app"] for job in _jobs(deployment)) == ["ash/sis", "birch/sis"]
    assert {job["state"] for job in _jobs(deployment)} == {JobState.SUCCEEDED}


def test_a_worker_gives_its_job_back_on_sigterm(deployment: Deployment) -> None:
    # neither lease nor grace is over however slow the machine: that is tested elsewhere
    patient = {"BELLRINGER_LEASE_S": "60", "BELLRINGER_GRACE_S": "50"}
    deployment.start("scheduler-0", "scheduler", **patient)
    deployment.start("worker-import", "worker", "--tier", "import", **patient)
    deployment.start("worker-two_way", "worker", "--tier", "two_way", "--threads", "1", **patient)
    # slow vendors, so that a job is seen while it runs
    slow = [{"name": "slow", "times": 1000, "value": 0.2}]
    for url in deployment.vendors:
        httpx.post(f"{url}/_simulator/faults", json=slow, trust_env=False).raise_for_status()
    for tenant in TENANTS:
        deployment.ask(f"{tenant}/sis", cascade=True)

    def is_running() -> bool:
        return any(
            job["tier"] == "two_way" and job["state"] == "running" for job in _jobs(deployment)
        )

    wait_until(is_running, 60)
    process = deployment.processes["worker-two_way"]
    process.terminate()
    assert process.wait(60) == 0
    assert not is_running()
    for url in deployment.vendors:
        httpx.delete(f"{url}/_simulator/faults", trust_env=False).raise_for_status()
    deployment.restart("worker-two_way")
    deployment.start("worker-export", "worker", "--tier", "export", **patient)
    deployment.drain(90)
    with deployment.database.read() as connection:
        assert check_history(connection) == []
    assert all(job["failures"] == 0 for job in _jobs(deployment))


#: `bellringer` with a thread that a bug in the library kills, as a malformed message once did.
WITH_A_DYING_THREAD = """
from dramatiq.worker import _WorkerThread

def dies(thread, message):
    raise SystemError("injected")

_WorkerThread.process_message = dies
from console.cli.main import main
main()
"""


def test_a_dead_thread_ends_the_worker_and_its_job_is_run_by_the_next(
    deployment: Deployment,
) -> None:
    deployment.ask("ash/sis")
    deployment.start("scheduler-0", "scheduler")
    dying = subprocess.run(
        [sys.executable, "-c", WITH_A_DYING_THREAD, "worker", "--tier", "import"],
        cwd=ROOT,
        env=deployment.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert dying.returncode == EXIT_DEAD_THREAD
    assert "a thread has died" in dying.stderr
    deployment.start("worker-import", "worker", "--tier", "import")
    deployment.drain(60)
    assert [job["state"] for job in _jobs(deployment)] == [JobState.SUCCEEDED]
