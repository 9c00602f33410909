"""Settings > Privacy: which fields leave for an export, under which masks; Settings > Limits."""

from __future__ import annotations

from typing import Any

from console.service import rules
from console.web.forms import problems_of, rows_sent
from console.web.page import Data, Redirect, Refused, page
from console.web.pages.rule_pages import change, shown
from console.web.pages.settings_head import stay
from console.web.visit import Visit
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.errors import ConfigurationError

_PATH = "/tenants/{tenant}/apps/{app}/settings"
_PRIVACY, _LIMITS = "settings/privacy.html", "settings/limits.html"
_CONSTANT = "constant:"
_ANY_MASK = ("plain", "hide", "hash", "initial", _CONSTANT)
_TOLD = {
    "plain": "as it is",
    "hide": "not sent",
    "hash": "hashed",
    "initial": "first letter",
    _CONSTANT: "the text:",
}


@page("GET", f"{_PATH}/privacy", needs=Permission.CONFIGURE, template=_PRIVACY)
def privacy(visit: Visit, tenant: str, app: str) -> Data:
    """Show which fields leave, under which masks."""
    data = shown(visit, tenant, app, "privacy")
    sends = data["rules"]["sends"]
    return {**data, **_sends(visit, data, tenant, app, sends), "scope": "some" if sends else "all"}


@page("POST", f"{_PATH}/privacy", needs=Permission.CONFIGURE, template=_PRIVACY)
def mask(visit: Visit, tenant: str, app: str) -> Redirect | Refused:
    """Set which fields leave, under which masks."""
    data = shown(visit, tenant, app, "privacy")
    scope, sends = visit.text("scope"), _sent(visit)
    again = {**data, **_sends(visit, data, tenant, app, sends), "scope": scope}
    try:
        if scope == "some" and not any(one != "hide" for one in sends.values()):
            raise ConfigurationError("scope", "nothing would be sent", "Choose some fields.")
        change(visit, tenant, app, sends=sends if scope == "some" else {})
    except ConfigurationError as error:
        place = error.field.removeprefix("sends.")
        at = ConfigurationError(place, error.problem, error.fix)
        known = (place, "scope") if place in again["names"] else ("scope",)
        return Refused({**again, "problems": problems_of(at, known, "scope")})
    return Redirect(stay(tenant, app, "privacy"), "What is sent is saved.")


@page("GET", f"{_PATH}/limits", needs=Permission.CONFIGURE, template=_LIMITS)
def limits(visit: Visit, tenant: str, app: str) -> Data:
    """Show how much may go before a person is asked."""
    data = shown(visit, tenant, app, "limits")
    stored = data["rules"]
    by_kind = [
        (kind, *(stored["limits"].get(kind, {}).get(name, "") for name in ("percent", "at_least")))
        for kind in Kind
    ]
    return {**data, "values": {**stored["limit"], **stored}, "by_kind": by_kind}


@page("POST", f"{_PATH}/limits", needs=Permission.CONFIGURE, template=_LIMITS)
def limit(visit: Visit, tenant: str, app: str) -> Redirect | Refused:
    """Set how much may go before a person is asked."""
    data = limits(visit, tenant, app)
    names = ("percent", "at_least", "approval_days", "grace_days")
    values = {name: visit.text(name) for name in names}
    rows: list[tuple[str, ...]] = []
    try:
        rows = rows_sent(visit, "kind", "kind_percent", "kind_at_least")
        change(
            visit, tenant, app,
            limit=_limit(values["percent"], values["at_least"]),
            limits={kind: _limit(*given) for kind, *given in rows if any(given)},
            approval_days=values["approval_days"],
            grace_days=values["grace_days"],
        )  # fmt: skip
    except ConfigurationError as error:
        place = error.field.removeprefix("limit.")
        kind, _, name = error.field.removeprefix("limits.").partition(".")
        if error.field.startswith("limits."):
            place = f"{name}-{kind}"
        at = ConfigurationError(place, error.problem, error.fix)
        problems = problems_of(at, (*names, place), "percent")
        return Refused({**data, "values": values, "by_kind": rows, "problems": problems})
    return Redirect(stay(tenant, app, "limits"), "The limits are saved.")


def _limit(percent: str, at_least: str) -> dict[str, str]:
    """Return a limit of what was typed; what was not has its default."""
    given = {"percent": percent, "at_least": at_least}
    return {name: value for name, value in given.items() if value}


def _sends(visit: Visit, data: Data, tenant: str, app: str, sends: dict[str, str]) -> Data:
    """Return what is read of the hub, field by field, with its mask; "" is the kind's."""
    if not data["is_for"]:
        return {"kinds": [], "names": [], "kept": []}
    kinds: list[dict[str, Any]] = []
    for one in visit.desk.call(rules.list_sendable, tenant=tenant, app=app):
        kind = str(one["kind"])
        fields = [
            _field(f"{kind}.{field['name']}", field["name"], field["masks"], sends)
            for field in one["fields"]
        ]
        whole = _field(kind, "all other fields", ["plain", "hide"], sends)
        kinds.append({"kind": kind, "whole": whole, "fields": fields})
    names = [one["rule"] for kind in kinds for one in (kind["whole"], *kind["fields"])]
    kept = [(name, mask) for name, mask in sends.items() if name not in names]
    return {"kinds": kinds, "names": names, "kept": kept}


def _field(rule: str, label: str, masks: list[str] | None, sends: dict[str, str]) -> dict[str, Any]:
    mask = sends.get(rule, "")
    constant = mask.removeprefix(_CONSTANT) if masks is None and mask.startswith(_CONSTANT) else ""
    return {
        "rule": rule,
        "label": label,
        "mask": _CONSTANT if constant or mask == _CONSTANT else mask,
        "text": constant,
        "takes_text": masks is None,
        "options": [
            (one, _TOLD.get(one, f"always {one.removeprefix(_CONSTANT)}"))
            for one in (_ANY_MASK if masks is None else masks)
        ],
    }


def _sent(visit: Visit) -> dict[str, str]:
    rows = rows_sent(visit, "rule", "mask", "text")
    return {rule: mask + text if mask == _CONSTANT else mask for rule, mask, text in rows if mask}
