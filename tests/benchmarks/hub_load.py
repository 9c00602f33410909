"""Imports a OneRoster set as a worker does, and prints what it took as JSON.

    python -m tests.benchmarks.hub_load FOLDER DATABASE_URL

In a process of its own, so that its peak memory is that of one import alone.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import threading
import time

from sqlalchemy import update

from shared.broker.connect import open_broker
from shared.db import apps
from shared.db.asking import Ask, ask
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.migrate import upgrade
from shared.db.tables import apps as apps_table
from shared.db.tenants import add_tenant
from shared.db.views import show_job
from shared.domain.states import JobState, Mode, Tier
from shared.settings import Settings
from workers.bootstrap import build


def _prepare(database: Database, gate: Gate, folder: str) -> None:
    """Make the tenant and its app the first time; later, let the app read this folder."""
    config = {"path": folder, "quiet_s": 0}
    with database.write() as connection:
        known = connection.execute(update(apps_table).values(config=config)).rowcount
    if not known:
        add_tenant(gate, "bench", "UTC")
        apps.add_app(
            gate,
            apps.NewApp(
                tenant="bench",
                name="sis",
                connector="oneroster_csv",
                tier=Tier.IMPORT,
                modes=frozenset({Mode.FULL}),
                config=config,
                secrets=None,
            ),
        )


def main() -> None:
    """Import, and print `{"seconds": …, "peak_mb": …, "counts": …}`."""
    folder, url = sys.argv[1:]
    with tempfile.TemporaryDirectory() as state:
        settings = Settings(database_url=url, state_dir=state)
        database = Database(settings.resolved_database_url())
        upgrade(database)
        gate = Gate(database)
        _prepare(database, gate, folder)
        broker = open_broker(settings)
        runner = build(settings, database, broker, threading.Event())
        job_id = ask(gate, Ask(app="bench/sis", actor="cli")).job_id
        started = time.perf_counter()
        runner.run(job_id)
        seconds = time.perf_counter() - started
        with database.read() as connection:
            job = show_job(connection, job_id)
        broker.close()
        database.dispose()
    if job is None or job["state"] != JobState.SUCCEEDED:
        sys.exit(f"the import did not succeed: {job and job['reason']}")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = {kind: {n: v for n, v in of.items() if v} for kind, of in job["counts"].items()}
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "counts": counts}))  # noqa: T201


if __name__ == "__main__":
    main()
