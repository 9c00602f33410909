"""`bellringer db`."""

from __future__ import annotations

import typer

from console.cli.output import Json, print_facts
from shared.db import migrate
from shared.db.engine import open_database
from shared.settings import load_settings

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The database."""


@app.command()
def upgrade(as_json: Json = False) -> None:
    """Bring the database to the newest schema; harmless when it is there already."""
    database = open_database(load_settings())
    try:
        before = migrate.current(database)
        after = migrate.upgrade(database)
    finally:
        database.dispose()
    print_facts({"before": before, "after": after}, as_json=as_json)
