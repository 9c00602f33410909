"""`bellringer approvals`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from console.cli.arguments import MAX_ID
from console.cli.output import Json, print_facts, print_json, print_rows
from console.cli.session import open_session
from console.cli.waiting import wait_for_jobs, warn_unless_it_runs
from console.service import jobs
from shared.db import approving, asking, review_views
from shared.db.tenants import find_tenant
from shared.errors import ConfigurationError

app = typer.Typer(help="Changes that wait for a person.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=MAX_ID, help="The approval's id.")]
Ids = Annotated[list[int], typer.Argument(metavar="ID…", min=1, max=MAX_ID, help="Their ids.")]
By = Annotated[str | None, typer.Option(help="Who decides; told with the approval.")]
STATES = ("pending", "approved", "rejected", "lapsed", "replaced")
_COLUMNS = ("id", "app", "what", "state", "deadline_at", "decided_by", "job", "job_state")


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Argument(metavar="[TENANT]")] = None,
    app_name: Annotated[
        str | None, typer.Option("--app", metavar="TENANT/APP", help="Of one app.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(STATES)}; else all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List approvals, newest first."""
    if state is not None and state not in STATES:
        raise ConfigurationError(
            "--state", f"there is no {state!r}", f"Give one of {', '.join(STATES)}."
        )
    with open_session() as session, session.database.read() as connection:
        if tenant is not None:
            find_tenant(connection, tenant)
        app_id = asking.find_app(connection, app_name)[1] if app_name else None
        rows = review_views.list_approvals(connection, tenant=tenant, app_id=app_id, state=state)
    print_rows(rows, _COLUMNS, as_json=as_json, empty="There is no such approval.")


@app.command()
def show(id_: Id, as_json: Json = False) -> None:
    """Show an approval and its rows: who would go."""
    with open_session() as session, session.database.read() as connection:
        found = review_views.show_approval(connection, id_)
    if found is None:
        raise ConfigurationError(
            "ID", f"there is no approval {id_}", "List: bellringer approvals list"
        )
    if as_json:
        print_json(found)
        return
    rows = found.pop("rows")
    print_facts(found, as_json=False)
    columns = ("name", "external_id", "new_external_id", "state")
    print_rows(rows, columns, as_json=False, empty="Its rows were taken back.")


@app.command()
def approve(
    ids: Ids,
    by: By = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until their jobs have ended.")] = False,
    as_json: Json = False,
) -> None:
    """Approve: a job does it, for each row that is still as it was shown."""
    with open_session() as session:
        decided, publications = approving.approve(session.gate, ids, by=by, actor="cli")
        session.relay(publications)
        if wait:
            desk = session.desk
            made = [one.job for one in decided if one.job is not None]
            named = [(desk.call(jobs.find_job, job=job)["tenant"], job) for job in made]
            wait_for_jobs(desk, named)
        else:
            warn_unless_it_runs(session.desk)
    _print(decided, as_json=as_json)


@app.command()
def reject(ids: Ids, by: By = None, as_json: Json = False) -> None:
    """Reject: it is not done, and the same is not asked for again."""
    with open_session() as session:
        decided = approving.reject(session.gate, ids, by=by)
    _print(decided, as_json=as_json)


def _print(decided: list[approving.Decided], *, as_json: bool) -> None:
    columns = ("approval", "state", "job", "is_new")
    print_rows([asdict(one) for one in decided], columns, as_json=as_json, empty="")
