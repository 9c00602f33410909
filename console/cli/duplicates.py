"""`bellringer duplicates`."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.output import Json, print_facts, print_json, print_rows
from console.cli.session import open_desk
from console.service import duplicates

app = typer.Typer(help="Users that look like one person, for you to judge.", no_args_is_help=True)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")]
By = Annotated[str | None, typer.Option(help="Who has judged it.")]


@app.command("list")
def list_(tenant: Tenant, as_json: Json = False) -> None:
    """List pairs of active users who share an id, an address, or a name and birth date."""
    with open_desk() as desk:
        found = desk.call(duplicates.list_duplicates, tenant=tenant)
    if as_json:
        print_json(found)
        return
    columns = ("first", "second", "names", "same")
    print_rows(found["pairs"], columns, as_json=False, empty="No two users look like one person.")
    if found["is_cut"]:
        typer.echo(f"… and more than these {len(found['pairs'])}: judge some, then list again")
    for one in found["shared"]:
        typer.echo(f"{one['users']} users share the {one['field']} {one['value']}")


@app.command()
def merge(
    tenant: Tenant,
    keep: Annotated[str, typer.Argument(metavar="KEEP", help="The sourcedId that stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The one that goes.")],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Make one record of two users; both apps keep their links. It cannot be undone."""
    wish = duplicates.Merge(keep=keep, other=other, by=by)
    with open_desk() as desk:
        done = desk.call(duplicates.merge_duplicates, tenant=tenant, wish=wish)
    print_facts(done, as_json=as_json)


@app.command()
def distinct(
    tenant: Tenant,
    one: Annotated[str, typer.Argument(metavar="A", help="A sourcedId.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Say that two users are two people; the pair is listed no more."""
    wish = duplicates.Distinct(one=one, other=other, by=by)
    with open_desk() as desk:
        done = desk.call(duplicates.tell_apart, tenant=tenant, wish=wish)
    print_facts(done, as_json=as_json)
