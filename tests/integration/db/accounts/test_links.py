"""One-time links: each does its one thing, once, for a while."""

from __future__ import annotations

import pytest

from console.accounts.attempts import Client
from console.accounts.links import (
    FIRST_ADMINISTRATOR_S,
    SET_PASSWORD_S,
    find_link,
    first_administrator_link,
    make_first_administrator,
    needs_first_administrator,
    set_password,
    set_password_link,
)
from console.accounts.managing import add_account, disable_account, give_grant
from shared.domain.access import LinkPurpose
from shared.domain.roles import Grant, Permission, Role
from shared.errors import ConfigurationError, ForbiddenError, NotFoundError

PASSWORD = "lantern gravel otter"
OTHER = "marble kettle harbour"


def use_first(house, secret, name="first"):
    return make_first_administrator(house.sessions, secret, name, PASSWORD, Client("192.0.2.1"))


def use(house, secret, password=PASSWORD):
    return set_password(house.sessions, secret, password, Client("192.0.2.1"))


def test_the_first_administrator_is_made_by_a_link_and_is_signed_in(house) -> None:
    assert needs_first_administrator(house.database)
    link = first_administrator_link(house.database)
    assert link.secret not in house.everything()
    shown = find_link(house.database, link.secret)
    assert (shown.purpose, shown.account) == (LinkPurpose.FIRST_ADMINISTRATOR, None)
    opened = use_first(house, link.secret, "First")
    caller = house.sessions.find(opened.id).caller(None)
    assert caller.name == "first"
    assert caller.may(Permission.ADMINISTER, None)
    assert house.audit() == [("make_first_administrator", "allowed", "first")]
    assert not needs_first_administrator(house.database)
    with pytest.raises(NotFoundError):
        use_first(house, link.secret, "second")
    with pytest.raises(ConfigurationError, match="there is an administrator"):
        first_administrator_link(house.database)


def test_of_two_who_open_it_at_once_one_becomes_administrator(house, together) -> None:
    link = first_administrator_link(house.database)
    results = together(*[lambda n=n: use_first(house, link.secret, f"a{n}") for n in range(2)])
    assert sorted(type(one).__name__ for one in results) == ["NewSession", "NotFoundError"]
    assert [action for action, *_ in house.audit()] == ["make_first_administrator"]


def test_a_newer_link_takes_the_place_of_the_older(house) -> None:
    older, newer = (first_administrator_link(house.database) for _ in range(2))
    with pytest.raises(NotFoundError):
        use_first(house, older.secret)
    assert use_first(house, newer.secret)


def test_two_links_made_at_once_leave_one(house, together) -> None:
    links = together(*[lambda: first_administrator_link(house.database)] * 2)
    alive = []
    for link in links:
        try:
            alive.append(find_link(house.database, link.secret))
        except NotFoundError:
            continue
    assert len(alive) == 1


def test_a_link_to_the_first_administrator_is_too_old_after_half_an_hour(house) -> None:
    link = first_administrator_link(house.database)
    house.clock.turn(seconds=FIRST_ADMINISTRATOR_S)
    with pytest.raises(NotFoundError):
        find_link(house.database, link.secret)
    with pytest.raises(NotFoundError):
        use_first(house, link.secret)


def test_what_cannot_be_a_name_or_a_password_does_not_use_a_link_up(house) -> None:
    link = first_administrator_link(house.database)
    with pytest.raises(ConfigurationError, match="name: "):
        use_first(house, link.secret, "no name")
    with pytest.raises(ConfigurationError, match="password: "):
        make_first_administrator(house.sessions, link.secret, "first", "short", Client())
    assert use_first(house, link.secret)


def test_a_taken_name_does_not_use_a_link_up(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    link = first_administrator_link(house.database)
    with pytest.raises(ConfigurationError, match="taken"):
        use_first(house, link.secret, "pat")
    assert use_first(house, link.secret)


def test_an_administrator_who_cannot_sign_in_is_none(house) -> None:
    house.first_administrator()
    house.account("next", Role.ADMINISTRATOR, None)
    disable_account(house.database, house.owner, "first")
    assert not needs_first_administrator(house.database)
    add_account(house.database, house.owner, "later", Grant(Role.ADMINISTRATOR, None))
    with pytest.raises(ConfigurationError, match="last administrator"):
        disable_account(house.database, house.owner, "next")


def test_a_new_account_gets_its_password_from_its_owner(house) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    add_account(house.database, admin, "new", Grant(Role.OPERATOR, house.oak))
    link = set_password_link(house.database, admin, "new")
    assert find_link(house.database, link.secret).account == "new"
    with pytest.raises(ConfigurationError, match="password: "):
        use(house, link.secret, "Password2026!!")
    opened = use(house, link.secret)
    assert house.sessions.find(opened.id).account.name == "new"
    assert house.sign_in("new")
    assert house.audit()[0] == ("set_password", "allowed", "new")
    with pytest.raises(NotFoundError):
        use(house, link.secret, OTHER)


def test_a_password_link_is_used_once_by_one(house, together) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    link = set_password_link(house.database, house.owner, "pat")
    results = together(
        lambda: use(house, link.secret, PASSWORD), lambda: use(house, link.secret, OTHER)
    )
    assert sorted(type(one).__name__ for one in results) == ["NewSession", "NotFoundError"]


def test_a_password_set_by_a_link_signs_out_everywhere(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    before = house.sign_in("pat")
    after = house.set_password(house.owner, "pat", OTHER)
    assert house.sessions.find(before.id) is None
    assert house.sessions.find(after.id)


def test_a_password_link_is_too_old_after_a_day_and_dies_with_its_account(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    older = set_password_link(house.database, house.owner, "pat")
    newer = set_password_link(house.database, house.owner, "pat")
    with pytest.raises(NotFoundError):
        use(house, older.secret)
    house.clock.turn(seconds=SET_PASSWORD_S)
    with pytest.raises(NotFoundError):
        use(house, newer.secret)
    link = set_password_link(house.database, house.owner, "pat")
    disable_account(house.database, house.owner, "pat")
    with pytest.raises(NotFoundError):
        use(house, link.secret)
    with pytest.raises(ConfigurationError, match="disabled"):
        set_password_link(house.database, house.owner, "pat")


def test_one_kind_of_link_does_not_do_what_the_other_does(house) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    first = first_administrator_link(house.database)
    password = set_password_link(house.database, house.owner, "pat")
    with pytest.raises(NotFoundError):
        use(house, first.secret)
    with pytest.raises(NotFoundError):
        use_first(house, password.secret, "evil")
    assert use(house, password.secret)
    assert use_first(house, first.secret)


def test_what_is_no_link_does_nothing(house) -> None:
    for secret in ("", "x", "x" * 43, "../../../etc"):
        with pytest.raises(NotFoundError):
            find_link(house.database, secret)


def test_nobody_gets_a_link_to_an_account_that_may_more(house) -> None:
    house.first_administrator("boss")
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    house.account("other", Role.VIEWER, house.elm)
    house.account("both", Role.VIEWER, house.oak)
    give_grant(house.database, house.owner, "both", Grant(Role.VIEWER, house.elm))
    for name in ("boss", "other", "nobody"):
        with pytest.raises(NotFoundError):
            set_password_link(house.database, admin, name)
    with pytest.raises(ForbiddenError):
        set_password_link(house.database, admin, "both")


def test_a_link_of_one_district_does_nothing_once_its_account_is_anothers_too(house) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    add_account(house.database, admin, "kim", Grant(Role.VIEWER, house.oak))
    link = set_password_link(house.database, admin, "kim")
    give_grant(house.database, admin, "kim", Grant(Role.OPERATOR, house.oak))
    assert find_link(house.database, link.secret)
    give_grant(house.database, house.owner, "kim", Grant(Role.VIEWER, house.elm))
    with pytest.raises(NotFoundError):
        use(house, link.secret)
