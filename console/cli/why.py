"""`bellringer why`."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.arguments import app_of, parse_job_id
from console.cli.output import Json, print_facts
from console.cli.session import open_desk
from console.service import jobs


def why(
    what: Annotated[str, typer.Argument(metavar="TENANT/APP|JOB", help="An app, or a job's id.")],
    as_json: Json = False,
) -> None:
    """Say the one reason why an app or a job has not run, and when it will."""
    with open_desk() as desk:
        job_id = parse_job_id(what)
        if job_id is not None:
            tenant = desk.call(jobs.find_job, job=job_id)["tenant"]
            answer = desk.call(jobs.explain_job, tenant=tenant, job=job_id)
        else:
            answer = desk.call(jobs.explain_app, **app_of(what))
    sentence = answer.pop("sentence")
    if as_json:
        print_facts(answer, as_json=True)
        return
    typer.echo(sentence)
    if answer["next_run_at"] is not None:
        typer.echo(f"next slot: {answer['next_run_at']}")
