"""`bellringer conflicts`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.arguments import MAX_ID, app_of
from console.cli.output import Json, print_facts, print_rows
from console.cli.session import open_desk
from console.service import conflicts as operations
from console.service.desk import Desk
from shared.errors import ConfigurationError
from shared.roster.resolutions import STATES, Choice

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
    wanted: dict[str, Any] = {"state": state, "limit": limit}
    with open_desk() as desk:
        if app_name is not None:
            of: dict[str, Any] = {**app_of(app_name)}
            if tenant not in (None, of["tenant"]):
                raise ConfigurationError("TENANT", f"{app_name} is not its app", "Give one.")
            rows = desk.call(operations.list_conflicts, **of, **wanted)
        elif tenant is not None:
            rows = desk.call(operations.list_conflicts, tenant=tenant, **wanted)
        else:
            rows = desk.call(operations.list_all_conflicts, **wanted)
    empty = "There is no conflict." if state == "open" else f"There is no {state} conflict."
    print_rows(rows, _COLUMNS, as_json=as_json, empty=empty)


@app.command()
def show(
    conflict: Annotated[int, typer.Argument(metavar="CONFLICT", min=1, max=MAX_ID, help="Its id.")],
    as_json: Json = False,
) -> None:
    """Show a conflict: the record, what both last agreed on, and what each holds now."""
    with open_desk() as desk:
        found = desk.call(operations.show_conflict, **_named(desk, conflict))
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
    Choice(take, value)  # refused before any is decided
    wish = operations.Resolution(take=take, value=value, by=by)
    rows: list[dict[str, Any]] = []
    refused = None
    with open_desk() as desk:
        for conflict in conflicts:
            try:
                done = desk.call(operations.resolve_conflict, **_named(desk, conflict), wish=wish)
            except ConfigurationError as error:
                # what was decided before it stays decided, and is told
                refused = error
                break
            rows.append({name: done[name] for name in ("id", "state", "value", "by")})
    if rows:
        print_rows(rows, ("id", "state", "value", "by"), as_json=as_json, empty="")
    if refused is not None:
        raise refused


def _named(desk: Desk, conflict: int) -> dict[str, Any]:
    """Return what names a conflict to operations: whose it is, and its id."""
    found = desk.call(operations.find_conflict, conflict=conflict)
    return {"tenant": found["tenant"], "conflict": conflict}
