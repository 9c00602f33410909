"""Operations on what waits for a person: how much of it there is."""

from __future__ import annotations

from console.service.means import Means
from console.service.operation import operation
from shared.db.open_work import count_open
from shared.db.tenants import find_tenant
from shared.db.views import Shown
from shared.domain.roles import Permission
from shared.roster.quarantine_views import Wanted, page_quarantine


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
