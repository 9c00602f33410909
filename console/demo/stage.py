"""Sets the demo up and runs its days: the vendors' side, tenants and apps, schedules, jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import registry
from connectors.simulator.server import SimulatorServer
from connectors.vendors.active_directory.bench import Directory
from console.demo.districts import DISTRICTS, WITH_DIRECTORY, DemoDistrict
from console.embedded import Embedded
from shared.clock import SystemClock
from shared.db import apps, schedules, views
from shared.db.asking import Ask, ask
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.tenants import add_tenant
from shared.domain.recurrence import Recurrence
from shared.domain.states import UNFINISHED, Mode, Tier
from shared.secrets import seal_secrets
from shared.settings import Settings

#: How long a day may take before the demo gives up, in seconds.
DAY_TIMEOUT_S = 600.0


class Stage:
    """The demo's tenants, and the vendors around them.

    Args:
        settings: whose broker is the embedded one.
        database: migrated, and empty.
        server: holds the districts' first day.
        folder: where files go.
        directory: holds one district's accounts; None: there is none.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        server: SimulatorServer,
        folder: Path,
        directory: Directory | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        # nobody else publishes what is due
        self._gate = Gate(database, relay_after_s=0)
        self._server = server
        self._folder = folder
        self._directory = directory
        self._apps: list[str] = []
        self._known: set[int] = set()

    def set_up(self) -> None:
        """Add the tenants with their apps, and schedules that are due this very minute."""
        now = SystemClock().now()
        for district in DISTRICTS:
            add_tenant(self._gate, district.name, district.zone)
            for name in district.served:
                self._add_app(district, name, self._server.settings[district.name][name])
            if self._directory is not None and district is WITH_DIRECTORY:
                self._add_app(district, "active_directory", self._directory.settings)
            for name in district.folders:
                place = {"path": str(self._folder / district.name / name)}
                self._add_app(district, name, place)
        for app in self._apps:
            # the slot is this minute, just past: it is due at once
            minute = Recurrence.parse(zone="UTC", frequency="daily", at=[f"{now:%H:%M}"])
            schedules.set_schedule(self._gate, app, Mode.FULL, minute, after=_before(now))

    def turn(self, day: int, students: int) -> None:
        """Make every vendor hold its district of another day, and ask for all of it anew.

        Args:
            day: which.
            students: of the first district on day 0.
        """
        self._known = {int(job["id"]) for job in self._all_jobs()}
        self._server.turn(day)
        if self._directory is not None:
            self._directory.turn(WITH_DIRECTORY.made(students, day))
        # upstream first: what is asked for later joins what follows on it
        for app in self._apps:
            ask(self._gate, Ask(app=app, actor="cli"))

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs of this day, in the order in which they were made."""
        return [job for job in self._all_jobs() if int(job["id"]) not in self._known]

    def run(self, embedded: Embedded, look: Callable[[list[dict[str, Any]]], None]) -> None:
        """Run until every app has had its job of this day, or the time is over.

        Args:
            embedded: scheduler and workers.
            look: is handed the jobs again and again meanwhile.
        """
        expected = len(self._apps)
        started = time.monotonic()

        def is_done() -> bool:
            jobs = self.jobs()
            look(jobs)
            ended = [job for job in jobs if job["state"] not in UNFINISHED]
            is_late = time.monotonic() - started > DAY_TIMEOUT_S
            return is_late or (len(jobs) >= expected and len(ended) == len(jobs))

        embedded.wait(is_done)

    def _all_jobs(self) -> list[dict[str, Any]]:
        with self._database.read() as connection:
            return sorted(views.list_jobs(connection, limit=1000), key=lambda job: int(job["id"]))

    def _add_app(self, district: DemoDistrict, name: str, given: Mapping[str, Any]) -> None:
        connector = registry.get(name)
        app = _app(district, name)
        self._apps.append(app)
        registry.parse_config(connector, given)
        hidden = registry.secret_fields(connector)
        apps.add_app(
            self._gate,
            apps.NewApp(
                tenant=district.name,
                name=_name(name),
                connector=name,
                tier=connector.tier,
                modes=connector.capabilities.modes,
                config={key: value for key, value in given.items() if key not in hidden},
                secrets=seal_secrets(
                    {key: str(value) for key, value in given.items() if key in hidden},
                    self._settings.secret_key,
                ),
            ),
        )
        if connector.tier is Tier.TWO_WAY:
            # Skyward's teachers lack a number by which others could know them
            apps.set_rules(self._gate, app, _by_address(district))


def _by_address(district: DemoDistrict) -> dict[str, Any]:
    """Return the rules by which people are known by their address, where not by their number."""
    return {
        "matching": ["sis_id", "email"],
        "verified_email_domains": [f"{district.name}.example"],
    }


def _app(district: DemoDistrict, connector: str) -> str:
    return f"{district.name}/{_name(connector)}"


def _name(connector: str) -> str:
    """Return the name of a connector's app."""
    return connector.replace("_", "-")


def _before(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) - timedelta(seconds=1)
