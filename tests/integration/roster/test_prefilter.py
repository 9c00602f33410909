"""The SQL that picks what has moved drops nothing: it does what the pure merge of every row does."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, update

from shared.db.hub_tables import HUB, LINKS, renderings, snake
from shared.db.review_tables import conflicts
from shared.db.tables import apps
from shared.domain.merge import Side, merge, merge_elements
from shared.domain.records import Kind, encode_list
from shared.roster.write_back import pending_writes
from tests.integration.roster.district import Hub

FIELDS = ("enabledUser", "username", "givenName", "familyName", "identifier", "phone", "middleName",
          "grades")  # fmt: skip
MERGED = ("phone", "middleName", "grades")
USERS = range(1, 151)
RULES = (None, None, "owner", "fill", "ignore")
Values = dict[str, str | None]


@dataclass
class Table:
    """Random values of every user, by what holds them."""

    random: random.Random

    def values(self) -> Values:
        made: Values = {n: self.random.choice((None, "a", "b", "c")) for n in MERGED}
        made["grades"] = encode_list(one for one in "xyz" if self.random.random() < 0.5)
        return made

    def everybody(self) -> dict[int, Values]:
        return {number: self.values() for number in USERS}


def rows(held: dict[int, Values]) -> list[tuple[str | None, ...]]:
    return [
        (f"u{number}", "true", f"user{number}", "Given", "Family", f"{number}",
         *(values[name] for name in MERGED))
        for number, values in held.items()
    ]  # fmt: skip


def set_values(hub: Hub, table: Any, where: Any, key: str, held: dict[int, Values]) -> None:
    with hub.database.write() as connection:
        connection.execute(
            update(table)
            .where(where, table.c[key] == bindparam("b_key"))
            .values({snake(name): bindparam(f"b_{name}") for name in MERGED}),
            [
                {"b_key": f"user{n}" if key == "username" else f"u{n}",
                 **{f"b_{name}": value for name, value in values.items()}}
                for n, values in held.items()
            ],
        )  # fmt: skip


@dataclass
class Case:
    """One app's read against a hub that two others supply too."""

    hub: Hub
    seed: int

    def __post_init__(self) -> None:
        chance = self.random = random.Random(self.seed)
        table, links = Table(chance), LINKS[Kind.USERS]
        tiers = ["import", "two_way", "two_way"]
        chance.shuffle(tiers)
        self.ids = [self.hub.app(i, tier) for i, tier in enumerate(tiers, start=1)]
        self.mine = chance.randrange(3)
        self.tier, self.me = tiers[self.mine], self.ids[self.mine]
        self.linked = {n for n in USERS if chance.random() < 0.8}
        self.bases = {app: table.everybody() for app in self.ids}
        for app in self.ids:
            held = self.bases[app]
            if app == self.me:
                held = {n: held[n] for n in self.linked}
            self.hub.sync(app, {Kind.USERS: rows(held)}, fields={Kind.USERS: FIELDS})
            # what it merged into its base is its own; only the row's fingerprint counts here
            set_values(self.hub, links, links.c.app_id == app, "external_id", held)
        self.ours = table.everybody()
        hub = HUB[Kind.USERS]
        set_values(self.hub, hub, hub.c.tenant_id == self.hub.tenant_id, "username", self.ours)
        mine = self.bases[self.me]
        self.theirs = {
            n: dict(mine[n]) if chance.random() < 0.3
            else {name: chance.choice((mine[n][name], new)) for name, new in table.values().items()}
            for n in USERS
        }  # fmt: skip
        self.rules = {
            app: {name: rule for name in MERGED if (rule := chance.choice(RULES))}
            for app in self.ids
        }
        #: Whether the rules were there when the app was last read; else an owner is a new one.
        self.is_noted = bool(self.seed % 2)
        self._store()

    def _store(self) -> None:
        """Store rules, renderings, and conflicts that are open already."""
        self.rendered: dict[tuple[int, str], tuple[str | None, str | None]] = {}
        self.waiting = set()
        for n in USERS:
            for name in MERGED:
                if self.tier == "two_way" and self.random.random() < 0.3:
                    held = self.random.choice((self.theirs, self.bases[self.me]))[n][name]
                    self.rendered[n, name] = (self.ours[n][name], held)
                if self.tier == "two_way" and self.random.random() < 0.1:
                    self.waiting.add((n, name))
        with self.hub.database.write() as connection:
            now = self.hub.database.now(connection)
            connection.execute(conflicts.delete())
            if self.is_noted:
                owned = sorted(
                    name for name, rule in self.rules[self.me].items() if rule == "owner"
                )
                mine = apps.c.id == self.me
                scope = json.loads(
                    connection.execute(select(apps.c.scope).where(mine)).scalar_one()
                )
                scope["owned"] = {"users": owned}
                connection.execute(update(apps).where(mine).values(scope=json.dumps(scope)))
            for app, rules in self.rules.items():
                told = {"fields": {f"users.{name}": rule for name, rule in rules.items()}}
                connection.execute(update(apps).where(apps.c.id == app).values(rules=told))
            for (n, name), (sent, held) in self.rendered.items():
                connection.execute(
                    insert(renderings).values(app_id=self.me, kind="users", external_id=f"u{n}",
                                              field=name, sent=sent, held=held)
                )  # fmt: skip
            for n, name in self.waiting:
                connection.execute(
                    insert(conflicts).values(
                        tenant_id=self.hub.tenant_id, app_id=self.me, kind="users", field=name,
                        external_id=f"u{n}", sourced_id=f"?{n}", state="open", job_id=0, at=now,
                    )
                )  # fmt: skip

    def side(self, number: int, name: str) -> Side:
        ours, my_rule = self.ours[number][name], self.rules[self.me].get(name)
        better = []
        for place, app in enumerate(self.ids):
            rule, value = self.rules[app].get(name), self.bases[app][number][name]
            if app == self.me or value is None or rule in {"fill", "ignore"}:
                continue
            if place < self.mine or rule == "owner":
                better.append(value)
        sent, held = self.rendered.get((number, name), (None, None))
        is_known = (number, name) in self.rendered and sent == ours
        return merge(
            self.bases[self.me][number][name],
            ours,
            self.theirs[number][name],
            is_linked=number in self.linked and (self.is_noted or my_rule != "owner"),
            is_owner=my_rule == "owner" or (my_rule != "fill" and not better),
            fills=self.tier == "import" or my_rule == "fill",
            is_settled=ours in better,
            is_set=name == "grades",
            renderings=(held,) if is_known else (),
        )


@pytest.fixture(params=range(6))
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_sql_and_pure_merge_agree_on_every_row(hub: Hub, seed: int) -> None:
    case = Case(hub, seed)
    hub_now: dict[tuple[int, str], str | None] = {}
    writes: dict[tuple[int, str], str | None] = {}
    disputed = set()
    for n in USERS:
        for name in MERGED:
            ours, theirs = case.ours[n][name], case.theirs[n][name]
            hub_now[n, name] = ours
            if case.rules[case.me].get(name) == "ignore":
                continue
            side = case.side(n, name)
            taken = theirs if side is Side.THEIRS else ours
            if side is Side.BOTH:
                taken = merge_elements(case.bases[case.me][n][name], ours, theirs)
            hub_now[n, name] = taken
            if side in {Side.OURS, Side.BOTH} and taken != theirs and (n, name) not in case.waiting:
                writes[n, name] = taken
            if side is Side.CONFLICT:
                disputed.add((n, name))

    plan = hub.plan(case.me, {Kind.USERS: rows(case.theirs)}, fields={Kind.USERS: FIELDS})
    told = {
        (int(external_id[1:]), name): value
        for _, batch in pending_writes(
            hub.database, plan, {Kind.USERS: frozenset(MERGED)}, batch_size=100,
            accepts=lambda kind, one: True,
        )
        for external_id, _, values in batch
        for name, value in values.items()
    }  # fmt: skip
    assert told == writes
    hub.apply(plan)
    found = hub.records(Kind.USERS)
    assert {(n, name): found[f"user{n}"][snake(name)] for n in USERS for name in MERGED} == hub_now
    noted = {(int(row["external_id"][1:]), row["field"]) for row in hub.table(conflicts)
             if row["job_id"] == plan.key.job_id}  # fmt: skip
    assert noted == disputed
