"""`bellringer conformance`: what the SDK promises of a connector, checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from connectors import registry
from connectors.conformance.kit import examine
from connectors.conformance.rows import Result, Row, table
from connectors.network import Network
from connectors.sdk import Connector
from console.cli.arguments import pairs_of
from console.cli.output import Json, print_json, print_rows, stderr
from shared.errors import ConfigurationError
from shared.settings import load_settings
from workers.opening import allowed_of

_COLUMNS = ("connector", "check", "result", "detail")


def conformance(
    connector: Annotated[
        str | None, typer.Argument(metavar="[CONNECTOR]", help="The connector's name.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Check every connector.")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Of a vendor of yours, only read; repeat."),
    ] = None,
    check: Annotated[
        list[str] | None, typer.Option(help="Make this check alone; repeat it.")
    ] = None,
    table_file: Annotated[
        Path | None, typer.Option("--table", metavar="FILE", help="Write the results as Markdown.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Check that a connector keeps what the SDK promises, against its vendor's simulator.

    With --set it is checked against a live vendor, who is only read. 1 when a check failed.
    """
    if every == (connector is not None):
        fix = "List: bellringer connectors list"
        raise ConfigurationError("CONNECTOR", "give one, or --all", fix)
    if every and settings:
        raise ConfigurationError("--set", "it is one connector's", "Name the connector.")
    if table_file is not None and not table_file.parent.is_dir():
        problem = f"there is no folder {table_file.parent}"
        raise ConfigurationError("--table", problem, "Make it, or name another file.")
    rows: list[Row] = []
    for name in registry.names() if connector is None else [connector]:
        try:
            chosen = registry.get(name)
        except ConfigurationError as error:
            # one broken package is a failed row, and the others are checked
            if not every:
                raise
            rows.append(Row(name, "load", Result.FAILED, f"{error.problem}. {error.fix}"))
            continue
        rows += _examine(chosen, settings, check)
    if table_file is not None:
        _write(table_file, table(rows))
    if as_json:
        print_json([row.told() for row in rows])
    else:
        told = [row.told() for row in rows]
        print_rows(told, _COLUMNS, as_json=False, empty="No check was made.")
    return 1 if any(row.result is Result.FAILED for row in rows) else 0


def _write(file: Path, page: str) -> None:
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        problem = f"{file} cannot be written: {error.strerror}"
        raise ConfigurationError("--table", problem, "Name another file.") from error


def _examine(
    connector: Connector, settings: Sequence[str] | None, only: Sequence[str] | None
) -> list[Row]:
    live = pairs_of(settings) if settings else None
    network = Network(allowed=allowed_of(load_settings())) if live is not None else None
    rows = []
    for row in examine(connector, settings=live, network=network, only=only or None):
        rows.append(row)
        if stderr.is_terminal:
            stderr.print(f"{row.connector} {row.check}: {row.result}", markup=False)
    return rows
