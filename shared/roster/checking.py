"""Rules are checked when a person sets them, against what the hub and the app have by then."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from shared.db.hub_tables import LINKS
from shared.domain.records import Kind
from shared.domain.states import Tier
from shared.errors import ConfigurationError
from shared.roster.mapping import Mapper
from shared.roster.privacy import check_sends
from shared.roster.rules import AppRules
from shared.roster.schools import hub_schools


def check_app_rules(connection: Connection, app: Row[Any], rules: AppRules) -> None:
    """See that an app can follow its rules.

    Args:
        connection: a transaction.
        app: its row.
        rules: as they would be.

    Raises:
        ConfigurationError: names the rule that is wrong.
    """
    if app.tier == Tier.EXPORT:
        for name in ("attributes", "schools"):
            if getattr(rules, name):
                raise ConfigurationError(
                    name, "an export brings no records that it could map", "Leave it out."
                )
        check_sends(rules.sends)
        hub_schools(connection, app.tenant_id, rules.filters.schools, rule="filters.schools")
        return
    if rules.sends:
        raise ConfigurationError(
            "sends", f"it is for exports, and {app.name} is {app.tier}", "Set it on an export."
        )
    Mapper(rules.attributes)
    hub_schools(connection, app.tenant_id, rules.schools.values(), rule="schools")
    _check_own_schools(connection, app.id, rules)


def _check_own_schools(connection: Connection, app_id: int, rules: AppRules) -> None:
    """See that the app has the schools that its filter names, once any are known."""
    link = LINKS[Kind.ORGS].c
    known = {
        name
        for row in connection.execute(
            select(link.external_id, link.identifier).where(link.app_id == app_id)
        )
        for name in row
    }
    unknown = sorted(rules.filters.schools - known)
    if known and unknown:
        raise ConfigurationError(
            "filters.schools",
            f"the app has no school {unknown[0]!r}",
            "Give external ids or identifiers of its orgs.",
        )
