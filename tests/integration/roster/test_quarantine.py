"""Records that break a rule are left out with their reason, and their last good version stays."""

from __future__ import annotations

import json

from shared.db.hub_tables import quarantine
from shared.domain.reading import Refused
from shared.domain.records import Kind, encode_list
from shared.roster.attempt import JobKey
from tests.integration.roster.district import Hub, enrollment, record, roster, user


def test_a_repeat_counts_once_and_a_clash_is_left_out(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=3)
    hub.sync(app, read)
    before = hub.records(Kind.USERS)
    read[Kind.USERS] += [user(1), user(2, givenName="Given 2b"), user(2)]
    counts = hub.sync(app, read)
    assert counts["users"] == {"unchanged": 2, "quarantined": 2}
    assert hub.quarantined() == [("users", "user-2", "sourcedId")] * 2
    sources = [json.loads(row["source"]) for row in hub.table(quarantine)]
    assert {source["givenName"] for source in sources} == {"Given 2", "Given 2b"}
    assert hub.records(Kind.USERS) == before


def test_a_clash_in_the_first_read_takes_what_hangs_on_it_along(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=2)
    read[Kind.USERS].append(user(2, givenName="Given 2b"))
    counts = hub.sync(app, read)
    assert counts["users"] == {"added": 1, "quarantined": 2}
    assert counts["enrollments"] == {"added": 1, "quarantined": 1}
    assert hub.quarantined() == [
        ("demographics", "user-2", "userSourcedId"),
        ("enrollments", "enrollment-2", "userSourcedId"),
        ("roles", "user-2/school", "userSourcedId"),
        ("users", "user-2", "sourcedId"),
        ("users", "user-2", "sourcedId"),
    ]


def test_missing_and_unknown_values(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=1)
    read[Kind.USERS] += [
        user(2, familyName=None),
        user(3, enabledUser="yes"),
        user(4, givenName=""),
        # which OneRoster lets nobody extend
        user(5, enabledUser="ext:perhaps"),
    ]
    read[Kind.ENROLLMENTS].append(enrollment(1, role="ext:observer")[:1] + ("class",) * 0)
    read[Kind.ENROLLMENTS][-1] = ("enrollment-x", *enrollment(1, role="ext:observer")[1:])
    counts = hub.sync(app, read)
    assert counts["users"] == {"added": 1, "quarantined": 4}
    assert counts["enrollments"] == {"added": 2}
    assert hub.quarantined() == [
        ("users", "user-2", "familyName"),
        ("users", "user-3", "enabledUser"),
        ("users", "user-4", "givenName"),
        ("users", "user-5", "enabledUser"),
    ]
    reasons = {row["external_id"]: row["reason"] for row in hub.table(quarantine)}
    assert reasons["user-2"] == "it is missing"
    assert reasons["user-3"] == "it is not one of false, true"


def test_a_bad_version_leaves_the_last_good_one(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=2)
    hub.sync(app, read)
    before = hub.everything()
    read[Kind.USERS][1] = user(2, familyName=None, givenName="Given 2b")
    assert hub.sync(app, read)["users"] == {"unchanged": 1, "quarantined": 1}
    assert hub.everything() == before
    read[Kind.USERS][1] = user(2, givenName="Given 2b")
    assert hub.sync(app, read)["users"] == {"unchanged": 1, "updated": 1}


def test_dangling_references_fall_in_a_row_and_heal_by_themselves(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=1)
    courses = read.pop(Kind.COURSES)
    counts = hub.sync(app, read)
    assert counts["classes"] == {"quarantined": 1}
    assert counts["enrollments"] == {"quarantined": 1}
    assert ("classes", "class", "courseSourcedId") in hub.quarantined()
    assert hub.records(Kind.CLASSES) == {}
    counts = hub.sync(app, read | {Kind.COURSES: courses})
    assert counts["classes"] == counts["enrollments"] == {"added": 1}


def test_one_of_several_references_that_dangles_refuses_the_record(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=1)
    klass = dict(zip(("id", *range(20)), read[Kind.CLASSES][0], strict=False))
    assert klass["id"] == "class"
    row = list(read[Kind.CLASSES][0])
    row[8] = encode_list(["term-1", "term-9"])
    read[Kind.CLASSES] = [tuple(row)]
    assert hub.sync(app, read)["classes"] == {"quarantined": 1}
    (told,) = (row for row in hub.table(quarantine) if row["kind"] == "classes")
    assert (told["field"], "term-9" in told["reason"]) == ("termSourcedIds", True)


def test_an_optional_reference_that_dangles_is_left_out_and_looked_at_again(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=1)
    read[Kind.USERS] = [user(1, agentSourcedIds=encode_list(["user-2", "user-1"]))]
    assert hub.sync(app, read)["users"] == {"added": 1}
    assert hub.quarantined() == [("users", "user-1", "agentSourcedIds")]
    me = hub.sourced_id(app, Kind.USERS, "user-1")
    assert hub.records(Kind.USERS)["user1"]["agent_sourced_ids"] == f'["{me}"]'

    read[Kind.USERS].append(user(2))
    assert hub.sync(app, read)["users"] == {"added": 1, "updated": 1}
    both = encode_list([me, hub.sourced_id(app, Kind.USERS, "user-2")])
    assert hub.records(Kind.USERS)["user1"]["agent_sourced_ids"] == both


def test_a_reference_to_what_an_earlier_read_brought_is_known(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=1)
    hub.sync(app, read)
    assert hub.sync(app, {Kind.ENROLLMENTS: [enrollment(1), record(
        Kind.ENROLLMENTS, "enrollment-b", classSourcedId="class", schoolSourcedId="school",
        userSourcedId="user-1", role="teacher")]})["enrollments"] == {"added": 1, "unchanged": 1}  # fmt: skip


def test_a_record_that_the_connector_could_not_read_is_not_gone(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    refused = [
        Refused(Kind.USERS, "user-3", "familyName", "it is missing", {"sourcedId": "user-3"}),
        # OneRoster 1.1 keeps roles with their users, so the user's id names the role
        Refused(Kind.ROLES, "user-3", "role", "there is no such role", {"sourcedId": "user-3"}),
    ]
    read = roster(users=2)
    counts = hub.sync(app, read, refused=refused)
    assert counts["users"] == {"unchanged": 2, "quarantined": 1}
    assert counts["roles"] == {"unchanged": 2, "quarantined": 1}
    # nobody told of this one: it is gone
    assert counts["enrollments"] == {"unchanged": 2, "removed": 1}
    assert set(hub.records(Kind.USERS)) == {"user1", "user2", "user3"}
    told = {row["kind"]: row for row in hub.table(quarantine)}
    assert json.loads(told["users"]["source"]) == {"sourcedId": "user-3"}


def test_text_that_no_database_can_store_is_refused_by_record(hub: Hub) -> None:
    app = hub.app(1)
    read = roster(users=1)
    read[Kind.USERS] += [user(2, givenName="a\x00b"), user(3, familyName="\ud800")]
    counts = hub.sync(app, read)
    assert counts["users"] == {"added": 1, "quarantined": 2}
    assert [entry[1:] for entry in hub.quarantined() if entry[0] == "users"] == [
        ("user-2", "givenName"),
        ("user-3", "familyName"),
    ]


def test_an_attempt_that_died_does_not_double_what_was_refused(hub: Hub) -> None:
    app = hub.app(1)
    refused = [Refused(Kind.USERS, "users.csv:2", "sourcedId", "it is missing", {})]
    for attempt in (1, 2):
        key = JobKey(5, attempt, hub.tenant_id, app)
        plan = hub.plan(key, roster(users=1), refused=refused)
    assert hub.apply(plan)["users"]["quarantined"] == 1
    assert len(hub.table(quarantine)) == 1


def test_what_is_refused_twice_in_a_plan_made_anew_is_told_once(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    read = roster(users=1)
    read[Kind.USERS].append(user(2, familyName=None))
    plan = hub.plan(second, read)
    hub.sync(first, roster(users=1, prefix="a-"))
    assert hub.apply(plan)["users"]["quarantined"] == 1
    assert [entry for entry in hub.quarantined() if entry[0] == "users"] == [
        ("users", "user-2", "familyName")
    ]
