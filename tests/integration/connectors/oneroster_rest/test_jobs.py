"""Imports by a worker's job: what the vendor has is what the hub has, day by day."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from connectors import registry
from connectors.district.generate import generate
from connectors.simulator.server import SimulatorServer
from shared.broker.connect import open_broker
from shared.db import apps
from shared.db.asking import Ask, ask
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.hub_tables import HUB
from shared.db.tables import vendor_budgets
from shared.db.tenants import add_tenant
from shared.db.views import show_job
from shared.domain.records import Kind
from shared.domain.states import JobState, Mode
from shared.settings import Settings
from workers.bootstrap import build


class Hub:
    """A tenant's hub, and the worker that runs its jobs."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.gate = Gate(database)
        self.broker = open_broker(settings)
        self._runner = build(settings, database, self.broker, threading.Event())
        add_tenant(self.gate, "oak", "America/New_York")

    def add(self, connector_name: str, settings: Any) -> None:
        connector = registry.get(connector_name)
        registry.parse_config(connector, settings)
        apps.add_app(
            self.gate,
            apps.NewApp(
                tenant="oak", name="sis", connector=connector_name, tier=connector.tier,
                modes=connector.capabilities.modes, config=dict(settings), secrets=None,
            ),
        )  # fmt: skip

    def run(self, mode: Mode = Mode.FULL) -> dict[str, Any]:
        job_id = ask(self.gate, Ask(app="oak/sis", mode=mode, actor="cli")).job_id
        self._runner.run(job_id)
        with self.database.read() as connection:
            job = show_job(connection, job_id)
        assert job is not None
        return job

    def active(self, kind: Kind) -> int:
        table = HUB[kind]
        query = select(func.count()).select_from(table).where(table.c.status == "active")
        with self.database.read() as connection:
            return connection.execute(query).scalar_one()


@pytest.fixture
def make_hub(database: Database, tmp_path: Path) -> Any:
    made: list[Hub] = []

    def make(**more: Any) -> Hub:
        url = database.url.render_as_string(hide_password=False)
        settings = Settings(database_url=url, state_dir=tmp_path / "state", **more)
        made.append(Hub(database, settings))
        return made[-1]

    yield make
    for hub in made:
        hub.broker.close()


@pytest.mark.parametrize(
    ("connector", "budgets"), [("oneroster_rest", 1), ("skyward", 1), ("facts", 2)]
)
def test_a_district_comes_in_and_changes_by_the_day(make_hub, connector, budgets):
    hub = make_hub(private_networks="127.0.0.0/8")
    with SimulatorServer([generate("oak", seed=5, students=60)]) as server:
        hub.add(connector, {**server.settings["oak"][connector], "requests_per_minute": 60_000})
        job = hub.run()
        assert job["state"] == JobState.SUCCEEDED, job["reason"]
        assert job["counts"]["users"]["added"] == hub.active(Kind.USERS) > 120
        assert hub.active(Kind.DEMOGRAPHICS) == 60
        assert hub.active(Kind.ROLES) == hub.active(Kind.USERS)
        for day in (1, 2):
            server.turn(day)
            modes = registry.get(connector).capabilities.modes
            job = hub.run(Mode.INCREMENTAL if Mode.INCREMENTAL in modes else Mode.FULL)
            assert job["state"] == JobState.SUCCEEDED, job["reason"]
            assert 0 < job["counts"]["users"]["added"] < 10
        full = hub.run()
        changed = {k: {n: v for n, v in c.items() if v} for k, c in full["counts"].items()}
        assert full["state"] == JobState.SUCCEEDED, full["reason"]
        assert changed["users"].keys() <= {"unchanged"}
        assert changed["enrollments"].keys() <= {"unchanged"}
    with hub.database.read() as connection:
        assert (
            connection.execute(select(func.count()).select_from(vendor_budgets)).scalar() == budgets
        )


def test_no_job_reaches_a_private_network_that_nobody_allowed(make_hub):
    hub = make_hub()
    with SimulatorServer([generate("oak", seed=5, students=5)]) as server:
        hub.add("skyward", server.settings["oak"]["skyward"])
        job = hub.run()
    assert job["state"] == JobState.FAILED
    assert "BELLRINGER_PRIVATE_NETWORKS" in job["reason"]


def test_a_failed_read_changes_nothing_and_is_tried_again(make_hub):
    hub = make_hub(private_networks="127.0.0.0/8")
    with SimulatorServer([generate("oak", seed=5, students=30)]) as server:
        settings = server.settings["oak"]["oneroster_rest"]
        hub.add("oneroster_rest", settings)
        assert hub.run()["state"] == JobState.SUCCEEDED
        before = hub.active(Kind.USERS)
        faults = [{"name": "cut", "on": "/enrollments", "times": 1}]
        httpx.post(f"{settings['url']}/_simulator/faults", json=faults, trust_env=False)
        job = hub.run()
    assert job["state"] == JobState.HELD
    assert "broken JSON" in job["reason"]
    assert hub.active(Kind.USERS) == before
