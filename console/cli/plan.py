"""`bellringer plan`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.output import Json, print_json, print_rows, stderr
from console.cli.session import Session, open_session
from console.cli.waiting import wait_for_jobs
from console.spreadsheet import write_spreadsheet
from shared.db import review_views, views
from shared.db.asking import Ask, ask
from shared.domain.states import JobState, Mode
from shared.errors import ConfigurationError
from shared.roster.planning import Op

_COLUMNS = ("op", "kind", "external_id", "school_name", "before", "after", "reason")
_CSV = (
    "op", "kind", "external_id", "sourced_id", "school", "school_name", "before", "after", "reason"
)  # fmt: skip


def plan(
    app_name: Annotated[str, typer.Argument(metavar="TENANT/APP", help="The app.")],
    mode: Annotated[Mode, typer.Option(help="What to read.")] = Mode.FULL,
    ops: Annotated[
        list[Op] | None, typer.Option("--op", help="Rows of this kind of change; repeat it.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--csv", help="Write the rows into this file.", dir_okay=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows that are shown.")] = 50,
    by: Annotated[str | None, typer.Option(help="Who wants it; told with the job.")] = None,
    as_json: Json = False,
) -> int:
    """Show what a sync would change, without applying it.

    Without BELLRINGER_BROKER_URL, scheduler and workers run in this process.
    """
    with open_session() as session:
        asked = ask(
            session.gate, Ask(app=app_name, mode=mode, is_plan=True, actor="cli", asked_by=by)
        )
        session.relay(asked.publications)
        wait_for_jobs(session.desk, [(app_name.partition("/")[0], asked.job_id)])
        with session.database.read() as connection:
            job = views.show_job(connection, asked.job_id) or {}
            if job["state"] == JobState.SUCCEEDED:
                shown = review_views.list_plan_rows(
                    connection, asked.job_id, ops=ops or (), limit=limit
                )
                _print(job, list(shown), as_json=as_json)
        if job["state"] == JobState.SUCCEEDED and file is not None:
            _write(session, asked.job_id, ops or (), file)
    if job["state"] != JobState.SUCCEEDED:
        stderr.print(f"job {job['id']} {job['state']}: {job['reason']}", markup=False)
        return 1
    return 0


def print_plan(found: Mapping[str, Any]) -> None:
    """Print what is kept of a plan with its job: counts by kind, and files of an export."""
    counts: Mapping[str, Mapping[str, int]] = found.get("counts") or {}
    ops = [op for op in Op if any(op in counted for counted in counts.values())]
    if "files" not in found:
        print_rows(
            [{"kind": kind, **counted} for kind, counted in counts.items()],
            ("kind", *ops),
            as_json=False,
            empty="It changes nothing.",
        )
        return
    print_rows(
        [
            {"file": name, "rows": one["rows"], "changed": one["is_changed"]}
            for name, one in found["files"].items()
        ],
        ("file", "rows", "changed"),
        as_json=False,
        empty="There is no file.",
    )
    for reason, count in found.get("left_out", {}).items():
        typer.echo(f"left out: {count} {reason}")


def _print(job: Mapping[str, Any], rows: list[dict[str, Any]], *, as_json: bool) -> None:
    found = job["plan"]
    if as_json:
        told = {"job": job["id"], "hash": found["hash"], "counts": found["counts"], "rows": rows}
        for name in ("files", "gone", "left_out"):
            if name in found:
                told[name] = found[name]
        print_json(told)
        return
    typer.echo(f"job {job['id']}: {job['reason']}")
    if found.get("counts") or "files" in found:
        print_plan(found)
    if rows:
        typer.echo("")
        print_rows(rows, _COLUMNS, as_json=False, empty="")


def _write(session: Session, job_id: int, ops: Collection[Op], file: Path) -> None:
    with session.database.read() as connection:
        told = (
            {**row, "before": _json(row["before"]), "after": _json(row["after"])}
            for row in review_views.list_plan_rows(connection, job_id, ops=ops)
        )
        try:
            write_spreadsheet(file, _CSV, ([row[name] for name in _CSV] for row in told))
        except OSError as error:
            problem = f"{file}: {error.strerror}"
            raise ConfigurationError("--csv", problem, "Name another.") from error


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
