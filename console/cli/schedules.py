"""`bellringer schedules`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.arguments import app_of
from console.cli.output import Json, print_facts, print_rows
from console.cli.session import open_desk
from console.service import schedules
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
    wish = schedules.NewSchedule(
        frequency=frequency,
        at=tuple(at or ()),
        days=days,
        cron=cron,
        zone=zone,
        start=start,
        until=until,
    )
    with open_desk() as desk:
        row = desk.call(schedules.set_schedule, **app_of(app_name), mode=mode, wish=wish)
    _print([row], as_json=as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all schedules."""
    with open_desk() as desk:
        rows = desk.call(schedules.list_schedules)
    _print(rows, as_json=as_json)


@app.command()
def show(app_name: App, as_json: Json = False) -> None:
    """Show an app's schedules."""
    with open_desk() as desk:
        rows = desk.call(schedules.show_schedules, **app_of(app_name))
    _print(rows, as_json=as_json)


@app.command()
def remove(app_name: App, mode: ModeOption = Mode.FULL, as_json: Json = False) -> None:
    """Remove an app's schedule of a mode."""
    with open_desk() as desk:
        told = desk.call(schedules.remove_schedule, **app_of(app_name), mode=mode)
    print_facts(told, as_json=as_json)


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
    wish = schedules.PreviewWish(
        frequency=frequency,
        at=tuple(at or ()),
        days=days,
        cron=cron,
        zone=zone,
        start=start,
        until=until,
        first=first,
        count=count,
    )
    rows = schedules.runs(wish)
    if as_json:
        for row in rows:
            del row["note"]
    print_rows(rows, ("local", "utc", "note"), as_json=as_json, empty="There is no run.")


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    print_rows(
        rows,
        ("app", "mode", "description", "next_run_at", "ended_at"),
        as_json=as_json,
        empty="There is no schedule: bellringer schedules set TENANT/APP",
    )
