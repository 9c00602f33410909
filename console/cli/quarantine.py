"""`bellringer quarantine`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, select

from console.cli.output import Json, print_facts, print_rows, stderr
from console.cli.session import open_session
from console.cli.spreadsheet import write_spreadsheet
from shared.db import asking, tenants
from shared.db.tables import jobs
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.quarantine_views import (
    COLUMNS,
    Wanted,
    count_quarantined,
    quarantined,
    source_fields,
)

app = typer.Typer(help="Records that were left out, each with its reason.", no_args_is_help=True)

Tenant = Annotated[str | None, typer.Argument(metavar="[TENANT]", help="Of one tenant.")]
App = Annotated[str | None, typer.Option("--app", metavar="TENANT/APP", help="Of one app.")]
Job = Annotated[
    int | None,
    typer.Option("--job", min=1, help="Of this job, not of each app's last one that read."),
]
OfKind = Annotated[Kind | None, typer.Option("--kind", help="Of one kind.")]


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
    with open_session() as session, session.database.snapshot() as connection:
        wanted = _wanted(connection, tenant, app_name, job, kind)
        rows = list(quarantined(connection, wanted, limit))
        more = count_quarantined(connection, wanted) - len(rows)
    print_rows(rows, COLUMNS[:-1], as_json=as_json, empty="Nothing is in quarantine.")
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
    with open_session() as session, session.database.snapshot() as connection:
        wanted = _wanted(connection, tenant, app_name, job, kind)
        try:
            count = _write(connection, wanted, part)
            os.replace(part, out)
        except OSError as error:
            raise ConfigurationError(
                "--out", f"{out} cannot be written: {error.strerror}", "Give another file."
            ) from error
        finally:
            part.unlink(missing_ok=True)
    print_facts({"file": str(out), "records": count}, as_json=as_json)


def _write(connection: Connection, wanted: Wanted, path: Path) -> int:
    names = source_fields(connection, wanted)
    # a source's own column may be called as one of ours
    header = [*COLUMNS, *(f"source.{name}" if name in COLUMNS else name for name in names)]
    rows = (
        [*(row[column] for column in COLUMNS), *(row["source"].get(name) for name in names)]
        for row in quarantined(connection, wanted)
    )
    return write_spreadsheet(path, header, rows)


def _wanted(
    connection: Connection,
    tenant: str | None,
    app_name: str | None,
    job: int | None,
    kind: Kind | None,
) -> Wanted:
    if tenant is not None:
        tenants.find_tenant(connection, tenant)
    app_id = asking.find_app(connection, app_name)[1] if app_name else None
    if (
        job is not None
        and connection.execute(select(jobs.c.id).where(jobs.c.id == job)).first() is None
    ):
        raise ConfigurationError("--job", f"there is no job {job}", "List: bellringer jobs list")
    return Wanted(tenant, app_id, job, kind)
