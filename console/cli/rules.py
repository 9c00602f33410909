"""`bellringer rules`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.arguments import app_of
from console.cli.output import Json, print_facts
from console.cli.session import open_desk
from console.service import rules as operations
from console.service.desk import Desk
from console.service.rules import Rules
from shared.errors import ConfigurationError

app = typer.Typer(help="What a person has set for an app or a tenant.", no_args_is_help=True)

Subject = Annotated[
    str, typer.Argument(metavar="TENANT[/APP]", help="A tenant, or one of its apps.")
]


@app.command()
def show(subject: Subject, as_json: Json = False) -> None:
    """Show the rules of an app or of a tenant, the defaults among them."""
    with open_desk() as desk:
        if "/" in subject:
            found = desk.call(operations.show_app_rules, **app_of(subject))
        else:
            found = desk.call(operations.show_tenant_rules, tenant=subject)
    print_facts(found, as_json=as_json)


@app.command("set")
def set_(
    subject: Subject,
    rules: Annotated[
        list[str] | None, typer.Argument(metavar="RULE=JSON", help="A rule; repeat it.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="A JSON file with all of the rules.", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Set rules; those not named stay, `RULE=null` brings a default back."""
    wanted = _read(file) if file is not None else {}
    wanted |= dict(_pair(rule) for rule in rules or [])
    with open_desk() as desk:
        shown = _set(desk, subject, Rules(rules=wanted), is_all=file is not None)
    print_facts(shown, as_json=as_json)


def _set(desk: Desk, subject: str, wish: Rules, *, is_all: bool) -> dict[str, Any]:
    if "/" in subject:
        of_app = operations.replace_app_rules if is_all else operations.change_app_rules
        return desk.call(of_app, **app_of(subject), wish=wish)
    of_tenant = operations.replace_tenant_rules if is_all else operations.change_tenant_rules
    return desk.call(of_tenant, tenant=subject, wish=wish)


def _pair(rule: str) -> tuple[str, Any]:
    name, equals, value = rule.partition("=")
    if not equals or not name:
        raise ConfigurationError("RULE", f"{rule!r} is no RULE=JSON", "Give a rule and its value.")
    try:
        return name, json.loads(value)
    except ValueError as error:
        raise ConfigurationError(
            name, f"{value!r} is not JSON: {error}", "Put text in double quotes."
        ) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            "--file", f"{file} cannot be read: {error}", "Give JSON."
        ) from error
    if not isinstance(found, dict):
        raise ConfigurationError("--file", f"{file} holds no object", 'Give {"limit": …}.')
    return found
