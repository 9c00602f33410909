"""Duplicates: listed, judged, and merged so that both apps keep their links."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import update

from shared.db.hub_tables import LINKS, change_log, hubs
from shared.db.open_work import count_open
from shared.db.review_tables import judged_pairs
from shared.db.tables import apps
from shared.domain.reading import Row
from shared.domain.records import Kind, encode_list
from shared.errors import ConfigurationError
from shared.roster.duplicate_merge import merge_users
from shared.roster.duplicates import (
    SHARED_BY,
    count_duplicates,
    judge_distinct,
    list_duplicates,
)
from tests.integration.roster.district import Hub, record, roster, user

Read = dict[Kind, list[Row]]


def second_read(**values: str | None) -> Read:
    """What a second app shows of student 1, whom nothing but the address ties to the first."""
    read = roster(users=1, prefix="b-")
    read[Kind.USERS] = [
        user(1, "b-", identifier="9001", username="b1", email="ONE@example.org", **values)
    ]
    return read


def two_apps(hub: Hub) -> tuple[int, int, Read, str, str]:
    """A person whom two apps have brought as two records."""
    first, second = hub.app(1), hub.app(2)
    read = roster(users=2)
    read[Kind.USERS][0] = user(1, email="one@example.org")
    hub.sync(first, read)
    hub.sync(second, second_read(phone="5", givenName="Other"))
    keep = hub.sourced_id(first, Kind.USERS, "user-1")
    other = hub.sourced_id(second, Kind.USERS, "b-user-1")
    assert keep != other
    return first, second, read, keep, other


def pairs(hub: Hub) -> dict[tuple[str, str], list[str]]:
    found = list_duplicates(hub.database, hub.tenant_id)
    return {(pair["first"], pair["second"]): pair["same"] for pair in found.pairs}


def counted(hub: Hub) -> tuple[int, bool] | None:
    """What a page is shown that may not wait: how many there were, and whether it is so still."""
    with hub.database.read() as connection:
        kept = count_open(connection, hub.tenant_id).duplicates
    return None if kept is None else (kept["pairs"], kept["is_current"])


def test_they_are_counted_again_only_when_something_has_changed(hub: Hub) -> None:
    _, second, _, keep, other = two_apps(hub)
    assert counted(hub) is None
    assert count_duplicates(hub.database, hub.tenant_id) == 1
    assert counted(hub) == (1, True)
    hub.sync(second, second_read(phone="6", givenName="Other"))
    assert counted(hub) == (1, False)
    assert count_duplicates(hub.database, hub.tenant_id) == len(pairs(hub)) == 1
    assert counted(hub) == (1, True)
    judge_distinct(hub.database, hub.tenant_id, keep, other, by=None)
    assert counted(hub) == (0, False)
    assert count_duplicates(hub.database, hub.tenant_id) == 0
    assert counted(hub) == (0, True)


def test_users_who_share_what_names_one_person_are_listed(hub: Hub) -> None:
    app, read = hub.app(1), roster(users=6)
    read[Kind.USERS] = [
        user(1, email="same@example.org"),
        user(2, email="SAME@example.org"),
        user(3, userMasterIdentifier="M"),
        user(4, userMasterIdentifier="M"),
        user(5, givenName="Ann", familyName="Twice"),
        user(6, givenName="ann", familyName="twice"),
    ]
    hub.sync(app, read)
    ids = [hub.sourced_id(app, Kind.USERS, f"user-{n}") for n in range(1, 7)]
    assert pairs(hub) == {
        (min(ids[0:2]), max(ids[0:2])): ["email"],
        (min(ids[2:4]), max(ids[2:4])): ["userMasterIdentifier"],
        (min(ids[4:6]), max(ids[4:6])): ["name and birth date"],
    }


def test_a_pair_that_shares_several_things_is_listed_once(hub: Hub) -> None:
    app, read = hub.app(1), roster(users=2)
    read[Kind.USERS][1] = user(2, identifier="1001", givenName="Given 1", familyName="Family 1")
    hub.sync(app, read)
    assert list(pairs(hub).values()) == [["identifier", "name and birth date"]]


def test_a_value_of_many_names_nobody(hub: Hub) -> None:
    app, count = hub.app(1), SHARED_BY + 1
    read = roster(users=count)
    read[Kind.USERS] = [user(n, email="office@example.org") for n in range(1, count + 1)]
    hub.sync(app, read)
    found = list_duplicates(hub.database, hub.tenant_id)
    assert found.pairs == []
    assert found.shared == [{"field": "email", "value": "office@example.org", "users": count}]


def test_a_pair_that_is_two_people_is_listed_no_more(hub: Hub) -> None:
    _, _, _, keep, other = two_apps(hub)
    assert list(pairs(hub)) == [(min(keep, other), max(keep, other))]
    for _ in range(2):
        judge_distinct(hub.database, hub.tenant_id, other, keep, by="ann")
    assert pairs(hub) == {}
    assert [(row["verdict"], row["by"]) for row in hub.table(judged_pairs)] == [("distinct", "ann")]


def test_a_merge_keeps_both_links_and_what_both_know(hub: Hub) -> None:
    first, second, read, keep, other = two_apps(hub)
    version = hub.table(hubs)[0]["version"]
    done = merge_users(hub.database, hub.tenant_id, keep, other, by="ann")
    assert (done.links, done.fields) == (2, ["phone"])
    # the class and the term are the same, and so are role, enrollment and demographics
    assert done.folded == {"roles": 1, "enrollments": 1, "demographics": 1}
    found = hub.records(Kind.USERS)["user1"]
    assert (found["sourced_id"], found["given_name"], found["phone"]) == (keep, "Given 1", "5")
    assert list(hub.records(Kind.USERS, status="tobedeleted")) == ["b1"]
    assert hub.table(hubs)[0]["version"] == version + 1
    assert hub.link(second, Kind.USERS, "b-user-1")["sourced_id"] == keep
    assert {row["user_sourced_id"] for row in hub.table(LINKS[Kind.ENROLLMENTS])} <= {
        keep, hub.sourced_id(first, Kind.USERS, "user-2")
    }  # fmt: skip
    logged = [row for row in hub.table(change_log) if row["actor"]]
    assert {row["actor"] for row in logged} == {f"merge of {other} into {keep} by ann"}
    # nothing moves when both apps say the same again, and both go on as one record's
    before = hub.everything()
    hub.sync(second, second_read(phone="5", givenName="Other"))
    hub.sync(first, read)
    assert hub.everything() == before
    hub.sync(second, second_read(phone="6", givenName="Other"))
    read[Kind.USERS][0] = user(1, email="one@example.org", givenName="Changed")
    hub.sync(first, read)
    found = hub.records(Kind.USERS)["user1"]
    assert (found["given_name"], found["phone"]) == ("Changed", "6")
    assert pairs(hub) == {}


def test_a_merged_record_lives_until_neither_app_has_it(hub: Hub) -> None:
    first, second, read, keep, other = two_apps(hub)
    merge_users(hub.database, hub.tenant_id, keep, other, by=None)
    gone: Read = {**second_read(), Kind.USERS: [user(9, "b-")], Kind.ROLES: [],
                  Kind.ENROLLMENTS: [], Kind.DEMOGRAPHICS: []}  # fmt: skip
    hub.sync(second, gone, complete=[Kind.USERS])
    assert "user1" in hub.records(Kind.USERS)
    without = {**read, Kind.USERS: read[Kind.USERS][1:]}
    hub.sync(first, without, complete=[Kind.USERS])
    assert "user1" not in hub.records(Kind.USERS)


def test_the_owner_s_value_stays_whichever_record_does(hub: Hub) -> None:
    _, _, _, keep, other = two_apps(hub)
    done = merge_users(hub.database, hub.tenant_id, other, keep, by=None)
    found = hub.records(Kind.USERS)["user1"]
    assert found["sourced_id"] == other
    assert (found["given_name"], found["phone"], found["identifier"]) == ("Given 1", "5", "1001")
    assert "givenName" in done.fields


def test_a_rule_of_ownership_decides_before_the_order(hub: Hub) -> None:
    _, second, _, keep, other = two_apps(hub)
    with hub.database.write() as connection:
        rules = {"fields": {"users.givenName": "owner"}}
        connection.execute(update(apps).where(apps.c.id == second).values(rules=rules))
    done = merge_users(hub.database, hub.tenant_id, keep, other, by=None)
    assert done.fields == ["givenName", "phone"]
    assert hub.records(Kind.USERS)["user1"]["given_name"] == "Other"


def test_what_only_the_other_had_is_moved(hub: Hub) -> None:
    app, read = hub.app(1), roster(users=3)
    read[Kind.CLASSES].append(
        record(
            Kind.CLASSES, "class-2", title="Class 2", classCode="K2", classType="scheduled",
            courseSourcedId="course", schoolSourcedId="school",
            termSourcedIds=encode_list(["term-1"]),
        )
    )  # fmt: skip
    place = 1
    moved = list(read[Kind.ENROLLMENTS][1])
    moved[place] = "class-2"
    read[Kind.ENROLLMENTS][1] = tuple(moved)
    read[Kind.USERS][2] = user(3, agentSourcedIds=encode_list(["user-2", "user-1"]))
    hub.sync(app, read)
    keep, other, child = (hub.sourced_id(app, Kind.USERS, f"user-{n}") for n in (1, 2, 3))
    done = merge_users(hub.database, hub.tenant_id, keep, other, by=None)
    assert done.moved == {"enrollments": 1, "users": 1}
    enrolled = hub.records(Kind.ENROLLMENTS)
    assert sum(row["user_sourced_id"] == keep for row in enrolled.values()) == 2
    agents = hub.records(Kind.USERS)["user3"]["agent_sourced_ids"]
    assert json.loads(agents) == [keep]
    assert hub.records(Kind.USERS)["user3"]["sourced_id"] == child
    # the app still shows two, with their values: nothing comes apart again
    before = hub.everything()
    hub.sync(app, read)
    assert hub.everything() == before
    read[Kind.USERS][2] = user(3, agentSourcedIds=encode_list(["user-2", "user-1"]), phone="7")
    read[Kind.USERS][1] = user(2, phone="8")
    hub.sync(app, read)
    found: dict[str, Any] = hub.records(Kind.USERS)
    assert set(found) == {"user1", "user3"}
    assert json.loads(found["user3"]["agent_sourced_ids"]) == [keep]
    assert found["user1"]["phone"] == "8"


def test_a_third_app_does_not_bring_the_merged_record_back(hub: Hub) -> None:
    _, _, _, keep, other = two_apps(hub)
    merge_users(hub.database, hub.tenant_id, keep, other, by=None)
    third = hub.app(3)
    hub.sync(third, {Kind.ORGS: roster(0)[Kind.ORGS], Kind.USERS: [user(5, identifier="9001")]})
    assert hub.sourced_id(third, Kind.USERS, "user-5") not in {keep, other}
    assert list(hub.records(Kind.USERS, status="tobedeleted")) == ["b1"]


def test_only_two_active_users_of_the_tenant_are_judged(hub: Hub) -> None:
    _, _, _, keep, other = two_apps(hub)
    stranger = hub.key_of_another_tenant().tenant_id
    for tenant, one, two, told in (
        (hub.tenant_id, keep, keep, "same record twice"),
        (hub.tenant_id, keep, "nobody", "no active user 'nobody'"),
        (stranger, keep, other, "no active user"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            merge_users(hub.database, tenant, one, two, by=None)
        with pytest.raises(ConfigurationError, match=told):
            judge_distinct(hub.database, tenant, one, two, by=None)
    merge_users(hub.database, hub.tenant_id, keep, other, by=None)
    with pytest.raises(ConfigurationError, match="no active user"):
        merge_users(hub.database, hub.tenant_id, keep, other, by=None)
