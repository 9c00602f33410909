"""The way in: to the caller's district, or to the list of them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from annotated_types import MaxLen

from console.service import home
from console.web.page import Access, Data, Redirect, page
from console.web.visit import Visit

Name = Annotated[str, MaxLen(63)]


@page("GET", "/", needs=Access.SIGNED_IN)
def front(visit: Visit) -> Redirect:
    """Lead to the one district, or to the choice."""
    found = visit.desk.call(home.page_tenants, limit=2)["tenants"]
    return Redirect(f"/tenants/{found[0]['tenant']}" if len(found) == 1 else "/tenants")


@page("GET", "/tenants", needs=Access.SIGNED_IN, template="tenants.html")
def districts(visit: Visit, search: Name = "", after: Name | None = None) -> Data:
    """Show a page of the districts that the caller may see, each with how it is doing."""
    found = visit.desk.call(home.page_tenants, search=search or None, after=after)
    query = {"search": search} if search else {}
    return {
        # an address; `after` is the name
        "next": "?" + urlencode({**query, "after": found["after"]}) if found["after"] else None,
        "first": "/tenants" + (f"?{urlencode(query)}" if query else "") if after else None,
        "tenants": found["tenants"],
        "search": search,
    }
