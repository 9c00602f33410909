"""The rules by which a user whom an app shows for the first time is known, and reappearance."""

from __future__ import annotations

import pytest

from shared.domain.records import Kind
from tests.integration.roster.district import Hub, Roster, roster, user
from tests.integration.roster.reviewing import age_removals, set_rules, set_unique


def known_as(hub: Hub, app: int, number: int, first: int) -> bool:
    """Whether the second app's user is the first app's."""
    return hub.sourced_id(app, Kind.USERS, f"b-user-{number}") == hub.sourced_id(
        first, Kind.USERS, f"user-{number}"
    )


def one(prefix: str, **values: str | None) -> Roster:
    """One user, whose username no other app's has: it must be unique, and names nobody."""
    read = roster(users=1, prefix=prefix)
    read[Kind.USERS] = [user(1, prefix, **{"username": f"{prefix}user1", **values})]
    return read


@pytest.mark.parametrize(
    ("rules", "same", "found"),
    [
        ({}, {"identifier": "7"}, True),
        ({}, {"userMasterIdentifier": "7"}, True),
        ({}, {"email": "a@district.example"}, False),
        ({}, {"username": "same", "email": "a@district.example"}, False),
        ({"matching": ["email"]}, {"email": "a@district.example"}, False),
        ({"matching": ["state_id"]}, {"identifier": "7"}, False),
        ({"matching": []}, {"identifier": "7"}, False),
    ],
)
def test_only_the_app_s_rules_name_a_user(
    hub: Hub,
    rules: dict[str, object],
    same: dict[str, str],
    found: bool,
) -> None:
    first, second = hub.app(1), hub.app(2)
    # else who has another's username, and is somebody else, would be left out
    set_unique(hub)
    set_rules(hub, second, **rules)
    hub.sync(first, one("", **{"identifier": "1", **same}))
    hub.sync(second, one("b-", **{"identifier": "2", **same}))
    assert known_as(hub, second, 1, first) is found


@pytest.mark.parametrize(
    ("email", "found"),
    [
        ("a@district.example", True),
        ("A@District.Example", True),
        ("a@elsewhere.example", False),
        ("a@sub.district.example", False),
        ("a@district.example.elsewhere.example", False),
        ("district.example", False),
    ],
)
def test_an_address_names_a_user_in_verified_domains_alone(
    hub: Hub,
    email: str,
    found: bool,
) -> None:
    first, second = hub.app(1), hub.app(2)
    set_rules(hub, second, matching=["email"], verified_email_domains=["District.example"])
    hub.sync(first, one("", email=email.lower()))
    hub.sync(second, one("b-", email=email))
    assert known_as(hub, second, 1, first) is found


def test_the_first_rule_that_finds_somebody_counts(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    read = roster(users=2)
    read[Kind.USERS] = [user(1, userMasterIdentifier="M1"), user(2, userMasterIdentifier="M2")]
    hub.sync(first, read)
    set_rules(hub, second, matching=["state_id", "sis_id"])
    hub.sync(second, one("b-", identifier="1002", userMasterIdentifier="M1"))
    assert known_as(hub, second, 1, first)


def test_a_key_that_two_share_leaves_it_to_the_next_rule(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    read = roster(users=2)
    read[Kind.USERS] = [
        user(1, identifier="same", userMasterIdentifier="M1"),
        user(2, identifier="same", userMasterIdentifier="M2"),
    ]
    hub.sync(first, read)
    hub.sync(second, one("b-", identifier="same", userMasterIdentifier="M1"))
    assert known_as(hub, second, 1, first)


def test_fields_that_change_move_no_link_to_another_person(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    set_rules(hub, second, matching=["sis_id", "email"], verified_email_domains=["d.example"])
    read = roster(users=2)
    read[Kind.USERS] = [user(1, email="a@d.example"), user(2, email="b@d.example")]
    hub.sync(first, read)
    other = roster(users=2, prefix="b-")
    hub.sync(second, other)
    other[Kind.USERS] = [
        user(1, "b-", identifier="1002", email="b@d.example"),
        user(2, "b-", identifier="1001", email="a@d.example"),
    ]
    assert hub.sync(second, other)["users"] == {"unchanged": 2}
    assert known_as(hub, second, 1, first)
    assert known_as(hub, second, 2, first)
    # nor does somebody new, who has one's key now, become the one
    other[Kind.USERS].append(user(3, "b-", identifier="1001"))
    assert hub.sync(second, other)["users"] == {"unchanged": 2, "added": 1}


def test_a_field_that_is_ignored_names_nobody(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    set_rules(hub, second, fields={"users.identifier": "ignore"})
    hub.sync(first, one(""))
    assert hub.sync(second, one("b-"))["users"] == {"added": 1}


GONE: dict[Kind, tuple[Kind, ...]] = {
    Kind.USERS: (Kind.USERS, Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS),
    Kind.CLASSES: (Kind.CLASSES, Kind.ENROLLMENTS),
    Kind.ENROLLMENTS: (Kind.ENROLLMENTS,),
}


@pytest.mark.parametrize("kind", list(GONE))
@pytest.mark.parametrize(("days", "same"), [(364, True), (366, False)])
def test_what_reappears_within_the_grace_period_is_what_it_was(
    hub: Hub,
    kind: Kind,
    days: int,
    same: bool,
) -> None:
    app = hub.app(1)
    read = roster(users=2)
    second = list(read[Kind.CLASSES][0])
    second[0], second[1], second[4] = "class-2", "Class 2", "K2"
    read[Kind.CLASSES].append(tuple(second))
    read[Kind.ENROLLMENTS][1] = (
        read[Kind.ENROLLMENTS][1][0], "class-2", *read[Kind.ENROLLMENTS][1][2:]
    )  # fmt: skip
    hub.sync(app, read)
    external_id = read[kind][1][0]
    assert external_id
    before = hub.sourced_id(app, kind, external_id)
    less = {k: rows[:1] if k in GONE[kind] else rows for k, rows in read.items()}
    assert hub.sync(app, less)[kind]["removed"] == 1
    for one_kind in GONE[kind]:
        age_removals(hub, one_kind, days)
    counts = hub.sync(app, read)[kind]
    assert counts == {"restored" if same else "added": 1, "unchanged": 1}
    assert (hub.sourced_id(app, kind, external_id) == before) is same
    assert hub.sync(app, read)[kind] == {"unchanged": 2}


def test_who_reappears_under_another_id_within_the_grace_period_is_known_by_the_key(
    hub: Hub,
) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=2))
    before = hub.sourced_id(app, Kind.USERS, "user-2")
    hub.sync(app, roster(users=1))
    read = roster(users=1)
    read[Kind.USERS].append(("n-user-2", *user(2)[1:]))
    assert hub.sync(app, read)["users"] == {"restored": 1, "unchanged": 1}
    assert hub.sourced_id(app, Kind.USERS, "n-user-2") == before


def test_who_reappears_twice_is_two(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=2))
    before = hub.sourced_id(app, Kind.USERS, "user-2")
    hub.sync(app, roster(users=1))
    # the old id with another key, and another id with the key
    read = roster(users=1)
    read[Kind.USERS] += [("a-first", *user(2, username="b")[1:]), user(2, identifier="5")]
    counts = hub.sync(app, read)["users"]
    assert counts == {"restored": 1, "added": 1, "unchanged": 1}
    assert hub.sourced_id(app, Kind.USERS, "user-2") == before
    assert hub.sourced_id(app, Kind.USERS, "a-first") != before
