"""A read that still shows records of what it no longer has: nothing that stays names what goes."""

from __future__ import annotations

from shared.db.hub_tables import HUB, quarantine, snake
from shared.domain.records import FIELDS, Kind, decode_list
from tests.integration.roster.district import Hub, Roster, enrollment, user
from tests.integration.roster.reviewing import (
    approve,
    reject,
    rows_of,
    schools,
    waiting,
    without_students,
)

HANGING = (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS)


def dangling(hub: Hub) -> list[tuple[str, str]]:
    """Kinds and fields of active records that require what is no longer active."""
    active = {
        kind: {row["sourced_id"]: row for row in hub.table(HUB[kind]) if row["status"] == "active"}
        for kind in Kind
    }
    return [
        (kind, field.name)
        for kind in Kind
        for field in FIELDS[kind]
        if field.required and field.ref is not None
        for row in active[kind].values()
        for named in _named(row[snake(field.name)], is_many=field.many)
        if named not in active[field.ref]
    ]


def _named(value: str, *, is_many: bool) -> list[str]:
    return decode_list(value) if is_many else [value]


def without(read: Roster, kind: Kind, *gone: str) -> Roster:
    return {**read, kind: [row for row in read[kind] if row[0] not in gone]}


def test_what_is_shown_of_a_user_who_is_gone_is_refused_and_goes_along(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20, per_student=2)
    hub.sync(app, read)
    half = without(read, Kind.USERS, "user-1", "user-2")
    counts = hub.sync(app, half)
    assert counts["users"] == {"removed": 2, "unchanged": 18}
    assert counts["enrollments"] == {"removed": 4, "unchanged": 36, "quarantined": 4}
    assert dangling(hub) == []
    assert waiting(hub) == {}
    told = {row["reason"] for row in hub.table(quarantine) if row["external_id"] == "user-1/1"}
    assert told == {"it names no record of users that was read: user-1"}
    # as in a first load: the hub is what the read is, whatever was before
    again = hub.sync(app, half)
    assert again["enrollments"] == {"unchanged": 36, "quarantined": 4}
    back = hub.sync(app, read)
    assert back["users"] == {"restored": 2, "unchanged": 18}
    assert back["enrollments"] == {"restored": 4, "unchanged": 36}
    assert dangling(hub) == []


def test_a_row_that_comes_to_name_who_is_gone_keeps_its_last_good_version(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20)
    hub.sync(app, read)
    half = without_students(read, [1])
    at = {"classSourcedId": "class-1-1", "schoolSourcedId": "school-1"}
    moved = ("enrollment-2-1", *enrollment(1, **at)[1:])
    half[Kind.ENROLLMENTS] = [
        moved,
        *without(half, Kind.ENROLLMENTS, "enrollment-2-1")[Kind.ENROLLMENTS],
    ]
    counts = hub.sync(app, half)
    assert counts["enrollments"] == {"removed": 1, "unchanged": 18, "quarantined": 1}
    assert dangling(hub) == []
    # and who moves from one who is gone to one who stays, stays
    moved = ("enrollment-3-1", *enrollment(4, **at)[1:])
    half = without_students(half, [3])
    half[Kind.ENROLLMENTS].append(moved)
    assert hub.sync(app, half)["enrollments"]["updated"] == 1
    assert dangling(hub) == []


def test_a_school_that_is_missing_alone_waits_with_all_that_is_in_it(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20, 20, per_student=5)
    hub.sync(app, read)
    half = without(read, Kind.ORGS, "school-2")
    counts = hub.sync(app, half)
    assert counts["orgs"] == {"held": 1, "unchanged": 2}
    assert counts["classes"]["held"] == 5
    assert counts["enrollments"]["held"] == 100
    assert dangling(hub) == []
    assert {row["status"] for row in hub.table(HUB[Kind.CLASSES])} == {"active"}
    held = waiting(hub)
    # the same again keeps what waits, though the read has shown its rows
    hub.sync(app, half)
    assert waiting(hub) == held
    (classes,) = held["remove", "classes"]
    assert {row["state"] for row in rows_of(hub, classes["id"]).values()} == {"proposed"}
    (orgs,) = held["remove", "orgs"]
    assert approve(hub, orgs).removed == 1
    assert dangling(hub) == []
    hub.sync(app, read)
    assert dangling(hub) == []
    assert {row["status"] for row in hub.table(HUB[Kind.ENROLLMENTS])} == {"active"}


def test_a_term_that_is_missing_alone_waits_with_its_classes(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20, per_student=6)
    hub.sync(app, read)
    counts = hub.sync(app, without(read, Kind.ACADEMIC_SESSIONS, "term-1"))
    assert counts["classes"] == {"held": 6, "quarantined": 6}
    assert counts["academicSessions"] == {"held": 1, "unchanged": 1}
    assert dangling(hub) == []
    (terms,) = waiting(hub)["remove", "academicSessions"]
    approve(hub, terms)
    assert dangling(hub) == []


def test_an_org_that_is_shown_under_another_id_takes_nobody_along(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20)
    hub.sync(app, read)
    renumbered: Roster = {
        kind: [tuple("new" if value == "school-1" else value for value in row) for row in rows]
        for kind, rows in read.items()
    }
    counts = hub.sync(app, renumbered)
    assert not any("removed" in counted or "held" in counted for counted in counts.values())
    assert dangling(hub) == []


def test_a_read_of_what_hangs_on_held_users_keeps_it_and_an_approval_takes_it(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20)
    hub.sync(app, read)
    counts = hub.sync(app, {**read, Kind.USERS: read[Kind.USERS][8:]})
    assert counts["users"] == {"held": 8, "unchanged": 12}
    assert counts["enrollments"] == {"unchanged": 20}
    (users,) = waiting(hub)["remove", "users"]
    done = approve(hub, users)
    assert (done.removed, done.along) == (8, 24)
    assert dangling(hub) == []


def test_users_who_go_take_along_what_a_person_has_said_no_to(hub: Hub) -> None:
    app = hub.app(1)
    read = schools(20)
    hub.sync(app, read)
    hub.sync(app, without_students(read, range(1, 9)))
    (demographics,) = waiting(hub)["remove", "demographics"]
    reject(hub, demographics)
    (users,) = waiting(hub)["remove", "users"]
    assert approve(hub, users).along == 24
    assert dangling(hub) == []


def test_a_second_look_at_a_hub_that_has_moved_finds_the_same(hub: Hub) -> None:
    app, other = hub.app(1), hub.app(2)
    read = schools(20)
    hub.sync(app, read)
    plan = hub.plan(app, without(read, Kind.USERS, "user-1"))
    new = user(500, primaryOrgSourcedId=None)
    hub.sync(other, {Kind.USERS: [new]})
    counts = hub.apply(plan)
    assert counts["users"]["removed"] == 1
    assert [counts[kind]["quarantined"] for kind in HANGING] == [1, 1, 1]
    assert [counts[kind]["removed"] for kind in HANGING] == [1, 1, 1]
    assert len(hub.quarantined()) == len(HANGING)
    assert dangling(hub) == []
