"""`bellringer run-now`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.arguments import app_of
from console.cli.output import Json, print_facts, print_json, print_rows, stderr
from console.cli.session import open_desk
from console.cli.waiting import wait_for_jobs, warn_unless_it_runs
from console.service import jobs
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
    of = app_of(app_name)
    with open_desk() as desk:
        found = desk.call(jobs.run_app, **of, wish=jobs.RunNow(mode=mode, cascade=cascade, by=by))
        coalesced, below = found["coalesced"], found.pop("cascaded")
        if wait:
            named = [(of["tenant"], job["id"]) for job in (found, *below)]
            gave_up = wait_for_jobs(desk, named, timeout)
            found, *below = [
                desk.call(jobs.show_job, tenant=tenant, job=job) for tenant, job in named
            ]
        else:
            warn_unless_it_runs(desk)
    found["coalesced"] = coalesced
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
