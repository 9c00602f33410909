"""`bellringer run-now`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from console.cli.output import Json, print_facts, print_json, print_rows, stderr
from console.cli.session import Session, open_session
from console.cli.waiting import wait_for_jobs, warn_unless_it_runs
from shared.db import views
from shared.db.asking import Ask, ask
from shared.domain.states import JobState, Mode
from shared.errors import ConfigurationError

_FACTS = ("id", "app", "tier", "mode", "state", "reason", "coalesced", "counts")
_BELOW = ("id", "app", "tier", "mode", "state", "reason")


def run_now(
    app_name: Annotated[str, typer.Argument(metavar="TENANT/APP", help="The app.")],
    mode: Annotated[Mode, typer.Option(help="What to read.")] = Mode.FULL,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Also run the apps downstream, after it.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait until all has ended; 1 unless all of it succeeded."),
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Wait no longer than this; 1 then."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who wants it; told with the job.")] = None,
    as_json: Json = False,
) -> int:
    """Run an app now.

    Without BELLRINGER_BROKER_URL, --wait runs scheduler and workers in this process.
    """
    if timeout is not None and not wait:
        raise ConfigurationError("--timeout", "nothing is waited for", "Add --wait.")
    gave_up = None
    with open_session() as session:
        asked = ask(
            session.gate,
            Ask(app=app_name, mode=mode, cascade=cascade, actor="cli", asked_by=by),
        )
        session.relay(asked.publications)
        job_ids = (asked.job_id, *asked.cascaded)
        if wait:
            gave_up = wait_for_jobs(session, job_ids, timeout)
        else:
            warn_unless_it_runs(session)
        found, *below = _jobs(session, job_ids)
    found["coalesced"] = asked.coalesced
    _print(found, below, as_json=as_json)
    if gave_up is not None:
        stderr.print(f"error: --timeout: {gave_up}", markup=False, soft_wrap=True)
    succeeded = all(job["state"] == JobState.SUCCEEDED for job in (found, *below))
    return 1 if wait and not succeeded else 0


def _print(found: dict[str, Any], below: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({**found, "cascaded": below})
        return
    print_facts({name: found[name] for name in _FACTS}, as_json=False)
    if below:
        typer.echo("\ncascaded")
        print_rows(below, _BELOW, as_json=False, empty="")


def _jobs(session: Session, job_ids: Sequence[int]) -> list[dict[str, Any]]:
    with session.database.read() as connection:
        return [views.show_job(connection, job_id) or {} for job_id in job_ids]
