"""Two apps that hold the same people: matched once by key, then by link for ever."""

from __future__ import annotations

import pytest

from shared.domain.records import Kind
from tests.integration.roster.district import Hub, enrollment, roster, user


def test_two_apps_with_the_same_people_share_their_records(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2, "two_way")
    hub.sync(first, roster(users=3))
    counts = hub.sync(second, roster(users=4, prefix="b-"))
    assert counts["users"] == {"unchanged": 3, "added": 1}
    for kind, shared in ((Kind.ORGS, 2), (Kind.ACADEMIC_SESSIONS, 2), (Kind.COURSES, 1),
                         (Kind.CLASSES, 1), (Kind.ROLES, 3), (Kind.DEMOGRAPHICS, 3)):  # fmt: skip
        assert counts[kind]["unchanged"] == shared, kind
    assert counts["enrollments"] == {"unchanged": 3, "added": 1}
    assert hub.sourced_id(first, Kind.USERS, "user-1") == hub.sourced_id(
        second, Kind.USERS, "b-user-1"
    )
    before = hub.everything()
    hub.sync(second, roster(users=4, prefix="b-"))
    assert hub.everything() == before


def test_once_linked_the_key_no_longer_counts(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(first, roster(users=2))
    read = roster(users=2, prefix="b-")
    hub.sync(second, read)
    read[Kind.USERS] = [user(1, "b-", identifier="1002"), user(2, "b-", identifier="1001")]
    hub.sync(second, read)
    for number in (1, 2):
        assert hub.sourced_id(second, Kind.USERS, f"b-user-{number}") == hub.sourced_id(
            first, Kind.USERS, f"user-{number}"
        )


def test_a_record_goes_when_the_last_app_that_has_it_lets_go(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(first, roster(users=2))
    hub.sync(second, roster(users=2, prefix="b-"))
    counts = hub.sync(first, roster(users=1))
    assert counts["users"] == {"unchanged": 1}
    assert hub.link(first, Kind.USERS, "user-2")["ended_at"] is not None
    assert set(hub.records(Kind.USERS)) == {"user1", "user2"}
    counts = hub.sync(second, roster(users=1, prefix="b-"))
    assert counts["users"] == {"unchanged": 1, "removed": 1}
    assert set(hub.records(Kind.USERS)) == {"user1"}


def test_a_key_that_two_records_share_matches_neither(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    read = roster(users=2)
    read[Kind.USERS] = [user(1, identifier="same"), user(2, identifier="same")]
    hub.sync(first, read)
    read = roster(users=1, prefix="b-")
    read[Kind.USERS] = [user(1, "b-", identifier="same", username="user1b")]
    assert hub.sync(second, read)["users"] == {"added": 1}


def test_of_two_rows_with_the_key_of_one_record_only_the_first_is_it(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(first, roster(users=1))
    read = roster(users=2, prefix="b-")
    read[Kind.USERS] = [
        user(1, "b-", identifier="1001"),
        user(2, "b-", identifier="1001"),
        user(3, "b-", identifier="1001"),
    ]
    counts = hub.sync(second, read)
    assert counts["users"] == {"unchanged": 1, "added": 2}
    mine = hub.sourced_id(first, Kind.USERS, "user-1")
    others = [hub.sourced_id(second, Kind.USERS, f"b-user-{number}") for number in (1, 2, 3)]
    assert others[0] == mine
    assert len(set(others)) == 3


def test_who_has_no_key_is_new(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    read = roster(users=1)
    read[Kind.USERS] = [user(1, identifier=None)]
    hub.sync(first, read)
    read = roster(users=1, prefix="b-")
    read[Kind.USERS] = [user(1, "b-", identifier=None, username="user1b")]
    assert hub.sync(second, read)["users"] == {"added": 1}


@pytest.mark.parametrize(("position", "name"), [(1, "Given 1b"), (3, "Given 1")])
def test_on_a_first_match_the_first_app_is_right_and_what_is_empty_is_filled(
    hub: Hub, position: int, name: str
) -> None:
    first, second = hub.app(2), hub.app(position)
    read = roster(users=1)
    read[Kind.USERS] = [user(1, middleName="Middle 1")]
    hub.sync(first, read)
    read = roster(users=1, prefix="b-")
    read[Kind.USERS] = [user(1, "b-", givenName="Given 1b", email="user1@example.org")]
    assert hub.sync(second, read)["users"] == {"updated": 1}
    found = hub.records(Kind.USERS)["user1"]
    assert found["given_name"] == name
    assert (found["email"], found["middle_name"]) == ("user1@example.org", "Middle 1")


def test_an_app_owns_only_what_it_supplies(hub: Hub) -> None:
    first, second, third = hub.app(1), hub.app(2), hub.app(3)
    hub.sync(first, roster(users=1))
    for app, prefix, email in ((third, "c-", "c@example.org"), (second, "b-", "b@example.org")):
        read = roster(users=1, prefix=prefix)
        read[Kind.USERS] = [user(1, prefix, email=email)]
        hub.sync(app, read)
    # the first app comes before both, but knows no e-mail address
    assert hub.records(Kind.USERS)["user1"]["email"] == "b@example.org"


def test_several_terms_of_one_app_may_be_one_and_go_with_the_last(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(first, roster(users=1))
    read = roster(users=1, prefix="b-")
    twin = ("b-term-1-again", *read[Kind.ACADEMIC_SESSIONS][0][1:])
    read[Kind.ACADEMIC_SESSIONS].append(twin)
    assert hub.sync(second, read)["academicSessions"] == {"unchanged": 3}
    read[Kind.ACADEMIC_SESSIONS].pop()
    counts = hub.sync(second, read)
    assert counts["academicSessions"] == {"unchanged": 2}
    assert len(hub.records(Kind.ACADEMIC_SESSIONS)) == 2


def test_an_enrollment_is_the_same_by_class_user_and_role(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    hub.sync(first, roster(users=1))
    read = roster(users=1, prefix="b-")
    read[Kind.ENROLLMENTS] = [enrollment(1, "b-", role="teacher")]
    assert hub.sync(second, read)["enrollments"] == {"added": 1}
