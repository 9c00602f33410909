"""Too much of a school is gone: the rest is applied, a person decides, and a job does it.

From the read to the approval's own job, through gate and worker's procedure as in production.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from shared.db.approving import approve, lapse, reject
from shared.db.asking import Ask, ask
from shared.db.claiming import Assignment, Terms, claim, finish
from shared.db.gate import Gate
from shared.db.review_tables import approval_rows, approvals
from shared.db.review_views import list_approvals, list_plan_rows, show_approval
from shared.db.tables import apps, jobs
from shared.domain.reading import Batch, ReadCertificate
from shared.domain.records import Kind, field_names
from shared.domain.states import Mode
from tests.integration.roster.district import Hub, Roster, record, user
from workers.importing import Importing
from workers.runner import Apply, Work

#: By school, how many students it has.
STUDENTS = 20


def read(gone: dict[str, set[int]] | None = None, **changed: str) -> Roster:
    """Two schools of twenty students each, without those that are gone."""
    gone = gone or {}
    users = []
    for first, school in ((1, "north"), (101, "south")):
        users += [
            user(n, primaryOrgSourcedId=school, **(changed if n == 20 else {}))
            for n in range(first, first + STUDENTS)
            if n - first + 1 not in gone.get(school, set())
        ]
    return {
        Kind.ORGS: [
            record(Kind.ORGS, school, name=school.title(), type="school", identifier=school)
            for school in ("north", "south")
        ],
        Kind.USERS: users,
    }


class Vendor:
    """A source that reads what it holds."""

    def __init__(self) -> None:
        self.roster: Roster = read()

    def open(self, assignment: Assignment, port: object) -> Vendor:
        del assignment, port
        return self

    def read(self, request: Any) -> Iterator[Batch | ReadCertificate]:
        for kind, rows in self.roster.items():
            yield Batch(kind, field_names(kind), rows)
        whole = frozenset(self.roster) if request.mode is Mode.FULL else frozenset[Kind]()
        counts = {kind: len(rows) for kind, rows in self.roster.items()}
        yield ReadCertificate(request.mode, whole, counts)


class _Control:
    def progress(self, step: str, done: int, total: int | None = None) -> None: ...
    def checkpoint(self) -> None: ...
    def confirm(self) -> None: ...


class Desk:
    """One app of one district, whose jobs are run as a worker runs them."""

    def __init__(self, hub: Hub, tmp_path: Any) -> None:
        self.hub = hub
        self.gate = Gate(hub.database)
        self.vendor = Vendor()
        self.app = hub.app(1)
        self._folder = tmp_path

    def ask(self, **wish: Any) -> int:
        return ask(self.gate, Ask(app="district/app-1", **wish)).job_id

    def start(self, job_id: int) -> tuple[Assignment, Apply]:
        """Claim a job and do all of it but its T4."""
        claimed, _ = claim(self.gate, job_id, worker="host:1:1", terms=Terms())
        assert isinstance(claimed, Assignment), claimed
        opener: Any = self.vendor
        control: Any = _Control()
        return claimed, Importing(opener)(Work(claimed, self.gate, control, self._folder))

    def end(self, started: tuple[Assignment, Apply]) -> Any:
        """Do its T4, and decide; returns the job's row."""
        assignment, apply = started
        finish(self.gate, assignment, apply)
        with self.gate.locked([self.hub.tenant_id]) as locked:
            locked.decide("releaser")
        return self.job(assignment.job_id)

    def sync(self, roster: Roster, **wish: Any) -> Any:
        self.vendor.roster = roster
        return self.end(self.start(self.ask(**wish)))

    def job(self, job_id: int) -> Any:
        with self.hub.database.read() as connection:
            return connection.execute(select(jobs).where(jobs.c.id == job_id)).one()

    def pending(self) -> dict[str, dict[str, Any]]:
        """What waits for a person, by school."""
        with self.hub.database.read() as connection:
            return {
                one["school_name"]: one
                for one in list_approvals(connection, app_id=self.app, state="pending")
            }

    def approve(self, approval_id: int) -> int:
        (told,), _ = approve(self.gate, [approval_id], by="ann", actor="cli")
        assert told.job is not None
        return told.job

    def rows(self, approval_id: int) -> dict[str, str]:
        return {
            row["external_id"]: row["state"]
            for row in self.hub.table(approval_rows)
            if row["approval_id"] == approval_id
        }

    def usernames(self) -> set[str]:
        return set(self.hub.records(Kind.USERS))


@pytest.fixture
def desk(hub: Hub, tmp_path: Any) -> Desk:
    made = Desk(hub, tmp_path)
    made.sync(read())
    return made


#: Thirty per cent of each school.
SIX = {"north": {1, 2, 3, 4, 5, 6}, "south": {1, 2, 3, 4, 5, 6}}


def test_the_rest_is_applied_and_the_job_says_what_waits(desk: Desk) -> None:
    roster = read(SIX, givenName="Other")
    roster[Kind.USERS].append(user(200, primaryOrgSourcedId="south"))
    job = desk.sync(roster)
    waiting = desk.pending()
    ids = ", ".join(str(one["id"]) for one in sorted(waiting.values(), key=lambda one: one["id"]))
    assert job.reason == f"12 removals wait for approval ({ids})"
    assert job.plan["counts"]["users"] == {"adds": 1, "updates": 1, "held": 12}
    assert len(desk.usernames()) == 41
    assert waiting["North"]["what"] == "remove 6 of 20 users of North"
    assert waiting["North"]["job"] is None
    with desk.hub.database.read() as connection:
        shown = show_approval(connection, waiting["North"]["id"]) or {}
    assert [row["name"] for row in shown["rows"]] == [f"Given {n} Family {n}" for n in range(1, 7)]


def test_one_school_is_approved_and_another_rejected(desk: Desk) -> None:
    desk.sync(read(SIX))
    north, south = desk.pending()["North"], desk.pending()["South"]
    reject(desk.gate, [south["id"]], by="ann")
    carried = desk.end(desk.start(desk.approve(north["id"])))
    assert carried.reason == f"approval {north['id']}: 6 removals of users were made"
    assert carried.counts == {"users": {"removed": 6, "carried_out": 6, "moved": 0}}
    assert len(desk.usernames()) == 34
    removed = desk.hub.records(Kind.USERS, status="tobedeleted").values()
    assert {row["last_job"] for row in removed} == {carried.id}
    # who has said no to these very rows is not asked again, and what is done is done
    again = desk.sync(read(SIX))
    assert desk.pending() == {}
    assert again.reason == "6 removals wait for approval (decided before)"
    assert len(desk.usernames()) == 34
    # one more is gone: that is another question
    desk.sync(read({"north": SIX["north"], "south": SIX["south"] | {7}}))
    assert desk.pending()["South"]["counts"] == {"proposed": 7, "of": 20}


def test_the_next_read_keeps_what_is_the_same_and_replaces_what_differs(desk: Desk) -> None:
    desk.sync(read(SIX))
    north, south = desk.pending()["North"], desk.pending()["South"]
    desk.sync(read({"north": SIX["north"], "south": {1, 2, 3, 4, 5}}))
    after = desk.pending()
    assert after["North"] == north
    assert after["South"]["id"] > south["id"]
    assert after["South"]["counts"] == {"proposed": 5, "of": 20}
    assert desk.rows(south["id"]) == {}
    with desk.hub.database.read() as connection:
        assert list_approvals(connection, state="replaced")[0]["id"] == south["id"]
    # nothing is too much any more: what waited is taken back, and the rest goes
    desk.sync(read({"south": {1}}))
    assert desk.pending() == {}
    assert len(desk.usernames()) == 39


def test_a_row_that_was_seen_again_is_refused_and_the_others_go(desk: Desk) -> None:
    desk.sync(read(SIX))
    north = desk.pending()["North"]
    desk.vendor.roster = read({"north": {2, 3, 4, 5, 6}, "south": SIX["south"]})
    started = desk.start(desk.ask())
    # approved while the read runs, which has seen number 1 again
    job_id = desk.approve(north["id"])
    assert desk.job(job_id).state == "held"
    desk.end(started)
    assert "North" not in desk.pending()  # the others are not asked for again
    assert desk.rows(north["id"])["user-1"] == "moved"
    job = desk.end(desk.start(job_id))
    assert job.counts == {"users": {"removed": 5, "carried_out": 5, "moved": 1}}
    assert job.reason == (
        f"approval {north['id']}: 5 removals of users were made;"
        " 1 had moved since, and were left alone: user-1"
    )
    assert set(desk.rows(north["id"]).values()) == {"moved", "done"}
    assert "user1" in desk.usernames()
    assert len(desk.usernames()) == 35


def test_a_row_whose_record_changed_and_an_incremental_read_that_shows_one(desk: Desk) -> None:
    desk.sync(read(SIX))
    north = desk.pending()["North"]
    seen = read()
    seen[Kind.USERS] = [user(1, primaryOrgSourcedId="north")]  # unchanged, and yet seen
    desk.sync(seen, mode=Mode.INCREMENTAL)
    assert desk.rows(north["id"])["user-1"] == "moved"
    changed = read()
    changed[Kind.USERS] = [user(2, primaryOrgSourcedId="north", givenName="Other")]
    desk.sync(changed, mode=Mode.INCREMENTAL)
    job_id = desk.approve(north["id"])
    job = desk.end(desk.start(job_id))
    assert job.counts["users"] == {"removed": 4, "carried_out": 4, "moved": 2}
    assert {"user1", "user2"} <= desk.usernames()


def test_a_rename_is_proposed_and_done_by_the_approvals_job(desk: Desk) -> None:
    known = desk.hub.sourced_id(desk.app, Kind.USERS, "user-1")
    renamed = read({"north": {1}})
    renamed[Kind.USERS].append(
        ("new", *user(1, identifier="other", primaryOrgSourcedId="north")[1:])
    )
    job = desk.sync(renamed)
    (waiting,) = desk.pending().values()
    assert waiting["what"] == "rename 1 of 20 users of North"
    assert job.counts["users"]["added"] == 0
    with desk.hub.database.read() as connection:
        (row,) = (show_approval(connection, waiting["id"]) or {})["rows"]
    assert (row["external_id"], row["new_external_id"]) == ("user-1", "new")
    carried = desk.end(desk.start(desk.approve(waiting["id"])))
    assert carried.reason == f"approval {waiting['id']}: 1 renames of users were made"
    assert desk.hub.sourced_id(desk.app, Kind.USERS, "new") == known
    again = desk.sync(renamed)
    assert (again.counts["users"]["added"], desk.pending()) == (0, {})
    assert len(desk.usernames()) == 40


def test_a_failed_approval_job_lets_the_next_read_ask_again(desk: Desk) -> None:
    desk.sync(read(SIX))
    first = desk.pending()["North"]
    job_id = desk.approve(first["id"])
    with desk.hub.database.write() as connection:
        connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id)
            .values(state="failed", finished_at=desk.hub.database.now(connection))
        )
    desk.sync(read(SIX))
    assert desk.pending()["North"]["id"] > first["id"]


def test_what_lapses_is_proposed_anew_by_the_next_read(desk: Desk) -> None:
    desk.sync(read(SIX))
    old = desk.pending()
    with desk.hub.database.write() as connection:
        past = desk.hub.database.now(connection) - timedelta(seconds=1)
        connection.execute(update(approvals).values(deadline_at=past))
    assert lapse(desk.gate) == 2
    assert desk.pending() == {}
    assert len(desk.usernames()) == 40
    desk.sync(read(SIX))
    assert {one["id"] for one in desk.pending().values()}.isdisjoint(
        one["id"] for one in old.values()
    )


def test_an_approval_may_come_while_a_read_takes_it_back(
    postgresql_hub: Hub, tmp_path: Any
) -> None:
    desk = Desk(postgresql_hub, tmp_path)
    desk.sync(read())
    desk.sync(read(SIX))
    north = desk.pending()["North"]
    desk.vendor.roster = read({"south": SIX["south"]})
    assignment, apply = desk.start(desk.ask())
    told: list[BaseException | int] = []

    def say_yes() -> None:
        try:
            told.append(desk.approve(north["id"]))
        except Exception as error:  # noqa: BLE001 - the test looks at it
            told.append(error)

    person = threading.Thread(target=say_yes)

    def apply_and_be_interrupted(connection: Any) -> Any:
        outcome = apply(connection)
        # the approval is taken back, the tenant is not locked yet: nobody may wait in a circle
        person.start()
        person.join(0.5)
        return outcome

    finish(desk.gate, assignment, apply_and_be_interrupted)
    person.join(50)
    assert "was replaced" in str(told[0])
    assert len(desk.usernames()) == 40


def test_a_plan_job_leaves_cursor_scope_outcome_and_hub_alone(desk: Desk) -> None:
    before, row = desk.hub.everything(), desk.hub.table(apps)
    job = desk.sync(read(SIX), is_plan=True)
    assert job.trigger == "plan"
    assert job.reason == "would make 12 held for approval"
    assert job.plan["counts"] == {"users": {"held": 12}}
    assert job.certificate["counts"]["users"] == 28
    assert desk.hub.everything() == before
    assert desk.hub.table(apps) == row
    assert desk.pending() == {}
    with desk.hub.database.read() as connection:
        shown = list(list_plan_rows(connection, job.id, ops=["held"], limit=100))
    assert {one["school_name"] for one in shown} == {"North", "South"}
    assert shown[0]["before"]["familyName"].startswith("Family")
