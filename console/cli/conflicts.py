"""`bellringer conflicts`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.arguments import MAX_ID
from console.cli.output import Json, print_facts, print_rows
from console.cli.session import open_session
from shared.db import asking, tenants
from shared.errors import ConfigurationError
from shared.roster.resolutions import (
    STATES,
    Choice,
    list_conflicts,
    resolve_conflict,
    show_conflict,
)

app = typer.Typer(
    help="Fields that the hub and a 2-way app have both changed.", no_args_is_help=True
)

_COLUMNS = ("id", "app", "kind", "name", "field", "base", "hub", "theirs", "state", "at")


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Argument(metavar="TENANT", help="Of one tenant.")] = None,
    app_name: Annotated[
        str | None, typer.Option("--app", metavar="TENANT/APP", help="With one app.")
    ] = None,
    state: Annotated[str, typer.Option(help="open, resolved or gone.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 1000,
    as_json: Json = False,
) -> None:
    """List conflicts, oldest first."""
    if state not in STATES:
        raise ConfigurationError(
            "--state", f"there is no {state!r}", f"Give one of {', '.join(STATES)}."
        )
    with open_session() as session, session.database.read() as connection:
        tenant_id = tenants.find_tenant(connection, tenant).id if tenant else None
        app_id = asking.find_app(connection, app_name)[1] if app_name else None
        rows = list_conflicts(connection, tenant_id, app_id=app_id, state=state, limit=limit)
    empty = "There is no conflict." if state == "open" else f"There is no {state} conflict."
    print_rows(rows, _COLUMNS, as_json=as_json, empty=empty)


@app.command()
def show(
    conflict: Annotated[int, typer.Argument(metavar="CONFLICT", min=1, max=MAX_ID, help="Its id.")],
    as_json: Json = False,
) -> None:
    """Show a conflict: the record, what both last agreed on, and what each holds now."""
    with open_session() as session, session.database.read() as connection:
        found = show_conflict(connection, conflict)
    print_facts(found, as_json=as_json)


@app.command()
def resolve(
    conflicts: Annotated[
        list[int], typer.Argument(metavar="CONFLICT…", min=1, max=MAX_ID, help="Ids.")
    ],
    take: Annotated[str, typer.Option(help="hub, app or value.")],
    value: Annotated[
        str | None, typer.Option(help='With --take value: the value; "" for none.')
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who decides; kept with it.")] = None,
    as_json: Json = False,
) -> None:
    """Decide conflicts; where the app holds something else, its next sync writes to it."""
    choice = Choice(take, value, by)
    rows: list[dict[str, Any]] = []
    refused = None
    with open_session() as session:
        for conflict in conflicts:
            try:
                taken = resolve_conflict(session.database, conflict, choice)
            except ConfigurationError as error:
                # what was decided before it stays decided, and is told
                refused = error
                break
            rows.append({"id": conflict, "state": "resolved", "value": taken, "by": by})
    if rows:
        print_rows(rows, ("id", "state", "value", "by"), as_json=as_json, empty="")
    if refused is not None:
        raise refused
