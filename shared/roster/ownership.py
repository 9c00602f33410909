"""Whose value of a field is right, as SQL conditions over the hub's record `h`.

The owner of a field is the app that a rule names; else the first of the tenant's apps, in its
order, that supplies a value for the record and is not told to fill or to be ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from shared.db.hub_tables import LINKS, snake
from shared.db.tables import apps
from shared.domain.records import Kind
from shared.domain.states import Tier
from shared.roster.rules import AppRules, FieldRule, parse_app_rules


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns what, as one app sees it.

    Attributes:
        app_id: the app.
        position: its place in the tenant's order.
        tier: its tier.
        rules: of every app of the tenant, by app id.
    """

    app_id: int
    position: int
    tier: Tier
    rules: Mapping[int, AppRules]

    def fills(self, kind: Kind, field: str) -> bool:
        """Return whether the app, where it is no owner, only fills what is empty."""
        return self.tier is Tier.IMPORT or self._rule(self.app_id, kind, field) is FieldRule.FILL

    def is_owner(self, kind: Kind, field: str) -> str:
        """Return the condition: the app owns the field of the record `h`."""
        mine = self._rule(self.app_id, kind, field)
        if mine is FieldRule.OWNER or (mine is None and len(self.rules) == 1):
            return "1 = 1"
        if mine is FieldRule.FILL:
            return "1 = 0"
        return f"NOT EXISTS ({self._better(kind, field)})"

    def is_settled(self, kind: Kind, field: str) -> str:
        """Return the condition: the hub's value of the field is one of a better owner's."""
        column = snake(field)
        if len(self.rules) == 1:
            return "1 = 0"
        return f"EXISTS ({self._better(kind, field)} AND other.{column} = h.{column})"

    def _better(self, kind: Kind, field: str) -> str:
        """Return a query for the links of apps that come before this one for the field."""
        column = snake(field)
        owners = self._those(kind, field, {FieldRule.OWNER})
        weak = self._those(kind, field, {FieldRule.FILL, FieldRule.IGNORE})
        before = f"a.position < {self.position}"
        if owners:
            before = f"({before} OR a.id IN ({owners}))"
        if weak:
            before += f" AND a.id NOT IN ({weak})"
        return (
            f"SELECT 1 FROM {LINKS[kind].name} AS other JOIN apps AS a ON a.id = other.app_id"
            " WHERE other.sourced_id = h.sourced_id AND other.ended_at IS NULL"
            f" AND a.removed_at IS NULL AND a.id <> {self.app_id}"
            f" AND other.{column} IS NOT NULL AND {before}"
        )

    def _those(self, kind: Kind, field: str, wanted: set[FieldRule]) -> str:
        found = [
            app_id
            for app_id in self.rules
            if app_id != self.app_id and self._rule(app_id, kind, field) in wanted
        ]
        return ", ".join(str(app_id) for app_id in sorted(found))

    def _rule(self, app_id: int, kind: Kind, field: str) -> FieldRule | None:
        return self.rules[app_id].fields.get(f"{kind}.{field}")


def load_ownership(connection: Connection, app_id: int) -> Ownership:
    """Return who owns what, as an app sees it."""
    me = connection.execute(
        select(apps.c.tenant_id, apps.c.position, apps.c.tier).where(apps.c.id == app_id)
    ).one()
    # a removed app owns nothing; this one may have been removed while its job ran
    rows = connection.execute(
        select(apps.c.id, apps.c.rules).where(
            apps.c.tenant_id == me.tenant_id,
            apps.c.tier != Tier.EXPORT,
            apps.c.removed_at.is_(None) | (apps.c.id == app_id),
        )
    )
    rules = {row.id: parse_app_rules(row.rules) for row in rows}
    return Ownership(app_id, me.position, Tier(me.tier), rules)
