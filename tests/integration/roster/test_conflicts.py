"""Conflicts, from the sync that finds one to the sync that writes what a person chose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.db.hub_tables import LINKS, change_log
from shared.db.review_tables import conflicts
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.answers import record_results
from shared.roster.plan import Plan
from shared.roster.resolutions import Choice, list_conflicts, resolve_conflict, show_conflict
from shared.roster.write_back import pending_writes
from tests.integration.roster.district import Hub

FIELDS = ("enabledUser", "username", "givenName", "familyName", "identifier", "email")
WRITABLE = {Kind.USERS: frozenset({"email", "enabledUser"})}


@dataclass
class Vendor:
    """One user at one vendor."""

    hub: Hub
    app: int
    email: str | None = "a@example.org"
    enabled: str = "true"
    refuses: bool = False
    written: list[dict[str, str | None]] = field(default_factory=list)

    def plan(self) -> Plan:
        row = ("u1", self.enabled, "user1", "Given", "Family", "1", self.email)
        return self.hub.plan(self.app, {Kind.USERS: [row]}, fields={Kind.USERS: FIELDS})

    def write(self, plan: Plan) -> None:
        for kind, intents in pending_writes(
            self.hub.database, plan, WRITABLE, batch_size=5, accepts=lambda kind, one: True
        ):
            for external_id, _, values in intents:
                self.written.append(values)
                if not self.refuses:
                    self.email = values.get("email", self.email)
                    self.enabled = values.get("enabledUser", self.enabled) or "true"
                answer = (external_id, not self.refuses, {} if self.refuses else values, None)
                record_results(self.hub.database, plan, kind, [answer])

    def sync(self) -> dict[str, int]:
        """Run a job; returns its counts, and forgets what earlier ones wrote."""
        self.written.clear()
        plan = self.plan()
        self.write(plan)
        return self.hub.apply(plan)["users"]

    @property
    def base(self) -> str | None:
        return self.hub.link(self.app, Kind.USERS, "u1")["email"]


class Disputed:
    """The first 2-way app and the hub disagree, and the import, which is right, on neither."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.sis = Vendor(hub, hub.app(1))
        self.mine = Vendor(hub, hub.app(2, "two_way"))
        self.other = Vendor(hub, hub.app(3, "two_way"))
        for vendor in (self.sis, self.mine, self.other):
            vendor.sync()
        self.mine.email, self.other.email = "mine@example.org", "other@example.org"
        self.other.sync()
        assert self.mine.sync()["conflicts"] == 1
        assert self.mine.written == []

    @property
    def email(self) -> str | None:
        return self.hub.records(Kind.USERS)["user1"]["email"]

    def rows(self, state: str | None = None) -> list[dict[str, Any]]:
        with self.hub.database.read() as connection:
            return list_conflicts(connection, self.hub.tenant_id, state=state)

    def resolve(self, take: str, value: str | None = None) -> str | None:
        (row,) = self.rows("open")
        return resolve_conflict(self.hub.database, row["id"], Choice(take, value, "a person"))


@pytest.fixture
def disputed(hub: Hub) -> Disputed:
    return Disputed(hub)


def test_a_conflict_tells_the_record_and_all_three_values(disputed: Disputed) -> None:
    (row,) = disputed.rows("open")
    assert (row["app"], row["kind"], row["name"], row["field"]) == (
        "district/app-2", "users", "Given Family", "email")  # fmt: skip
    assert (row["base"], row["hub"], row["theirs"]) == (
        "a@example.org", "other@example.org", "mine@example.org")  # fmt: skip
    with disputed.hub.database.read() as connection:
        assert show_conflict(connection, row["id"]) == row
    # and it waits, however often the app is read
    assert disputed.mine.sync()["conflicts"] == 0
    assert (disputed.mine.written, disputed.email) == ([], "other@example.org")
    assert len(disputed.rows("open")) == 1


@pytest.mark.parametrize(
    ("take", "value", "chosen"),
    [("hub", None, "other@example.org"), ("app", None, "mine@example.org"),
     ("value", "third@example.org", "third@example.org"), ("value", "", None)],
)  # fmt: skip
def test_what_a_person_chose_reaches_both_sides_once_and_stays(
    disputed: Disputed, take: str, value: str | None, chosen: str | None
) -> None:
    assert disputed.resolve(take, value) == chosen
    assert disputed.email == chosen
    (row,) = disputed.rows("resolved")
    assert (row["resolved_by"], row["value"]) == ("a person", chosen)
    logged = [row for row in disputed.hub.table(change_log) if row["actor"]]
    assert len(logged) == (take != "hub")
    # the read is unchanged, and what was chosen is written all the same
    disputed.mine.sync()
    assert disputed.mine.email == disputed.mine.base == chosen
    assert disputed.mine.written == ([] if take == "app" else [{"email": chosen}])
    for vendor in (disputed.other, disputed.mine, disputed.sis, disputed.other):
        assert vendor.sync()["conflicts"] == 0
    assert disputed.other.email == chosen
    before = disputed.hub.everything()
    disputed.mine.sync()
    assert disputed.mine.written == []
    assert disputed.hub.everything() == before
    # a later edit is one side's alone
    disputed.mine.email = "later@example.org"
    assert disputed.mine.sync()["conflicts"] == 0
    assert disputed.email == "later@example.org"


def test_the_base_advances_only_when_the_vendor_has_confirmed(disputed: Disputed) -> None:
    disputed.resolve("hub")
    disputed.mine.refuses = True
    assert disputed.mine.sync()["rejected"] == 1
    assert disputed.mine.base == "mine@example.org"
    assert disputed.mine.sync()["conflicts"] == 0
    assert disputed.mine.written == []


def test_an_edit_after_the_decision_and_before_the_next_sync_is_a_new_conflict(
    disputed: Disputed,
) -> None:
    disputed.resolve("hub")
    disputed.mine.email = "again@example.org"
    assert disputed.mine.sync()["conflicts"] == 1
    (row,) = disputed.rows("open")
    assert (row["base"], row["theirs"]) == ("mine@example.org", "again@example.org")
    assert disputed.mine.written == []


def test_an_open_one_learns_what_both_hold_by_now(disputed: Disputed) -> None:
    disputed.mine.email = "again@example.org"
    assert disputed.mine.sync()["conflicts"] == 0
    disputed.other.email = "more@example.org"
    disputed.other.sync()
    (row,) = disputed.rows()
    assert (row["state"], row["base"], row["hub"], row["theirs"]) == (
        "open", "a@example.org", "more@example.org", "again@example.org")  # fmt: skip


def test_it_is_gone_when_both_come_to_hold_the_same(disputed: Disputed) -> None:
    disputed.other.email = "mine@example.org"
    disputed.other.sync()  # no job of the app that is in conflict
    assert [row["state"] for row in disputed.rows()] == ["gone"]
    assert disputed.mine.sync()["written"] == 0


def test_it_is_gone_with_its_record(disputed: Disputed) -> None:
    disputed.hub.sync(disputed.sis.app, {Kind.USERS: []}, deleted={Kind.USERS: ["u1"]}, complete=())
    assert disputed.hub.records(Kind.USERS, status="tobedeleted").keys() == {"user1"}
    assert [row["state"] for row in disputed.rows()] == ["gone"]


def test_what_was_not_shown_is_not_decided(disputed: Disputed) -> None:
    with disputed.hub.database.write() as connection:
        connection.execute(LINKS[Kind.USERS].update().values(email="x@example.org"))
    with pytest.raises(ConfigurationError, match="moved"):
        disputed.resolve("app")
    assert disputed.email == "other@example.org"
    assert disputed.resolve("app") == "x@example.org"
    with pytest.raises(ConfigurationError, match="resolved already"):
        resolve_conflict(disputed.hub.database, disputed.rows()[0]["id"], Choice("hub"))
    with pytest.raises(ConfigurationError, match="there is none"):
        resolve_conflict(disputed.hub.database, 12345, Choice("hub"))


@pytest.mark.parametrize(
    ("kind", "name", "value", "told"),
    [
        ("users", "enabledUser", "maybe", "none of its values"),
        ("users", "enabledUser", "", "required"),
        ("users", "grades", "09", "list"),
        ("users", "grades", '["09", 1]', "list"),
        ("users", "primaryOrgSourcedId", "nobody", "names no record"),
        ("users", "email", "a\x00b", "character"),
    ],
)
def test_a_value_that_the_field_cannot_hold_is_refused(
    disputed: Disputed, kind: str, name: str, value: str, told: str
) -> None:
    (row,) = disputed.rows()
    with disputed.hub.database.write() as connection:
        user = disputed.hub.link(disputed.mine.app, Kind.USERS, "u1")
        held = "true" if name == "enabledUser" else None
        connection.execute(
            conflicts.update().values(
                kind=kind, field=name, ours=held,
                theirs=user["email"] if name == "email" else held,
            )
        )  # fmt: skip
        if name == "email":
            connection.execute(conflicts.update().values(ours="other@example.org"))
    with pytest.raises(ConfigurationError, match=told):
        resolve_conflict(disputed.hub.database, row["id"], Choice("value", value))
    assert disputed.rows()[0]["state"] == "open"


def test_a_choice_must_be_one() -> None:
    for wrong in (("theirs", None), ("value", None), ("hub", "a")):
        with pytest.raises(ConfigurationError):
            Choice(*wrong)
