"""`bellringer jobs`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.arguments import JobId, app_of
from console.cli.job_details import print_details
from console.cli.output import Json, print_facts, print_json, print_rows
from console.cli.session import open_desk
from console.service import jobs
from console.service.desk import Desk
from shared.errors import ConfigurationError

app = typer.Typer(help="Syncs that wait, run or have ended.", no_args_is_help=True)

_COLUMNS = ("id", "app", "tier", "mode", "trigger", "state", "reason", "started_at", "finished_at")


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option(help="Of one tenant.")] = None,
    app_name: Annotated[
        str | None, typer.Option("--app", metavar="TENANT/APP", help="Of one app.")
    ] = None,
    state: Annotated[str | None, typer.Option(help="In one state, or: unfinished.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    with open_desk() as desk:
        if app_name is not None:
            of = app_of(app_name)
            if tenant not in (None, of["tenant"]):
                raise ConfigurationError("--tenant", f"{app_name} is not its app", "Give one.")
            rows = desk.call(jobs.list_jobs, **of, state=state, limit=limit)
        elif tenant is not None:
            rows = desk.call(jobs.list_jobs, tenant=tenant, state=state, limit=limit)
        else:
            rows = desk.call(jobs.list_all_jobs, state=state, limit=limit)
    print_rows(rows, _COLUMNS, as_json=as_json, empty="There is no such job.")


@app.command()
def show(job: JobId, as_json: Json = False) -> None:
    """Show a job and its history."""
    with open_desk() as desk:
        found = desk.call(jobs.show_job, **_named(desk, job))
    if as_json:
        print_json(found)
        return
    approvals, not_done = found.pop("approvals"), found.pop("not_done")
    count = found.pop("not_done_count")
    events = found.pop("events")
    hidden = ("plan", "certificate")
    print_facts({k: v for k, v in found.items() if k not in hidden}, as_json=False)
    print_details(found, approvals, not_done, count)
    print_rows(
        events,
        ("at", "from", "to", "attempt", "actor", "reason"),
        as_json=False,
        empty="It has no history.",
    )


@app.command()
def cancel(
    job: JobId,
    by: Annotated[str | None, typer.Option(help="Who wants it; told with the job.")] = None,
    as_json: Json = False,
) -> None:
    """End a job: at once if it waits, at its next beat if it runs."""
    with open_desk() as desk:
        told = desk.call(jobs.cancel_job, **_named(desk, job), wish=jobs.By(by=by))
    print_facts(told, as_json=as_json)


@app.command()
def retry(
    job: JobId,
    by: Annotated[str | None, typer.Option(help="Who wants it; told with the job.")] = None,
    as_json: Json = False,
) -> None:
    """Run the app of a job that has ended again, in the same mode."""
    with open_desk() as desk:
        found = desk.call(jobs.retry_job, **_named(desk, job), wish=jobs.By(by=by))
    names = ("id", "app", "tier", "mode", "state", "reason", "coalesced")
    print_facts({name: found[name] for name in names}, as_json=as_json)


@app.command()
def undo(
    job: JobId,
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what it would do.")
    ] = False,
    by: Annotated[str | None, typer.Option(help="Who wants it; told in the change log.")] = None,
    as_json: Json = False,
) -> None:
    """Restore what a job changed where nobody has edited since, and list the rest."""
    wish = jobs.Undo(by=by, is_dry_run=is_dry_run)
    with open_desk() as desk:
        undone = desk.call(jobs.undo_job, **_named(desk, job), wish=wish)
    if as_json:
        print_json(undone)
        return
    _print_undone(undone, "would change" if is_dry_run else "changed")


def _named(desk: Desk, job: int) -> dict[str, Any]:
    """Return what names a job to operations: whose it is, and its id."""
    return {"tenant": desk.call(jobs.find_job, job=job)["tenant"], "job": job}


def _print_undone(undone: dict[str, Any], told: str) -> None:
    typer.echo(f"undo of job {undone['job']}: {told} {undone['records']} records")
    rows = [{"kind": kind, **counts} for kind, counts in undone["restored"].items()]
    if rows:
        print_rows(rows, ("kind", "values", "back", "gone", "links"), as_json=False, empty="")
    if undone["already"]:
        typer.echo(f"{undone['already']} values are as they were before it already")
    for sent in undone["sent"]:
        typer.echo(f"not undone there: {sent}")
    if undone["left"]:
        typer.echo(f"left as they are: {undone['left']}")
        columns = ("kind", "record", "field", "reason")
        print_rows(undone["left_rows"], columns, as_json=False, empty="")
        if undone["left"] > len(undone["left_rows"]):
            typer.echo(f"… and {undone['left'] - len(undone['left_rows'])} more")
