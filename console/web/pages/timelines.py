"""Timelines: of a district, and of all that one may see."""

from __future__ import annotations

from console.service import timelines
from console.web.page import Access, Data, page
from console.web.visit import Visit
from shared.domain.roles import Permission


@page("GET", "/tenants/{tenant}/timeline", needs=Permission.VIEW, template="timeline.html",
      is_live=True)  # fmt: skip
def of_tenant(visit: Visit, tenant: str, zoom: str | None = None, since: str | None = None) -> Data:
    """Show what the district's jobs did in a period, and what they waited for."""
    return {
        "timeline": visit.desk.call(timelines.show_timeline, tenant=tenant, zoom=zoom, since=since)
    }


@page("GET", "/timeline", needs=Access.SIGNED_IN, template="timeline_all.html")
def of_all(
    visit: Visit, zoom: str | None = None, since: str | None = None, after: str = ""
) -> Data:
    """Show what each tier of each district did in a period; of those that the caller may see."""
    return {
        "timeline": visit.desk.call(timelines.list_timelines, zoom=zoom, since=since, after=after)
    }
