"""The links at the top of a page: what the caller may see of a tenant, or of all of them."""

from __future__ import annotations

from typing import Any

from console.web.visit import Visit
from shared.domain.roles import Permission

#: Of a tenant: words, path below it, what one must be permitted.
_TENANT = (
    ("Home", "", Permission.VIEW),
    ("Timeline", "/timeline", Permission.VIEW),
    ("Jobs", "/jobs", Permission.VIEW),
    ("Roster", "/roster", Permission.VIEW),
    ("Review", "/review", Permission.VIEW),
    ("Add an app", "/gallery", Permission.CONFIGURE),
    ("District rules", "/settings", Permission.CONFIGURE),
    ("Accounts", "/accounts", Permission.GOVERN),
    ("Audit log", "/audit", Permission.GOVERN),
)
#: Beside a tenant's pages, for whoever runs the instance.
_OPERATORS = ("Operators", "/operators", Permission.ADMINISTER)
#: Of the instance.
_INSTANCE = (
    ("Districts", "/tenants", Permission.VIEW),
    ("Timeline", "/timeline", Permission.VIEW),
    ("Operators", "/operators", Permission.ADMINISTER),
    ("Accounts", "/accounts", Permission.ADMINISTER),
    ("Audit log", "/audit", Permission.ADMINISTER),
)


def links(visit: Visit, tenant: str | None) -> list[dict[str, Any]]:
    """Return the links of a page: words, address, and whether the page lies below it."""
    if visit.account is None:
        return []
    base = "" if tenant is None else f"/tenants/{tenant}"
    table = _INSTANCE if tenant is None else _TENANT
    there = [
        (words, base + path)
        for words, path, needs in table
        if (tenant is None and needs is Permission.VIEW) or visit.may(needs, tenant)
    ]
    if tenant is not None and visit.may(_OPERATORS[2]):
        there.append(_OPERATORS[:2])
    here = visit.request.url.path
    return [
        {"label": words, "href": href, "is_current": _is_below(here, href, base)}
        for words, href in there
    ]


def has_choice(visit: Visit) -> bool:
    """Whether the caller may see more districts than one, so that a page leads to their list."""
    allowed = visit.caller.tenant_ids()
    return allowed is None or len(allowed) > 1


def _is_below(here: str, href: str, base: str) -> bool:
    """Whether a page is this link's: a tenant's home and its apps are Home's."""
    if href == base:
        return here == href or here.startswith(f"{base}/apps/")
    return here == href or here.startswith(f"{href}/")
