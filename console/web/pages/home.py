"""A district's home: its apps by tier, and above them what needs a person."""

from __future__ import annotations

from typing import Any

from console.service import home
from console.web.attention import together
from console.web.page import Data, page
from console.web.visit import Visit
from shared.domain.roles import Permission


@page("GET", "/tenants/{tenant}", needs=Permission.VIEW, template="home.html", is_live=True)
def show(visit: Visit, tenant: str) -> Data:
    """Show the apps by tier, each with what it does, did last and does next."""
    shown = visit.desk.call(home.show_home, tenant=tenant)
    governs = visit.may(Permission.GOVERN, tenant)
    shown["attention"] = together(shown["attention"])
    for item in shown["attention"]:
        item["href"] = address_of(item, governs=governs)
    return shown


def address_of(item: dict[str, Any], *, governs: bool = False) -> str:
    """Return where something that needs a person is dealt with.

    Args:
        item: as `shared.db.attention.page_attention` lists it, or a token.
        governs: whether who asks manages the accounts of the tenant.
    """
    tenant = f"/tenants/{item['tenant']}"
    app = f"{tenant}/apps/{item['app'].partition('/')[2]}" if item["app"] else tenant
    match item["kind"]:
        case "removals" | "renames":
            one = f"/{item['approval']}" if item["approval"] else ""
            return f"{tenant}/review/approvals{one}"
        case "failed":
            return f"{tenant}/jobs/{item['job']}" if item["job"] else app
        case "conflicts":
            return f"{tenant}/review/conflicts"
        case "duplicates":
            return f"{tenant}/review/duplicates"
        case "quarantine":
            return f"{app}/errors"
        case "token":
            return f"{tenant}/accounts" if governs else "/account"
        case _:
            return app
