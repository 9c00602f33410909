"""`bellringer tokens`."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.arguments import MAX_ID, wish_of
from console.cli.output import Json, print_facts, print_rows
from console.cli.session import open_desk
from console.service import tokens
from console.service.tokens import USUAL_DAYS, NewToken
from shared.domain.roles import Permission

app = typer.Typer(help="Tokens of the REST API.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    scope: Annotated[list[Permission], typer.Option(help="What it may; repeat it.")],
    account: Annotated[
        str | None, typer.Option(help="Whose it is; without one, one's own.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="The one tenant that it is for.")] = None,
    days: Annotated[int, typer.Option(help="How long it lasts.")] = USUAL_DAYS,
    as_json: Json = False,
) -> None:
    """Issue a token and print it, this once; it may no more than whose it is."""
    wish = wish_of(
        NewToken, name=name, scopes=tuple(scope), account=account, tenant=tenant, days=days
    )
    with open_desk() as desk:
        print_facts(desk.call(tokens.create_token, wish=wish), as_json=as_json)


@app.command("list")
def list_(
    tenant: Annotated[
        str | None, typer.Option(help="Those that reach this tenant; without one, one's own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List tokens, without the tokens themselves; on the database's own machine, all of them."""
    with open_desk() as desk:
        if tenant is None:
            rows = desk.call(tokens.list_tokens)
        else:
            rows = desk.call(tokens.list_tenant_tokens, tenant=tenant)
    print_rows(
        rows,
        ("id", "account", "name", "prefix", "scopes", "tenant", "state", "expires_at"),
        as_json=as_json,
        empty="There is no token yet: bellringer tokens create NAME --scope view",
    )


@app.command()
def revoke(
    token: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=MAX_ID, help="The token's number.")
    ],
    as_json: Json = False,
) -> None:
    """Let nobody in by a token any more."""
    with open_desk() as desk:
        print_facts(desk.call(tokens.revoke_token, token=token), as_json=as_json)
