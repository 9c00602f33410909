"""Removals above a limit wait for a person, with all that hangs on them; the rest is applied."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from shared.db.approving import approve as decide
from shared.db.gate import Gate
from shared.db.hub_tables import HUB
from shared.db.review_tables import approvals
from shared.db.review_views import show_approval
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import ConfigurationError
from tests.integration.roster.district import Hub, record, user
from tests.integration.roster.reviewing import (
    approve,
    reject,
    rows_of,
    schools,
    set_rules,
    waiting,
    without_students,
)


def active(hub: Hub, kind: Kind) -> int:
    return sum(row["status"] == "active" for row in hub.table(HUB[kind]))


def dangling(hub: Hub) -> list[tuple[Kind, str]]:
    """Active records of which the user or the class is no longer active."""
    people, classes = (
        {row["sourced_id"] for row in hub.table(HUB[kind]) if row["status"] == "active"}
        for kind in (Kind.USERS, Kind.CLASSES)
    )
    return [
        (kind, row["sourced_id"])
        for kind in (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS)
        for row in hub.table(HUB[kind])
        if row["status"] == "active"
        and (
            row["user_sourced_id"] not in people
            or (kind is Kind.ENROLLMENTS and row["class_sourced_id"] not in classes)
        )
    ]


def test_exactly_at_the_limit_is_not_above_it(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(50)
    hub.sync(app, read)
    counts = hub.sync(app, without_students(read, range(1, 6)))
    assert counts["users"] == {"removed": 5, "unchanged": 45}
    # 5 of 45 are more than 10 %
    counts = hub.sync(app, without_students(read, range(1, 11)))
    assert counts["users"] == {"held": 5, "unchanged": 40}
    assert active(hub, Kind.USERS) == 45


def test_of_two_schools_only_the_one_above_its_limit_waits(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(50, 20)
    hub.sync(app, read)
    smaller = without_students(read, [1, 2, *range(51, 66)])
    changed = user(70, email="user70@example.org", primaryOrgSourcedId="school-2")
    new = user(999, primaryOrgSourcedId="school-2")
    smaller[Kind.USERS] = [*smaller[Kind.USERS][:-1], changed, new]
    smaller[Kind.ROLES].append(
        record(
            Kind.ROLES,
            "user-999/2",
            userSourcedId="user-999",
            roleType="primary",
            role="student",
            orgSourcedId="school-2",
        )
    )
    counts = hub.sync(app, smaller)
    assert counts["users"] == {
        "removed": 2, "held": 15, "updated": 1, "added": 1, "unchanged": 52
    }  # fmt: skip
    approvals = waiting(hub)
    (held,) = approvals["remove", "users"]
    assert held["school"] == hub.sourced_id(app, Kind.ORGS, "school-2")
    assert held["counts"] == {"proposed": 15, "of": 20}
    assert set(rows_of(hub, held["id"])) == {f"user-{number}" for number in range(51, 66)}
    assert {kind for _, kind in approvals} == {"users", "roles", "enrollments", "demographics"}
    assert dangling(hub) == []


def test_what_hangs_on_held_students_stays_even_below_its_own_limit(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(40, 100)
    # each of the first school's students has one class in the second, large one
    for number in range(1, 11):
        row = record(
            Kind.ENROLLMENTS,
            f"visit-{number}",
            classSourcedId="class-2-1",
            schoolSourcedId="school-2",
            userSourcedId=f"user-{number}",
            role="student",
        )
        read[Kind.ENROLLMENTS].append(row)
    hub.sync(app, read)
    counts = hub.sync(app, without_students(read, range(1, 11)))
    assert counts["users"] == {"held": 10, "unchanged": 130}
    assert counts["enrollments"] == {"held": 20, "unchanged": 130}
    assert counts["roles"]["held"] == counts["demographics"]["held"] == 10
    assert active(hub, Kind.ENROLLMENTS) == 150
    # a person lets the students go: nothing of them stays behind
    (students,) = waiting(hub)["remove", "users"]
    done = approve(hub, students)
    assert (done.done, done.along, done.moved, done.removed) == (10, 40, [], 10)
    assert dangling(hub) == []
    assert active(hub, Kind.ENROLLMENTS) == 130
    # what went along waits for nobody any more, and says so
    assert waiting(hub) == {}
    closed = [row for row in hub.table(approvals) if row["state"] == "replaced"]
    assert {row["kind"] for row in closed} == {Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS}
    assert {(row["counts"]["proposed"], row["counts"]["with"]) for row in closed} == {
        (0, students["id"])
    }
    with pytest.raises(ConfigurationError, match=f"went along with approval {students['id']}"):
        decide(Gate(hub.database), [closed[0]["id"]], by=None, actor="test")
    assert hub.sync(app, without_students(read, range(1, 11)))["users"] == {"unchanged": 130}
    assert waiting(hub) == {}


def test_who_leaves_takes_all_along_whatever_its_limit(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20, per_student=8)
    hub.sync(app, read)
    # 3 of 20 students are fewer than 5, their 24 of 160 enrollments are more than 10 %
    counts = hub.sync(app, without_students(read, [1, 2, 3]))
    assert counts["users"] == {"removed": 3, "unchanged": 17}
    assert counts["enrollments"] == {"removed": 24, "unchanged": 136}
    assert waiting(hub) == {}
    assert dangling(hub) == []


def test_a_class_whose_enrollments_wait_waits_with_them(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(30, per_student=4)
    hub.sync(app, read)
    read[Kind.CLASSES] = read[Kind.CLASSES][:1]
    read[Kind.ENROLLMENTS] = [row for row in read[Kind.ENROLLMENTS] if row[1] == "class-1-1"]
    counts = hub.sync(app, read)
    assert counts["enrollments"] == {"held": 90, "unchanged": 30}
    assert counts["classes"] == {"held": 3, "unchanged": 1}
    assert dangling(hub) == []
    (classes,) = waiting(hub)["remove", "classes"]
    assert approve(hub, classes).along == 90
    assert dangling(hub) == []
    assert active(hub, Kind.CLASSES) == 1


def test_what_goes_along_leaves_the_rest_of_an_approval_to_wait(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(40, 40)
    hub.sync(app, read)
    moved = [row for row in read[Kind.ENROLLMENTS] if int(row[0].split("-")[1]) > 17]
    smaller = {**without_students(read, range(1, 11)), Kind.ENROLLMENTS: moved}
    hub.sync(app, smaller)
    (students,) = waiting(hub)["remove", "users"]
    (enrolled,) = waiting(hub)["remove", "enrollments"]
    assert enrolled["counts"] == {"proposed": 17, "of": 40}
    approve(hub, students)
    (left,) = waiting(hub)["remove", "enrollments"]
    assert left["id"] == enrolled["id"]
    assert left["counts"] == {"proposed": 7, "of": 40, "along": 10, "with": students["id"]}
    states = [row["state"] for row in rows_of(hub, left["id"]).values()]
    assert (states.count("done"), states.count("proposed")) == (10, 7)
    with hub.database.read() as connection:
        told = (show_approval(connection, left["id"]) or {})["what"]
    assert told == (
        f"remove 7 of 40 enrollments of School 1 (10 went along with approval {students['id']})"
    )
    # the next read asks for the same, and so it keeps its deadline
    hub.sync(app, smaller)
    assert waiting(hub)["remove", "enrollments"] == [left]
    assert approve(hub, left).done == 7


def test_what_is_asked_is_what_the_limit_was_judged_by(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20)
    hub.sync(app, read)
    smaller = without_students(read, range(1, 7))
    smaller[Kind.USERS] = [*smaller[Kind.USERS], user(70, primaryOrgSourcedId="school-1")]
    hub.sync(app, smaller)
    assert waiting(hub)["remove", "users"][0]["counts"] == {"proposed": 6, "of": 20}


def test_a_class_of_four_may_go(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(4, 4)
    hub.sync(app, read)
    assert hub.sync(app, without_students(read, [1, 2, 3, 4]))["users"]["removed"] == 4


@pytest.mark.parametrize(
    ("rules", "held"),
    [
        ({"limit": {"percent": 50, "at_least": 1}}, 0),
        ({"limit": {"percent": 0, "at_least": 1}}, 2),
        ({"limits": {"users": {"percent": 1, "at_least": 2}}}, 2),
        ({"limits": {"enrollments": {"percent": 1, "at_least": 1}}}, 0),
    ],
)
def test_limits_are_set_by_app_and_kind(hub: Hub, rules: dict[str, object], held: int) -> None:
    app = hub.app(1)
    set_rules(hub, app, **rules)
    read = schools(20)
    hub.sync(app, read)
    assert hub.sync(app, without_students(read, [1, 2]))["users"].get("held", 0) == held


def test_records_of_no_school_are_counted_together(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20)
    strays = [user(number, primaryOrgSourcedId=None) for number in range(100, 110)]
    hub.sync(app, {**read, Kind.USERS: read[Kind.USERS] + strays})
    assert hub.sync(app, read)["users"] == {"held": 10, "unchanged": 20}
    (held,) = waiting(hub)["remove", "users"]
    assert held["school"] is None
    assert held["counts"] == {"proposed": 10, "of": 10}


def test_a_user_of_two_schools_counts_in_the_primary_one_alone(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(10, 100)
    for number in range(1, 11):
        read[Kind.ROLES].append(
            record(
                Kind.ROLES,
                f"user-{number}/2",
                userSourcedId=f"user-{number}",
                roleType="secondary",
                role="student",
                orgSourcedId="school-2",
            )
        )
    hub.sync(app, read)
    counts = hub.sync(app, without_students(read, range(1, 11)))
    assert counts["users"] == {"held": 10, "unchanged": 100}
    # their 10 roles of 110 in the other school alone would have gone
    assert counts["roles"] == {"held": 20, "unchanged": 100}
    (held,) = waiting(hub)["remove", "users"]
    assert held["school"] == hub.sourced_id(app, Kind.ORGS, "school-1")


def test_what_the_vendor_names_as_deleted_has_limits_too(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(40)
    hub.sync(app, read)
    named = {Kind.USERS: [f"user-{number}" for number in range(1, 11)]}
    counts = hub.sync(app, {}, mode=Mode.INCREMENTAL, deleted=named)
    assert counts["users"] == {"held": 10}
    assert active(hub, Kind.USERS) == 40
    (first,) = waiting(hub)["remove", "users"]
    # another wave does not replace what it says nothing of
    named = {Kind.USERS: [f"user-{number}" for number in range(11, 21)]}
    hub.sync(app, {}, mode=Mode.INCREMENTAL, deleted=named)
    assert len(waiting(hub)["remove", "users"]) == 2
    assert approve(hub, first).removed == 10
    # a complete read does
    counts = hub.sync(app, without_students(read, range(1, 12)))
    assert counts["users"] == {"removed": 1, "unchanged": 29}
    assert ("remove", "users") not in waiting(hub)


def test_a_rejected_removal_is_not_asked_again_and_nobody_goes(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(40)
    hub.sync(app, read)
    smaller = without_students(read, range(1, 11))
    hub.sync(app, smaller)
    for asked in waiting(hub).values():
        for approval in asked:
            reject(hub, approval)
    assert hub.sync(app, smaller)["users"] == {"held": 10, "unchanged": 30}
    assert waiting(hub) == {}
    assert active(hub, Kind.USERS) == 40


def test_who_was_there_again_since_a_no_is_asked_for_anew(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(40)
    hub.sync(app, read)
    smaller = without_students(read, range(1, 11))
    hub.sync(app, smaller)
    (held,) = waiting(hub)["remove", "users"]
    reject(hub, held)
    hub.sync(app, read)
    # the very same ten leave, and nobody has been asked about that
    hub.sync(app, smaller)
    (again,) = waiting(hub)["remove", "users"]
    assert again["fingerprint"] == held["fingerprint"]
    # and a no to that is one again
    reject(hub, again)
    hub.sync(app, smaller)
    assert ("remove", "users") not in waiting(hub)


def test_the_same_again_keeps_the_approval_and_other_rows_replace_it(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(40)
    hub.sync(app, read)
    hub.sync(app, without_students(read, range(1, 11)))
    (first,) = waiting(hub)["remove", "users"]
    hub.sync(app, without_students(read, range(1, 11)))
    assert waiting(hub)["remove", "users"] == [first]
    hub.sync(app, without_students(read, range(1, 10)))
    (second,) = waiting(hub)["remove", "users"]
    assert second["id"] != first["id"]
    assert set(rows_of(hub, second["id"])) == {f"user-{number}" for number in range(1, 10)}
    assert rows_of(hub, first["id"]) == {}


def test_rows_that_moved_since_are_refused_one_by_one(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(40)
    hub.sync(app, read)
    hub.sync(app, without_students(read, range(1, 11)))
    (held,) = waiting(hub)["remove", "users"]
    again = without_students(read, range(2, 11))
    changed = [row if row[0] != "user-1" else user(1, primaryOrgSourcedId="school-1",
               email="user1@example.org") for row in again[Kind.USERS]]  # fmt: skip
    hub.sync(app, {**again, Kind.USERS: changed}, complete=[])
    done = approve(hub, held)
    assert (done.done, done.moved, done.removed) == (9, ["user-1"], 9)
    assert "user1" in hub.records(Kind.USERS)


def test_older_approvals_are_replaced_in_the_order_in_which_a_person_locks_them(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(30, 30)
    hub.sync(app, read)
    some = dict(read)
    south = {f"enrollment-{number}-1" for number in range(41, 61)}
    some[Kind.ENROLLMENTS] = [row for row in read[Kind.ENROLLMENTS] if row[0] not in south]
    hub.sync(app, some)
    hub.sync(app, without_students(some, range(1, 11)))
    # users come before enrollments, and some of these enrollments have waited for longer
    ids = {kind: [row["id"] for row in rows] for (_, kind), rows in waiting(hub).items()}
    assert min(ids["enrollments"]) < min(ids["users"])
    replaced: list[int] = []

    def note(*told: Any) -> None:
        statement, values = told[2], told[3]
        if statement.startswith("UPDATE approvals "):
            names = dict(values) if isinstance(values, dict) else dict(enumerate(values))
            replaced.append(next(v for v in names.values() if isinstance(v, int)))

    event.listen(hub.database.engine, "before_cursor_execute", note)
    hub.sync(app, read)
    event.remove(hub.database.engine, "before_cursor_execute", note)
    assert waiting(hub) == {}
    assert len(replaced) > 2
    assert replaced == sorted(replaced)
