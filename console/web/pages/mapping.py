"""Settings > Mapping, Ownership, Matching: what an app's values are worth, and whose they are."""

from __future__ import annotations

from console.service import rules
from console.web.forms import listed, problems_of, rows_sent
from console.web.page import Data, Redirect, Refused, page
from console.web.pages.rule_pages import BLANK_ROWS, at_row, change, field_names, shown
from console.web.pages.settings_head import stay
from console.web.visit import Visit
from shared.domain.roles import Permission
from shared.errors import ConfigurationError
from shared.roster.rules import FieldRule, MatchRule

_PATH = "/tenants/{tenant}/apps/{app}/settings"
_MAPPING, _OWNERSHIP = "settings/mapping.html", "settings/ownership.html"
_MATCHING = "settings/matching.html"
_WORTH = [
    (FieldRule.OWNER.value, "owner: this app is right whenever it and the hub differ"),
    (FieldRule.FILL.value, "fill: taken where the hub has none"),
    (FieldRule.IGNORE.value, "ignore: never taken"),
]
_KEYS = [
    (MatchRule.SIS_ID.value, "the number in the student system (users.identifier)"),
    (MatchRule.STATE_ID.value, "the state's number (users.userMasterIdentifier)"),
    (MatchRule.EMAIL.value, "the e-mail address, in the domains below"),
]


@page("GET", f"{_PATH}/mapping", needs=Permission.CONFIGURE, template=_MAPPING)
def mapping(visit: Visit, tenant: str, app: str) -> Data:
    """Show the expressions that give fields their values."""
    data = shown(visit, tenant, app, "mapping")
    return {**data, **_table(list(data["rules"]["attributes"].items())), "trial": None}


@page("POST", f"{_PATH}/mapping", needs=Permission.CONFIGURE, template=_MAPPING)
def map_fields(visit: Visit, tenant: str, app: str) -> Data | Redirect | Refused:
    """Set the expressions, or try them out on a record of the app."""
    data = {**shown(visit, tenant, app, "mapping"), "trial": None}
    rows: list[tuple[str, ...]] = []
    try:
        rows = rows_sent(visit, "rule", "expression")
        attributes = _unique(rows, "rule")
        if visit.text("action") == "try":
            wish = rules.Trial(attributes=attributes)
            tried = visit.desk.call(rules.try_mapping, tenant=tenant, app=app, wish=wish)
            return {**data, **_table(rows), "trial": tried}
        change(visit, tenant, app, attributes=attributes)
    except ConfigurationError as error:
        problems = at_row(error, "attributes", [name for name, _ in rows], "expression")
        return Refused({**data, **_table(rows), "problems": problems})
    return Redirect(stay(tenant, app, "mapping"), "The mapping is saved.")


@page("GET", f"{_PATH}/ownership", needs=Permission.CONFIGURE, template=_OWNERSHIP)
def ownership(visit: Visit, tenant: str, app: str) -> Data:
    """Show what the app's values of fields are worth."""
    data = shown(visit, tenant, app, "ownership")
    return {**data, **_worth(list(data["rules"]["fields"].items()))}


@page("POST", f"{_PATH}/ownership", needs=Permission.CONFIGURE, template=_OWNERSHIP)
def own_fields(visit: Visit, tenant: str, app: str) -> Redirect | Refused:
    """Set what the app's values of fields are worth."""
    data = shown(visit, tenant, app, "ownership")
    rows: list[tuple[str, ...]] = []
    try:
        rows = rows_sent(visit, "rule", "worth")
        change(visit, tenant, app, fields=_unique(rows, "rule"))
    except ConfigurationError as error:
        problems = at_row(error, "fields", [name for name, _ in rows], "rule")
        return Refused({**data, **_worth(rows), "problems": problems})
    return Redirect(stay(tenant, app, "ownership"), "The ownership is saved.")


@page("GET", f"{_PATH}/matching", needs=Permission.CONFIGURE, template=_MATCHING)
def matching(visit: Visit, tenant: str, app: str) -> Data:
    """Show how users whom the app shows for the first time are known."""
    data = shown(visit, tenant, app, "matching")
    stored = data["rules"]
    return {
        **data,
        "keys": _KEYS,
        "matching": stored["matching"],
        "domains": "\n".join(sorted(stored["verified_email_domains"])),
    }


@page("POST", f"{_PATH}/matching", needs=Permission.CONFIGURE, template=_MATCHING)
def match_users(visit: Visit, tenant: str, app: str) -> Redirect | Refused:
    """Set how users whom the app shows for the first time are known."""
    data = matching(visit, tenant, app)
    keys = [one for one in visit.texts("matching") if one]
    again = {**data, "matching": keys, "domains": visit.text("domains")}
    try:
        if len(set(keys)) < len(keys):
            raise ConfigurationError("matching", "one is named twice", "Name each once.")
        wish = {"matching": keys, "verified_email_domains": listed(visit.text("domains"))}
        rules_wanted = rules.Rules(rules=dict(wish))
        visit.desk.call(rules.change_app_rules, tenant=tenant, app=app, wish=rules_wanted)
    except ConfigurationError as error:
        return Refused({**again, "problems": problems_of(error, ("matching", "domains"))})
    return Redirect(stay(tenant, app, "matching"), "The matching is saved.")


def _table(rows: list[tuple[str, ...]]) -> Data:
    return {"rows": [*rows, *[("", "")] * BLANK_ROWS], "names": field_names()}


def _worth(rows: list[tuple[str, ...]]) -> Data:
    return {
        "rows": [*rows, *[("", "")] * BLANK_ROWS],
        "names": field_names(with_kinds=True),
        "worths": _WORTH,
    }


def _unique(rows: list[tuple[str, ...]], field: str) -> dict[str, str]:
    """Return rows of two columns as a mapping; a name without a value is taken away.

    Raises:
        ConfigurationError: a name is missing, or there twice.
    """
    found: dict[str, str] = {}
    for name, value in rows:
        if not value:
            continue
        if not name:
            raise ConfigurationError(field, f"{value!r} is for no field", "Choose the field.")
        if name in found:
            raise ConfigurationError(name, "it is there twice", "Leave one of the two.")
        found[name] = value
    return found
