"""Settings > Connection: a connector's settings, tried out, and the app's place in the order."""

from __future__ import annotations

from typing import Any, Literal, cast

from console.service import apps, connectors
from console.web.forms import problems_of, settings_sent
from console.web.page import Data, Redirect, Refused, page
from console.web.pages.settings_head import head, stay
from console.web.visit import Visit
from shared.domain.roles import Permission
from shared.errors import ConfigurationError

_PATH = "/tenants/{tenant}/apps/{app}/settings"
_TEMPLATE = "settings/connection.html"


@page("GET", _PATH, needs=Permission.CONFIGURE)
def first(visit: Visit, tenant: str, app: str) -> Redirect:
    """Lead to the first tab."""
    head(visit, tenant, app, "connection")
    return Redirect(stay(tenant, app, "connection"))


@page("GET", f"{_PATH}/connection", needs=Permission.CONFIGURE, template=_TEMPLATE)
def connection(visit: Visit, tenant: str, app: str) -> Data:
    """Show the settings; of secrets that they are there."""
    return _shown(visit, tenant, app)


@page("POST", f"{_PATH}/connection", needs=Permission.CONFIGURE, template=_TEMPLATE)
def change(visit: Visit, tenant: str, app: str) -> Data | Redirect | Refused:
    """Store the settings, or try them out without storing them."""
    data = _shown(visit, tenant, app)
    settings = data["connector"]["settings"]
    try:
        sent = settings_sent(visit, settings, data["app"]["config"])
        data["values"] = sent.shown
        wish = apps.AppChange(settings=sent.given, unset=sent.unset)
        if visit.text("action") == "check":
            done = visit.desk.call(apps.check_settings, tenant=tenant, app=app, wish=wish)
            return {**data, "check": done, "has_typed_secrets": _has_secrets(settings, sent.given)}
        visit.desk.call(apps.change_app, tenant=tenant, app=app, wish=wish)
    except ConfigurationError as error:
        return Refused({**data, "problems": problems_of(error, [one["name"] for one in settings])})
    return Redirect(stay(tenant, app, "connection"), "The connection is saved.")


@page("POST", f"{_PATH}/order", needs=Permission.CONFIGURE, template=_TEMPLATE)
def order(visit: Visit, tenant: str, app: str) -> Data | Redirect | Refused:
    """Set which app comes before this one, and what a failure upstream means."""
    data = _shown(visit, tenant, app)
    after, failed = visit.text("after"), visit.text("upstream_failed")
    if failed not in ("run", "skip"):
        return Refused({**data, "order_problems": {"upstream_failed": "Choose one of the two."}})
    wish = apps.AppChange(after=after, upstream_failed=cast(Literal["run", "skip"], failed))
    try:
        visit.desk.call(apps.change_app, tenant=tenant, app=app, wish=wish)
    except ConfigurationError as error:
        told = problems_of(error, ("after", "upstream_failed"), "after")
        return Refused({**data, "after": after, "order_problems": told})
    return Redirect(stay(tenant, app, "connection"), "The order is saved.")


def _shown(visit: Visit, tenant: str, app: str) -> Data:
    data = head(visit, tenant, app, "connection")
    shown = data["app"]
    others = visit.desk.call(apps.list_apps, tenant=tenant)
    names = [str(one["app"]).partition("/")[2] for one in others if one["tier"] == shown["tier"]]
    return {
        **data,
        "connector": visit.desk.call(connectors.show_connector, connector=shown["connector"]),
        "values": shown["config"],
        "problems": {},
        "check": None,
        "has_typed_secrets": False,
        "others": [name for name in names if name != app],
        "after": shown["after"],
        "order_problems": {},
    }


def _has_secrets(settings: list[dict[str, Any]], given: dict[str, Any]) -> bool:
    return any(one["is_secret"] and one["name"] in given for one in settings)
