"""A whole deployment for tests: real processes on the real servers, with small districts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from connectors import registry
from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from connectors.simulator.server import SimulatorServer
from shared.db import apps
from shared.db.asking import Ask, Asked, ask
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.migrate import upgrade
from shared.db.tenants import add_tenant
from shared.secrets import seal_secrets

ROOT = Path(__file__).resolve().parents[1]
#: Short times, so that a fault is repaired while the test looks on.
QUICK = {
    "BELLRINGER_LEASE_S": "4",
    "BELLRINGER_BEAT_S": "1",
    "BELLRINGER_SWEEP_S": "0.5",
    "BELLRINGER_TICK_S": "0.3",
    "BELLRINGER_REPUBLISH_AFTER_S": "2",
    "BELLRINGER_RETRY_BASE_S": "0.5",
    "BELLRINGER_RELAY_AFTER_S": "1",
    "BELLRINGER_MAX_FAILURES": "100",
    "BELLRINGER_GRACE_S": "5",
}
#: The generated districts of a deployment, and the students of each.
TENANTS = ["ash", "birch", "cedar", "elm"]
STUDENTS = 30


class Deployment:
    """Schedulers and workers as processes, and the database that they share."""

    def __init__(self, database_url: str, broker_url: str, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("BELLRINGER_")},
            "BELLRINGER_DATABASE_URL": database_url,
            "BELLRINGER_BROKER_URL": broker_url,
            "BELLRINGER_STATE_DIR": str(folder / "state"),
            "BELLRINGER_PRIVATE_NETWORKS": "127.0.0.0/8",
            **QUICK,
        }
        self.database = Database(database_url.replace("postgresql://", "postgresql+psycopg://"))
        self.gate = Gate(self.database, relay_after_s=0)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        #: The processes that ended by themselves, and were started again.
        self.restarted: list[str] = []
        #: Where the tenants' simulated 2-way vendors are.
        self.vendors: list[str] = []
        self._words: dict[str, tuple[list[str], dict[str, str]]] = {}
        upgrade(self.database)

    def add_tenants(self, server: SimulatorServer, names: list[str], students: int) -> None:
        self.vendors = [server.settings[name]["powerschool"]["url"] for name in names]
        for index, name in enumerate(names):
            add_tenant(self.gate, name, "America/New_York")
            source = self.folder / name / "oneroster.zip"
            write_oneroster(generate(name, seed=index, students=students), source)
            configs = {
                "sis": ("oneroster_csv", {"path": str(source), "quiet_s": 0}),
                "powerschool": ("powerschool", dict(server.settings[name]["powerschool"])),
                "lightspeed": ("lightspeed", {"path": str(self.folder / name / "out")}),
            }
            for app, (connector_name, values) in configs.items():
                self.add_app(name, app, connector_name, values)

    def add_app(
        self, tenant: str, app: str, connector_name: str, values: Mapping[str, object]
    ) -> None:
        """Add an app as the command does."""
        connector = registry.get(connector_name)
        hidden = registry.secret_fields(connector)
        secrets = {key: str(value) for key, value in values.items() if key in hidden}
        apps.add_app(
            self.gate,
            apps.NewApp(
                tenant=tenant,
                name=app,
                connector=connector_name,
                tier=connector.tier,
                modes=connector.capabilities.modes,
                config={key: value for key, value in values.items() if key not in hidden},
                secrets=seal_secrets(secrets, None) if secrets else None,
            ),
        )

    def start(self, name: str, *words: str, **settings: str) -> None:
        """Start `bellringer WORDS`; the log lies in the folder."""
        self._words[name] = (list(words), settings)
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "console.cli", *words],
                cwd=ROOT,
                env={**self.environment, **settings},
                stdout=log,
                stderr=log,
            )

    def start_all(self, *, schedulers: int = 2, **settings: str) -> None:
        for number in range(schedulers):
            self.start(f"scheduler-{number}", "scheduler", **settings)
        for tier in ("import", "two_way", "export"):
            self.start(f"worker-{tier}", "worker", "--tier", tier, "--threads", "2", **settings)

    def kill(self, name: str) -> None:
        process = self.processes[name]
        process.send_signal(signal.SIGKILL)
        process.wait(20)

    def restart(self, name: str) -> None:
        words, settings = self._words[name]
        self.start(name, *words, **settings)

    def revive_dead(self) -> list[str]:
        """Start again what has ended by itself, as a supervisor would; returns the names."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in ended:
            self.restart(name)
        self.restarted += ended
        return ended

    def has_met_a_refusal(self, name: str) -> bool:
        """Whether a process has logged that a server refused its connection."""
        log = (self.folder / f"{name}.log").read_text(encoding="utf-8")
        return "refused" in log or "ConnectionRefused" in log

    def ask(self, app: str, *, cascade: bool = False, message_id: str | None = None) -> Asked:
        return ask(self.gate, Ask(app=app, cascade=cascade, actor="intake", message_id=message_id))

    def drain(self, timeout_s: float) -> None:
        """Wait until no job is unfinished."""

        def is_drained() -> bool:
            self.revive_dead()
            with self.database.read() as connection:
                left = "SELECT (SELECT count(*) FROM outbox) + count(*) FROM jobs"
                query = f"{left} WHERE finished_at IS NULL"
                return connection.exec_driver_sql(query).scalar_one() == 0

        wait_until(is_drained, timeout_s, self.told)

    def told(self) -> str:
        with self.database.read() as connection:
            rows = connection.exec_driver_sql(
                "SELECT id, app_id, tier, state, attempt, failures, reason FROM jobs"
                " WHERE finished_at IS NULL ORDER BY id"
            ).all()
            outbox = connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar()
        return "\n".join(str(tuple(row)) for row in rows) + f"\noutbox: {outbox}"

    def close(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)
        self.database.dispose()


def wait_until(
    is_so: Callable[[], bool], timeout_s: float, told: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {timeout_s} s\n{told()}"
        time.sleep(0.1)
