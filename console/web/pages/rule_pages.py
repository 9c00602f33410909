"""What the pages of an app's rules have in common."""

from __future__ import annotations

from typing import Any

from console.service import rules
from console.web.forms import WHOLE
from console.web.page import Data
from console.web.pages.settings_head import head
from console.web.visit import Visit
from shared.domain.records import FIELDS, Kind
from shared.errors import ConfigurationError

#: Empty rows of a table of rules, beside those that are set.
BLANK_ROWS = 3


def shown(visit: Visit, tenant: str, app: str, section: str) -> Data:
    """Return what every page of rules shows: its head, the app's rules, and no problems."""
    return {
        **head(visit, tenant, app, section),
        "rules": visit.desk.call(rules.show_app_rules, tenant=tenant, app=app),
        "problems": {},
    }


def change(visit: Visit, tenant: str, app: str, **changed: Any) -> None:
    """Set rules of an app; what is empty has its default.

    Raises:
        ConfigurationError: names the rule that is wrong.
    """
    wanted = {name: value if value not in ({}, [], "") else None for name, value in changed.items()}
    visit.desk.call(rules.change_app_rules, tenant=tenant, app=app, wish=rules.Rules(rules=wanted))


def at_row(error: ConfigurationError, rule: str, names: list[str], field: str) -> dict[str, str]:
    """Return an error by the row of a table to which it belongs.

    Args:
        error: names `RULE.NAME`, or `RULE` alone.
        rule: of the table.
        names: of the rows, in their order.
        field: of the form, `FIELD-N` of a row.
    """
    name = error.field.removeprefix(f"{rule}.")
    place = f"{field}-{names.index(name)}" if name in names else WHOLE
    problem = error.problem.removeprefix("Value error, ")
    prefix = "" if place != WHOLE else f"{error.field}: "
    return {place: f"{prefix}{problem[:1].upper()}{problem[1:]}. {error.fix}"}


def field_names(*, with_kinds: bool = False) -> list[str]:
    """Return every field as `KIND.FIELD`, and the kinds themselves where they can be meant."""
    found: list[str] = []
    for kind in Kind:
        if with_kinds:
            found.append(str(kind))
        found += [f"{kind}.{field.name}" for field in FIELDS[kind]]
    return found
