"""Who is named as deleted goes with roles, enrollments and demographics, and comes back with them."""

from __future__ import annotations

import json

from shared.db.hub_tables import HUB, change_log
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.roster.plan import Plan
from shared.roster.undo import undo_job
from tests.integration.roster.district import Hub, enrollment, roster, user
from tests.integration.roster.past_jobs import end_job
from tests.integration.roster.reviewing import approve, set_rules, waiting
from tests.integration.roster.test_planning import rows, show

HANGING = (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS)


def deletion(hub: Hub, app: int, *numbers: int) -> Plan:
    gone = [f"user-{number}" for number in numbers]
    return hub.plan(app, {Kind.USERS: []}, deleted={Kind.USERS: gone}, mode=Mode.INCREMENTAL)


def active(hub: Hub, kind: Kind) -> int:
    return len([row for row in hub.table(HUB[kind]) if row["status"] == "active"])


def of(hub: Hub, kinds: tuple[Kind, ...] = HANGING) -> list[int]:
    return [active(hub, kind) for kind in kinds]


def nobody_is_named_who_is_gone(hub: Hub) -> bool:
    there = {row["sourced_id"] for row in hub.table(HUB[Kind.USERS]) if row["status"] == "active"}
    return all(
        row["user_sourced_id"] in there
        for kind in HANGING
        for row in hub.table(HUB[kind])
        if row["status"] == "active"
    )


def test_what_hangs_on_a_user_goes_along_is_shown_and_logged(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    plan = deletion(hub, app, 2)
    counts = show(hub, plan)
    assert counts == {str(kind): {"removals": 1} for kind in (Kind.USERS, *HANGING)}
    (shown,) = rows(hub, "removals", Kind.ENROLLMENTS).values()
    assert (shown["external_id"], shown["reason"]) == ("enrollment-2", "its user goes")
    applied = hub.apply(deletion(hub, app, 2))
    assert {kind: applied[kind]["removed"] for kind in HANGING} == dict.fromkeys(HANGING, 1)
    assert of(hub) == [2, 2, 2]
    logged = [row for row in hub.table(change_log) if row["kind"] == Kind.ENROLLMENTS]
    assert [(row["op"], row["app_id"], json.loads(row["after"])) for row in logged] == [
        ("remove", None, {"status": "tobedeleted"})
    ]


def test_undo_brings_all_of_it_back(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    plan = deletion(hub, app, 2, 3)
    hub.apply(plan)
    assert of(hub) == [1, 1, 1]
    undone = undo_job(hub.database, end_job(hub, app, plan.key.job_id), by="ann")
    assert undone.left_rows == []
    assert (active(hub, Kind.USERS), of(hub)) == (3, [3, 3, 3])


def test_who_is_shown_again_has_all_of_it_again(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    hub.apply(deletion(hub, app, 2))
    back = {Kind.USERS: [user(2)]}
    shown = show(hub, hub.plan(app, back, mode=Mode.INCREMENTAL))
    assert shown == {str(kind): {"restores": 1} for kind in (Kind.USERS, *HANGING)}
    counts = hub.sync(app, back, mode=Mode.INCREMENTAL)
    assert {kind: counts[kind]["restored"] for kind in HANGING} == dict.fromkeys(HANGING, 1)
    assert of(hub) == [3, 3, 3]
    # what the app has said of it meanwhile counts
    hub.apply(deletion(hub, app, 2))
    hub.sync(
        app,
        {Kind.ENROLLMENTS: []},
        deleted={Kind.ENROLLMENTS: ["enrollment-2"]},
        mode=Mode.INCREMENTAL,
    )
    hub.sync(app, back, mode=Mode.INCREMENTAL)
    assert of(hub) == [3, 2, 3]
    hub.sync(app, roster(users=3))
    assert of(hub) == [3, 3, 3]


def test_a_complete_read_without_the_user_settles_it(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    hub.apply(deletion(hub, app, 3))
    assert hub.sync(app, roster(users=2)).get("users", {}).get("removed") is None
    before = hub.everything()
    hub.sync(app, roster(users=2))
    assert hub.everything() == before
    hub.sync(app, roster(users=3))
    assert (active(hub, Kind.USERS), of(hub)) == (3, [3, 3, 3])


def test_an_enrollment_that_comes_with_its_users_end_is_not_left_behind(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    plan = hub.plan(
        app,
        {Kind.USERS: [], Kind.ENROLLMENTS: [enrollment(2, role="teacher")]},
        deleted={Kind.USERS: ["user-2"]},
        mode=Mode.INCREMENTAL,
    )
    hub.apply(plan)
    assert nobody_is_named_who_is_gone(hub)
    # and in a complete read, which does not show the user
    read = roster(users=3)
    read[Kind.USERS].pop(0)
    hub.sync(app, read)
    assert nobody_is_named_who_is_gone(hub)


def test_what_another_app_has_of_a_user_goes_too_and_does_not_come_back_alone(hub: Hub) -> None:
    owner, other = hub.app(1), hub.app(2)
    set_rules(hub, owner, fields={"users": "owner"})
    first = roster(users=3)
    hub.sync(owner, {kind: rows for kind, rows in first.items() if kind not in HANGING})
    second = roster(users=3, prefix="o-")
    hub.sync(other, second)
    hub.apply(deletion(hub, owner, 2))
    assert of(hub) == [2, 2, 2]
    second[Kind.ENROLLMENTS][1] = enrollment(2, "o-", role="teacher")
    hub.sync(other, second)
    assert nobody_is_named_who_is_gone(hub)
    hub.sync(owner, {kind: rows for kind, rows in first.items() if kind not in HANGING})
    assert (active(hub, Kind.USERS), of(hub)) == (3, [3, 3, 3])
    assert "teacher" in {row["role"] for row in hub.table(HUB[Kind.ENROLLMENTS])}


def test_while_a_removal_waits_all_of_it_stays_and_goes_when_it_is_approved(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=9))
    hub.apply(deletion(hub, app, *range(1, 7)))
    assert (active(hub, Kind.USERS), of(hub)) == (9, [9, 9, 9])
    ((asked,),) = waiting(hub).values()
    done = approve(hub, asked)
    assert (done.done, done.along) == (6, 18)
    assert (active(hub, Kind.USERS), of(hub)) == (3, [3, 3, 3])


def test_who_stays_since_another_import_has_them_keeps_all(hub: Hub) -> None:
    app, other = hub.app(1), hub.app(2)
    hub.sync(app, roster(users=3))
    hub.sync(other, {Kind.ORGS: roster()[Kind.ORGS], Kind.USERS: [user(2)]})
    hub.apply(deletion(hub, app, 2))
    assert of(hub) == [3, 3, 3]
