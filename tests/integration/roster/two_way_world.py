"""One hub, an import and two 2-way apps, which are edited, crash and disagree at random.

A seed says all of it. Every value that is ever entered starts with a number of its own, so that it
is known again whatever a vendor makes of it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.db.hub_tables import LINKS, change_log, snake, vendor_writes
from shared.db.review_tables import conflicts
from shared.domain.records import Kind, decode_list, encode_list
from shared.errors import ConfigurationError, PermanentConnectorError
from shared.roster.answers import record_results
from shared.roster.attempt import JobKey
from shared.roster.plan import Plan
from shared.roster.resolutions import Choice, resolve_conflict
from shared.roster.write_back import Intent, pending_writes
from tests.integration.roster.district import Hub

FIELDS = ("enabledUser", "username", "givenName", "familyName", "identifier", "phone", "middleName",
          "grades")  # fmt: skip
#: What is edited: two plain fields and a set.
EDITED = ("phone", "middleName", "grades")
PLAIN = set(EDITED[:2])
WRITABLE = {Kind.USERS: frozenset(EDITED)}
USERS = (1, 2)
#: Where an attempt ends: planned, about to write, written, told of it; None: it comes to its end.
CRASHES = ("planned", "intended", "taken", "recorded")

Make = Callable[[str], str]


def keep(value: str) -> str:
    return value


NORMALISERS: tuple[Make, ...] = (keep, keep, str.lower, str.strip, lambda value: value[:6])


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
    #: What was entered here and has not been overwritten since; an answer that was never heard
    #: leaves it open who wrote a value that the vendor has made something else of.
    said: set[tuple[int, str]] = field(default_factory=set)
    #: What it was sent last, and has confirmed, where no edit of it has been read since.
    sent: dict[tuple[int, str], str | None] = field(default_factory=dict)
    #: What the last read brought that came to its end.
    read: dict[int, dict[str, str | None]] = field(default_factory=dict)
    #: What was held before.
    past: dict[tuple[int, str], str | None] = field(default_factory=dict)

    def hold(self, number: int, name: str, value: str | None) -> None:
        self.past[number, name] = self.people[number][name]
        made = self.make(value) if value is not None and name != "grades" else value
        self.people[number][name] = made or None

    def changed(self) -> set[int]:
        """Whoever is not as the last read brought them."""
        return {number for number in USERS if self.read.get(number) != self.people[number]}

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
        #: Whether the 2-way app that touched an element of a set last added it.
        self.elements: dict[tuple[int, str], bool] = {}
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
        self.enter(app, number, name, value)

    def enter(self, app: App, number: int, name: str, value: str | None) -> None:
        self.entered.append((app, number, name, value))
        if name == "grades" and app.tier == "two_way":
            before = set(decode_list(app.people[number][name]))
            for element in before ^ set(decode_list(value)):
                self.elements[number, element] = element not in before
        app.hold(number, name, value)
        app.said.add((number, name))

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
        numbers, said, sent = list(numbers), set(app.said), dict(app.sent)
        logged = {row["id"] for row in self.hub.table(change_log)}
        read = {number: dict(app.people[number]) for number in numbers}
        disputed = self.open_conflicts()
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
        agreed = {number: self._agreed(app, number, sent) for number in numbers}
        due = [edit for number in numbers for edit in self._due(app, number, read[number], sent)]
        self.hub.apply(plan)
        app.attempt = None
        app.read.update(read)
        self._check_heard(app, said, logged, disputed)
        self._check_taken(app, logged, agreed, disputed)
        for number, name, value in due:
            held = self.held(number)[snake(name)]
            assert held == value, (app.id, number, name, held, value)
        self._check_base(app, numbers)
        return written

    def _check_heard(
        self,
        app: App,
        said: set[tuple[int, str]],
        logged: set[int],
        disputed: set[tuple[int, int, str]],
    ) -> None:
        """Nothing but what was entered at the app moves the hub, or is set against it."""
        ids = {self.held(number)["sourced_id"]: number for number in USERS}
        for row in self.hub.table(change_log):
            if row["app_id"] != app.id or row["id"] in logged:
                continue
            for name in PLAIN & json.loads(row["after"]).keys():
                assert (ids[row["sourced_id"]], name) in said, (app.id, row)
        for one, number, name in self.open_conflicts() - disputed:
            assert one != app.id or (number, name) in said, (one, number, name)

    def _agreed(
        self, app: App, number: int, sent: dict[tuple[int, str], str | None]
    ) -> dict[str, set[str | None]]:
        """What the hub may hold where an app's edit is taken: nobody else has moved it."""
        links = {row["app_id"]: row for row in self.hub.table(LINKS[Kind.USERS])
                 if row["external_id"] == f"u{number}"}  # fmt: skip
        agreed: dict[str, set[str | None]] = {}
        for name in PLAIN:
            column = snake(name)
            better = [one for one in self.apps if one.position < app.position
                      and one.id in links and links[one.id][column] is not None]  # fmt: skip
            if better and app.id in links:
                agreed[name] = {None, links[app.id][column]}
                agreed[name].add(sent.get((number, name)))
        return agreed

    def _due(
        self,
        app: App,
        number: int,
        read: dict[str, str | None],
        sent: dict[tuple[int, str], str | None],
    ) -> Iterator[tuple[int, str, str | None]]:
        """The edits of a 2-way app that must be taken: the hub holds what both had agreed on."""
        links = [row for row in self.hub.table(LINKS[Kind.USERS])
                 if row["external_id"] == f"u{number}" and row["app_id"] == app.id]  # fmt: skip
        for name in PLAIN if links and app.tier == "two_way" else ():
            base, ours = links[0][snake(name)], self.held(number)[snake(name)]
            agreed = ours in {base, sent.get((number, name), base)}
            made = app.make(ours) if ours else None
            if agreed and read[name] not in {base, made}:
                yield number, name, read[name]

    def _check_taken(
        self,
        app: App,
        logged: set[int],
        agreed: dict[int, dict[str, set[str | None]]],
        disputed: set[tuple[int, int, str]],
    ) -> None:
        """Whoever is not right by rule moves only what the hub has not; else it is a conflict."""
        ids = {self.held(number)["sourced_id"]: number for number in USERS}
        for row in self.hub.table(change_log):
            if row["app_id"] != app.id or row["id"] in logged:
                continue
            for name, value in json.loads(row["before"]).items():
                known = agreed[ids[row["sourced_id"]]].get(name)
                assert known is None or value in known, (app.id, row)
        for one, number, name in self.open_conflicts() - disputed:
            sent = app.sent.get((number, name), "never")
            assert self.held(number)[snake(name)] != sent, (one, number, name)

    def _check_base(self, app: App, numbers: Iterable[int]) -> None:
        """The base is what the app holds: it was read, and what was written since confirmed."""
        for number in numbers:
            link = self.hub.link(app.id, Kind.USERS, f"u{number}")
            held = {name: link[snake(name)] for name in EDITED}
            assert held == app.people[number], (app.id, number)
            for name in PLAIN:
                sent = app.sent.get((number, name))
                if held[name] != (app.make(sent) if sent else None):
                    app.sent.pop((number, name), None)

    def _write(self, app: App, plan: Plan, crash: str | None) -> int:
        written = 0
        batches = pending_writes(
            self.hub.database, plan, WRITABLE, batch_size=1, accepts=lambda kind, one: True
        )
        for kind, intents in batches:
            if crash == "intended":
                break
            answers = [self._take(app, intent, crash) for intent in intents]
            written += len(answers)
            if crash == "taken":
                break
            record_results(self.hub.database, plan, kind, answers)
            if crash == "recorded" and self.random.random() < 0.5:
                break
        return written

    def _take(
        self, app: App, intent: Intent, crash: str | None
    ) -> tuple[str, bool, dict[str, str | None], str]:
        external_id, _, values = intent
        number = int(external_id[1:])
        if any(app.is_refused(value) for value in values.values()):
            return external_id, False, {}, "refused"
        self._check_overwritten(app, number, values)
        waiting = self.open_conflicts()
        for name, value in values.items():
            assert (app.id, number, name) not in waiting
            app.hold(number, name, value)
            app.said.discard((number, name))
            app.sent[number, name] = value
            if crash == "taken":
                app.sent.pop((number, name))
                if app.people[number][name] != value:
                    app.said.add((number, name))  # nobody can tell it from an edit
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
            is_edit = (number, name) in app.said and held is not None
            if name == "grades" or not is_edit or held is None:
                continue
            better = {links[one.id][column] for one in self.apps if one.position < app.position}
            # what was read before is known, or gave way to who is right by rule, whom it refused
            is_known = app.refuses or held[:3] in self.told()
            is_known = is_known and held == links[app.id][column]
            assert value in better or is_known, (app.id, number, name, held, value)

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
                                  "empty", "resolve", "raced", "outrun", "outrun", "outrun", "revert",
                                  "clash", "clash", "clash", "clash")):  # fmt: skip
            case "edit":
                self.edit_any()
            case "sync":
                self.sync(app)
            case "crash":
                self.sync(app, crash=self.random.choice(CRASHES))
            case "part":
                # what has changed since the last read, and perhaps more
                some = {self.random.choice(USERS)} | app.changed()
                self.sync(app, numbers=sorted(some), complete=False)
            case "empty":
                before = self.hub.everything()
                with pytest.raises(PermanentConnectorError):
                    self.sync(app, numbers=())
                assert self.hub.everything() == before
            case "resolve":
                self.resolve_any()
            case "clash":
                self.clash(self.random.choice(USERS), self.random.choice(EDITED))
            case "outrun":
                self.outrun()
            case "revert":
                self.revert(self.random.choice(self.two_way))
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

    def outrun(self) -> None:
        """The hub moves on before an app is read again that was written to, to its end or not."""
        number, name = self.random.choice(USERS), self.random.choice(EDITED)
        # by rule the earlier is right, or a person: of the later nothing would be believed
        app, other = self.two_way if self.random.random() < 0.8 else self.two_way[::-1]
        for _ in range(2):
            self.edit(other, number, name)
            self.sync(other)
            self.sync(app, crash=self.random.choice((None, "taken", "taken", "recorded")))
        self.edit(other, number, name)
        self.sync(other)
        self.sync(app)

    def revert(self, app: App) -> None:
        """A person at the vendor takes back what an app was just written, before it is read."""
        self.edit(self.random.choice(self.two_way), self.random.choice(USERS),
                  self.random.choice(EDITED))  # fmt: skip
        for one in self.two_way:
            self.sync(one)
        self.sync(app, crash=self.random.choice((None, "recorded")))
        for number, name in [at for at in app.past if at not in app.said]:
            self.enter(app, number, name, app.past[number, name])
        self.sync(app)
        if self.random.random() < 0.5:
            self.sync(app)

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
