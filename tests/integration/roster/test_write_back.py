"""What a 2-way job writes to its vendor, here a dict that takes, refuses or normalises."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from sqlalchemy import update

from shared.db.hub_tables import HUB, hubs, vendor_writes
from shared.db.tables import apps
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.roster.answers import record_results
from shared.roster.locking import hub_lock
from shared.roster.plan import Plan
from shared.roster.write_back import Intent, pending_writes
from tests.integration.roster.district import Hub, Roster, roster, user

WRITABLE = {Kind.USERS: frozenset({"email", "username"})}


@dataclass
class Vendor:
    """A vendor with users; `make` is what it makes of an e-mail address, None: it refuses."""

    people: dict[int, dict[str, str | None]]
    make: Callable[[str | None], str | None] = lambda email: email
    refuses: set[int] = field(default_factory=set)

    def roster(self) -> Roster:
        read = roster(users=1, prefix="v-")
        read[Kind.USERS] = [user(number, "v-", **held) for number, held in self.people.items()]
        for kind in (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
            del read[kind]
        return read

    def write(self, intents: list[Intent]) -> list[tuple[str, bool, dict[str, str | None], str]]:
        answers: list[tuple[str, bool, dict[str, str | None], str]] = []
        for external_id, _, values in intents:
            number = int(external_id.rpartition("-")[2])
            if number in self.refuses:
                answers.append((external_id, False, {}, "the address is taken"))
                continue
            made = {n: self.make(v) if n == "email" else v for n, v in values.items()}
            self.people[number].update(made)
            answers.append((external_id, True, made, ""))
        return answers


def write_back(hub: Hub, plan: Plan, vendor: Vendor, size: int = 2) -> list[list[Intent]]:
    batches = []
    for kind, intents in pending_writes(
        hub.database, plan, WRITABLE, batch_size=size, accepts=lambda kind, external_id: True
    ):
        assert {row["state"] for row in hub.table(vendor_writes)} >= {"intended"}
        batches.append(intents)
        record_results(hub.database, plan, kind, vendor.write(intents))
    return batches


def run(hub: Hub, app: int, vendor: Vendor) -> tuple[list[list[Intent]], dict[str, int]]:
    plan = hub.plan(app, vendor.roster())
    batches = write_back(hub, plan, vendor)
    return batches, hub.apply(plan)["users"]


def students(hub: Hub, first: int, count: int, **values: str | None) -> None:
    read = roster(users=count)
    read[Kind.USERS] = [
        user(n, **{"email": f"user{n}@example.org", **values}) for n in range(1, count + 1)
    ]
    hub.sync(first, read)


def test_what_the_vendor_lacks_is_written_once(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 3)
    vendor = Vendor({1: {}, 2: {}, 3: {"email": "user3@example.org"}})
    batches, counts = run(hub, app, vendor)
    assert [[intent[0] for intent in batch] for batch in batches] == [["v-user-1", "v-user-2"]]
    assert batches[0][0][2] == {"email": "user1@example.org"}
    assert (counts["written"], counts["added"], counts["unchanged"]) == (2, 0, 3)
    assert vendor.people[1]["email"] == "user1@example.org"
    assert hub.link(app, Kind.USERS, "v-user-1")["email"] == "user1@example.org"

    batches, counts = run(hub, app, vendor)  # the echo of our own write
    assert batches == []
    assert (counts["written"], counts["updated"], counts["unchanged"]) == (0, 0, 3)
    before = hub.everything()
    assert run(hub, app, vendor)[0] == []
    assert hub.everything() == before


def test_batches_are_no_larger_than_asked_for_and_miss_nobody(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 11)
    vendor = Vendor({number: {} for number in range(1, 12)})
    plan = hub.plan(app, vendor.roster())
    batches = write_back(hub, plan, vendor, size=4)
    assert [len(batch) for batch in batches] == [4, 4, 3]
    assert all(person["email"] for person in vendor.people.values())
    keys = [intent[1] for batch in batches for intent in batch]
    assert len(set(keys)) == 11


def test_a_change_in_the_hub_reaches_the_vendor_and_the_other_way_round(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 2)
    vendor = Vendor({1: {}, 2: {}})
    run(hub, app, vendor)
    students(hub, first, 2, email="new@example.org")
    batches, counts = run(hub, app, vendor)
    assert counts["written"] == 2
    assert vendor.people[2]["email"] == "new@example.org"

    vendor.people[2]["email"] = "theirs@example.org"
    batches, counts = run(hub, app, vendor)
    assert (batches, counts["updated"]) == ([], 1)
    assert hub.records(Kind.USERS)["user2"]["email"] == "theirs@example.org"


def test_when_both_have_moved_the_first_app_is_right_on_both_sides(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 1)
    vendor = Vendor({1: {}})
    run(hub, app, vendor)
    students(hub, first, 1, email="ours@example.org")
    vendor.people[1]["email"] = "theirs@example.org"
    run(hub, app, vendor)
    assert vendor.people[1]["email"] == "ours@example.org"
    assert hub.records(Kind.USERS)["user1"]["email"] == "ours@example.org"
    assert run(hub, app, vendor)[0] == []


def test_a_vendor_that_normalises_is_written_to_once(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 1, email="User1@Example.org")
    vendor = Vendor({1: {}}, make=lambda email: email.lower() if email else None)
    assert len(run(hub, app, vendor)[0]) == 1
    assert run(hub, app, vendor)[0] == []
    assert run(hub, app, vendor)[0] == []
    # what the vendor made of it does not come back
    assert hub.records(Kind.USERS)["user1"]["email"] == "User1@Example.org"
    students(hub, first, 1, email="User1b@Example.org")
    assert len(run(hub, app, vendor)[0]) == 1
    students(hub, first, 1, email="User1@Example.org")
    assert len(run(hub, app, vendor)[0]) == 1
    assert vendor.people[1]["email"] == "user1@example.org"


def test_what_is_rejected_is_kept_with_its_reason_and_not_tried_again(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 2)
    vendor = Vendor({1: {}, 2: {}}, refuses={1})
    batches, counts = run(hub, app, vendor)
    assert (counts["written"], counts["rejected"]) == (1, 1)
    (rejected,) = (row for row in hub.table(vendor_writes) if row["state"] == "rejected")
    assert (rejected["external_id"], rejected["reason"]) == ("v-user-1", "the address is taken")
    assert hub.link(app, Kind.USERS, "v-user-1")["email"] is None
    batches, counts = run(hub, app, vendor)
    assert (batches, counts["rejected"]) == ([], 0)
    students(hub, first, 2, email="other@example.org")
    vendor.refuses.clear()
    assert run(hub, app, vendor)[1]["written"] == 2


def test_a_crash_after_the_vendor_confirmed_writes_no_second_time(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 1)
    vendor = Vendor({1: {}})
    plan = hub.plan(app, vendor.roster())
    assert len(write_back(hub, plan, vendor)) == 1  # and T4 never comes
    batches, counts = run(hub, app, vendor)
    assert (batches, counts["written"]) == ([], 0)
    assert hub.link(app, Kind.USERS, "v-user-1")["email"] == "user1@example.org"
    assert run(hub, app, vendor)[0] == []


def test_nothing_is_written_for_who_is_gone_or_only_new_at_the_vendor(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 3)
    vendor = Vendor({1: {}, 2: {}, 3: {}})
    run(hub, app, vendor)
    students(hub, first, 3, email="new@example.org")
    del vendor.people[3]
    vendor.people[9] = {}
    plan = hub.plan(app, vendor.roster())
    wanted = pending_writes(
        hub.database, plan, WRITABLE, batch_size=9, accepts=lambda _, one: one != "v-user-2"
    )
    assert [[intent[0] for intent in intents] for _, intents in wanted] == [["v-user-1"]]


def test_an_incremental_read_writes_for_all_but_those_named_as_deleted(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 3)
    vendor = Vendor({1: {}, 2: {}, 3: {}})
    run(hub, app, vendor)
    students(hub, first, 3, email="new@example.org")
    plan = hub.plan(app, {}, mode=Mode.INCREMENTAL, deleted={Kind.USERS: ["v-user-2"]})
    batches = write_back(hub, plan, vendor, size=9)
    assert [[intent[0] for intent in batch] for batch in batches] == [["v-user-1", "v-user-3"]]


def test_the_base_takes_what_was_confirmed_and_the_hub_does_not(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 1)
    vendor = Vendor({1: {}})
    plan = hub.plan(app, vendor.roster())
    write_back(hub, plan, vendor)
    students(hub, first, 1, email="newer@example.org")  # before T4
    hub.apply(plan)
    assert hub.link(app, Kind.USERS, "v-user-1")["email"] == "user1@example.org"
    assert hub.records(Kind.USERS)["user1"]["email"] == "newer@example.org"
    (batch,) = run(hub, app, vendor)[0]
    assert batch[0][2] == {"email": "newer@example.org"}
    told = [json.loads(row["values"]) for row in hub.table(vendor_writes)]
    assert {"email": "newer@example.org"} in told


def test_an_edit_at_a_vendor_that_normalises_is_taken_though_the_hub_holds_another_form(
    hub: Hub,
) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 1, email="User1@Example.org")
    vendor = Vendor({1: {}}, make=lambda email: email.lower() if email else None)
    run(hub, app, vendor)
    vendor.people[1]["email"] = "theirs@example.org"
    batches, counts = run(hub, app, vendor)
    assert (batches, counts["updated"]) == ([], 1)
    assert hub.records(Kind.USERS)["user1"]["email"] == "theirs@example.org"


@pytest.mark.parametrize("is_told", [True, False])
def test_a_write_of_an_attempt_that_died_is_no_edit_of_the_apps(hub: Hub, is_told: bool) -> None:
    app, other = hub.app(1, "two_way"), hub.app(2)
    vendor = Vendor({1: {"email": "old@example.org"}})
    run(hub, app, vendor)
    students(hub, other, 1)
    change(hub, "ours@example.org")
    plan = hub.plan(app, vendor.roster())
    for kind, intents in pending_writes(
        hub.database, plan, WRITABLE, batch_size=2, accepts=lambda kind, external_id: True
    ):
        answers = vendor.write(intents)
        if is_told:
            record_results(hub.database, plan, kind, answers)
    # T4 never comes, and the hub moves on: the app, which is right by rule, has said nothing new
    change(hub, "newer@example.org")
    run(hub, app, vendor)
    assert hub.records(Kind.USERS)["user1"]["email"] == "newer@example.org"
    assert vendor.people[1]["email"] == "newer@example.org"
    assert {row["based_job"] is None for row in hub.table(vendor_writes)} == {False}


def change(hub: Hub, email: str) -> None:
    """Let a person change the hub's value."""
    with hub.database.write() as connection:
        hub_lock(connection, hub.tenant_id)
        connection.execute(update(HUB[Kind.USERS]).values(email=email))
        connection.execute(update(hubs).values(version=hubs.c.version + 1))


def test_a_row_that_was_refused_is_not_written_to(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 2)
    vendor = Vendor({1: {}, 2: {}})
    run(hub, app, vendor)
    students(hub, first, 2, email="new@example.org")
    vendor.people[1]["enabledUser"] = "perhaps"  # and who knows what else was edited there
    (batch,) = run(hub, app, vendor)[0]
    assert [intent[0] for intent in batch] == ["v-user-2"]


def test_what_is_ignored_is_neither_taken_nor_written(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 1)
    with hub.database.write() as connection:
        connection.execute(
            update(apps).where(apps.c.id == app).values(rules={"fields": {"users.email": "ignore"}})
        )
    vendor = Vendor({1: {"email": "theirs@example.org"}})
    assert run(hub, app, vendor)[0] == []
    vendor.people[1]["email"] = "moved@example.org"
    assert run(hub, app, vendor)[0] == []
    assert hub.records(Kind.USERS)["user1"]["email"] == "user1@example.org"


def test_a_set_at_an_app_that_only_fills_is_not_merged_by_element(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 1, grades='["01"]')
    with hub.database.write() as connection:
        connection.execute(
            update(apps).where(apps.c.id == app).values(rules={"fields": {"users.grades": "fill"}})
        )
    vendor = Vendor({1: {"grades": '["01"]'}})
    run(hub, app, vendor)
    students(hub, first, 1, grades='["02"]')
    vendor.people[1]["grades"] = '["03"]'
    plan = hub.plan(app, vendor.roster())
    writable = {Kind.USERS: frozenset({"grades"})}
    ((_, batch),) = pending_writes(
        hub.database, plan, writable, batch_size=2, accepts=lambda kind, external_id: True
    )
    hub.apply(plan)
    assert hub.records(Kind.USERS)["user1"]["grades"] == '["02"]'
    assert batch[0][2] == {"grades": '["02"]'}


@pytest.mark.parametrize("is_ended", [True, False])
def test_who_takes_our_write_back_before_it_is_read_has_edited(hub: Hub, is_ended: bool) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 1, email="old@example.org")
    vendor = Vendor({1: {"email": "old@example.org"}})
    run(hub, app, vendor)
    students(hub, first, 1, email="new@example.org")
    plan = hub.plan(app, vendor.roster())
    write_back(hub, plan, vendor)
    assert vendor.people[1]["email"] == "new@example.org"
    if is_ended:
        hub.apply(plan)
    # the very row that was last taken in, and yet a person's word
    vendor.people[1]["email"] = "old@example.org"
    assert run(hub, app, vendor)[0] == []
    assert hub.records(Kind.USERS)["user1"]["email"] == "old@example.org"
    before = hub.everything()
    run(hub, app, vendor)
    assert hub.everything() == before
