"""`bellringer jobs`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from console.cli.arguments import JobId
from console.cli.job_details import print_details
from console.cli.output import Json, print_facts, print_json, print_rows
from console.cli.session import open_session
from shared.db import asking, review_views, views
from shared.db.tenants import find_tenant
from shared.domain.states import JobState
from shared.errors import ConfigurationError
from shared.roster.provisions import count_not_done, list_not_done
from shared.roster.undo import Undone, undo_job

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
    known = {*JobState, "unfinished"}
    if state is not None and state not in known:
        raise ConfigurationError(
            "--state", f"there is no {state!r}", f"Give one of {', '.join(sorted(known))}."
        )
    with open_session() as session, session.database.read() as connection:
        if tenant is not None:
            find_tenant(connection, tenant)
        app_id = asking.find_app(connection, app_name)[1] if app_name else None
        rows = views.list_jobs(connection, tenant=tenant, app_id=app_id, state=state, limit=limit)
    print_rows(rows, _COLUMNS, as_json=as_json, empty="There is no such job.")


@app.command()
def show(job: JobId, as_json: Json = False) -> None:
    """Show a job and its history."""
    with open_session() as session, session.database.read() as connection:
        found = views.show_job(connection, job)
        approvals = review_views.list_approvals(connection, job_id=job)
        not_done = list_not_done(connection, job)
        count = count_not_done(connection, job)
    if found is None:
        raise ConfigurationError("JOB", f"there is no job {job}", "List: bellringer jobs list")
    if as_json:
        told = {"approvals": approvals, "not_done": not_done, "not_done_count": count}
        print_json({**found, **told})
        return
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
    with open_session() as session:
        state, publications = asking.cancel(session.gate, job, actor="cli", by=by)
        session.relay(publications)
    if state == JobState.RUNNING:
        told = "it was asked to stop, and does at its next beat"
    else:
        told = "it has ended now" if publications else "it had ended before: nothing to cancel"
    print_facts({"job": job, "state": state, "told": told}, as_json=as_json)


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
    with open_session() as session:
        undone = undo_job(session.database, job, by=by, is_dry_run=is_dry_run)
    if as_json:
        print_json({**asdict(undone), "is_dry_run": is_dry_run})
        return
    _print_undone(undone, "would change" if is_dry_run else "changed")


def _print_undone(undone: Undone, told: str) -> None:
    typer.echo(f"undo of job {undone.job}: {told} {undone.records} records")
    rows = [{"kind": kind, **counts} for kind, counts in undone.restored.items()]
    if rows:
        print_rows(rows, ("kind", "values", "back", "gone", "links"), as_json=False, empty="")
    if undone.already:
        typer.echo(f"{undone.already} values are as they were before it already")
    for sent in undone.sent:
        typer.echo(f"not undone there: {sent}")
    if undone.left:
        typer.echo(f"left as they are: {undone.left}")
        columns = ("kind", "record", "field", "reason")
        print_rows(undone.left_rows, columns, as_json=False, empty="")
        if undone.left > len(undone.left_rows):
            typer.echo(f"… and {undone.left - len(undone.left_rows)} more")
