"""`bellringer jobs`."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.job_details import print_details
from console.cli.output import Json, print_facts, print_json, print_rows
from console.cli.session import open_session
from shared.db import asking, review_views, views
from shared.domain.states import JobState
from shared.errors import ConfigurationError

app = typer.Typer(help="Syncs that wait, run or have ended.", no_args_is_help=True)

Job = Annotated[int, typer.Argument(metavar="JOB", min=1, help="The job's id.")]
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
        app_id = asking.find_app(connection, app_name)[1] if app_name else None
        rows = views.list_jobs(connection, tenant=tenant, app_id=app_id, state=state, limit=limit)
    print_rows(rows, _COLUMNS, as_json=as_json, empty="There is no such job.")


@app.command()
def show(job: Job, as_json: Json = False) -> None:
    """Show a job and its history."""
    with open_session() as session, session.database.read() as connection:
        found = views.show_job(connection, job)
        approvals = review_views.list_approvals(connection, job_id=job)
    if found is None:
        raise ConfigurationError("JOB", f"there is no job {job}", "List: bellringer jobs list")
    if as_json:
        print_json({**found, "approvals": approvals})
        return
    events = found.pop("events")
    hidden = ("plan", "certificate")
    print_facts({k: v for k, v in found.items() if k not in hidden}, as_json=False)
    print_details(found, approvals)
    print_rows(
        events,
        ("at", "from", "to", "attempt", "actor", "reason"),
        as_json=False,
        empty="It has no history.",
    )


@app.command()
def cancel(
    job: Job,
    by: Annotated[str | None, typer.Option(help="Who wants it; told with the job.")] = None,
    as_json: Json = False,
) -> None:
    """End a job: at once if it waits, at its next beat if it runs."""
    with open_session() as session:
        state, publications = asking.cancel(session.gate, job, actor="cli", by=by)
        session.relay(publications)
    told = "asked to stop" if state == JobState.RUNNING else state
    print_facts({"job": job, "state": state, "told": told}, as_json=as_json)
