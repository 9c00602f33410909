"""`bellringer why`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from console.cli.arguments import parse_job_id
from console.cli.output import Json, print_facts
from console.cli.session import open_session
from shared.db import asking
from shared.db.views import iso
from shared.db.why import why_app, why_job


def why(
    what: Annotated[str, typer.Argument(metavar="TENANT/APP|JOB", help="An app, or a job's id.")],
    as_json: Json = False,
) -> None:
    """Say the one reason why an app or a job has not run, and when it will."""
    with open_session() as session:
        job_id = parse_job_id(what)
        if job_id is not None:
            tenant_id = asking.tenant_of(session.gate, job_id)
            answer = why_job(session.database, tenant_id, job_id)
        else:
            with session.database.read() as connection:
                tenant_id, app_id = asking.find_app(connection, what)
            answer = why_app(session.database, tenant_id, app_id)
    facts = {**asdict(answer), "next_run_at": iso(answer.next_run_at)}
    if as_json:
        print_facts(facts, as_json=True)
        return
    typer.echo(answer.sentence)
    if answer.next_run_at is not None:
        typer.echo(f"next slot: {iso(answer.next_run_at)}")
