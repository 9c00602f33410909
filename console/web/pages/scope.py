"""Settings > Schools and Settings > Filters: whom an app is about."""

from __future__ import annotations

from typing import Any

from console.service import schools as school_lists
from console.web.forms import listed, problems_of
from console.web.page import Data, Redirect, Refused, page
from console.web.pages.rule_pages import change, shown
from console.web.pages.settings_head import stay
from console.web.visit import Visit
from shared.domain.records import FIELDS, Kind
from shared.domain.roles import Permission
from shared.errors import ConfigurationError

_PATH = "/tenants/{tenant}/apps/{app}/settings"
_SCHOOLS, _FILTERS = "settings/schools.html", "settings/filters.html"
#: OneRoster's roles, which a filter can name.
_ROLES = sorted(next(one for one in FIELDS[Kind.ROLES] if one.name == "role").vocabulary)


@page("GET", f"{_PATH}/schools", needs=Permission.CONFIGURE, template=_SCHOOLS)
def schools(visit: Visit, tenant: str, app: str) -> Data:
    """Show which schools the app takes, or is sent."""
    return schools_shown(visit, tenant, app)


@page("POST", f"{_PATH}/schools", needs=Permission.CONFIGURE, template=_SCHOOLS)
def choose_schools(visit: Visit, tenant: str, app: str) -> Data | Redirect | Refused:
    """Limit the app to some schools, or ask the vendor which there are."""
    return schools_chosen(visit, tenant, app, stay(tenant, app, "schools"))


def schools_shown(visit: Visit, tenant: str, app: str) -> Data:
    """Return the schools of an app as its form shows them."""
    data = shown(visit, tenant, app, "schools")
    found = visit.desk.call(school_lists.list_schools, tenant=tenant, app=app)
    return {**data, **_choice(found, data["rules"]["filters"]["schools"]), **_names(data)}


def schools_chosen(visit: Visit, tenant: str, app: str, then: str) -> Data | Redirect | Refused:
    """Limit an app to the schools that its form has sent, or look up which there are.

    Args:
        visit: with the form.
        tenant: whose app it is.
        app: its name.
        then: the page to go on with once it is saved.
    """
    data = shown(visit, tenant, app, "schools")
    chosen = [*visit.texts("schools"), *listed(visit.text("others"))]
    lines = visit.text("names")
    if visit.text("action") == "look-up":
        found = visit.desk.call(school_lists.look_up_schools, tenant=tenant, app=app)
    else:
        found = visit.desk.call(school_lists.list_schools, tenant=tenant, app=app)
    again = {**data, **_choice(found, chosen), "names": lines, "scope": visit.text("scope")}
    if visit.text("action") == "look-up":
        return again
    try:
        wanted = _wanted(visit, chosen)
        filters = {**data["rules"]["filters"], "schools": wanted}
        named = {"schools": _read_names(lines)} if data["app"]["tier"] != "export" else {}
        change(visit, tenant, app, filters=filters, **named)
    except ConfigurationError as error:
        places = {"filters.schools": "schools", "schools": "names"}
        at = ConfigurationError(places.get(error.field, error.field), error.problem, error.fix)
        return Refused({**again, "problems": problems_of(at, ("schools", "names", "scope"))})
    return Redirect(then, "The schools are saved.")


@page("GET", f"{_PATH}/filters", needs=Permission.CONFIGURE, template=_FILTERS)
def filters(visit: Visit, tenant: str, app: str) -> Data:
    """Show whom the app is about, beside its schools."""
    data = shown(visit, tenant, app, "filters")
    stored = data["rules"]["filters"]
    return {
        **data,
        "all_roles": _ROLES,
        "roles": stored["roles"],
        "grades": ", ".join(sorted(stored["grades"])),
    }


@page("POST", f"{_PATH}/filters", needs=Permission.CONFIGURE, template=_FILTERS)
def choose_filters(visit: Visit, tenant: str, app: str) -> Redirect | Refused:
    """Limit the app to some grades and roles."""
    data = filters(visit, tenant, app)
    roles, grades = visit.texts("roles"), visit.text("grades")
    wanted = {**data["rules"]["filters"], "roles": roles, "grades": listed(grades)}
    try:
        change(visit, tenant, app, filters=wanted)
    except ConfigurationError as error:
        problems = problems_of(error, ("roles", "grades"))
        return Refused({**data, "roles": roles, "grades": grades, "problems": problems})
    return Redirect(stay(tenant, app, "filters"), "The filters are saved.")


def _choice(found: Data, chosen: list[str]) -> Data:
    """Return the schools to tick: those that are chosen by any of their names are ticked."""
    left, ticked, options = dict.fromkeys(chosen), [], []
    for one in found["schools"]:
        named = next(
            (name for name in (one["id"], one["identifier"], one["name"]) if name in left), None
        )
        # what names it already still does; else its id, which no other has
        value = named or one["id"]
        if named is not None:
            ticked.append(value)
            del left[named]
        options.append((value, _label(one)))
    return {
        "of": found["of"],
        "options": options,
        "ticked": ticked,
        "others": "\n".join(left),
        "scope": "some" if chosen else "all",
        "look_up_problem": found.get("problem"),
    }


def _label(school: dict[str, Any]) -> str:
    number = f" ({school['identifier']})" if school["identifier"] else ""
    kind = f" · {school['type']}" if school["type"] and school["type"] != "school" else ""
    people = f" · {school['people']:,} people" if school["people"] is not None else ""
    return f"{school['name'] or school['id']}{number}{kind}{people}"


def _wanted(visit: Visit, chosen: list[str]) -> list[str]:
    if visit.text("scope") != "some":
        return []
    if not chosen:
        raise ConfigurationError("filters.schools", "no school is chosen", "Tick one, or take all.")
    return chosen


def _names(data: Data) -> Data:
    pairs = sorted(data["rules"]["schools"].items())
    return {"names": "\n".join(f"{own} = {hub}" for own, hub in pairs)}


def _read_names(text: str) -> dict[str, str]:
    """Read `the app's school = the hub's`, one a line."""
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        own, equals, hub = (part.strip() for part in line.partition("="))
        if not (own and equals and hub):
            raise ConfigurationError(
                "names", f"{line!r} names no two schools", "Write the app's = the hub's."
            )
        found[own] = hub
    return found
