"""`bellringer schedules`."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from console.cli.output import Json, print_facts, print_rows
from console.cli.session import open_session
from shared.clock import SystemClock
from shared.db import schedules, views
from shared.db.asking import find_app
from shared.domain.recurrence import (
    Occurrence,
    Recurrence,
    from_local_midnight,
    occurrences,
    parse_date,
)
from shared.domain.states import Mode

app = typer.Typer(help="When apps run.", no_args_is_help=True)

App = Annotated[str, typer.Argument(metavar="TENANT/APP", help="The app.")]
ModeOption = Annotated[Mode, typer.Option("--mode", help="What to read.")]
Frequency = Annotated[str | None, typer.Option("--frequency", help="daily, weekly or monthly.")]
At = Annotated[
    list[str] | None, typer.Option("--at", metavar="HH:MM", help="Wall time; repeat it.")
]
Days = Annotated[str, typer.Option("--days", help="mon,wed (weekly) or 1,15,last (monthly).")]
Cron = Annotated[
    str | None, typer.Option("--cron", help="Five numeric fields, instead of the options above.")
]
Start = Annotated[str | None, typer.Option("--start", metavar="DATE", help="The first date.")]
Until = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="The last date, inclusive.")
]


@app.command("set")
def set_(
    app_name: App,
    mode: ModeOption = Mode.FULL,
    frequency: Frequency = None,
    at: At = None,
    days: Days = "",
    cron: Cron = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone; else the tenant's.")] = None,
    start: Start = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """Set an app's schedule in one mode, in place of the one it had."""
    with open_session() as session:
        with session.database.read() as connection:
            tenant_id, app_id = find_app(connection, app_name)
            own = schedules.zone_of(connection, tenant_id)
        recurrence = Recurrence.parse(
            zone=zone or own,
            frequency=frequency,
            at=at or (),
            days=days,
            cron=cron,
            start=start,
            until=until,
        )
        schedules.set_schedule(session.gate, app_name, mode, recurrence)
        with session.database.read() as connection:
            rows = views.list_schedules(connection, app_id)
    _print([row for row in rows if row["mode"] == mode], as_json=as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all schedules."""
    with open_session() as session, session.database.read() as connection:
        rows = views.list_schedules(connection)
    _print(rows, as_json=as_json)


@app.command()
def show(app_name: App, as_json: Json = False) -> None:
    """Show an app's schedules."""
    with open_session() as session, session.database.read() as connection:
        _, app_id = find_app(connection, app_name)
        rows = views.list_schedules(connection, app_id)
    _print(rows, as_json=as_json)


@app.command()
def remove(app_name: App, mode: ModeOption = Mode.FULL, as_json: Json = False) -> None:
    """Remove an app's schedule of a mode."""
    with open_session() as session:
        schedules.remove_schedule(session.gate, app_name, mode)
    print_facts({"app": app_name, "mode": mode, "removed": True}, as_json=as_json)


@app.command()
def preview(
    frequency: Frequency = None,
    at: At = None,
    days: Days = "",
    cron: Cron = None,
    zone: Annotated[str, typer.Option(help="IANA zone.")] = "UTC",
    start: Start = None,
    until: Until = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From that local midnight on.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many runs.")] = 10,
    mode: ModeOption = Mode.FULL,
    as_json: Json = False,
) -> None:
    """Show the runs of a schedule that need not exist; asks no database."""
    del mode  # the same flags as `set`
    recurrence = Recurrence.parse(
        zone=zone, frequency=frequency, at=at or (), days=days, cron=cron, start=start, until=until
    )
    if first is None:
        found = occurrences(recurrence, after=SystemClock().now(), count=count)
    else:
        found = from_local_midnight(recurrence, parse_date("--from", first), count=count)
    rows = [_run(occurrence) for occurrence in islice(found, count)]
    if as_json:
        for row in rows:
            del row["note"]
    print_rows(rows, ("local", "utc", "note"), as_json=as_json, empty="There is no run.")


def _run(occurrence: Occurrence) -> dict[str, Any]:
    local: datetime = occurrence.at.astimezone(ZoneInfo(occurrence.zone))
    return {
        "local": local.isoformat(),
        "utc": occurrence.at.isoformat().replace("+00:00", "Z"),
        "note": occurrence.note.replace("_", " ") if occurrence.note else None,
    }


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    print_rows(
        rows,
        ("app", "mode", "description", "next_run_at", "ended_at"),
        as_json=as_json,
        empty="There is no schedule: bellringer schedules set TENANT/APP",
    )
