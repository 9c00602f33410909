"""`bellringer tenants`."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.output import Json, print_facts, print_rows
from console.cli.session import Session, open_session
from shared.db import tenants, views

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
    print_rows(
        rows,
        ("tenant", "zone", "suspended_at", "suspended_reason"),
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
