"""`bellringer audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.arguments import MAX_ID
from console.cli.output import Json, print_json, print_rows, stderr
from console.cli.session import open_desk
from console.service import audit as operations
from shared.domain.access import AuditOutcome


def audit(
    tenant: Annotated[str | None, typer.Option(help="What was done in this tenant.")] = None,
    account: Annotated[str | None, typer.Option(help="By this account.")] = None,
    action: Annotated[str | None, typer.Option(help="This action, such as sign_in.")] = None,
    outcome: Annotated[AuditOutcome | None, typer.Option(help="What came of it.")] = None,
    before: Annotated[
        int | None, typer.Option(min=1, max=MAX_ID, help="Older than this entry.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """List who did what and who was refused, newest first."""
    with open_desk() as desk:
        if tenant is None:
            page = desk.call(
                operations.read_audit,
                account=account, action=action, outcome=outcome, before=before, limit=limit,
            )  # fmt: skip
        else:
            page = desk.call(
                operations.read_tenant_audit, tenant=tenant,
                account=account, action=action, outcome=outcome, before=before, limit=limit,
            )  # fmt: skip
    if as_json:
        print_json(page)
        return
    print_rows(
        page["entries"],
        ("id", "at", "account", "via", "action", "outcome", "tenant", "target"),
        as_json=False,
        empty="No entry was found",
    )
    if page["before"] is not None:
        stderr.print(f"There is more: --before {page['before']}", markup=False)
