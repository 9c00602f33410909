"""The operators' pages, embedded and on a real RabbitMQ."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from console.service import apps, jobs
from console.service.wish import Because
from scheduler.intake import Intake
from shared.broker.connect import RabbitBroker
from shared.broker.relay import Relay
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.outbox import Outbox
from shared.domain.roles import Role
from shared.messages import (
    COMMANDS_EXCHANGE,
    COMPLETIONS_QUEUE,
    REJECTED_QUEUE,
    RUN_NOW_KEY,
    RUN_NOW_QUEUE,
    Publication,
)
from tests.console_site import Browser, ConsoleSite, embedded_settings
from tests.deployment import wait_until

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
JSON = {"accept": "application/json"}


def test_embedded_there_are_no_queues_and_the_rest_is_told(site: ConsoleSite) -> None:
    site.desk.call(jobs.run_app, tenant="oak", app="sis", wish=jobs.RunNow())
    site.desk.call(apps.pause_app, tenant="elm", app="ls", wish=Because(reason="exams"))
    admin = site.client(Role.ADMINISTRATOR)
    told = admin.get("/operators", headers=JSON).json()
    assert told["broker"]["kind"] == "embedded"
    assert {row["tier"]: row["queued"] for row in told["jobs"]} == {
        "import": 1, "two_way": 0, "export": 0
    }  # fmt: skip
    page = admin.get("/operators")
    assert "The broker is embedded" in page.text
    assert 'href="/tenants/elm/apps/ls"' in page.text
    assert "exams" in admin.get("/operators/attention").text
    listed = admin.get("/operators/jobs?state=unfinished").text
    assert "/tenants/oak/jobs/" in listed
    assert admin.get("/operators/jobs?state=odd").status_code == 422
    assert admin.get("/operators/jobs?mode=odd").status_code == 422
    assert "There is no such queue" in admin.get("/operators/rejected").text
    assert admin.submit("/operators/rejected/abc/replay", body="{}").status_code == 422
    findings = admin.get("/operators/doctor", headers=JSON).json()["findings"]
    assert {one["check"]: one["result"] for one in findings}["database"] == "ok"


def test_a_management_api_that_is_away_is_told_without_its_password(
    database: Database, tmp_path
) -> None:
    settings = embedded_settings(database, state_dir=tmp_path).model_copy(
        update={
            "broker_url": "amqp://somebody:s3cret@127.0.0.1:1/",
            "management_url": "http://somebody:s3cret@127.0.0.1:1",
        }
    )
    site = ConsoleSite(database, settings)
    site.add_account(Role.ADMINISTRATOR, (Role.ADMINISTRATOR, None))
    admin = site.client(Role.ADMINISTRATOR)
    page = admin.get("/operators")
    assert "127.0.0.1:1: " in page.text
    assert "Connection refused" in page.text
    kept = admin.get("/operators/rejected")
    assert "The broker cannot be reached" in kept.text
    assert "s3cret" not in page.text + kept.text
    gone = admin.submit("/operators/rejected/abc/drop")
    assert gone.status_code == 503


@pytest.fixture
def real(
    site: ConsoleSite, broker_url: str, management_url: str, tmp_path
) -> Iterator[tuple[ConsoleSite, RabbitBroker]]:
    """The site with a RabbitMQ of its own, and the intake of a scheduler."""
    settings = site.settings.model_copy(
        update={"broker_url": broker_url, "management_url": management_url}
    )
    broker = RabbitBroker(broker_url)
    intake = Intake(
        Gate(site.database), Relay(broker.publisher, Outbox(site.database)), broker.reply
    )
    with consuming(broker, intake):
        yield ConsoleSite(site.database, settings), broker
    broker.close()


@contextmanager
def consuming(broker: RabbitBroker, intake: Intake) -> Iterator[None]:
    stop = threading.Event()
    consumer = broker.consumer(
        RUN_NOW_QUEUE, intake.handle, prefetch=10, rejected_to=REJECTED_QUEUE
    )
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join(15)
    assert not thread.is_alive()


def publish(broker: RabbitBroker, body: str, message_id: str) -> None:
    sent = Publication(
        exchange=COMMANDS_EXCHANGE, routing_key=RUN_NOW_KEY, body=body.encode(),
        message_id=message_id,
    )  # fmt: skip
    assert broker.publisher.publish([sent]) == [True]


def kept(admin: Browser) -> list[dict]:
    return admin.get("/operators/rejected", headers=JSON).json()["messages"]


def test_a_refused_run_now_is_mended_replayed_and_runs(
    real: tuple[ConsoleSite, RabbitBroker],
) -> None:
    site, broker = real
    admin = site.client(Role.ADMINISTRATOR)
    publish(broker, '{"app": "oak/sos", "mode": "full"}', "ops-1")
    publish(broker, '{"application": "oak/sis"}', "ops-2")
    wait_until(lambda: len(kept(admin)) == 2, 30)
    first, second = sorted(kept(admin), key=lambda one: one["message_id"])
    assert "no app 'sos'" in first["reason"]
    assert "application: there is no such field" in second["reason"]

    at = f"/operators/rejected/{first['key']}/replay"
    again = admin.submit(at, body='{"app": "oak/nobody"}')
    assert again.status_code == 422
    assert "aria-invalid" in again.text
    assert "oak/nobody" in again.text, "what was typed stays"
    assert len(kept(admin)) == 2, "it is kept until it is right"
    assert admin.submit(at, body='{"app": "oak/sis"}').status_code == 303
    assert [one["key"] for one in kept(admin)] == [second["key"]]
    wait_until(lambda: admin.get("/operators/jobs", headers=JSON).json()["jobs"], 30)
    [job] = admin.get("/operators/jobs", headers=JSON).json()["jobs"]
    assert (job["tenant"], job["app"], job["trigger"]) == ("oak", "oak/sis", "run_now")
    assert admin.submit(at, body='{"app": "oak/sis"}').status_code == 404

    assert admin.submit(f"/operators/rejected/{second['key']}/drop").status_code == 303
    assert kept(admin) == []
    log = admin.get("/audit", headers=JSON).json()["entries"]
    assert [one["action"] for one in log[:4]] == [
        "drop_rejected", "replay_rejected", "replay_rejected", "replay_rejected"
    ]  # fmt: skip
    assert [one["outcome"] for one in log[:4]] == ["allowed", "failed", "allowed", "failed"]


def test_queues_and_their_consumers_are_told(real: tuple[ConsoleSite, RabbitBroker]) -> None:
    site, _ = real
    admin = site.client(Role.ADMINISTRATOR)

    def queues() -> dict[str, dict]:
        told = admin.get("/operators", headers=JSON).json()["broker"]
        assert told["problem"] is None, told
        return {one["name"]: one for one in told["queues"]}

    # the management API's figures follow some seconds behind
    wait_until(lambda: queues()[RUN_NOW_QUEUE]["consumers"] == 1, 60)
    found = queues()
    assert found[COMPLETIONS_QUEUE]["is_alone"]
    assert not found[RUN_NOW_QUEUE]["is_alone"]
    told = admin.get("/operators", headers=JSON).json()["broker"]
    assert [one["intakes"] for one in told["schedulers"]] == [1]
    assert told["workers"] == []
    page = admin.get("/operators").text
    assert "bellringer.run_now.rejected" in page
    assert "@" not in told["ui"], "no password in a link"
    assert f'href="{told["ui"]}"' in page
