"""Undo: what a job did goes back where nobody edited since, and the rest is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from sqlalchemy import insert, update

from shared.db.hub_tables import HUB, LINKS, change_log, hubs, vendor_writes
from shared.db.review_tables import approvals
from shared.domain.reading import Row
from shared.domain.records import Kind, encode_list
from shared.domain.states import Mode
from shared.errors import ConfigurationError
from shared.roster.duplicate_merge import merge_users
from shared.roster.undo import Undone, undo_job
from tests.integration.roster.district import Hub, enrollment, roster, user
from tests.integration.roster.past_jobs import end_job
from tests.integration.roster.reviewing import approve, waiting


class Runs:
    """Syncs that are jobs, so that they can be undone."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def sync(self, app: int, read: Mapping[Kind, Iterable[Row]], **more: Any) -> int:
        key = self.hub.key(app)
        self.counts = self.hub.sync(key, read, **more)
        return end_job(self.hub, app, key.job_id)

    def undo(self, job: int, *, is_dry_run: bool = False) -> Undone:
        return undo_job(self.hub.database, job, by="ann", is_dry_run=is_dry_run)

    def version(self) -> int:
        return int(self.hub.table(hubs)[0]["version"])


@pytest.fixture
def runs(hub: Hub) -> Runs:
    return Runs(hub)


def changed(read: dict[Kind, list[Row]], number: int, **values: str | None) -> None:
    read[Kind.USERS][number - 1] = user(number, **values)


def reasons(undone: Undone) -> list[str]:
    return [row["reason"] for row in undone.left_rows]


def test_values_go_back_and_stay_back_until_the_source_changes(runs: Runs) -> None:
    hub, app, read = runs.hub, runs.hub.app(1), roster(users=3)
    runs.sync(app, read)
    changed(read, 1, givenName="Wrong", email="wrong@example.org", grades=encode_list(["09"]))
    changed(read, 2, familyName="Wrong")
    job, version = runs.sync(app, read), runs.version()

    undone = runs.undo(job)

    assert (undone.records, undone.left, undone.restored) == (2, 0, {"users": {"values": 4}})
    found = hub.records(Kind.USERS)
    assert (found["user1"]["given_name"], found["user1"]["email"]) == ("Given 1", None)
    assert found["user1"]["grades"] is None
    assert found["user2"]["family_name"] == "Family 2"
    assert runs.version() == version + 1
    logged = [row for row in hub.table(change_log) if row["actor"]]
    assert {row["actor"] for row in logged} == {f"undo of job {job} by ann"}
    assert "Given 1" in {json.loads(row["after"]).get("givenName") for row in logged}
    # the same faulty file again, and with another fault in another field of the row
    runs.sync(app, read)
    assert hub.records(Kind.USERS)["user1"]["given_name"] == "Given 1"
    changed(read, 1, givenName="Wrong", email="wrong@example.org", phone="1")
    runs.sync(app, read)
    found = hub.records(Kind.USERS)["user1"]
    assert (found["given_name"], found["email"], found["phone"]) == ("Given 1", None, "1")
    # what has really changed is taken
    changed(read, 1, givenName="Right")
    runs.sync(app, read)
    assert hub.records(Kind.USERS)["user1"]["given_name"] == "Right"


def test_a_second_undo_changes_nothing_more(runs: Runs) -> None:
    hub, app, read = runs.hub, runs.hub.app(1), roster(users=3)
    runs.sync(app, read)
    changed(read, 1, givenName="Wrong")
    read[Kind.USERS].append(user(4))
    del read[Kind.ENROLLMENTS][2]
    job = runs.sync(app, read)
    first = runs.undo(job)
    assert first.restored == {
        "users": {"values": 1, "gone": 1, "links": 1},
        "enrollments": {"back": 1, "links": 1},
    }
    before, version = hub.everything(), runs.version()
    second = runs.undo(job)
    assert (second.records, second.restored, second.left) == (0, {}, 0)
    assert second.already == 3
    assert hub.everything() == before
    assert runs.version() == version


def test_a_dry_run_tells_the_same_and_does_nothing(runs: Runs) -> None:
    hub, app, read = runs.hub, runs.hub.app(1), roster(users=3)
    runs.sync(app, read)
    changed(read, 1, givenName="Wrong")
    job = runs.sync(app, read)
    before = hub.everything()
    told = runs.undo(job, is_dry_run=True)
    assert hub.everything() == before
    assert runs.undo(job) == told


def test_what_was_edited_since_stays_and_is_told(runs: Runs) -> None:
    hub, app, read = runs.hub, runs.hub.app(1), roster(users=3)
    runs.sync(app, read)
    changed(read, 1, givenName="Wrong", familyName="Wrong")
    changed(read, 2, givenName="Wrong")
    job = runs.sync(app, read)
    changed(read, 1, givenName="Right", familyName="Wrong")
    later = runs.sync(app, read)
    hub.sync(app, {Kind.USERS: [row for row in read[Kind.USERS] if row[0] != "user-2"]})

    undone = runs.undo(job)

    assert undone.left == 2
    assert sorted(reasons(undone)) == [
        f"edited since by job {later}",
        f"removed since by job {later + 1}",
    ]
    found = hub.records(Kind.USERS)["user1"]
    assert (found["given_name"], found["family_name"]) == ("Right", "Family 1")
    assert hub.records(Kind.USERS, status="tobedeleted")["user2"]["given_name"] == "Wrong"


def test_two_bad_runs_are_undone_one_by_one(runs: Runs) -> None:
    hub, app, read = runs.hub, runs.hub.app(1), roster(users=2)
    runs.sync(app, read)
    changed(read, 1, givenName="Wrong")
    first = runs.sync(app, read)
    changed(read, 1, givenName="Worse")
    second = runs.sync(app, read)
    assert reasons(runs.undo(first, is_dry_run=True)) == [f"edited since by job {second}"]
    assert runs.undo(second).left == 0
    assert hub.records(Kind.USERS)["user1"]["given_name"] == "Wrong"
    assert runs.undo(first).left == 0
    assert hub.records(Kind.USERS)["user1"]["given_name"] == "Given 1"


def test_adds_go_with_all_that_hangs_on_them_and_stay_away(runs: Runs) -> None:
    hub, app = runs.hub, runs.hub.app(1)
    runs.sync(app, roster(users=2))
    job = runs.sync(app, roster(users=4))
    undone = runs.undo(job)
    assert undone.left == 0
    kinds = (Kind.USERS, Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS)
    assert undone.restored == {kind: {"gone": 2, "links": 2} for kind in kinds}
    assert {row["ended_why"] for row in hub.table(LINKS[Kind.USERS])} == {None, "undone"}
    counts = hub.sync(app, roster(users=4))
    assert counts["users"] == {"unchanged": 4}
    assert set(hub.records(Kind.USERS)) == {"user1", "user2"}
    # corrected at the source, the student comes back whole, under the same id
    read = roster(users=4)
    changed(read, 3, givenName="Right")
    counts = hub.sync(app, read)
    assert {kind: counts[kind].get("restored", 0) for kind in kinds} == dict.fromkeys(kinds, 1)
    assert set(hub.records(Kind.USERS)) == {"user1", "user2", "user3"}
    assert hub.link(app, Kind.USERS, "user-3")["ended_at"] is None


def test_an_add_that_somebody_else_has_or_names_or_changed_stays(runs: Runs) -> None:
    hub, app, other = runs.hub, runs.hub.app(1), runs.hub.app(2)
    runs.sync(app, roster(users=1))
    job = runs.sync(app, roster(users=4))
    # user 2: another app has it too; user 3: a later enrollment names it; user 4: changed since
    hub.sync(other, {Kind.ORGS: roster(0)[Kind.ORGS], Kind.USERS: [user(2)]})
    read = roster(users=4)
    read[Kind.ENROLLMENTS].append(("extra", *enrollment(3, role="teacher")[1:]))
    changed(read, 4, phone="1")
    later = runs.sync(app, read)
    undone = runs.undo(job)
    by_kind = {(row["kind"], row["reason"]) for row in undone.left_rows}
    assert by_kind == {
        ("users", "app-2 has it too"),
        ("users", "a record of enrollments that stays names it"),
        ("users", f"edited since by job {later}"),
    }
    assert set(hub.records(Kind.USERS)) == {"user1", "user2", "user3", "user4"}
    assert len(hub.records(Kind.ENROLLMENTS)) == 2


def test_removals_come_back_and_the_same_removal_is_asked_for(runs: Runs) -> None:
    hub, app = runs.hub, runs.hub.app(1)
    whole, half = roster(users=4), roster(users=2)
    runs.sync(app, whole)
    job = runs.sync(app, half)
    assert set(hub.records(Kind.USERS)) == {"user1", "user2"}
    undone = runs.undo(job)
    assert undone.restored["users"] == {"back": 2, "links": 2}
    assert len(hub.records(Kind.USERS)) == len(hub.records(Kind.ENROLLMENTS)) == 4
    # the same faulty file removes nobody: it asks
    counts = hub.sync(app, half)
    assert counts["users"] == {"unchanged": 2, "held": 2}
    assert len(hub.records(Kind.USERS)) == 4
    assert {(row["kind"], row["state"]) for row in hub.table(approvals)} == {
        (kind, "pending") for kind in ("users", "roles", "enrollments", "demographics")
    }
    # once the app has shown them again, a removal is a removal
    hub.sync(app, whole)
    assert {row["state"] for row in hub.table(approvals)} == {"replaced"}
    assert {row["ended_why"] for row in hub.table(LINKS[Kind.USERS])} == {None}
    assert hub.sync(app, half)["users"]["removed"] == 2


def test_a_removal_whose_class_went_later_stays(runs: Runs) -> None:
    app, read = runs.hub.app(1), roster(users=2)
    runs.sync(app, read)
    enrolled, read[Kind.ENROLLMENTS] = read[Kind.ENROLLMENTS], read[Kind.ENROLLMENTS][:1]
    job = runs.sync(app, read)
    assert len(enrolled) == 2
    runs.sync(app, {**read, Kind.CLASSES: [], Kind.ENROLLMENTS: []}, complete=[],
              deleted={Kind.CLASSES: ["class"]}, mode=Mode.INCREMENTAL)  # fmt: skip
    undone = runs.undo(job)
    assert reasons(undone) == ["its classSourcedId names a record that is gone"]
    assert undone.records == 0


def test_a_wrong_match_is_unlinked_and_what_it_filled_is_emptied(runs: Runs) -> None:
    hub, app, other = runs.hub, runs.hub.app(1), runs.hub.app(2)
    runs.sync(app, roster(users=2))
    orgs = roster(0)[Kind.ORGS]
    hub.sync(other, {Kind.ORGS: orgs})
    job = runs.sync(other, {Kind.ORGS: orgs, Kind.USERS: [user(1, phone="555")]})
    assert hub.records(Kind.USERS)["user1"]["phone"] == "555"
    undone = runs.undo(job)
    assert undone.restored == {"users": {"values": 1, "links": 1}}
    assert hub.records(Kind.USERS)["user1"]["phone"] is None
    assert hub.link(other, Kind.USERS, "user-1")["ended_why"] == "undone"
    counts = hub.sync(other, {Kind.ORGS: orgs, Kind.USERS: [user(1, phone="555")]})
    assert counts["users"] == {"unchanged": 1}
    assert hub.records(Kind.USERS)["user1"]["phone"] is None


def test_a_record_that_a_job_brought_back_goes_again(runs: Runs) -> None:
    hub, app = runs.hub, runs.hub.app(1)
    runs.sync(app, roster(users=3))
    hub.sync(app, roster(users=2))
    read = roster(users=3)
    changed(read, 3, givenName="New")
    job = runs.sync(app, read)
    undone = runs.undo(job)
    assert undone.restored["users"] == {"values": 1, "gone": 1, "links": 1}
    gone = hub.records(Kind.USERS, status="tobedeleted")
    assert gone["user3"]["given_name"] == "Given 3"
    assert hub.sync(app, read)["users"] == {"unchanged": 3}


def test_what_has_left_us_is_told(runs: Runs) -> None:
    hub, app, target = runs.hub, runs.hub.app(1, "two_way"), runs.hub.app(2, "export")
    runs.sync(app, roster(users=2))
    read = roster(users=2)
    changed(read, 1, givenName="Wrong")
    job = runs.sync(app, read)
    with hub.database.write() as connection:
        connection.execute(
            insert(vendor_writes).values(
                app_id=app, job_id=job, attempt=1, kind="users", external_id="user-2", key="k",
                values="{}", state="confirmed", at=hub.database.now(connection),
            )
        )  # fmt: skip
    export = end_job(hub, target, hub.key(target).job_id)
    end_job(hub, target, hub.key(target).job_id, trigger="plan")
    assert runs.undo(job).sent == [
        f"job {job} has written 1 records to district/app-1;"
        " they stay there until its next sync writes the hub's values",
        f"district/app-2 has been sent the hub since, last by job {export};"
        " its next run sends the restored values",
    ]


def test_what_cannot_be_undone_is_refused(runs: Runs) -> None:
    hub, app, target = runs.hub, runs.hub.app(1), runs.hub.app(2, "export")
    held = end_job(hub, app, 900, state="held")
    export = end_job(hub, target, 901)
    plan = end_job(hub, app, 902, trigger="plan")
    for job, told in (
        (999, "no job 999"),
        (held, "900 is held"),
        (export, "is an export"),
        (plan, "902 is a plan, which changes nothing"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            runs.undo(job)


def test_no_other_tenant_is_touched(runs: Runs) -> None:
    hub, app, read = runs.hub, runs.hub.app(1), roster(users=2)
    runs.sync(app, read)
    changed(read, 1, givenName="Wrong")
    job = runs.sync(app, read)
    with hub.database.write() as connection:
        users = HUB[Kind.USERS]
        connection.execute(update(users).values(tenant_id=users.c.tenant_id + 100))
        log = change_log
        connection.execute(update(log).values(tenant_id=log.c.tenant_id + 100))
    assert runs.undo(job).records == 0


def test_many_changes_are_undone_in_sets_and_few_are_told(runs: Runs) -> None:
    app, read = runs.hub.app(1), roster(users=1000)
    runs.sync(app, read)
    for number in range(1, 1001):
        changed(read, number, givenName="Wrong")
    job = runs.sync(app, read)
    for number in range(1, 301):
        changed(read, number, givenName="Right")
    runs.sync(app, read)
    undone = runs.undo(job)
    assert (undone.records, undone.left, len(undone.left_rows)) == (700, 300, 100)


def renamed(runs: Runs, app: int) -> int:
    """Let a person approve that user 1 is shown as another now; returns the approval's job."""
    hub, read = runs.hub, roster(users=3)
    runs.sync(app, read)
    read[Kind.USERS][0] = ("new", *user(1, identifier="other")[1:])
    runs.sync(app, read)
    (asked,) = waiting(hub)["rename", "users"]
    approve(hub, asked)
    job = int(hub.link(app, Kind.USERS, "new")["last_job"])
    return end_job(hub, app, job, trigger="approval", approval_id=asked["id"])


def test_an_approved_rename_goes_back_and_is_not_proposed_again(runs: Runs) -> None:
    hub, app = runs.hub, runs.hub.app(1)
    job = renamed(runs, app)
    one = hub.sourced_id(app, Kind.USERS, "new")
    undone = runs.undo(job, is_dry_run=True)
    assert (undone.restored, undone.left) == ({"users": {"links": 1}}, 0)
    assert runs.undo(job) == undone
    assert hub.sourced_id(app, Kind.USERS, "user-1") == one
    assert not [row for row in hub.table(LINKS[Kind.USERS]) if row["external_id"] == "new"]
    assert runs.undo(job).restored == {}
    # two people then: who is there is new, and who is not goes when a person says so
    read = roster(users=3)
    read[Kind.USERS][0] = ("new", *user(1, identifier="other", username="another")[1:])
    runs.sync(app, read)
    assert (runs.counts["users"]["added"], runs.counts["users"]["held"]) == (1, 1)
    assert {op for op, _ in waiting(hub)} == {"remove"}
    # and who is shown under the old id again is who they were
    runs.sync(app, roster(users=3))
    assert hub.sourced_id(app, Kind.USERS, "user-1") == one
    assert hub.records(Kind.USERS)["user1"]["sourced_id"] == one


def test_a_rename_whose_record_was_edited_since_stays_and_says_why(runs: Runs) -> None:
    app = runs.hub.app(1)
    job = renamed(runs, app)
    read = roster(users=3)
    read[Kind.USERS][0] = ("new", *user(1, identifier="other", givenName="Other")[1:])
    later = runs.sync(app, read)
    undone = runs.undo(job)
    assert (undone.restored, reasons(undone)) == ({}, [f"edited since by job {later}"])
    # that one first
    runs.undo(later)
    assert runs.undo(job).restored == {"users": {"links": 1}}


def test_a_rename_whose_old_id_is_another_record_by_now_stays(runs: Runs) -> None:
    app = runs.hub.app(1)
    job = renamed(runs, app)
    read = roster(users=3)
    read[Kind.USERS] += [("new", *user(1, identifier="other")[1:])]
    read[Kind.USERS][0] = user(1, identifier="third", username="third")
    runs.sync(app, read)
    undone = runs.undo(job)
    assert reasons(undone) == ["the app has another record under its old id, user-1"]


def test_what_a_person_has_made_one_of_two_stays_and_says_so(runs: Runs) -> None:
    hub, first, second = runs.hub, runs.hub.app(1), runs.hub.app(2)
    runs.sync(first, roster(users=2))
    other = roster(users=1, prefix="b-")
    other[Kind.USERS] = [user(1, "b-", identifier="9001", username="b1")]
    job = runs.sync(second, other)
    keep, gone = (
        hub.sourced_id(app, Kind.USERS, id_)
        for app, id_ in ((first, "user-1"), (second, "b-user-1"))
    )
    merge_users(hub.database, hub.tenant_id, keep, gone, by="ann")
    undone = runs.undo(job)
    told = {(row["kind"], row["record"], row["field"]): row["reason"] for row in undone.left_rows}
    assert told["users", keep, "link"].startswith("a person has made one of two records since")
    assert hub.link(second, Kind.USERS, "b-user-1")["ended_at"] is None
    assert len(hub.records(Kind.USERS)) == 2
