"""Operations on records that are left out now, over the apps of a tenant or of all."""

from __future__ import annotations

from dataclasses import replace

from console.service.jobs import JobId, Limit
from console.service.means import Means
from console.service.operation import Reach, operation
from shared.db.asking import find_app
from shared.db.views import Shown
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.roster.quarantine_views import Wanted, count_quarantined, quarantined


@operation("GET", "/quarantine", needs=Permission.VIEW, reach=Reach.CALLER, is_audited=True)
def list_all_quarantine(
    means: Means, kind: Kind | None = None, after: JobId | None = None, limit: Limit = 50
) -> Shown:
    """List what is left out now at all tenants that the caller may see, by the page."""
    wanted = Wanted(tenant_ids=means.caller.tenant_ids(), kind=kind, after=after)
    return _page(means, wanted, limit)


@operation("GET", "/tenants/{tenant}/quarantine", needs=Permission.VIEW, is_audited=True)
def list_quarantine(
    means: Means,
    tenant: str,
    app: str | None = None,
    job: JobId | None = None,
    kind: Kind | None = None,
    after: JobId | None = None,
    limit: Limit = 50,
) -> Shown:
    """List what is left out now at a tenant, or what a job of it left out, by the page."""
    with means.database.read() as connection:
        app_id = find_app(connection, f"{tenant}/{app}")[1] if app else None
    return _page(means, Wanted(tenant, app_id, job, kind, after=after), limit)


def _page(means: Means, wanted: Wanted, limit: int) -> Shown:
    """Return `{"records", "count", "after"}`: of all pages, and the next one's `after` or None."""
    with means.database.snapshot() as connection:
        records = list(quarantined(connection, wanted, limit + 1))
        count = count_quarantined(connection, replace(wanted, after=None))
    more = records[limit - 1]["id"] if len(records) > limit else None
    return {"records": records[:limit], "count": count, "after": more}
