"""Quality rules: dates, e-mail addresses, circles, unique keys, and a tenant's own rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import update

from shared.db.hub_tables import quarantine
from shared.db.tables import apps, tenants
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.rules import parse_tenant_rules
from shared.roster.tenant_quality import compile_quality
from tests.integration.roster.district import Hub, enrollment, record, roster, user


def _told(hub: Hub, kind: Kind) -> dict[str, tuple[str, str]]:
    """By external id, field and reason of what is in quarantine."""
    return {
        row["external_id"]: (row["field"], row["reason"])
        for row in hub.table(quarantine)
        if row["kind"] == kind
    }


def _set_tenant_rules(hub: Hub, **rules: Any) -> None:
    with hub.database.write() as connection:
        connection.execute(update(tenants).values(rules=rules))


def _org(name: str, parent: str | None) -> Any:
    return record(Kind.ORGS, name, name=name, type="school", parentSourcedId=parent)


# Values


def test_what_the_hub_refuses_comes_with_its_source_row(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=1)
    read[Kind.USERS].append(user(2, familyName=None, grades='["09","10"]'))
    hub.sync(app, read)
    (told,) = (row for row in hub.table(quarantine) if row["kind"] == "users")
    source = json.loads(told["source"])
    assert source["sourcedId"] == "user-2"
    assert source["givenName"] == "Given 2"
    assert source["familyName"] is None
    assert source["grades"] == '["09","10"]'
    # a reference as the app gave it, not as the hub knows it
    assert source["primaryOrgSourcedId"] == "school"


@pytest.mark.parametrize(
    ("date", "is_day"),
    [
        ("2024-02-29", True),
        ("2000-02-29", True),
        ("2012-12-31", True),
        ("2023-02-29", False),
        ("1900-02-29", False),
        ("2012-04-31", False),
        ("2012-13-01", False),
        ("2012-00-10", False),
        ("0000-01-01", False),
        ("now", False),
        ("2451545", False),
        ("2012-1-1", False),
        ("2012-01-01T00:00:00Z", False),
        ("2012-01-01 ", False),
    ],
)
def test_dates_are_days_of_the_calendar(hub: Hub, date: str, is_day: bool) -> None:
    app = hub.app(1)
    read = roster(users=1)
    row = dict(userSourcedId="user-1", birthDate=date)
    read[Kind.DEMOGRAPHICS] = [record(Kind.DEMOGRAPHICS, "user-1", **row)]
    counts = hub.sync(app, read)["demographics"]
    assert counts == ({"added": 1} if is_day else {"quarantined": 1})
    if not is_day:
        reason = "it is no day of the calendar, as YYYY-MM-DD"
        assert _told(hub, Kind.DEMOGRAPHICS) == {"user-1": ("birthDate", reason)}


def test_dates_are_in_order(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=3)
    same, wrong = ("2026-01-05", "2026-01-05"), ("2026-01-05", "2026-01-04")
    for number, (begin, end) in enumerate((same, wrong), start=1):
        read[Kind.ENROLLMENTS][number] = enrollment(number + 1, beginDate=begin, endDate=end)
    read[Kind.ACADEMIC_SESSIONS].append(
        record(
            Kind.ACADEMIC_SESSIONS,
            "term-3",
            title="Term 3",
            type="term",
            startDate="2026-03-01",
            endDate="2026-03-01",
            schoolYear="2026",
        )
    )
    counts = hub.sync(app, read)
    assert counts["enrollments"] == {"added": 2, "quarantined": 1}
    assert counts["academicSessions"] == {"added": 2, "quarantined": 1}
    assert _told(hub, Kind.ENROLLMENTS) == {"enrollment-3": ("endDate", "beginDate is after it")}
    assert _told(hub, Kind.ACADEMIC_SESSIONS) == {
        "term-3": ("endDate", "startDate is not before it")
    }


def test_what_is_no_address_is_left_out_and_the_last_good_one_stays(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=4)
    good = "user1@district.example"
    read[Kind.USERS] = [
        user(1, email=good),
        user(2, email="user2 at district.example"),
        user(3, email="user3@@district.example"),
        user(4, email="user4@district"),
    ]
    assert hub.sync(app, read)["users"] == {"added": 4}
    assert set(_told(hub, Kind.USERS)) == {"user-2", "user-3", "user-4"}
    assert {row["email"] for row in hub.records(Kind.USERS).values()} == {good, None}
    (told, *_) = (row for row in hub.table(quarantine) if row["external_id"] == "user-2")
    assert json.loads(told["source"])["email"] == "user2 at district.example"

    read[Kind.USERS][0] = user(1, email="nobody", givenName="Given 1b")
    assert hub.sync(app, read)["users"] == {"updated": 1, "unchanged": 3}
    me = hub.records(Kind.USERS)["user1"]
    assert (me["given_name"], me["email"]) == ("Given 1b", good)
    # told of as long as it is so, though nothing changes
    before = len(hub.table(quarantine))
    assert hub.sync(app, read)["users"] == {"unchanged": 4}
    assert len(hub.table(quarantine)) == before + 4


def test_a_plan_made_anew_tells_of_an_address_once(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    read = roster(users=1)
    read[Kind.USERS] = [user(1, email="nobody", username="other")]
    plan = hub.plan(second, read)
    hub.sync(first, roster(users=1, prefix="a-"))
    hub.apply(plan)
    assert list(_told(hub, Kind.USERS)) == ["user-1"]
    assert len([row for row in hub.table(quarantine) if row["field"] == "email"]) == 1
    assert hub.link(second, Kind.USERS, "user-1")["fingerprint"].endswith("*")


def test_a_primary_org_wants_a_role_in_it(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=2)
    read[Kind.USERS][1] = user(2, primaryOrgSourcedId="district")
    assert hub.sync(app, read)["users"] == {"added": 2}
    field, reason = _told(hub, Kind.USERS)["user-2"]
    assert field == "primaryOrgSourcedId"
    assert reason == "the user has no role in it: district; it was left out"
    assert hub.records(Kind.USERS)["user2"]["primary_org_sourced_id"] is None
    # who brings no roles cannot be judged
    only = {kind: rows for kind, rows in read.items() if kind is not Kind.ROLES}
    only[Kind.USERS][1] = user(2, primaryOrgSourcedId="district", givenName="Given 2b")
    assert hub.sync(app, only)["users"] == {"updated": 1, "unchanged": 1}


def test_parents_that_run_in_a_circle_are_refused_with_all_beneath(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=1)
    read[Kind.ORGS] += [_org("a", "b"), _org("b", "c"), _org("c", "a"), _org("d", "a"),
                        _org("e", "e"), _org("f", "school")]  # fmt: skip
    assert hub.sync(app, read)["orgs"] == {"added": 3, "quarantined": 5}
    told = _told(hub, Kind.ORGS)
    assert set(told) == {"a", "b", "c", "d", "e"}
    assert told["e"] == ("parentSourcedId", "its parents run in a circle: e")
    # one that closes over what the hub has leaves the last good version
    read[Kind.ORGS][1] = _org("district", "f")
    counts = hub.sync(app, read)["orgs"]
    assert hub.records(Kind.ORGS)["District 1"]["parent_sourced_id"] is None
    assert counts["quarantined"] == 6


# Unique keys


def _names(hub: Hub) -> dict[str, str]:
    return {row["given_name"]: row["username"] for row in hub.records(Kind.USERS).values()}


def test_of_new_records_with_one_value_the_first_is_taken_in(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=3)
    read[Kind.USERS][2] = user(3, username="USER1")
    counts = hub.sync(app, read)
    assert counts["users"] == {"added": 2, "quarantined": 1}
    assert counts["enrollments"] == {"added": 2, "quarantined": 1}
    field, reason = _told(hub, Kind.USERS)["user-3"]
    assert (field, reason) == ("username", "another record has the same value: user-1")


def test_the_one_that_the_hub_has_stays(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=2)
    hub.sync(app, read)
    mine = hub.sourced_id(app, Kind.USERS, "user-2")
    read[Kind.USERS] = [user(0, username="user2"), *read[Kind.USERS]]
    assert hub.sync(app, read)["users"] == {"unchanged": 2, "quarantined": 1}
    assert _told(hub, Kind.USERS)["user-0"][1].endswith(mine)
    # and of another app
    other = hub.app(2)
    theirs = roster(users=1, prefix="b-")
    theirs[Kind.USERS] = [user(1, "b-", identifier="9", username="User2")]
    assert hub.sync(other, theirs)["users"] == {"quarantined": 1}


def test_two_records_may_swap_their_values(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=3)
    hub.sync(app, read)
    read[Kind.USERS] = [user(1, username="user2"), user(2, username="user3"),
                        user(3, username="user1")]  # fmt: skip
    assert hub.sync(app, read)["users"] == {"updated": 3}
    assert _names(hub) == {"Given 1": "user2", "Given 2": "user3", "Given 3": "user1"}


def test_who_is_refused_keeps_a_value_that_refuses_the_next(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=4)
    hub.sync(app, read)
    before = _names(hub)
    # 1 wants what 2 has, 2 what 3 has, 3 what 4 has, who keeps it; and 5 wants what 1 has
    read[Kind.USERS] = [user(1, username="user2"), user(2, username="user3"),
                        user(3, username="user4"), user(4), user(5, username="user1")]  # fmt: skip
    assert hub.sync(app, read)["users"] == {"unchanged": 1, "quarantined": 4}
    assert _names(hub) == before


def test_a_long_chain_of_refusals_ends_and_leaves_no_value_twice(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=40)
    hub.sync(app, read)
    read[Kind.USERS] = [user(n, username=f"user{min(n + 1, 40)}") for n in range(1, 41)]
    read[Kind.USERS] += [user(99, username="free")]
    assert hub.sync(app, read)["users"] == {"added": 1, "unchanged": 1, "quarantined": 39}
    names = [row["username"] for row in hub.records(Kind.USERS).values()]
    assert len(set(names)) == len(names) == 41


def test_a_removal_that_is_held_keeps_its_value(hub: Hub) -> None:
    app = hub.app(1)
    with hub.database.write() as connection:
        connection.execute(update(apps).values(rules={"limit": {"percent": 0, "at_least": 1}}))
    read = roster(users=3)
    _set_tenant_rules(hub, unique=["users.identifier"])
    read[Kind.USERS] = [user(n, identifier=f"id{n}") for n in (1, 2, 3)]
    hub.sync(app, read)
    # matching does not know upper from lower case, the unique key does
    read[Kind.USERS][2] = user(8, identifier="ID3", givenName="Given 8")
    counts = hub.sync(app, read)["users"]
    assert counts == {"unchanged": 2, "quarantined": 1, "held": 1}


def test_the_value_of_a_removed_record_is_free_when_nobody_else_has_it(hub: Hub) -> None:
    app, other = hub.app(1), hub.app(2)
    _set_tenant_rules(hub, unique=["users.identifier"])
    read = roster(users=3)
    read[Kind.USERS] = [user(n, identifier=f"id{n}") for n in (1, 2, 3)]
    hub.sync(app, read)
    hub.sync(other, read | {Kind.USERS: read[Kind.USERS][:2]})
    read[Kind.USERS] = [
        user(1, identifier="id1"),
        user(7, identifier="ID2", username="user7"),
        user(8, identifier="ID3", username="user8"),
    ]
    # the other app still has user-2
    counts = hub.sync(app, read)["users"]
    assert counts == {"added": 1, "unchanged": 1, "quarantined": 1, "removed": 1}
    told = _told(hub, Kind.USERS)
    assert told["user-7"][0] == "identifier"
    assert told["user-8"][0] == "primaryOrgSourcedId"


def test_a_tenant_may_have_no_unique_keys_or_others(hub: Hub) -> None:
    app = hub.app(1)
    _set_tenant_rules(hub, unique=["users.email"])
    read = roster(users=3)
    mail = "user@district.example"
    read[Kind.USERS] = [user(1, email=mail), user(2, username="user1"), user(3, email=mail.upper())]
    assert hub.sync(app, read)["users"] == {"added": 2, "quarantined": 1}
    assert _told(hub, Kind.USERS)["user-3"][0] == "email"


def test_a_renamed_record_whose_row_is_refused_is_not_removed(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=2)
    hub.sync(app, read)
    # user-1 comes under a new id, by its SIS id, with a name that another has
    read[Kind.USERS][0] = ("user-9", *user(1, username="user2")[1:])
    counts = hub.sync(app, read)["users"]
    assert counts == {"unchanged": 1, "quarantined": 1}
    assert _names(hub) == {"Given 1": "user1", "Given 2": "user2"}
    assert hub.link(app, Kind.USERS, "user-1")["ended_at"] is None


# A tenant's own rules


RULE = {
    "kind": "users",
    "field": "identifier",
    "expression": 'identifier.matches("^[0-9]{4}$")',
    "reason": "a student number has four digits: ask the registrar",
}


def test_a_rule_of_the_tenant_refuses_what_breaks_it(hub: Hub) -> None:
    app = hub.app(1)
    _set_tenant_rules(hub, quality=[RULE])
    read = roster(users=3)
    read[Kind.USERS][1] = user(2, identifier="x")
    assert hub.sync(app, read)["users"] == {"added": 2, "quarantined": 1}
    assert _told(hub, Kind.USERS) == {"user-2": (RULE["field"], RULE["reason"])}
    read[Kind.USERS][1] = user(2)
    assert hub.sync(app, read)["users"] == {"added": 1, "unchanged": 2}


def test_a_rule_that_fails_over_a_record_refuses_that_record(hub: Hub) -> None:
    app = hub.app(1)
    _set_tenant_rules(hub, quality=[RULE | {"expression": "int(identifier) > 1001"}])
    read = roster(users=3)
    read[Kind.USERS][2] = user(3, identifier="many")
    assert hub.sync(app, read)["users"] == {"added": 1, "quarantined": 2}
    told = _told(hub, Kind.USERS)
    assert told["user-1"][1] == RULE["reason"]
    assert told["user-3"][1] == f"{RULE['reason']} (the rule could not be evaluated over it)"


def test_a_rule_reads_sets_and_references_as_the_app_gives_them(hub: Hub) -> None:
    app = hub.app(1)
    _set_tenant_rules(
        hub,
        quality=[
            RULE | {"field": "grades", "expression": '"09" in grades || sourcedId == "user-2"'},
            RULE | {"kind": "enrollments", "field": "role", "expression": 'userSourcedId != "user-3"'},
        ],
    )  # fmt: skip
    read = roster(users=3)
    read[Kind.USERS][2] = user(3, grades='["08","09"]')
    counts = hub.sync(app, read)
    assert counts["users"] == {"added": 2, "quarantined": 1}
    assert set(_told(hub, Kind.USERS)) == {"user-1"}
    assert set(_told(hub, Kind.ENROLLMENTS)) == {"enrollment-1", "enrollment-3"}


def test_a_rule_is_not_applied_to_an_app_that_does_not_supply_what_it_reads(hub: Hub) -> None:
    app = hub.app(1)
    _set_tenant_rules(hub, quality=[RULE])
    names = ("enabledUser", "username", "givenName", "familyName")
    read = {Kind.USERS: [("user-1", "true", "user1", "Given 1", "Family 1")]}
    assert hub.sync(app, read, fields={Kind.USERS: names})["users"] == {"added": 1}


def test_more_rows_break_a_rule_than_a_page_holds(hub: Hub) -> None:
    app = hub.app(1)
    _set_tenant_rules(hub, quality=[RULE | {"expression": 'sourcedId != "user-5"'}, RULE])
    read = {Kind.USERS: [user(n, identifier="x", primaryOrgSourcedId=None) for n in range(4500)]}
    assert hub.sync(app, read)["users"] == {"quarantined": 4500}
    assert len(hub.table(quarantine)) == 4500


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"expression": "identifier =="}, "quality.0.expression"),
        ({"expression": "nickname == 'x'"}, "quality.0.expression"),
        ({"field": "nickname"}, "quality.0.field"),
    ],
)
def test_a_rule_is_checked_when_it_is_set(change: dict[str, str], where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_quality(parse_tenant_rules({"quality": [RULE | change]}))
    assert caught.value.field == where


def test_a_unique_key_names_a_field() -> None:
    with pytest.raises(ConfigurationError, match=r"is no KIND\.FIELD"):
        parse_tenant_rules({"unique": ["users"]})


def test_keys_that_differ_in_the_case_of_any_letter_are_one(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=0)
    read[Kind.USERS] = [user(1, username="Ärger"), user(2, username="ärger")]
    counts = hub.sync(app, read)
    assert counts["users"] == {"added": 1, "quarantined": 1}
    assert hub.quarantined() == [("users", "user-2", "username")]
