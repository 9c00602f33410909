"""What the pages of an app's settings have in common: the app, and the tabs."""

from __future__ import annotations

from typing import Any

from console.service import apps, setup
from console.web.page import Data
from console.web.visit import Visit
from shared.domain.states import Tier

#: The tabs in their order, and the tiers for whose apps they mean something.
_BRINGS = (Tier.IMPORT, Tier.TWO_WAY)
_ALL = tuple(Tier)
TABS: tuple[tuple[str, str, tuple[Tier, ...]], ...] = (
    ("connection", "Connection", _ALL),
    ("schedule", "Schedule", _ALL),
    ("schools", "Schools", _ALL),
    ("mapping", "Mapping", _BRINGS),
    ("filters", "Filters", _ALL),
    ("ownership", "Ownership", _BRINGS),
    ("matching", "Matching", _BRINGS),
    ("privacy", "Privacy", (Tier.EXPORT,)),
    ("limits", "Limits", _BRINGS),
)


def base(tenant: str, app: str) -> str:
    """Return where an app's settings begin."""
    return f"/tenants/{tenant}/apps/{app}/settings"


def head(visit: Visit, tenant: str, app: str, section: str) -> Data:
    """Return what every page of an app's settings shows.

    Returns:
        `app` as `show_app` has it, its `name`, `tabs`, `section`, whether the section `is_for` this
        tier, and `setup`: how far its activation has come, None once all is done.

    Raises:
        NotFoundError: the tenant has no such app.
    """
    shown = visit.desk.call(apps.show_app, tenant=tenant, app=app)
    tier = Tier(shown["tier"])
    activation = visit.desk.call(setup.show_setup, tenant=tenant, app=app)
    return {
        "app": shown,
        "name": app,
        "base": base(tenant, app),
        "section": section,
        "tabs": [
            {
                "href": f"{base(tenant, app)}/{path}",
                "label": label,
                "is_current": path == section,
            }
            for path, label, tiers in TABS
            if tier in tiers
        ],
        "is_for": tier in next(tiers for path, _, tiers in TABS if path == section),
        "setup": activation if activation["next"] is not None else None,
    }


def stay(tenant: str, app: str, section: str) -> str:
    """Return the address of a section, to which a form that was taken leads back."""
    return f"{base(tenant, app)}/{section}"


def steps(tenant: str, app: str, activation: dict[str, Any], current: str) -> list[Data]:
    """Return the steps of an activation as `ui.steps` shows them."""
    labels = {
        "connection": "Connection",
        "schools": "Schools",
        "preview": "Preview",
        "sync": "First sync",
        "schedule": "Schedule",
    }
    places = {"connection": f"{base(tenant, app)}/connection"}
    return [
        {
            "label": labels[one["name"]],
            "state": "current" if one["name"] == current else "done" if one["is_done"] else "",
            "href": places.get(one["name"], f"/tenants/{tenant}/apps/{app}/setup/{one['name']}"),
        }
        for one in activation["steps"]
    ]
