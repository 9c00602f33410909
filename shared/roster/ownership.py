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

#: Rules by which an app never owns a field.
_WEAK = frozenset({FieldRule.FILL, FieldRule.IGNORE})


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns what, as one app sees it.

    Attributes:
        app_id: the app.
        tier: its tier.
        rules: of every app of the tenant that can own, by app id, in the tenant's order.
        fresh: `KIND.FIELD` that a rule has given to this app since it was last read whole. There
            it is as if its record were only now matched: what both last agreed on does not count.
    """

    app_id: int
    tier: Tier
    rules: Mapping[int, AppRules]
    fresh: frozenset[str] = frozenset()

    def is_fresh(self, kind: Kind, field: str) -> bool:
        """Return whether a rule has given the field to this app since it was last read whole."""
        return f"{kind}.{field}" in self.fresh

    def fills(self, kind: Kind, field: str) -> bool:
        """Return whether the app, where it is no owner, only fills what is empty."""
        return self.tier is Tier.IMPORT or self._rule(self.app_id, kind, field) is FieldRule.FILL

    def is_owner(self, kind: Kind, field: str) -> str:
        """Return the condition: the app owns the field of the record `h`."""
        if self._rule(self.app_id, kind, field) in _WEAK:
            return "1 = 0"
        better = self._better(kind, field)
        return "1 = 1" if better is None else f"NOT EXISTS ({better})"

    def is_settled(self, kind: Kind, field: str) -> str:
        """Return the condition: the hub's value of the field is one of a better owner's."""
        column = snake(field)
        better = self._better(kind, field)
        if better is None:
            return "1 = 0"
        return f"EXISTS ({better} AND other.{column} = h.{column})"

    def other_owners(self, kind: Kind) -> list[int]:
        """Return the other apps that say, by a rule, which records of a kind there are."""
        return [
            app_id
            for app_id, rules in self.rules.items()
            if app_id != self.app_id and rules.owns_kind(kind)
        ]

    def _better(self, kind: Kind, field: str) -> str | None:
        """Return a query for the links of apps that come before this one; None: no app does."""
        column = snake(field)
        order = list(self.rules)
        before = set(order[: order.index(self.app_id)])
        owns = self._rule(self.app_id, kind, field) is FieldRule.OWNER
        better = []
        for app_id in order:
            rule = self._rule(app_id, kind, field)
            if app_id == self.app_id or rule in _WEAK:
                continue
            # of several owners the first is right, else they would undo each other for ever
            if (app_id in before and not owns) or (
                rule is FieldRule.OWNER and (app_id in before or not owns)
            ):
                better.append(str(app_id))
        if not better:
            return None
        # the apps are named here, and not joined: this is asked for each row and field
        return (
            f"SELECT 1 FROM {LINKS[kind].name} AS other"
            " WHERE other.sourced_id = h.sourced_id AND other.ended_at IS NULL"
            f" AND other.app_id IN ({', '.join(better)}) AND other.{column} IS NOT NULL"
        )

    def _rule(self, app_id: int, kind: Kind, field: str) -> FieldRule | None:
        return self.rules[app_id].fields.get(f"{kind}.{field}")


def load_ownership(connection: Connection, app_id: int) -> Ownership:
    """Return who owns what, as an app sees it."""
    me = connection.execute(select(apps.c.tenant_id, apps.c.tier).where(apps.c.id == app_id)).one()
    # a removed app owns nothing; this one may have been removed while its job ran
    rows = connection.execute(
        select(apps.c.id, apps.c.rules)
        .where(
            apps.c.tenant_id == me.tenant_id,
            apps.c.tier != Tier.EXPORT,
            apps.c.removed_at.is_(None) | (apps.c.id == app_id),
        )
        .order_by(apps.c.position, apps.c.id)
    )
    rules = {row.id: parse_app_rules(row.rules) for row in rows}
    return Ownership(app_id, Tier(me.tier), rules)
