"""Operations on the audit log: who did what, and who was refused."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from console.service.means import Means
from console.service.operation import operation
from shared.db.accounts import fold_name
from shared.db.audit import list_audit
from shared.db.tenants import find_tenant
from shared.db.views import Shown
from shared.domain.access import AuditOutcome
from shared.domain.roles import Permission

#: An entry's number.
EntryId = Annotated[int, Ge(1), Le(2**63 - 1)]
#: Entries a page.
PageSize = Annotated[int, Ge(1), Le(500)]


@operation("GET", "/audit", needs=Permission.ADMINISTER)
def read_audit(
    means: Means,
    account: str | None = None,
    action: str | None = None,
    outcome: AuditOutcome | None = None,
    before: EntryId | None = None,
    limit: PageSize = 50,
) -> Shown:
    """Read the whole log, newest first; `before` leads to the next page, or null."""
    return _page(means, None, account, action, outcome, before, limit)


@operation("GET", "/tenants/{tenant}/audit", needs=Permission.GOVERN)
def read_tenant_audit(
    means: Means,
    tenant: str,
    account: str | None = None,
    action: str | None = None,
    outcome: AuditOutcome | None = None,
    before: EntryId | None = None,
    limit: PageSize = 50,
) -> Shown:
    """Read what was done in a tenant, newest first; `before` leads to the next page, or null."""
    with means.database.read() as connection:
        tenant_id = find_tenant(connection, tenant).id
    return _page(means, tenant_id, account, action, outcome, before, limit)


def _page(
    means: Means,
    tenant_id: int | None,
    account: str | None,
    action: str | None,
    outcome: AuditOutcome | None,
    before: int | None,
    limit: int,
) -> Shown:
    with means.database.read() as connection:
        found = list_audit(
            connection,
            tenant_id=tenant_id,
            before=before,
            action=action or None,
            account=fold_name(account) if account else None,
            outcome=outcome,
            limit=limit + 1,
        )
    shown = found[:limit]
    return {"entries": shown, "before": shown[-1]["id"] if len(found) > limit else None}
