"""`bellringer quarantine`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.arguments import app_of
from console.cli.output import Json, print_facts, print_rows, stderr
from console.cli.session import open_desk
from console.service import jobs, quarantine
from console.service.desk import Desk
from console.spreadsheet import write_spreadsheet
from shared.domain.records import Kind
from shared.errors import ConfigurationError, NotFoundError
from shared.roster.quarantine_views import COLUMNS, in_order

app = typer.Typer(help="Records that were left out, each with its reason.", no_args_is_help=True)

Tenant = Annotated[str | None, typer.Argument(metavar="[TENANT]", help="Of one tenant.")]
App = Annotated[str | None, typer.Option("--app", metavar="TENANT/APP", help="Of one app.")]
Job = Annotated[
    int | None,
    typer.Option("--job", min=1, help="Of this job, not of each app's last one that read."),
]
OfKind = Annotated[Kind | None, typer.Option("--kind", help="Of one kind.")]
#: Asks for a page: after which record, and how many.
Ask = Callable[[int | None, int], dict[str, Any]]
#: Records that are asked for at once.
_PAGE = 2000


@app.command("list")
def list_(
    tenant: Tenant = None,
    app_name: App = None,
    job: Job = None,
    kind: OfKind = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """List the records that are left out now, by app and kind."""
    with open_desk() as desk:
        found = _asking(desk, tenant, app_name, job, kind)(None, limit)
    more = found["count"] - len(found["records"])
    print_rows(found["records"], COLUMNS[:-1], as_json=as_json, empty="Nothing is in quarantine.")
    if more > 0:
        stderr.print(f"{more} more: raise --limit, or bellringer quarantine export", markup=False)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="The CSV file to write.", dir_okay=False)],
    tenant: Tenant = None,
    app_name: App = None,
    job: Job = None,
    kind: OfKind = None,
    as_json: Json = False,
) -> None:
    """Write the records that are left out now to a CSV file, with their source rows."""
    part = out.with_name(f".{out.name}.part")
    with open_desk() as desk:
        ask = _asking(desk, tenant, app_name, job, kind)
        try:
            count = _write(ask, part)
            os.replace(part, out)
        except OSError as error:
            raise ConfigurationError(
                "--out", f"{out} cannot be written: {error.strerror}", "Give another file."
            ) from error
        finally:
            part.unlink(missing_ok=True)
    print_facts({"file": str(out), "records": count}, as_json=as_json)


def _write(ask: Ask, path: Path) -> int:
    """Write the file; the records are read twice, first for the names that their sources have."""
    found: dict[str, None] = {}
    for record in _records(ask):
        found.update(dict.fromkeys(record["source"]))
    names = in_order(found)
    # a source's own column may be called as one of ours
    header = [*COLUMNS, *(f"source.{name}" if name in COLUMNS else name for name in names)]
    rows = (
        [*(row[column] for column in COLUMNS), *(row["source"].get(name) for name in names)]
        for row in _records(ask)
    )
    return write_spreadsheet(path, header, rows)


def _records(ask: Ask) -> Iterator[dict[str, Any]]:
    after: int | None = None
    while True:
        page = ask(after, _PAGE)
        yield from page["records"]
        after = page["after"]
        if after is None:
            return


def _asking(
    desk: Desk, tenant: str | None, app_name: str | None, job: int | None, kind: Kind | None
) -> Ask:
    """Return what asks for the pages.

    Raises:
        ConfigurationError: there is no such job, or what is named is not of one tenant.
    """
    of: dict[str, str] = app_of(app_name) if app_name else {}
    named = {one for one in (tenant, of.get("tenant")) if one is not None}
    if job is not None:
        named.add(_tenant_of(desk, job))
    if len(named) > 1:
        raise ConfigurationError("TENANT", "these are of two tenants", "Name one of them.")
    if not named:
        return lambda after, limit: desk.call(
            quarantine.list_all_quarantine, kind=kind, after=after, limit=limit
        )
    (name,) = named
    return lambda after, limit: desk.call(
        quarantine.list_quarantine,
        tenant=name,
        app=of.get("app"),
        job=job,
        kind=kind,
        after=after,
        limit=limit,
    )


def _tenant_of(desk: Desk, job: int) -> str:
    try:
        return str(desk.call(jobs.find_job, job=job)["tenant"])
    except NotFoundError as error:
        raise ConfigurationError("--job", error.problem, error.fix) from error
