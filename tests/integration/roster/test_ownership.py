"""Whose value of a field is right, and who may let a record go."""

from __future__ import annotations

import pytest

from shared.db.hub_tables import LINKS
from shared.db.review_tables import conflicts
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import ConfigurationError
from shared.roster.ownership import load_ownership
from shared.roster.rules import parse_app_rules
from shared.roster.write_back import pending_writes
from tests.integration.roster.district import Hub, Roster, roster, user
from tests.integration.roster.reviewing import remove_app, set_rules


def one(prefix: str = "", **values: str | None) -> Roster:
    read = roster(users=1, prefix=prefix)
    read[Kind.USERS] = [user(1, prefix, **values)]
    return read


def email(hub: Hub) -> str | None:
    found: str | None = hub.records(Kind.USERS)["user1"]["email"]
    return found


def test_by_default_the_first_app_that_supplies_a_value_is_right(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(second, one("b-", email="b1@d.example"))
    hub.sync(first, one(email="a1@d.example"))
    assert email(hub) == "a1@d.example"
    hub.sync(second, one("b-", email="b2@d.example"))
    assert email(hub) == "a1@d.example"
    # the owner has no value any more: the next one that has is right from its next edit on
    hub.sync(first, one(email=None))
    assert email(hub) is None
    hub.sync(second, one("b-", email="b3@d.example"))
    assert email(hub) == "b3@d.example"
    hub.sync(first, one(email="a2@d.example"))
    assert email(hub) == "a2@d.example"


def test_a_rule_makes_a_later_app_the_owner(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    set_rules(hub, second, fields={"users.email": "owner"})
    hub.sync(first, one(email="a1@d.example"))
    hub.sync(second, one("b-", email="b1@d.example"))
    assert email(hub) == "b1@d.example"
    hub.sync(first, one(email="a2@d.example"))
    assert email(hub) == "b1@d.example"


def test_a_rule_that_comes_later_acts_on_what_stands_still(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(first, one(email="a1@d.example", phone="a"))
    hub.sync(second, one("b-", email="b1@d.example", phone="b"))
    set_rules(hub, second, fields={"users.email": "owner"})
    # an incremental read that does not show the user says nothing
    hub.sync(second, {Kind.USERS: []}, mode=Mode.INCREMENTAL)
    assert email(hub) == "a1@d.example"
    assert hub.sync(second, one("b-", email="b1@d.example", phone="b"))["users"] == {"updated": 1}
    assert email(hub) == "b1@d.example"
    assert hub.records(Kind.USERS)["user1"]["phone"] == "a"
    # and from then on as any other
    before = hub.everything()
    hub.sync(second, one("b-", email="b1@d.example", phone="b"))
    hub.sync(first, one(email="a1@d.example", phone="a"))
    assert hub.everything() == before


def test_an_owner_by_a_later_rule_is_not_written_the_value_of_another(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2, "two_way")
    hub.sync(first, one(email="a1@d.example"))
    theirs = one("b-", email="b1@d.example")
    hub.sync(second, theirs)
    set_rules(hub, second, fields={"users.email": "owner"})
    plan = hub.plan(second, theirs)
    writable = {Kind.USERS: frozenset({"email"})}
    wanted = pending_writes(
        hub.database, plan, writable, batch_size=9, accepts=lambda kind, external_id: True
    )
    assert list(wanted) == []
    hub.apply(plan)
    assert email(hub) == "b1@d.example"
    assert hub.table(conflicts) == []


def test_of_two_owners_the_first_is_right_in_whatever_order_they_come(hub: Hub) -> None:
    first, second, third = hub.app(1), hub.app(2), hub.app(3)
    for app in (second, third):
        set_rules(hub, app, fields={"users.email": "owner"})
    hub.sync(first, one(email="a1@d.example"))
    hub.sync(third, one("c-", email="c1@d.example"))
    hub.sync(second, one("b-", email="b1@d.example"))
    assert email(hub) == "b1@d.example"
    hub.sync(third, one("c-", email="c2@d.example"))
    assert email(hub) == "b1@d.example"


def test_fill_takes_the_value_where_the_hub_has_none(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    set_rules(hub, first, fields={"users.email": "fill", "users.phone": "fill"})
    hub.sync(second, one("b-", email="b1@d.example"))
    hub.sync(first, one(email="a1@d.example", phone="1"))
    assert email(hub) == "b1@d.example"
    assert hub.records(Kind.USERS)["user1"]["phone"] == "1"
    hub.sync(second, one("b-", email="b2@d.example"))
    assert email(hub) == "b2@d.example"


@pytest.mark.parametrize("tier", ["import", "two_way"])
def test_what_is_ignored_is_taken_by_nobody_and_no_conflict(hub: Hub, tier: str) -> None:
    first, second = hub.app(2), hub.app(1, tier)
    set_rules(hub, second, fields={"users.email": "ignore"})
    hub.sync(first, one(phone="1"))
    assert hub.sync(second, one("b-", email="b1@d.example", phone="1"))["users"] == {"unchanged": 1}
    assert email(hub) is None
    assert hub.link(second, Kind.USERS, "b-user-1")["email"] is None
    # it comes first, and is no owner of what is ignored
    hub.sync(first, one(email="a1@d.example", phone="1"))
    assert hub.sync(second, one("b-", email="b2@d.example", phone="1"))["users"] == {"unchanged": 1}
    assert email(hub) == "a1@d.example"
    assert hub.count(conflicts) == 0
    plan = hub.plan(second, one("b-", email="b3@d.example", phone="1"))
    writable = {Kind.USERS: frozenset({"email"})}
    assert not list(
        pending_writes(hub.database, plan, writable, batch_size=9, accepts=lambda *_: True)
    )
    assert "email" not in plan.supplied[Kind.USERS]


def test_what_is_ignored_no_longer_is_taken_with_the_next_read(hub: Hub) -> None:
    app = hub.app(1)
    set_rules(hub, app, fields={"users.email": "ignore"})
    hub.sync(app, one(email="a1@d.example"))
    assert email(hub) is None
    set_rules(hub, app)
    assert hub.sync(app, one(email="a1@d.example"))["users"] == {"updated": 1}
    assert email(hub) == "a1@d.example"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"users": "fill"}, "users as a whole can be owned"),
        ({"users": "ignore"}, "users as a whole can be owned"),
        ({"roles.userSourcedId": "ignore"}, "means nothing without its userSourcedId"),
    ],
)
def test_rules_that_mean_nothing_are_refused(fields: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        parse_app_rules({"fields": fields})


def test_a_removed_app_owns_nothing_and_keeps_nobody(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(first, one(email="a1@d.example"))
    hub.sync(second, one("b-", email="b1@d.example"))
    remove_app(hub, first)
    with hub.database.read() as connection:
        assert set(load_ownership(connection, second).rules) == {second}
    hub.sync(second, one("b-", email="b2@d.example"))
    assert email(hub) == "b2@d.example"
    read = roster(users=2, prefix="b-")
    hub.sync(second, read)
    for kind in (Kind.USERS, Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
        read[kind] = read[kind][1:]
    assert hub.sync(second, read)["users"] == {"removed": 1, "unchanged": 1}


def less(read: Roster) -> Roster:
    """The same read without its second user."""
    gone = (Kind.USERS, Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS)
    return {kind: rows[:1] if kind in gone else rows for kind, rows in read.items()}


def test_a_two_way_app_keeps_nobody_whom_the_last_import_has_let_go(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2, "two_way")
    mine, theirs = roster(users=2), roster(users=2, prefix="b-")
    hub.sync(first, mine)
    hub.sync(second, theirs)
    assert hub.sync(second, less(theirs))["users"] == {"unchanged": 1}
    hub.sync(second, theirs)
    assert hub.sync(first, less(mine))["users"] == {"removed": 1, "unchanged": 1}


def test_a_record_of_2_way_apps_alone_goes_with_the_last_of_them(hub: Hub) -> None:
    first, second = hub.app(1, "two_way"), hub.app(2, "two_way")
    mine, theirs = roster(users=2), roster(users=2, prefix="b-")
    hub.sync(first, mine)
    hub.sync(second, theirs)
    assert hub.sync(first, less(mine))["users"] == {"unchanged": 1}
    assert hub.sync(second, less(theirs))["users"] == {"removed": 1, "unchanged": 1}


def test_the_owner_of_a_kind_lets_records_go_whoever_has_them(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    kinds = (Kind.USERS, Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS)
    set_rules(hub, second, fields=dict.fromkeys(kinds, "owner"))
    mine, theirs = roster(users=2), roster(users=2, prefix="b-")
    hub.sync(first, mine)
    hub.sync(second, theirs)
    assert hub.sync(first, less(mine))["users"] == {"unchanged": 1}
    hub.sync(first, mine)
    assert hub.sync(second, less(theirs))["users"] == {"removed": 1, "unchanged": 1}
    # whoever still has the record does not bring it back, the owner does
    mine[Kind.USERS][1] = user(2, phone="1")
    assert hub.sync(first, mine)["users"] == {"unchanged": 2}
    assert set(hub.records(Kind.USERS)) == {"user1"}
    assert hub.sync(second, theirs)["users"] == {"restored": 1, "unchanged": 1}
    assert set(hub.records(Kind.USERS)) == {"user1", "user2"}


def test_the_owner_of_a_kind_keeps_what_it_shows_under_another_id(hub: Hub) -> None:
    app = hub.app(1)
    set_rules(hub, app, fields={"academicSessions": "owner"})
    read = roster(users=1)
    hub.sync(app, read)
    twin = ("term-1-again", *read[Kind.ACADEMIC_SESSIONS][0][1:])
    read[Kind.ACADEMIC_SESSIONS].append(twin)
    hub.sync(app, read)
    read[Kind.ACADEMIC_SESSIONS].pop()
    assert hub.sync(app, read)["academicSessions"] == {"unchanged": 2}
    ended = [row for row in hub.table(LINKS[Kind.ACADEMIC_SESSIONS]) if row["ended_at"]]
    assert [row["external_id"] for row in ended] == ["term-1-again"]
    assert len(hub.records(Kind.ACADEMIC_SESSIONS)) == 2
