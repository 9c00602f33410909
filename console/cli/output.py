"""How commands print: a table for people, JSON for programs."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

#: The option that every printing command has.
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

#: Columns of a page that has no width.
_UNWRAPPED = 10_000


def _console(*, is_stderr: bool) -> Console:
    """Return one that wraps no line in a pipe or a file."""
    console = Console(stderr=is_stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNWRAPPED
    return console


#: For progress and warnings, so that standard output holds the answer alone.
stderr = _console(is_stderr=True)


def exiting(command: Callable[..., int | None]) -> Callable[..., None]:
    """Make a command's result the exit code of the process."""

    @functools.wraps(command)
    def exits(*args: Any, **options: Any) -> None:
        raise typer.Exit(command(*args, **options) or 0)

    return exits


def warn_of(broken: Mapping[str, object]) -> None:
    """Warn of connectors that cannot be loaded; the others are served."""
    for error in broken.values():
        stderr.print(f"warning: {error}", markup=False)


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    as_json: bool,
    empty: str,
    whole: str | None = None,
) -> None:
    """Print a list: as JSON all of it, as a table the named columns; `whole` is never folded."""
    if as_json:
        print_json(list(rows))
        return
    console = page()
    if not rows:
        console.print(empty, markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column == whole)
    for row in rows:
        table.add_row(*(Text(cell(row.get(column))) for column in columns))
    console.print(table)


def print_facts(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing: as JSON, or a line a fact."""
    if as_json:
        print_json(dict(facts))
        return
    console = page()
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        if name == "counts" and isinstance(value, dict):
            # the fields that an export has asked for are many; its JSON and `disclosures` have them
            value = {key: of for key, of in value.items() if key != "fields"}
        console.print(Text(f"{name.replace('_', ' '):<{width}}  {cell(value)}"))


def page() -> Console:
    """Return one for standard output; in a pipe or a file no line is wrapped."""
    return _console(is_stderr=False)


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "–"
    if value == {}:
        return "–"
    if isinstance(value, dict):
        return _counted(value) or json.dumps(value, ensure_ascii=False)
    return str(value)


def _counted(value: Mapping[str, Any]) -> str | None:
    """Return counts by kind in words, without those that are zero; None: it is something else."""
    counts = [of.values() for of in value.values() if isinstance(of, dict)]
    if (
        not counts
        or len(counts) < len(value)
        or any(type(n) is not int for of in counts for n in of)
    ):
        return None
    told = {
        kind: ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in of.items() if n)
        for kind, of in value.items()
    }
    return "; ".join(f"{kind}: {words}" for kind, words in told.items() if words) or "nothing"
