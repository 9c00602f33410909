"""`bellringer plan`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.arguments import app_of
from console.cli.output import Json, print_json, print_rows, stderr
from console.cli.session import open_desk
from console.cli.waiting import wait_for_jobs
from console.service import jobs, plans
from console.service.desk import Desk
from console.spreadsheet import write_spreadsheet
from shared.db.plan_pages import MOST
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
    of = app_of(app_name)
    with open_desk() as desk:
        asked = desk.call(jobs.run_app, **of, wish=jobs.RunNow(mode=mode, is_plan=True, by=by))
        job = {"tenant": of["tenant"], "job": asked["id"]}
        wait_for_jobs(desk, [(of["tenant"], asked["id"])])
        found = desk.call(jobs.show_job, **job)
        if found["state"] == JobState.SUCCEEDED:
            wanted = {**job, "ops": ",".join(ops or ())}
            _print(found, list(islice(_rows(desk, wanted), limit)), as_json=as_json)
            if file is not None:
                _write(_rows(desk, wanted), file)
    if found["state"] != JobState.SUCCEEDED:
        stderr.print(f"job {found['id']} {found['state']}: {found['reason']}", markup=False)
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


def _rows(desk: Desk, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a plan in their order, a page of them in memory at once."""
    after: int | None = 0
    while after is not None:
        page = desk.call(plans.list_plan_rows, **wanted, after=after, limit=MOST)
        yield from ({name: row[name] for name in _CSV} for row in page["rows"])
        after = page["after"]


def _write(rows: Iterator[dict[str, Any]], file: Path) -> None:
    told = ({**row, "before": _json(row["before"]), "after": _json(row["after"])} for row in rows)
    try:
        write_spreadsheet(file, _CSV, ([row[name] for name in _CSV] for row in told))
    except OSError as error:
        problem = f"{file}: {error.strerror}"
        raise ConfigurationError("--csv", problem, "Name another.") from error


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
