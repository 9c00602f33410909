"""Operations on what people look at first: their districts, a district's home, an app as it is."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen
from sqlalchemy import Connection

from console.service.jobs import JobId
from console.service.means import Means
from console.service.operation import Reach, operation
from shared.db import home, job_pages, tenant_pages
from shared.db.api_tokens import ApiToken, list_expiring
from shared.db.asking import find_app
from shared.db.tenants import find_tenant
from shared.db.views import Shown, iso
from shared.domain.roles import Permission
from shared.domain.states import JobState, Mode
from shared.errors import ConfigurationError, NotFoundError

#: How many rows a page may have.
PageSize = Annotated[int, Ge(1), Le(200)]
#: What a name begins with, or comes after.
Name = Annotated[str, MaxLen(63)]
#: The states by which jobs are chosen.
STATES = ("unfinished", *JobState)


@operation("GET", "/overview", needs=Permission.VIEW, reach=Reach.CALLER)
def page_tenants(
    means: Means, search: Name | None = None, after: Name | None = None, limit: PageSize = 50
) -> Shown:
    """List the tenants that the caller may see by the page, each with how it is doing."""
    with means.database.read() as connection:
        return tenant_pages.page_tenants(
            connection,
            tenant_ids=means.caller.tenant_ids(),
            search=search,
            after=after,
            limit=limit,
        )


@operation("GET", "/tenants/{tenant}/home", needs=Permission.VIEW)
def show_home(means: Means, tenant: str) -> Shown:
    """Show a tenant's apps as they are now, and what needs a person first."""
    with means.database.read() as connection:
        now = means.database.now(connection)
        tenant_id = find_tenant(connection, tenant).id
        shown = home.show_home(connection, tenant_id, now)
        shown["attention"] += _expiring(means, connection, tenant, tenant_id)
    return shown


@operation("GET", "/tenants/{tenant}/apps/{app}/now", needs=Permission.VIEW)
def show_app_now(means: Means, tenant: str, app: str) -> Shown:
    """Show an app as it is now: what it does, did last and does next."""
    with means.database.read() as connection:
        tenant_id, app_id = find_app(connection, f"{tenant}/{app}")
        now = means.database.now(connection)
        shown = home.show_app_now(connection, tenant_id, app_id, now)
    if shown is None:
        raise NotFoundError("app", f"{tenant} has no app {app!r}", "List them.")
    return shown


@operation("GET", "/tenants/{tenant}/history", needs=Permission.VIEW)
def page_history(
    means: Means,
    tenant: str,
    app: str | None = None,
    state: str | None = None,
    mode: Mode | None = None,
    before: JobId | None = None,
    limit: PageSize = 50,
) -> Shown:
    """List a tenant's jobs by the page, newest first; of an app, in a state, of a mode."""
    if state is not None and state not in STATES:
        fix = f"Give one of {', '.join(STATES)}."
        raise ConfigurationError("state", f"there is no {state!r}", fix)
    with means.database.read() as connection:
        return job_pages.page_jobs(
            connection,
            tenant_id=find_tenant(connection, tenant).id,
            app_id=find_app(connection, f"{tenant}/{app}")[1] if app else None,
            state=state,
            mode=mode,
            before=before,
            limit=limit,
        )


def _expiring(
    means: Means, connection: Connection, tenant: str, tenant_id: int
) -> list[dict[str, Any]]:
    """Return API tokens that soon let nobody in: the caller's own; all, for who governs them."""
    caller = means.caller
    governs = caller.may(Permission.GOVERN, tenant_id)
    if not governs and caller.account_id is None:
        return []
    found = list_expiring(
        connection,
        means.database.now(connection),
        tenant_id=tenant_id,
        account_id=None if governs else caller.account_id,
    )
    return [_token(tenant, token, account) for token, account in found]


def _token(tenant: str, token: ApiToken, account: str) -> dict[str, Any]:
    return {
        "kind": "token",
        "tenant": tenant,
        "app": None,
        "what": f"the API token {token.name!r} of {account} ends soon",
        "count": None,
        "since": None,
        "deadline_at": iso(token.expires_at),
        "approval": None,
        "job": None,
    }
