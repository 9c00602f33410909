"""`bellringer tenants`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.output import Json, print_facts, print_rows
from console.cli.session import Session, open_session
from shared.db import tenants, views
from shared.domain.rollover import parse_rollover
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
    with open_session() as session:
        tenants.add_tenant(session.gate, tenant, zone)
    print_facts({"tenant": tenant, "zone": zone}, as_json=as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the tenants."""
    with open_session() as session, session.database.read() as connection:
        rows = views.list_tenants(connection)
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
    with open_session() as session:
        session.relay(tenants.suspend_tenant(session.gate, tenant, reason))
        _print_suspension(session, tenant, as_json=as_json)


@app.command()
def resume(tenant: Tenant, as_json: Json = False) -> None:
    """Take a tenant's jobs again."""
    with open_session() as session:
        session.relay(tenants.resume_tenant(session.gate, tenant))
        _print_suspension(session, tenant, as_json=as_json)


def _print_suspension(session: Session, tenant: str, *, as_json: bool) -> None:
    with session.database.read() as connection:
        row = tenants.find_tenant(connection, tenant)
    facts = {
        "tenant": tenant,
        "suspended_at": views.iso(row.suspended_at),
        "suspended_reason": row.suspended_reason,
    }
    print_facts(facts, as_json=as_json)


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
    with open_session() as session:
        if clear:
            if suspend or since or until:
                raise ConfigurationError("--clear", "it goes with no other", "Give it alone.")
            wanted = None
        elif suspend is None or since is None or until is None:
            raise ConfigurationError(
                "--suspend", "a part is missing", "Give --suspend, --from and --until, or --clear."
            )
        else:
            with session.database.read() as connection:
                zone = tenants.find_tenant(connection, tenant).zone
            wanted = parse_rollover(suspend, since, until, zone)
        session.relay(tenants.set_rollover(session.gate, tenant, wanted))
        with session.database.read() as connection:
            shown = views.show_rollover(tenants.find_tenant(connection, tenant))
    if as_json:
        print_facts({"tenant": tenant, "rollover": shown}, as_json=True)
    else:
        print_facts({"tenant": tenant, "rollover": _told(shown)}, as_json=False)


def _told(rollover: dict[str, Any] | None) -> str | None:
    if rollover is None:
        return None
    return f"{rollover['suspend']}, {rollover['from']} to {rollover['until']}"
