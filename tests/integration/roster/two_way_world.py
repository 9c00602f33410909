"""One hub, an import and two 2-way apps, which are edited, crash and disagree at random.

A seed says all of it. Every value that is ever entered starts with a number of its own, so that it
is known again whatever a vendor makes of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.db.hub_tables import LINKS, change_log, snake, vendor_writes
from shared.db.review_tables import conflicts
from shared.domain.records import Kind, decode_list, encode_list
from shared.errors import ConfigurationError, PermanentConnectorError
from shared.roster.answers import record_results
from shared.roster.plan import Plan
from shared.roster.resolutions import Choice, resolve_conflict
from shared.roster.staging import JobKey
from shared.roster.write_back import Intent, pending_writes
from tests.integration.roster.district import Hub

FIELDS = ("enabledUser", "username", "givenName", "familyName", "identifier", "phone", "middleName",
          "grades")  # fmt: skip
#: What is edited: two plain fields and a set.
EDITED = ("phone", "middleName", "grades")
WRITABLE = {Kind.USERS: frozenset(EDITED)}
USERS = (1, 2)
#: Where an attempt ends: planned, about to write, written, told of it; None: it comes to its end.
CRASHES = ("planned", "intended", "taken", "recorded")

Make = Callable[[str], str]


def keep(value: str) -> str:
    return value


NORMALISERS: tuple[Make, ...] = (keep, str.lower, str.strip, lambda value: value[:6])


@dataclass
class App:
    """An app and its vendor."""

    id: int
    position: int
    tier: str
    make: Make
    refuses: bool
    people: dict[int, dict[str, str | None]] = field(
        default_factory=lambda: {number: dict.fromkeys(EDITED) for number in USERS}
    )
    attempt: JobKey | None = None

    def hold(self, number: int, name: str, value: str | None) -> None:
        made = self.make(value) if value is not None and name != "grades" else value
        self.people[number][name] = made or None

    def is_refused(self, value: str | None) -> bool:
        """One value in five, by its number."""
        return self.refuses and value is not None and value[:3].isdigit() and not int(value[:3]) % 5

    def rows(self, numbers: Iterable[int]) -> list[tuple[str | None, ...]]:
        return [
            (f"u{number}", "true", f"user{number}", f"Given {number}", f"Family {number}",
             f"{number}", *(self.people[number][name] for name in EDITED))
            for number in numbers
        ]  # fmt: skip


class World:
    """All of it, and what was done to it."""

    def __init__(self, hub: Hub, seed: int) -> None:
        self.hub = hub
        self.random = random.Random(seed)
        self.entered: list[tuple[App, int, str, str | None]] = []
        tiers = ["import", "two_way", "two_way"]
        if self.random.random() < 0.3:
            tiers.reverse()
        self.apps = [
            App(
                hub.app(position, tier),
                position,
                tier,
                self.random.choice(NORMALISERS),
                self.random.random() < 0.2,
            )
            for position, tier in enumerate(tiers, start=1)
        ]
        first = self.apps[0]
        for number in USERS:
            for name in EDITED:
                self.edit(first, number, name)
        for _ in range(3):
            self.round(self.apps)

    @property
    def two_way(self) -> list[App]:
        return [app for app in self.apps if app.tier == "two_way"]

    def value(self) -> str:
        return f"{len(self.entered):03d}Abc Def" + self.random.choice(("", " "))

    def edit(self, app: App, number: int, name: str) -> None:
        """A person at a vendor enters a new value, empties a field, or changes one element."""
        value: str | None = self.value() if self.random.random() < 0.9 else None
        if name == "grades":
            held = set(decode_list(app.people[number][name]))
            if held and self.random.random() < 0.4:
                held.discard(self.random.choice(sorted(held)))
            else:
                held.add(self.value().strip())
            value = encode_list(held)
        self.entered.append((app, number, name, value))
        app.hold(number, name, value)

    def edit_any(self) -> None:
        self.edit(self.random.choice(self.apps), self.random.choice(USERS),
                  self.random.choice(EDITED))  # fmt: skip

    def round(self, apps: Iterable[App]) -> int:
        return sum(self.sync(app) for app in apps)

    def sync(
        self,
        app: App,
        *,
        crash: str | None = None,
        numbers: Iterable[int] = USERS,
        complete: bool = True,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> int:
        """Run an app's job, or as much of it as it gets to; returns how many records it wrote."""
        before = app.attempt
        key = self.hub.key(app.id)
        if before is not None and self.random.random() < 0.7:
            key = JobKey(before.job_id, before.attempt + 1, key.tenant_id, app.id)
        app.attempt = key
        plan = self.hub.plan(
            key,
            {Kind.USERS: app.rows(numbers)},
            fields={Kind.USERS: FIELDS},
            complete=[Kind.USERS] if complete else [],
        )
        meanwhile()
        if crash == "planned":
            return 0
        written = self._write(app, plan, crash) if app.tier == "two_way" else 0
        if crash is not None:
            return 0
        meanwhile()
        self.hub.apply(plan)
        app.attempt = None
        return written

    def _write(self, app: App, plan: Plan, crash: str | None) -> int:
        written = 0
        batches = pending_writes(
            self.hub.database, plan, WRITABLE, batch_size=1, accepts=lambda kind, one: True
        )
        for kind, intents in batches:
            if crash == "intended":
                break
            answers = [self._take(app, intent) for intent in intents]
            written += len(answers)
            if crash == "taken":
                break
            record_results(self.hub.database, plan, kind, answers)
            if crash == "recorded" and self.random.random() < 0.5:
                break
        return written

    def _take(self, app: App, intent: Intent) -> tuple[str, bool, dict[str, str | None], str]:
        external_id, _, values = intent
        number = int(external_id[1:])
        if any(app.is_refused(value) for value in values.values()):
            return external_id, False, {}, "refused"
        self._check_overwritten(app, number, values)
        for name, value in values.items():
            app.hold(number, name, value)
        return external_id, True, {name: app.people[number][name] for name in values}, ""

    def _check_overwritten(self, app: App, number: int, values: dict[str, str | None]) -> None:
        """What the vendor holds is overwritten where nobody edited it, or by a better app's value.

        What it holds of a write whose answer was lost is no edit.
        """
        links = {row["app_id"]: row for row in self.hub.table(LINKS[Kind.USERS])
                 if row["external_id"] == f"u{number}"}  # fmt: skip
        if app.id not in links:
            return  # whoever is only now matched has no say where the hub holds something
        for name, value in values.items():
            column, held = snake(name), app.people[number][name]
            if name == "grades" or held == links[app.id][column] or not self.is_edit(held, app):
                continue
            better = {links[one.id][column] for one in self.apps if one.position < app.position}
            assert value in better, (app.id, number, name, held, value)

    def is_edit(self, held: str | None, app: App) -> bool:
        """Whether a value was entered at this very app."""
        entered = (value for one, _, name, value in self.entered
                   if one is app and name != "grades" and value is not None)  # fmt: skip
        return held in {app.make(value) for value in entered}

    def resolve_any(self) -> None:
        """A person decides one of the open conflicts, or finds that it has moved."""
        rows = [row for row in self.hub.table(conflicts) if row["state"] == "open"]
        if not rows:
            return
        take = self.random.choice(("hub", "app", "value"))
        value = None
        # whatever order the database gave them their ids in, the same seed decides the same one
        rows.sort(key=lambda row: (row["app_id"], row["external_id"], row["field"]))
        row = self.random.choice(rows)
        if take == "value":
            value = self.value()
            self.entered.append((self.apps[0], 0, row["field"], value))
        try:
            resolve_conflict(self.hub.database, row["id"], Choice(take, value, "somebody"))
        except ConfigurationError as error:
            assert "moved" in error.problem or "gone" in error.problem  # noqa: PT017

    def step(self) -> None:
        """One thing happens."""
        app = self.random.choice(self.apps)
        match self.random.choice(("edit", "edit", "sync", "sync", "sync", "crash", "part",
                                  "empty", "resolve", "raced", "clash", "clash", "clash", "clash")):  # fmt: skip
            case "edit":
                self.edit_any()
            case "sync":
                self.sync(app)
            case "crash":
                self.sync(app, crash=self.random.choice(CRASHES))
            case "part":
                self.sync(app, numbers=[self.random.choice(USERS)], complete=False)
            case "empty":
                before = self.hub.everything()
                with pytest.raises(PermanentConnectorError):
                    self.sync(app, numbers=())
                assert self.hub.everything() == before
            case "resolve":
                self.resolve_any()
            case "clash":
                self.clash(self.random.choice(USERS), self.random.choice(EDITED))
            case "raced":
                other = self.random.choice([one for one in self.apps if one is not app])
                self.sync(app, meanwhile=lambda: self._race(other))

    def clash(self, number: int, name: str) -> None:
        """Both 2-way apps are edited before either is read; the later one is read first, mostly."""
        both = self.two_way[::-1] if self.random.random() < 0.8 else self.two_way
        for one in both:
            self.edit(one, number, name)
        for one in both:
            if self.random.random() < 0.9:
                self.sync(one)
        if self.random.random() < 0.5:
            self.resolve_any()

    def _race(self, other: App) -> None:
        """Something happens while a job of another app runs; what it has read stays as it was."""
        if self.random.random() < 0.5:
            self.edit(other, self.random.choice(USERS), self.random.choice(EDITED))
        if self.random.random() < 0.7:
            self.sync(other)
        else:
            self.resolve_any()

    def held(self, number: int) -> dict[str, Any]:
        return self.hub.records(Kind.USERS)[f"user{number}"]

    def open_conflicts(self) -> set[tuple[int, int, str]]:
        return {(row["app_id"], int(row["external_id"][1:]), row["field"])
                for row in self.hub.table(conflicts) if row["state"] == "open"}  # fmt: skip

    def told(self) -> set[str]:
        """The numbers of all values that hub, change log or conflicts know."""
        rows = [self.held(number)[snake(name)] for number in USERS for name in EDITED]
        for row in self.hub.table(change_log):
            rows += [row["before"], row["after"]]
        for row in self.hub.table(conflicts):
            rows += [row["ours"], row["theirs"], row["base"], row["value"]]
        text = " ".join(str(row) for row in rows)
        return {text[at : at + 3] for at in range(len(text)) if text[at : at + 3].isdigit()}

    def last_write(self, app: App, number: int) -> str | None:
        rows = [row for row in self.hub.table(vendor_writes)
                if row["app_id"] == app.id and row["external_id"] == f"u{number}"]  # fmt: skip
        return rows[-1]["state"] if rows else None
