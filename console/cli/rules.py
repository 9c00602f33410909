"""`bellringer rules`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.output import Json, print_facts
from console.cli.session import Session, open_session
from shared.db import apps, tenants
from shared.errors import ConfigurationError
from shared.roster.checking import check_app_rules
from shared.roster.rules import parse_app_rules, parse_tenant_rules
from shared.roster.tenant_quality import compile_quality

app = typer.Typer(help="What a person has set for an app or a tenant.", no_args_is_help=True)

Subject = Annotated[
    str, typer.Argument(metavar="TENANT[/APP]", help="A tenant, or one of its apps.")
]


@app.command()
def show(subject: Subject, as_json: Json = False) -> None:
    """Show the rules of an app or of a tenant, the defaults among them."""
    with open_session() as session:
        stored = _stored(session, subject)
    print_facts(_checked(subject, stored), as_json=as_json)


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
    with open_session() as session:
        wanted = _read(file) if file is not None else dict(_stored(session, subject))
        for rule in rules or []:
            name, value = _pair(rule)
            wanted[name] = value
        wanted = {name: value for name, value in wanted.items() if value is not None}
        shown = _checked(subject, wanted)
        if "/" in subject:
            with session.database.read() as connection:
                row = apps.app_row(connection, subject)
                check_app_rules(connection, row, parse_app_rules(wanted))
            apps.set_rules(session.gate, subject, wanted)
        else:
            tenants.set_rules(session.gate, subject, wanted)
    print_facts(shown, as_json=as_json)


def _stored(session: Session, subject: str) -> dict[str, Any]:
    with session.database.read() as connection:
        if "/" in subject:
            return dict(apps.app_row(connection, subject).rules or {})
        return dict(tenants.find_tenant(connection, subject).rules or {})


def _checked(subject: str, rules: dict[str, Any]) -> dict[str, Any]:
    if "/" in subject:
        return parse_app_rules(rules).model_dump(mode="json")
    parsed = parse_tenant_rules(rules)
    compile_quality(parsed)
    return parsed.model_dump(mode="json")


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
