"""`bellringer demo`: two generated districts, every tier, one process."""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from connectors import registry
from connectors.district.generate import generate
from connectors.district.model import District
from connectors.district.oneroster_files import write_oneroster
from connectors.simulator.server import SimulatorServer
from console.cli.output import Json, print_json, stderr
from console.embedded import Embedded
from shared.clock import SystemClock
from shared.db import apps, schedules, views
from shared.db.engine import Database, open_database
from shared.db.gate import Gate
from shared.db.migrate import upgrade
from shared.db.tenants import add_tenant
from shared.domain.recurrence import Recurrence
from shared.domain.states import UNFINISHED, JobState, Mode
from shared.secrets import seal_secrets
from shared.settings import Settings, load_settings

#: The districts: name, seed, zone, and the share of the students asked for.
DISTRICTS = (
    ("oakfield", 11, "America/New_York", 1.0),
    ("pinehill", 22, "America/Chicago", 0.4),
)
#: How long `--once` may take before it gives up, in seconds.
ONCE_TIMEOUT_S = 600.0


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when all jobs have ended.")] = False,
    students: Annotated[
        int, typer.Option(min=20, max=100_000, help="Of the first district.")
    ] = 1200,
    as_json: Json = False,
) -> int:
    """Show it all: an import, a 2-way and an export app in each of two generated districts.

    All are due at the same minute; each tier starts when the one above it has ended. Everything
    lies in a new folder, and nothing outside this process is needed.
    """
    folder = Path(tempfile.mkdtemp(prefix="bellringer-demo-"))
    settings = load_settings(
        state_dir=folder / "state",
        database_url=None,
        broker_url=None,
        secret_key=None,
        private_networks="127.0.0.0/8",
        metrics_port=None,
        tick_s=0.2,
        sweep_s=1,
    )
    made = [
        generate(name, seed=seed, students=max(20, int(students * share)))
        for name, seed, _, share in DISTRICTS
    ]
    database = open_database(settings)
    upgrade(database)
    try:
        with SimulatorServer(made) as server:
            _set_up(database, settings, made, server, folder)
            with Embedded(settings, database) as embedded:
                _watch(embedded, database, as_json=as_json)
                jobs = _jobs(database)
                _tell(jobs, folder, as_json=as_json)
                if not once:
                    _go_on(embedded)
                    jobs = _jobs(database)
    finally:
        database.dispose()
        # what the districts' files were made of; the files themselves stay, and are named
        shutil.rmtree(folder / "state", ignore_errors=True)
    return 0 if all(job["state"] == JobState.SUCCEEDED for job in jobs) else 1


def _set_up(
    database: Database,
    settings: Settings,
    districts: list[District],
    server: SimulatorServer,
    folder: Path,
) -> None:
    """Make the tenants, their files and apps, and schedules that are due this very minute."""
    gate = Gate(database)
    now = SystemClock().now()
    for district, (name, _, zone, _) in zip(districts, DISTRICTS, strict=True):
        add_tenant(gate, name, zone)
        source = folder / name / "student-system" / "oneroster.zip"
        write_oneroster(district, source)
        wanted: dict[str, tuple[str, dict[str, Any]]] = {
            "sis": ("oneroster_csv", {"path": str(source), "quiet_s": 0.2}),
            "powerschool": ("powerschool", dict(server.settings[name]["powerschool"])),
            "lightspeed": ("lightspeed", {"path": str(folder / name / "lightspeed")}),
        }
        for app, (connector_name, values) in wanted.items():
            connector = registry.get(connector_name)
            registry.parse_config(connector, values)
            hidden = registry.secret_fields(connector)
            secrets = {key: str(values.pop(key)) for key in hidden if key in values}
            apps.add_app(
                gate,
                apps.NewApp(
                    tenant=name,
                    name=app,
                    connector=connector_name,
                    tier=connector.tier,
                    modes=connector.capabilities.modes,
                    config=values,
                    secrets=seal_secrets(secrets, settings.secret_key),
                ),
            )
    for name, _, _, _ in DISTRICTS:
        for app in ("sis", "powerschool", "lightspeed"):
            # the slot is this minute, just past: it is due at once
            schedules.set_schedule(
                gate, f"{name}/{app}", Mode.FULL, _this_minute(now), after=_before(now)
            )


def _this_minute(now: datetime) -> Recurrence:
    return Recurrence.parse(zone="UTC", frequency="daily", at=[f"{now:%H:%M}"])


def _before(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) - timedelta(seconds=1)


def _watch(embedded: Embedded, database: Database, *, as_json: bool) -> None:
    """Show progress until every job of the six apps has ended."""
    started = time.monotonic()

    def is_done() -> bool:
        jobs = _jobs(database)
        ended = [job for job in jobs if job["state"] not in UNFINISHED]
        return (len(jobs) >= 6 and len(ended) == len(jobs)) or (
            time.monotonic() - started > ONCE_TIMEOUT_S
        )

    if as_json or not stderr.is_terminal:
        stderr.print("Two generated districts are synced; it takes some seconds.", markup=False)
        embedded.wait(is_done)
        return
    with Live(console=stderr, refresh_per_second=8, transient=True) as live:

        def shown() -> bool:
            live.update(_progress_table(_jobs(database)))
            return is_done()

        embedded.wait(shown)


def _go_on(embedded: Embedded) -> None:
    stderr.print("The schedules go on, once a day. Ctrl-C ends the demo.", markup=False)
    try:
        embedded.wait(lambda: False, every_s=1)
    except KeyboardInterrupt:
        stderr.print("Ended.", markup=False)


def _jobs(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        return sorted(views.list_jobs(connection, limit=1000), key=lambda job: int(job["id"]))


def _progress_table(jobs: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("app", "tier", "state", "what"):
        table.add_column(column)
    for job in jobs:
        progress = job["progress"] or {}
        told = f"{progress.get('step', '')} {progress.get('done', '')}".strip()
        what = told if job["state"] == JobState.RUNNING else job["reason"] or ""
        table.add_row(job["app"], job["tier"], job["state"], what)
    return table


def _tell(jobs: list[dict[str, Any]], folder: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"jobs": jobs})
        return
    due = _clock(jobs[0]["due_at"])[:5]
    table = Table(
        title=f"All due at {due} UTC; each tier started when the one above it had ended",
        padding=(0, 1, 0, 0),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title_justify="left",
    )
    for column in ("app", "tier", "started", "ended", "state"):
        table.add_column(column, no_wrap=True)
    table.add_column("what it did")
    by_tenant = groupby(sorted(jobs, key=lambda job: job["tenant"]), key=lambda job: job["tenant"])
    for tenant, of_tenant in by_tenant:
        table.add_row(f"[bold]{tenant}[/]")
        for job in sorted(of_tenant, key=lambda job: job["started_at"] or ""):
            times = [_clock(job[name]) for name in ("started_at", "finished_at")]
            name = f"  {job['app'].removeprefix(f'{tenant}/')}"
            table.add_row(name, job["tier"], *times, job["state"], _summary(job))
        table.add_section()
    console = Console(highlight=False)
    console.print(table)
    console.print("Files:", markup=False)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "state" not in path.relative_to(folder).parts:
            console.print(f"  {path}", markup=False, soft_wrap=True)


def _clock(at: str | None) -> str:
    return at[11:23] if at else "–"


def _summary(job: dict[str, Any]) -> str:
    counts = job["counts"] or {}
    if "files" in counts:
        rows = sum(file["rows"] for file in counts["files"].values())
        return f"{rows} rows in {len(counts['files'])} files"
    totals: dict[str, int] = {}
    for counted in counts.values():
        for name, value in counted.items():
            totals[name] = totals.get(name, 0) + value
    told = ", ".join(f"{value} {name}" for name, value in totals.items() if value)
    return told or (job["reason"] or "nothing")
