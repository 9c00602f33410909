"""`bellringer demo`: two generated districts, every vendor, every tier, two days, one process."""

from __future__ import annotations

import shutil
import socket
import tempfile
from contextlib import nullcontext
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.live import Live
from rich.table import Table

from connectors.simulator.server import SimulatorServer
from connectors.vendors.active_directory.bench import Directory, directory_at_hand
from console.cli.output import Json, page, print_json, stderr
from console.demo.districts import DISTRICTS, WITH_DIRECTORY
from console.demo.stage import Stage
from console.embedded import Embedded
from console.web.listening import listening
from shared.db.engine import Database, open_database
from shared.db.migrate import upgrade
from shared.domain.states import JobState
from shared.settings import Settings, load_settings

#: The days that it shows: the first has everybody, the second what has changed since.
DAYS = (0, 1)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when all jobs have ended.")] = False,
    students: Annotated[
        int, typer.Option(min=20, max=100_000, help="Of the first district.")
    ] = 1200,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the console that is served then; 0: any.")
    ] = 8080,
    as_json: Json = False,
) -> int:
    """Show it all: every vendor's app in two generated districts, for two days.

    All are due at the same minute; each tier starts when the one above it has ended. On the second
    day some have come, left, moved or changed their names. Everything lies in a new folder, and
    nothing outside this process is needed.
    """
    with nullcontext() if once else listening("127.0.0.1", port) as listener:
        return _demo(students, listener, as_json=as_json)


def _demo(students: int, listener: socket.socket | None, *, as_json: bool) -> int:
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
    database = open_database(settings)
    upgrade(database)
    days: list[list[dict[str, Any]]] = []
    try:
        with SimulatorServer([district.made(students) for district in DISTRICTS]) as server:
            stage = Stage(settings, database, server, folder, _directory(students))
            stage.set_up()
            with Embedded(settings, database) as embedded:
                for day in DAYS:
                    if day:
                        stage.turn(day, students)
                    _show(stage, embedded, day, as_json=as_json)
                    days.append(stage.jobs())
                    if not as_json:
                        _tell(day, days[-1])
                _end(days, folder, as_json=as_json)
                if listener is not None:
                    _go_on(embedded, settings, database, listener)
    finally:
        database.dispose()
        # what the demo kept of it; the districts' files themselves stay, and are named
        shutil.rmtree(folder / "state", ignore_errors=True)
    return 0 if all(job["state"] == JobState.SUCCEEDED for jobs in days for job in jobs) else 1


def _directory(students: int) -> Directory | None:
    given = directory_at_hand()
    if given is None:
        stderr.print(
            "Active Directory is left out: there is no directory here, or no python-ldap. `make"
            " demo` starts one where it may.",
            markup=False,
        )
        return None
    return Directory(given, WITH_DIRECTORY.made(students))


def _show(stage: Stage, embedded: Embedded, day: int, *, as_json: bool) -> None:
    """Run a day, with its progress where somebody looks on."""
    if as_json or not stderr.is_terminal:
        stderr.print(f"Day {day + 1} is synced; it takes some seconds.", markup=False)
        stage.run(embedded, lambda _: None)
        return
    with Live(console=stderr, refresh_per_second=8, transient=True) as live:
        stage.run(embedded, lambda jobs: live.update(_progress_table(jobs)))


def _go_on(
    embedded: Embedded, settings: Settings, database: Database, listener: socket.socket
) -> None:
    """Serve the console, while the schedules go on, until Ctrl-C."""
    # the web is slow to import, and what ends with the second day has no use for it
    from console.web.serving import serve_beside

    stderr.print("The schedules go on, once a day. Ctrl-C ends the demo.", markup=False)
    serve_beside(embedded, settings, database, listener)
    stderr.print("Ended.", markup=False)


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


def _tell(day: int, jobs: list[dict[str, Any]]) -> None:
    due = _clock(jobs[0]["due_at"])[:5]
    told = (
        f"all due at {due} UTC" if not day else "some have come, left, moved, changed their names"
    )
    table = Table(
        title=f"Day {day + 1}: {told}; each tier started when the one above it had ended",
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
    page().print(table)


def _end(days: list[list[dict[str, Any]]], folder: Path, *, as_json: bool) -> None:
    """Tell where the files are, or print everything as one document."""
    if as_json:
        jobs = [
            {**job, "day": day} for day, of_day in zip(DAYS, days, strict=True) for job in of_day
        ]
        print_json({"jobs": jobs})
        return
    console = page()
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
