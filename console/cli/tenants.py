"""`bellringer tenants`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.arguments import wish_of
from console.cli.output import Json, print_facts, print_rows
from console.cli.session import open_desk
from console.service import tenants
from console.service.wish import Because
from shared.errors import ConfigurationError

app = typer.Typer(help="Districts.", no_args_is_help=True)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")]


@app.command()
def add(
    tenant: Tenant,
    zone: Annotated[str, typer.Option(help="IANA zone of its schedules.")] = "UTC",
    as_json: Json = False,
) -> None:
    """Add a tenant."""
    with open_desk() as desk:
        told = desk.call(tenants.add_tenant, wish=tenants.NewTenant(tenant=tenant, zone=zone))
    print_facts(told, as_json=as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the tenants."""
    with open_desk() as desk:
        rows = desk.call(tenants.list_tenants)
    if not as_json:
        for row in rows:
            row["rollover"] = _told(row["rollover"])
    print_rows(
        rows,
        ("tenant", "zone", "suspended_at", "suspended_reason", "rollover"),
        as_json=as_json,
        empty="There is no tenant yet: bellringer tenants add TENANT",
    )


@app.command()
def suspend(
    tenant: Tenant,
    reason: Annotated[str | None, typer.Option(help="Told wherever a job is skipped.")] = None,
    as_json: Json = False,
) -> None:
    """Take no jobs of a tenant: what waits is skipped, what runs ends."""
    with open_desk() as desk:
        told = desk.call(tenants.suspend_tenant, tenant=tenant, wish=Because(reason=reason))
    _print_suspension(told, as_json=as_json)


@app.command()
def resume(tenant: Tenant, as_json: Json = False) -> None:
    """Take a tenant's jobs again."""
    with open_desk() as desk:
        _print_suspension(desk.call(tenants.resume_tenant, tenant=tenant), as_json=as_json)


def _print_suspension(shown: dict[str, Any], *, as_json: bool) -> None:
    names = ("tenant", "suspended_at", "suspended_reason")
    print_facts({name: shown[name] for name in names}, as_json=as_json)


@app.command()
def rollover(
    tenant: Tenant,
    suspend: Annotated[
        str | None, typer.Option(metavar="imports|removals", help="What is suspended.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE[THH:MM]", help="Begin, in the tenant's zone."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="DATE[THH:MM]", help="End; a date alone is its last day."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="End it.")] = False,
    as_json: Json = False,
) -> None:
    """Suspend a tenant's imports, or removals alone, for a period, such as a new year's begin."""
    with open_desk() as desk:
        if clear:
            if suspend or since or until:
                raise ConfigurationError("--clear", "it goes with no other", "Give it alone.")
            told = desk.call(tenants.clear_rollover, tenant=tenant)
        elif suspend is None or since is None or until is None:
            raise ConfigurationError(
                "--suspend", "a part is missing", "Give --suspend, --from and --until, or --clear."
            )
        else:
            wish = wish_of(tenants.NewRollover, suspend=suspend, since=since, until=until)
            told = desk.call(tenants.set_rollover, tenant=tenant, wish=wish)
    shown = told["rollover"]
    if not as_json:
        shown = _told(shown)
    print_facts({"tenant": tenant, "rollover": shown}, as_json=as_json)


def _told(rollover: dict[str, Any] | None) -> str | None:
    if rollover is None:
        return None
    return f"{rollover['suspend']}, {rollover['from']} to {rollover['until']}"
