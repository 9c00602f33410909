"""`bellringer duplicates`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from console.cli.output import Json, print_facts, print_json, print_rows
from console.cli.session import open_session
from shared.db.engine import Database
from shared.db.tenants import find_tenant
from shared.roster.duplicate_merge import merge_users
from shared.roster.duplicates import judge_distinct, list_duplicates

app = typer.Typer(help="Users that look like one person, for you to judge.", no_args_is_help=True)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")]
By = Annotated[str | None, typer.Option(help="Who has judged it.")]


@app.command("list")
def list_(tenant: Tenant, as_json: Json = False) -> None:
    """List pairs of active users who share an id, an address, or a name and birth date."""
    with _tenant(tenant) as (database, tenant_id):
        found = list_duplicates(database, tenant_id)
    if as_json:
        print_json(asdict(found))
        return
    columns = ("first", "second", "names", "same")
    print_rows(found.pairs, columns, as_json=False, empty="No two users look like one person.")
    if found.is_cut:
        typer.echo(f"… and more than these {len(found.pairs)}: judge some, then list again")
    for one in found.shared:
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
    with _tenant(tenant) as (database, tenant_id):
        done = merge_users(database, tenant_id, keep, other, by=by)
    print_facts(asdict(done), as_json=as_json)


@app.command()
def distinct(
    tenant: Tenant,
    one: Annotated[str, typer.Argument(metavar="A", help="A sourcedId.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Say that two users are two people; the pair is listed no more."""
    with _tenant(tenant) as (database, tenant_id):
        judge_distinct(database, tenant_id, one, other, by=by)
    print_facts({"first": min(one, other), "second": max(one, other), "verdict": "distinct"},
                as_json=as_json)  # fmt: skip


@contextmanager
def _tenant(name: str) -> Iterator[tuple[Database, int]]:
    """Open the database, and find a tenant in it."""
    with open_session() as session:
        with session.database.read() as connection:
            tenant_id = find_tenant(connection, name).id
        yield session.database, tenant_id
