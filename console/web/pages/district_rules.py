"""A district's own rules: what goes to quarantine, and what no two records may share."""

from __future__ import annotations

from typing import Any

from console.service import rules
from console.web.forms import WHOLE, problems_of, rows_sent
from console.web.page import Data, Redirect, Refused, page
from console.web.pages.rule_pages import BLANK_ROWS, field_names
from console.web.visit import Visit
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.errors import ConfigurationError

_PATH = "/tenants/{tenant}/settings"
_TEMPLATE = "settings/district.html"
_COLUMNS = ("kind", "field", "expression", "reason")


@page("GET", _PATH, needs=Permission.CONFIGURE, template=_TEMPLATE)
def district(visit: Visit, tenant: str) -> Data:
    """Show the district's rules."""
    stored = visit.desk.call(rules.show_tenant_rules, tenant=tenant)
    rows = [tuple(str(one[name]) for name in _COLUMNS) for one in stored["quality"]]
    return _shown(rows, sorted(stored["unique"]))


@page("POST", _PATH, needs=Permission.CONFIGURE, template=_TEMPLATE)
def change(visit: Visit, tenant: str) -> Redirect | Refused:
    """Set the district's rules."""
    rows: list[tuple[str, ...]] = []
    unique = [one for one in visit.texts("unique") if one]
    try:
        rows = rows_sent(visit, *_COLUMNS)
        quality: list[dict[str, Any]] = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        wanted = {"quality": quality or None, "unique": unique}
        visit.desk.call(
            rules.change_tenant_rules, tenant=tenant, wish=rules.Rules(rules=dict(wanted))
        )
    except ConfigurationError as error:
        return Refused({**_shown(rows, unique), "problems": _problems(error)})
    return Redirect(f"/tenants/{tenant}/settings", "The district's rules are saved.")


def _shown(rows: list[tuple[str, ...]], unique: list[str]) -> Data:
    return {
        "rows": [*rows, *[("",) * len(_COLUMNS)] * BLANK_ROWS],
        "kinds": list(Kind),
        "names": field_names(),
        "unique": [*unique, *[""] * BLANK_ROWS],
        "problems": {},
    }


def _problems(error: ConfigurationError) -> dict[str, str]:
    """Return an error by the cell to which it belongs: `quality.0.expression` names one."""
    rule, _, rest = error.field.partition(".")
    row, _, column = rest.partition(".")
    if rule == "quality" and row.isdigit():
        place = f"{column if column in _COLUMNS else 'expression'}-{row}"
        at = ConfigurationError(place, error.problem.removeprefix("Value error, "), error.fix)
        return problems_of(at, (place,))
    return problems_of(error, (), WHOLE)
