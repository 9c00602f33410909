"""Operations on what waits for a person: how much of it there is, and what was left out."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from console.service.jobs import After
from console.service.means import Means
from console.service.operation import operation
from shared.db import asking
from shared.db.open_work import count_open
from shared.db.tenants import find_tenant
from shared.db.views import Shown
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.roster.quarantine_views import MOST, Wanted, page_quarantine

_Limit = Annotated[int, Ge(1), Le(MOST)]


@operation("GET", "/tenants/{tenant}/review", needs=Permission.VIEW)
def count_review(means: Means, tenant: str) -> Shown:
    """Count what waits for a person: approvals, conflicts, and duplicates as last counted."""
    with means.database.read() as connection:
        tenant_id = find_tenant(connection, tenant).id
        found = count_open(connection, tenant_id)
        has_quarantine = bool(page_quarantine(connection, Wanted(tenant), limit=1)["records"])
    return {
        "approvals": sum(found.approvals.values()),
        "conflicts": sum(found.conflicts.values()),
        "duplicates": found.duplicates,
        "has_quarantine": has_quarantine,
    }


@operation("GET", "/tenants/{tenant}/left-out", needs=Permission.VIEW, is_audited=True)
def list_left_out(
    means: Means,
    tenant: str,
    app: str | None = None,
    kind: Kind | None = None,
    after: After = 0,
    limit: _Limit = 50,
) -> Shown:
    """List the records of a tenant that are in quarantine now, with their source, by the page."""
    with means.database.read() as connection:
        app_id = asking.find_app(connection, f"{tenant}/{app}")[1] if app else None
        wanted = Wanted(tenant, app_id, kind=kind)
        return page_quarantine(connection, wanted, after=after, limit=limit)
