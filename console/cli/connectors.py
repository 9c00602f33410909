"""`bellringer connectors`: what can be configured, ours and others' alike.

Without a server they ask no database: there need not be one.
"""

from __future__ import annotations

from typing import Annotated

import typer

from connectors import registry
from connectors.form import described
from console.cli.output import Json, print_facts, print_json, print_rows, warn_of
from console.cli.session import open_desk
from console.service import connectors as operations
from shared.settings import load_settings

app = typer.Typer(help="The connectors that are installed.", no_args_is_help=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the connectors that are installed, those of other packages among them."""
    if load_settings().server_url is None:
        found = operations.installed()
    else:
        with open_desk() as desk:
            found = desk.call(operations.list_connectors)
    print_rows(
        found["connectors"],
        ("name", "title", "tier", "modes"),
        as_json=as_json,
        empty="There is no connector.",
        whole="name",
    )
    warn_of(found["broken"])


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The connector's name.")],
    as_json: Json = False,
) -> None:
    """Show a connector: what it can do, and each setting that it takes."""
    if load_settings().server_url is None:
        shown = described(registry.get(name))
    else:
        with open_desk() as desk:
            shown = desk.call(operations.show_connector, connector=name)
    if as_json:
        print_json(shown)
        return
    settings = shown.pop("settings")
    print_facts(shown, as_json=False)
    typer.echo()
    rows = [
        {
            "setting": one["name"],
            "type": " | ".join(one["choices"]) or one["type"],
            "default": "(required)" if one["is_required"] else one["default"],
            "description": one["description"],
        }
        for one in settings
    ]
    columns = ("setting", "type", "default", "description")
    print_rows(rows, columns, as_json=False, empty="It takes no settings.")
