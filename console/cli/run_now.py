"""`bellringer run-now`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.output import Json, print_facts
from console.cli.session import Session, open_session
from console.cli.waiting import wait_until, warn_unless_it_runs
from shared.db import views
from shared.db.asking import Ask, ask
from shared.domain.states import UNFINISHED, JobState, Mode


def run_now(
    app_name: Annotated[str, typer.Argument(metavar="TENANT/APP", help="The app.")],
    mode: Annotated[Mode, typer.Option(help="What to read.")] = Mode.FULL,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Also run the apps downstream, after it.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it has ended; 1 unless it succeeded.")
    ] = False,
    by: Annotated[str | None, typer.Option(help="Who wants it; told with the job.")] = None,
    as_json: Json = False,
) -> int:
    """Run an app now.

    Without BELLRINGER_BROKER_URL, --wait runs scheduler and workers in this process.
    """
    with open_session() as session:
        asked = ask(
            session.gate,
            Ask(app=app_name, mode=mode, cascade=cascade, actor="cli", asked_by=by),
        )
        session.relay(asked.publications)
        if wait:
            _wait(session, asked.job_id, cascade=cascade)
        else:
            warn_unless_it_runs(session)
        found = _job(session, asked.job_id)
    found["coalesced"] = asked.coalesced
    if as_json:
        print_facts(found, as_json=True)
    else:
        names = ("id", "app", "tier", "mode", "state", "reason", "coalesced", "counts")
        print_facts({name: found[name] for name in names}, as_json=False)
    return 1 if wait and found["state"] != JobState.SUCCEEDED else 0


def _wait(session: Session, job_id: int, *, cascade: bool) -> None:
    def is_done() -> bool:
        with session.database.read() as connection:
            job = views.show_job(connection, job_id)
            if job is None or job["state"] in UNFINISHED:
                return False
            if not cascade:
                return True
            waiting = views.list_jobs(connection, tenant=job["tenant"], state="unfinished")
            return not any(other["wave"] <= job["last_wave"] for other in waiting)

    wait_until(session, is_done)


def _job(session: Session, job_id: int) -> dict[str, Any]:
    with session.database.read() as connection:
        found = views.show_job(connection, job_id)
    return found or {}
