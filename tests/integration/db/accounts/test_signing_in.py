"""Who gets in, for how long, and what is told of it."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from console.accounts.attempts import BY_ACCOUNT, BY_ADDRESS, Attempt, Client
from console.accounts.managing import disable_account, give_grant, take_grant
from console.accounts.passwords import is_outdated
from console.accounts.signing_in import change_password
from shared.db import accounts
from shared.db.forgetting import forget_access
from shared.domain.access import Via
from shared.domain.roles import Grant, Permission, Role
from shared.errors import ConfigurationError, ThrottledError, UnauthenticatedError

PASSWORD = "lantern gravel otter"
OTHER = "marble kettle harbour"
CLIENT = Client("192.0.2.1", "a browser")


def found(house, opened, **more):
    return house.sessions.find(opened.id, **more)


def test_a_name_and_its_password_let_in(house) -> None:
    house.account("pat", Role.OPERATOR, house.oak)
    opened = house.sign_in(" PAT ")
    session = found(house, opened)
    caller = session.caller("192.0.2.1")
    assert (caller.name, caller.via, caller.address) == ("pat", Via.CONSOLE, "192.0.2.1")
    assert caller.may(Permission.OPERATE, house.oak)
    assert not caller.may(Permission.VIEW, house.elm)
    assert not caller.may(Permission.VIEW, None)
    assert session.account.signed_in_at == house.clock.now()
    assert house.audit() == [("sign_in", "allowed", "pat")]


def test_nothing_that_lets_in_is_stored(house) -> None:
    house.account("pat", Role.OPERATOR, house.oak)
    opened = house.sign_in("pat")
    stored = house.everything()
    assert "pat" in stored
    for secret in (opened.id, PASSWORD, found(house, opened).csrf_token):
        assert secret not in stored


def test_every_refusal_is_told_alike(house) -> None:
    pat = house.account("pat", Role.OPERATOR, house.oak)
    house.account("gone", Role.OPERATOR, house.oak)
    disable_account(house.database, house.owner, "gone")
    with house.database.write() as connection:
        accounts.add_account(connection, "new", house.clock.now())
    told = set()
    for name, password in [
        ("pat", OTHER),
        ("pat", ""),
        ("pat", "x" * 100_000),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("new", PASSWORD),
    ]:
        with pytest.raises(UnauthenticatedError) as refused:
            house.sign_in(name, password)
        told.add(str(refused.value))
    assert told == {"the name or the password is wrong"}
    assert house.audit() == [
        *[("sign_in", "denied", "pat")] * 3,
        # what was typed may have been a password
        ("sign_in", "denied", None),
        ("sign_in", "denied", "gone"),
        ("sign_in", "denied", "new"),
    ]
    assert "nobody" not in house.everything()
    assert pat.account_id is not None


def test_a_session_ends_when_idle_and_in_any_case(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    opened = house.sign_in("pat")
    house.clock.turn(minutes=29)
    assert found(house, opened, touch=False)
    house.clock.turn(minutes=2)
    assert found(house, opened) is None

    opened = house.sign_in("pat")
    for _ in range(25):
        house.clock.turn(minutes=28)
        assert found(house, opened)
    house.clock.turn(minutes=20)
    assert found(house, opened) is None


def test_a_sign_in_ends_the_session_that_the_browser_came_with(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    first = house.sign_in("pat")
    second = house.sign_in("pat", former=first.id)
    assert found(house, first) is None
    assert found(house, second)


def test_a_session_goes_on_under_another_id(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    opened = house.sign_in("pat")
    renewed = house.sessions.rotate(opened.id)
    assert found(house, opened) is None
    assert house.sessions.find(renewed).account.name == "pat"
    assert house.sessions.rotate(opened.id) is None


def test_sign_out_ends_this_session_and_everywhere_all(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    one, two, three = (house.sign_in("pat") for _ in range(3))
    client = Client("192.0.2.1")
    house.sessions.sign_out(found(house, one), client)
    assert found(house, one) is None
    assert house.sessions.sign_out_everywhere(found(house, two), client) == 2
    assert found(house, three) is None
    told = [("sign_out", "allowed", "pat"), ("sign_out_everywhere", "allowed", "pat")]
    assert house.audit()[3:] == told


def test_one_sees_and_ends_ones_own_sessions_alone(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    house.account("kim", Role.VIEWER, house.oak)
    here, there, others = (house.sign_in(name) for name in ("pat", "pat", "kim"))
    mine = found(house, here)
    listed = house.sessions.listed(mine)
    assert len(listed) == 2
    assert [one["is_this"] for one in listed].count(True) == 1
    other = next(one["session"] for one in listed if not one["is_this"])
    assert house.sessions.end(mine, other, Client())
    assert not house.sessions.end(mine, found(house, others).digest, Client())
    assert found(house, there) is None
    assert found(house, others)


def test_a_change_of_roles_and_a_disabled_account_sign_out(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    changes = [
        lambda: give_grant(house.database, house.owner, "pat", Grant(Role.OPERATOR, house.oak)),
        lambda: give_grant(house.database, house.owner, "pat", Grant(Role.VIEWER, house.elm)),
        lambda: take_grant(house.database, house.owner, "pat", house.elm),
        lambda: disable_account(house.database, house.owner, "pat"),
    ]
    for change in changes:
        opened = house.sign_in("pat")
        change()
        assert found(house, opened) is None


def test_a_new_password_signs_out_everywhere_else(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    here, there = house.sign_in("pat"), house.sign_in("pat")
    renewed = change_password(house.sessions, found(house, here), PASSWORD, OTHER, Client())
    assert found(house, here) is None
    assert found(house, there) is None
    assert found(house, renewed)
    assert house.sign_in("pat", OTHER)
    with pytest.raises(UnauthenticatedError):
        house.sign_in("pat", PASSWORD)


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        (OTHER, "a lantern in the gravel", "current_password"),
        (PASSWORD, "short", "password"),
        (PASSWORD, PASSWORD, "password"),
    ],
)
def test_a_password_is_changed_by_who_knows_it(house, current, new, field) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    opened = house.sign_in("pat")
    with pytest.raises(ConfigurationError) as refused:
        change_password(house.sessions, found(house, opened), current, new, Client())
    assert refused.value.field == field
    assert found(house, opened)
    assert house.sign_in("pat")


def test_a_hash_of_old_parameters_and_a_weak_password_are_found_at_sign_in(house) -> None:
    pat = house.account("pat", Role.VIEWER, house.oak)
    weak = "Password2026!!"
    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(weak)
    with house.database.write() as connection:
        accounts.set_password_hash(connection, pat.account_id, old, house.clock.now())
    opened = house.sign_in("pat", weak)
    assert opened.account.must_change_password
    with house.database.read() as connection:
        renewed = accounts.password_hash_of(connection, pat.account_id)
    assert not is_outdated(renewed)
    renewed = change_password(house.sessions, found(house, opened), weak, OTHER, Client())
    assert not renewed.account.must_change_password


def test_an_account_waits_longer_with_each_failure_and_its_owner_never_long(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    waits = []
    # an hour of attempts from everywhere, as often as they are let through
    until = house.clock.now().timestamp() + 3600
    n_tried = 0
    while house.clock.now().timestamp() < until:
        try:
            Attempt.of("pat", f"192.0.2.{n_tried}").begin(house.database)
            n_tried += 1
        except ThrottledError as throttled:
            waits.append(throttled.retry_after_s)
            house.clock.turn(seconds=throttled.retry_after_s)
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert max(waits) == BY_ACCOUNT.longest_s
    # OWASP ASVS 4.0.3, 2.2.1
    assert n_tried < 100
    assert house.sign_in("pat", client=Client("198.51.100.1"))
    Attempt.of("pat", None).begin(house.database)


def test_an_address_that_tries_many_names_waits_whichever_it_tries(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    for number in range(BY_ADDRESS.free + 1):
        Attempt.of(f"guess{number}", CLIENT.address).begin(house.database)
    with pytest.raises(ThrottledError):
        house.sign_in("pat")
    assert house.sign_in("pat", client=Client("198.51.100.1"))


def test_who_gets_in_costs_their_school_nothing(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    for _ in range(BY_ADDRESS.free + 5):
        attempt = Attempt.of("pat", CLIENT.address)
        attempt.begin(house.database)
        attempt.succeed(house.database)
    assert house.sign_in("pat")


def test_attempts_at_the_same_moment_count_like_those_after_one_another(house, together) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    for _ in range(BY_ACCOUNT.free):
        with pytest.raises(UnauthenticatedError):
            house.sign_in("pat", "")
    results = together(*[lambda: house.sign_in("pat", "")] * 4)
    assert sorted(type(one).__name__ for one in results) == [
        *["ThrottledError"] * 3,
        "UnauthenticatedError",
    ]


def test_what_is_over_is_forgotten(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    house.sign_in("pat")
    with pytest.raises(UnauthenticatedError):
        house.sign_in("pat", "")
    house.clock.turn(days=1)
    kept = house.sign_in("pat")
    assert forget_access(house.database, audit_days=30) == 1
    assert found(house, kept)
    assert len(house.audit()) == 3
    house.clock.turn(days=30)
    forget_access(house.database, audit_days=30, limit=2)
    assert len(house.audit()) == 1
