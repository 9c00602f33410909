"""One app shows the same people under other ids."""

from __future__ import annotations

import pytest

from shared.db.hub_tables import LINKS
from shared.domain.records import Kind
from shared.domain.states import Mode
from tests.integration.roster.district import Hub, Roster, enrollment, roster, user
from tests.integration.roster.reviewing import approve, reject, rows_of, set_rules, waiting


def links(hub: Hub, app: int, kind: Kind = Kind.USERS) -> dict[str, str]:
    """External id → hub id of an app's links that have not ended."""
    return {
        row["external_id"]: row["sourced_id"]
        for row in hub.table(LINKS[kind])
        if row["app_id"] == app and row["ended_at"] is None
    }


def renamed(users: int, **values: str | None) -> Roster:
    read = roster(users=users, prefix="n-")
    read[Kind.USERS] = [user(number, "n-", **values) for number in range(1, users + 1)]
    return read


def test_all_ids_of_all_kinds_may_change_at_once(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=20))
    before = {kind: links(hub, app, kind) for kind in Kind}
    counts = hub.sync(app, roster(users=20, prefix="n-"))
    for kind in Kind:
        after = links(hub, app, kind)
        assert sorted(after.values()) == sorted(before[kind].values()), kind
        assert set(after).isdisjoint(before[kind]), kind
        assert not {"added", "removed", "held"} & set(counts[kind]), kind
    assert waiting(hub) == {}
    assert counts["users"] == {"renamed": 20, "unchanged": 20}
    again = hub.everything()
    assert hub.sync(app, roster(users=20, prefix="n-"))["users"] == {"unchanged": 20}
    assert hub.everything() == again


def test_without_a_key_they_are_proposed_before_limits_are_counted(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=20))
    before = links(hub, app)
    classes = links(hub, app, Kind.ENROLLMENTS)
    counts = hub.sync(app, renamed(20, identifier=None))
    assert counts["users"] == {"proposed": 20}
    (proposal,) = waiting(hub)["rename", "users"]
    assert proposal["counts"] == {"proposed": 20, "of": 20}
    assert rows_of(hub, proposal["id"])["user-7"]["new_external_id"] == "n-user-7"
    # meanwhile they are who they were, and what they have is theirs
    assert links(hub, app) == before
    assert len(hub.records(Kind.USERS)) == 20
    assert sorted(links(hub, app, Kind.ENROLLMENTS).values()) == sorted(classes.values())
    assert set(waiting(hub)) == {("rename", "users")}

    done = approve(hub, proposal)
    assert (done.done, done.moved) == (20, [])
    assert links(hub, app) == {f"n-{old}": sourced_id for old, sourced_id in before.items()}
    counts = hub.sync(app, renamed(20, identifier=None))
    assert counts["users"] == {"updated": 20}
    assert waiting(hub) == {}
    assert len(hub.records(Kind.USERS)) == 20


def test_who_is_no_rename_is_new_and_the_old_one_goes(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    old = links(hub, app)
    read = roster(users=2)
    read[Kind.USERS].append(user(3, "n-", identifier=None, primaryOrgSourcedId="school"))
    assert hub.sync(app, read)["users"] == {"proposed": 1, "unchanged": 2}
    (proposal,) = waiting(hub)["rename", "users"]
    reject(hub, proposal)
    assert hub.sync(app, read)["users"] == {"added": 1, "removed": 1, "unchanged": 2}
    assert links(hub, app)["n-user-3"] not in old.values()
    assert waiting(hub) == {}
    assert hub.sync(app, read)["users"] == {"unchanged": 3}


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ({"email": "A@example.org"}, {"email": "a@example.org"}),
        ({}, {}),  # name and birth date
    ],
)
def test_what_makes_two_alike(hub: Hub, then: dict[str, str], now: dict[str, str]) -> None:
    app = hub.app(1)
    read = roster(users=2)
    read[Kind.USERS][1] = user(2, **then)
    hub.sync(app, read)
    read = roster(users=2)
    read[Kind.USERS][1] = user(2, identifier=None, username="other", **now)
    for kind, place in ((Kind.USERS, 0), (Kind.DEMOGRAPHICS, 0)):
        row = read[kind][1]
        read[kind][1] = ("z-user-2", *row[1:]) if kind is Kind.USERS else (
            "z-user-2", "z-user-2", *row[2:]
        )  # fmt: skip
        assert place == 0
    read[Kind.ROLES].pop()
    read[Kind.ENROLLMENTS].pop()
    assert hub.sync(app, read)["users"] == {"proposed": 1, "unchanged": 1}


def test_a_name_alone_proposes_nothing(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=2))
    read = roster(users=1)
    read[Kind.USERS].append(("z-user-2", *user(2, identifier=None, username="other")[1:]))
    assert hub.sync(app, read)["users"] == {"added": 1, "removed": 1, "unchanged": 1}


def test_two_who_are_alike_are_no_proposal_for_anybody(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=3)
    read[Kind.USERS][2] = user(3, email="same@example.org")
    read[Kind.USERS][1] = user(2, email="same@example.org")
    hub.sync(app, read)
    read = roster(users=1)
    stranger = user(9, identifier=None, username="stranger", email="same@example.org")
    read[Kind.USERS].append(("z-user-9", *stranger[1:]))
    assert hub.sync(app, read)["users"]["added"] == 1
    assert waiting(hub) == {}


def test_an_old_id_that_comes_back_beside_the_new_one_is_somebody_else(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=1))
    (before,) = links(hub, app).values()
    read = roster(users=1)
    read[Kind.USERS] = [("n-user-1", *user(1)[1:])]
    read[Kind.ROLES] = read[Kind.ENROLLMENTS] = read[Kind.DEMOGRAPHICS] = []
    only = {kind: rows for kind, rows in read.items() if rows}
    assert hub.sync(app, only)["users"] == {"renamed": 1, "unchanged": 1}
    only[Kind.USERS] = [*only[Kind.USERS], user(1, identifier="7", username="new")]
    assert hub.sync(app, only)["users"] == {"added": 1, "unchanged": 1}
    found = links(hub, app)
    assert found["n-user-1"] == before
    assert found["user-1"] != before


def test_an_old_id_that_comes_back_instead_of_the_new_one_is_the_same(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=2))
    before = links(hub, app)
    hub.sync(app, roster(users=2, prefix="n-"))
    assert hub.sync(app, renamed_back(2))["users"] == {"renamed": 2, "unchanged": 2}
    assert links(hub, app) == before


def renamed_back(users: int) -> Roster:
    read = roster(users=users)
    read[Kind.USERS] = [user(number) for number in range(1, users + 1)]
    return read


def test_a_rename_may_come_incrementally_where_the_old_id_is_named(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    before = links(hub, app)
    row = ("n-user-3", *user(3)[1:])
    counts = hub.sync(
        app, {Kind.USERS: [row]}, mode=Mode.INCREMENTAL, deleted={Kind.USERS: ["user-3"]}
    )
    assert counts["users"] == {"renamed": 1, "unchanged": 1}
    assert links(hub, app)["n-user-3"] == before["user-3"]


def test_a_key_of_one_whom_the_app_shows_under_another_id_matches_nobody(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=2))
    before = links(hub, app)
    read = roster(users=2)
    read[Kind.USERS].append(("twin", *user(1, username="twin")[1:]))
    assert hub.sync(app, read)["users"] == {"added": 1, "unchanged": 2}
    assert links(hub, app)["twin"] not in before.values()
    row = ("third", *user(2, username="third")[1:])
    counts = hub.sync(app, {Kind.USERS: [row]}, mode=Mode.INCREMENTAL)
    assert counts["users"] == {"added": 1}


def test_a_rename_that_nobody_decides_blocks_nobody_else(hub: Hub) -> None:
    app = hub.app(1)
    set_rules(hub, app, approval_days=1)
    hub.sync(app, roster(users=3))
    read = roster(users=4)
    read[Kind.USERS][2] = ("n-user-3", *user(3, identifier=None)[1:])
    for kind in (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
        read[kind] = [row for row in read[kind] if "user-3" not in row]
    read[Kind.ENROLLMENTS].append(enrollment(5, userSourcedId="n-user-3"))
    counts = hub.sync(app, read)
    assert counts["users"] == {"added": 1, "proposed": 1, "unchanged": 2}
    assert hub.quarantined() == []
