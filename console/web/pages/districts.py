"""The way in: to the caller's district, or to the list of them."""

from __future__ import annotations

from console.service import tenants
from console.web.page import Access, Data, Redirect, page
from console.web.visit import Visit


@page("GET", "/", needs=Access.SIGNED_IN)
def front(visit: Visit) -> Redirect:
    """Lead to the one district, or to the choice."""
    found = visit.desk.call(tenants.list_tenants)
    return Redirect(f"/tenants/{found[0]['tenant']}" if len(found) == 1 else "/tenants")


@page("GET", "/tenants", needs=Access.SIGNED_IN, template="tenants.html")
def districts(visit: Visit) -> Data:
    """Show the districts that the caller may see."""
    return {"tenants": visit.desk.call(tenants.list_tenants)}
