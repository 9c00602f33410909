"""A plan that is shown says what an apply of it does, and changes nothing itself."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from sqlalchemy import update

from shared.db.hub_tables import hubs, quarantine, vendor_writes
from shared.db.review_tables import approval_rows, approvals, conflicts, plan_rows
from shared.db.tables import apps
from shared.domain.reading import Refused
from shared.domain.records import Kind
from shared.roster.locking import hub_lock
from shared.roster.plan import Plan
from shared.roster.planning import Counts, counts_of, note_writes, write_plan
from shared.roster.write_back import wanted_writes
from tests.integration.roster.district import Hub, Roster, roster, user


def show(hub: Hub, plan: Plan) -> Counts:
    """Do what a plan job's T4 does; returns its counts."""
    with hub.database.write() as connection:
        version = hub_lock(connection, hub.tenant_id)
        shown, counts = write_plan(connection, hub.database, plan, hub_version=version)
        assert shown.hub_version == version
    return counts


def rows(hub: Hub, op: str, kind: Kind = Kind.USERS) -> dict[str, dict[str, Any]]:
    """The rows of one op and kind, by external id."""
    return {
        row["external_id"]: row
        for row in hub.table(plan_rows)
        if (row["op"], row["kind"]) == (op, kind)
    }


def without_unlinks(counts: Counts) -> Counts:
    """An apply does not count the links that end while their records stay."""
    told = {
        kind: {op: n for op, n in ops.items() if op != "unlinks"} for kind, ops in counts.items()
    }
    return {kind: ops for kind, ops in told.items() if ops}


def set_rules(hub: Hub, app: int, **rules: Any) -> None:
    with hub.database.write() as connection:
        connection.execute(update(apps).where(apps.c.id == app).values(rules=rules))


def test_every_change_is_shown_and_none_is_made(hub: Hub) -> None:
    app, other = hub.app(1), hub.app(2)
    set_rules(hub, app, limit={"percent": 100, "at_least": 50})
    first = roster(users=8)
    hub.sync(app, first)
    hub.sync(app, {Kind.USERS: first[Kind.USERS][:7]})  # user 8 goes, and will be back
    hub.sync(other, {Kind.ORGS: roster()[Kind.ORGS], Kind.USERS: [user(6)]})
    read = roster(users=8)
    read[Kind.USERS] = [
        user(1, givenName="Other"),
        user(2),
        ("user-3b", *user(3)[1:]),  # the same SIS id: a rename
        user(8),
        user(9),
        user(10, enabledUser="perhaps"),
    ]
    refused = [Refused(Kind.USERS, "users.csv:17", "sourcedId", "it is missing", {"email": "x"})]
    whole = {Kind.ORGS: read[Kind.ORGS], Kind.USERS: read[Kind.USERS]}
    plan = hub.plan(app, whole, refused=refused)
    before = hub.everything()
    counts = show(hub, plan)
    assert hub.everything() == before
    assert counts[Kind.USERS] == {
        "adds": 1, "updates": 1, "restores": 1, "removals": 3, "unlinks": 1, "renames": 1,
        "quarantined": 2,
    }  # fmt: skip
    assert set(rows(hub, "removals")) == {"user-4", "user-5", "user-7"}
    assert set(rows(hub, "unlinks")) == {"user-6"}
    changed = rows(hub, "updates")["user-1"]
    assert json.loads(changed["before"]) == {"givenName": "Given 1"}
    assert json.loads(changed["after"]) == {"givenName": "Other"}
    school = hub.sourced_id(app, Kind.ORGS, "school")
    assert {row["school"] for row in hub.table(plan_rows) if row["op"] in {"updates", "adds"}} == {
        school
    }
    assert json.loads(rows(hub, "removals")["user-4"]["before"])["familyName"] == "Family 4"
    assert "user-3b" in rows(hub, "renames")["user-3"]["reason"]
    assert json.loads(rows(hub, "adds")["user-9"]["after"])["username"] == "user9"
    assert rows(hub, "quarantined")["user-10"]["reason"].startswith("enabledUser: it is not one of")
    assert rows(hub, "quarantined")["users.csv:17"]["reason"] == "sourcedId: it is missing"
    assert sorted(row["n"] for row in hub.table(plan_rows)) == list(
        range(1, sum(sum(ops.values()) for ops in counts.values()) + 1)
    )
    # and the very same is what a sync does
    assert without_unlinks(counts) == counts_of(hub.apply(hub.plan(app, whole, refused=refused)))


def test_a_plan_leaves_nothing_but_its_rows(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=20))
    # a third of a school: held; one of them comes back under another id, by its name: proposed
    read = {**roster(users=20), Kind.USERS: [user(n) for n in range(1, 14)]}
    read[Kind.USERS].append(("new", *user(20, identifier="other")[1:]))
    tables = (approvals, approval_rows, conflicts, hubs, vendor_writes)
    before = [hub.table(table) for table in tables]
    counts = show(hub, hub.plan(app, read, refused=[Refused(Kind.USERS, "x", "f", "r", {})]))
    assert [hub.table(table) for table in tables] == before
    assert hub.table(quarantine) == []
    assert counts[Kind.USERS]["held"] == 7
    told = rows(hub, "held")
    assert told["user-20"]["reason"] == "it may be new now: a person decides"
    reason = "above the limit of removals, or it hangs on what is: a person decides"
    assert told["user-14"]["reason"] == reason


def test_the_rows_of_an_older_plan_are_gone_and_those_of_another_app_stay(hub: Hub) -> None:
    app, other = hub.app(1), hub.app(2)
    show(hub, hub.plan(app, roster(users=3)))
    show(hub, hub.plan(other, roster(users=2, prefix="b-")))
    show(hub, hub.plan(app, {Kind.ORGS: roster()[Kind.ORGS]}))
    ours = [row for row in hub.table(plan_rows) if row["app_id"] == app]
    assert {row["kind"] for row in ours} == {"orgs"}
    assert len(hub.table(plan_rows)) > len(ours)


def test_a_plan_is_compared_anew_when_the_hub_moved_under_it(hub: Hub) -> None:
    app, other = hub.app(1), hub.app(2)
    plan = hub.plan(app, roster(users=2))
    stale = plan.hash
    hub.sync(other, roster(users=2))
    counts = show(hub, plan)
    # they are matched by their SIS ids now, instead of added
    assert "users" not in counts
    assert hub.plan(app, roster(users=2)).hash != stale


def test_a_rollover_holds_back_what_would_go(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=4))
    plan = hub.plan(app, {**roster(users=4), Kind.USERS: [user(1), user(2), user(3)]})
    object.__setattr__(plan, "suspended", "rollover: removals are suspended")
    with hub.database.write() as connection:  # the hub moves: compared anew, with the new word
        connection.execute(update(hubs).values(version=hubs.c.version + 1))
    assert show(hub, plan)[Kind.USERS] == {"held": 1}
    assert rows(hub, "held")["user-4"]["reason"] == "rollover: removals are suspended"


def test_an_owner_removes_what_others_have(hub: Hub) -> None:
    app, other = hub.app(1), hub.app(2)
    hub.sync(app, roster(users=4))
    hub.sync(other, roster(users=4))
    set_rules(hub, app, fields={"users": "owner"})
    read = {**roster(users=4), Kind.USERS: [user(1), user(2), user(3)]}
    counts = show(hub, hub.plan(app, read))
    # with all that both have of the user, of which the app's own is refused
    hanging = (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS)
    assert counts == {
        Kind.USERS: {"removals": 1},
        **{kind: {"removals": 1, "quarantined": 1} for kind in hanging},
    }
    assert counts == counts_of(hub.apply(hub.plan(app, read)))


def test_of_several_terms_that_are_one_each_link_ends_alone(hub: Hub) -> None:
    app = hub.app(1)
    terms = roster()[Kind.ACADEMIC_SESSIONS]
    twin = ("term-1b", *terms[0][1:])
    hub.sync(app, {Kind.ACADEMIC_SESSIONS: terms})
    hub.sync(app, {Kind.ACADEMIC_SESSIONS: [*terms, twin]})
    one = {Kind.ACADEMIC_SESSIONS: [terms[1], twin]}
    assert show(hub, hub.plan(app, one)) == {"academicSessions": {"unlinks": 1}}
    none = {Kind.ACADEMIC_SESSIONS: [terms[1]]}
    counts = show(hub, hub.plan(app, none))
    assert counts == {"academicSessions": {"removals": 1, "unlinks": 1}}
    assert without_unlinks(counts) == counts_of(hub.apply(hub.plan(app, none)))


def test_what_would_be_written_back_is_shown_and_not_recorded(hub: Hub) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    read = roster(users=3)
    read[Kind.USERS] = [user(n, email=f"user{n}@example.org") for n in (1, 2, 3)]
    hub.sync(first, read)
    theirs = {
        Kind.ORGS: roster(prefix="v-")[Kind.ORGS],
        Kind.USERS: [user(n, "v-", email=None) for n in (1, 2, 3)],
    }
    for _ in range(2):  # a second attempt tells no more than the first
        plan = hub.plan(app, theirs)
        pages = (
            (
                kind,
                [
                    (w.intent[0], w.sourced_id, json.dumps(w.held), json.dumps(w.intent[2]))
                    for w in page
                ],
            )
            for kind, page in wanted_writes(
                hub.database,
                plan,
                {Kind.USERS: frozenset({"email"})},
                accepts=lambda _, external_id: external_id != "v-user-3",
            )
        )
        note_writes(hub.database, plan, pages)
        counts = show(hub, plan)
    assert counts[Kind.USERS]["writes"] == 2
    shown = rows(hub, "writes")
    assert set(shown) == {"v-user-1", "v-user-2"}
    assert json.loads(shown["v-user-1"]["before"]) == {"email": None}
    assert json.loads(shown["v-user-1"]["after"]) == {"email": "user1@example.org"}
    assert shown["v-user-1"]["sourced_id"] == hub.sourced_id(first, Kind.USERS, "user-1")
    assert hub.table(vendor_writes) == []


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_a_plan_foretells_the_apply(hub: Hub, seed: int) -> None:
    dice = random.Random(seed)
    both = [hub.app(1), hub.app(2)]
    for _ in range(5):
        app = dice.choice(both)
        read = _some_roster(dice)
        before = hub.everything()
        counts = show(hub, hub.plan(app, read))
        assert hub.everything() == before
        assert without_unlinks(counts) == counts_of(hub.apply(hub.plan(app, read)))


def _some_roster(dice: random.Random) -> Roster:
    """Some of twelve users, with values and ids that move, and what hangs on them."""
    read = roster(users=12)
    there = [n for n in range(1, 13) if dice.random() < 0.75] or [1]
    prefix = dice.choice(["", "", "b-"])
    read[Kind.USERS] = [
        (
            f"{prefix}user-{n}",
            *user(
                n,
                givenName=dice.choice(["One", "Two"]),
                enabledUser="true" if dice.random() < 0.9 else "perhaps",
            )[1:],
        )
        for n in there
    ]
    for kind in (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
        del read[kind]
    if dice.random() < 0.3:
        read[Kind.ACADEMIC_SESSIONS] = read[Kind.ACADEMIC_SESSIONS][:1]
    return read
