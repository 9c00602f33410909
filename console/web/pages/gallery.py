"""The gallery: every connector that is installed, and the first step of activating one."""

from __future__ import annotations

from typing import Any

from console.service import apps, connectors
from console.web.forms import problems_of, settings_sent
from console.web.page import Data, Redirect, Refused, page
from console.web.pages.settings_head import steps
from console.web.visit import Visit
from shared.domain.roles import Permission
from shared.domain.states import Tier
from shared.errors import ConfigurationError

_PATH = "/tenants/{tenant}/gallery"
_FORM = "gallery/activate.html"
_TIERS = (
    (Tier.IMPORT, "Import", "bring data into the hub"),
    (Tier.TWO_WAY, "2-way", "go both ways"),
    (Tier.EXPORT, "Export", "are fed from the hub"),
)


@page("GET", _PATH, needs=Permission.CONFIGURE, template="gallery/gallery.html")
def gallery(visit: Visit, tenant: str) -> Data:
    """Show what can be activated, by tier, and what cannot be loaded."""
    found = visit.desk.call(connectors.list_connectors)
    there = visit.desk.call(apps.list_apps, tenant=tenant)
    return {
        "tiers": [
            {
                "tier": tier,
                "title": title,
                "told": told,
                "connectors": [
                    {**one, "apps": _names(there, one["name"])}
                    for one in found["connectors"]
                    if one["tier"] == tier
                ],
            }
            for tier, title, told in _TIERS
        ],
        "broken": found["broken"],
    }


@page("GET", f"{_PATH}/{{connector}}", needs=Permission.CONFIGURE, template=_FORM)
def activate(visit: Visit, tenant: str, connector: str) -> Data:
    """Ask for the connection of a new app."""
    return _form(visit, tenant, connector)


@page("POST", f"{_PATH}/{{connector}}", needs=Permission.CONFIGURE, template=_FORM)
def add(visit: Visit, tenant: str, connector: str) -> Data | Redirect | Refused:
    """Add the app and go on with its schools, or try its connection out."""
    data = _form(visit, tenant, connector)
    settings = data["connector"]["settings"]
    app = visit.text("app_name")
    try:
        sent = settings_sent(visit, settings, {})
        data |= {"values": sent.shown, "app_name": app}
        wish = apps.NewApp(connector=connector, name=app, settings=sent.given)
        if visit.text("action") == "check":
            done = visit.desk.call(apps.check_new_app, tenant=tenant, wish=wish)
            has_secrets = any(one["is_secret"] and one["name"] in sent.given for one in settings)
            return {**data, "check": done, "has_typed_secrets": has_secrets}
        visit.desk.call(apps.add_app, tenant=tenant, wish=wish)
    except ConfigurationError as error:
        known = [one["name"] for one in settings]
        # the app's own name is no setting, though one may be called so too
        is_name = error.field == "--name"
        problems = problems_of(error, ["name"] if is_name else known)
        if is_name:
            problems = {"app_name": problems["name"]}
        return Refused({**data, "problems": problems})
    return Redirect(f"/tenants/{tenant}/apps/{app}/setup", f"{app} is added.")


def _form(visit: Visit, tenant: str, connector: str) -> Data:
    shown = visit.desk.call(connectors.show_connector, connector=connector)
    there = visit.desk.call(apps.list_apps, tenant=tenant)
    activation = {"steps": [{"name": name, "is_done": False} for name in _STEPS]}
    return {
        "connector": shown,
        "app_name": _free_name(connector, there),
        "values": {},
        "problems": {},
        "check": None,
        "has_typed_secrets": False,
        "steps": steps(tenant, "", activation, "connection"),
    }


_STEPS = ("connection", "schools", "preview", "sync", "schedule")


def _free_name(connector: str, there: list[dict[str, Any]]) -> str:
    """Return a name for the app that is not taken: the connector's, or with a number."""
    taken = {str(one["app"]).partition("/")[2] for one in there}
    base = connector.replace("_", "-")
    number = 1
    name = base
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _names(there: list[dict[str, Any]], connector: str) -> list[str]:
    return [str(one["app"]).partition("/")[2] for one in there if one["connector"] == connector]
