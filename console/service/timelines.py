"""Operations on timelines: what jobs did in a period, and what they waited for."""

from __future__ import annotations

from console.service.means import Means
from console.service.operation import Reach, operation
from console.timeline.window import OVERVIEW_ZOOMS, Window
from shared.db import tenants, timeline
from shared.db.views import Shown
from shared.domain.roles import Permission
from shared.domain.zones import check_zone


@operation("GET", "/tenants/{tenant}/timeline", needs=Permission.VIEW)
def show_timeline(
    means: Means, tenant: str, zoom: str | None = None, since: str | None = None
) -> Shown:
    """Show a tenant's jobs in a period as long as the zoom level; by default the last 12 hours."""
    with means.database.read() as connection:
        found = tenants.find_tenant(connection, tenant)
        now = means.database.now(connection)
        window = Window.parse(zoom=zoom, since=since, zone=found.zone, now=now)
        shown = timeline.tenant_timeline(connection, found.id, window.since, window.until, now=now)
    return {**shown, "zoom": str(window.zoom)}


@operation("GET", "/timeline", needs=Permission.VIEW, reach=Reach.CALLER)
def list_timelines(
    means: Means,
    zoom: str | None = None,
    since: str | None = None,
    after: str = "",
    zone: str = "UTC",
) -> Shown:
    """List the tenants that the caller may see, a page by name, with their tiers in a period."""
    check_zone(zone, "zone")
    with means.database.read() as connection:
        now = means.database.now(connection)
        window = Window.parse(zoom=zoom, since=since, zone=zone, now=now, among=OVERVIEW_ZOOMS)
        shown = timeline.timeline_of_all(
            connection,
            window.since,
            window.until,
            now=now,
            after=after,
            only=means.caller.tenant_ids(),
        )
    return {**shown, "zoom": str(window.zoom), "zone": zone}
