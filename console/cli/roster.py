"""`bellringer roster`."""

from __future__ import annotations

import typer

app = typer.Typer(help="The records of a tenant's hub.", no_args_is_help=True)
