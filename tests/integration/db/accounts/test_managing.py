"""Who may manage whom, and what a district's administrator sees."""

from __future__ import annotations

import json

import pytest

from console.accounts.attempts import Client
from console.accounts.links import set_password, set_password_link
from console.accounts.managing import (
    add_account,
    disable_account,
    enable_account,
    give_grant,
    take_grant,
)
from console.accounts.sessions import NewSession
from shared.db import account_views, accounts
from shared.db.audit import AuditEntry, list_audit, record
from shared.domain.access import AuditOutcome, Via
from shared.domain.roles import Grant, Role
from shared.errors import ConfigurationError, ForbiddenError, NotFoundError


def test_a_district_admin_manages_the_district(house) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    made = add_account(house.database, admin, "Pat", Grant(Role.VIEWER, house.oak))
    assert (made.name, made.has_password) == ("pat", False)
    give_grant(house.database, admin, "pat", Grant(Role.OPERATOR, house.oak))
    assert house.caller("pat").grants == (Grant(Role.OPERATOR, house.oak),)
    assert disable_account(house.database, admin, "pat").disabled_at == house.clock.now()
    assert enable_account(house.database, admin, "pat").disabled_at is None
    take_grant(house.database, admin, "pat", house.oak)
    assert house.caller("pat").grants == ()
    with pytest.raises(NotFoundError):
        disable_account(house.database, admin, "pat")


@pytest.mark.parametrize(
    ("role", "place"),
    [
        (Role.ADMINISTRATOR, None),
        (Role.VIEWER, None),
        (Role.DISTRICT_ADMIN, None),
        (Role.VIEWER, "elm"),
    ],
)
def test_nobody_gives_a_role_above_or_beside_their_own(house, role, place) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    house.account("pat", Role.VIEWER, house.oak)
    grant = Grant(role, None if place is None else house.elm)
    with pytest.raises(ForbiddenError):
        add_account(house.database, admin, "new", grant)
    with pytest.raises(ForbiddenError):
        give_grant(house.database, admin, "pat", grant)
    with pytest.raises(ForbiddenError):
        give_grant(house.database, admin, "admin", grant)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_does_not_govern_manages_nobody(house, role) -> None:
    caller = house.account("pat", role, house.oak)
    house.account("kim", Role.VIEWER, house.oak)
    with pytest.raises(ForbiddenError):
        add_account(house.database, caller, "new", Grant(Role.VIEWER, house.oak))
    with pytest.raises(NotFoundError):
        disable_account(house.database, caller, "kim")
    with pytest.raises(NotFoundError):
        take_grant(house.database, caller, "kim", house.oak)


def test_accounts_of_another_district_are_as_if_they_were_not(house) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    house.account("other", Role.VIEWER, house.elm)
    changes = [
        lambda name: give_grant(house.database, admin, name, Grant(Role.VIEWER, house.oak)),
        lambda name: take_grant(house.database, admin, name, house.oak),
        lambda name: disable_account(house.database, admin, name),
        lambda name: enable_account(house.database, admin, name),
    ]
    for change in changes:
        told = set()
        for name in ("other", "nobody"):
            with pytest.raises(NotFoundError) as refused:
                change(name)
            told.add(str(refused.value))
        assert len(told) == 1


def test_an_account_of_two_districts_is_disabled_by_neither(house) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    house.account("both", Role.VIEWER, house.oak)
    give_grant(house.database, house.owner, "both", Grant(Role.VIEWER, house.elm))
    with pytest.raises(ForbiddenError):
        disable_account(house.database, admin, "both")
    take_grant(house.database, admin, "both", house.oak)
    assert house.caller("both").grants == (Grant(Role.VIEWER, house.elm),)


def test_a_name_is_taken_however_it_is_capitalised(house) -> None:
    house.account("pat@oak.org", Role.VIEWER, house.oak)
    with pytest.raises(ConfigurationError, match="taken"):
        add_account(house.database, house.owner, "Pat@Oak.org", Grant(Role.VIEWER, house.oak))


def test_the_last_administrator_stays_one(house) -> None:
    house.account("boss", Role.ADMINISTRATOR, None)
    add_account(house.database, house.owner, "nobody-yet", Grant(Role.ADMINISTRATOR, None))
    boss = house.caller("boss")
    changes = [
        lambda: disable_account(house.database, boss, "boss"),
        lambda: take_grant(house.database, boss, "boss", None),
        lambda: give_grant(house.database, boss, "boss", Grant(Role.VIEWER, None)),
    ]
    for change in changes:
        with pytest.raises(ConfigurationError, match="last administrator"):
            change()
    house.account("second", Role.ADMINISTRATOR, None)
    give_grant(house.database, boss, "boss", Grant(Role.VIEWER, None))
    assert house.caller("boss").grants == (Grant(Role.VIEWER, None),)


@pytest.mark.parametrize("how", ["disable", "take", "both"])
def test_two_administrators_do_not_take_the_role_from_each_other_at_once(
    house, together, how
) -> None:
    one = house.account("one", Role.ADMINISTRATOR, None)
    two = house.account("two", Role.ADMINISTRATOR, None)
    changes = {
        "disable": [
            lambda: disable_account(house.database, one, "two"),
            lambda: disable_account(house.database, two, "one"),
        ],
        "take": [
            lambda: take_grant(house.database, one, "two", None),
            lambda: take_grant(house.database, two, "one", None),
        ],
        "both": [
            lambda: take_grant(house.database, one, "two", None),
            lambda: disable_account(house.database, two, "one"),
        ],
    }[how]
    results = together(*changes)
    assert sorted(type(result).__name__ for result in results) == [
        "Account",
        "ConfigurationError",
    ]


def test_a_list_is_in_pages_and_tells_a_district_its_own_roles_alone(house) -> None:
    for name in ("c", "a", "b"):
        house.account(name, Role.VIEWER, house.oak)
    house.account("d", Role.VIEWER, house.elm)
    house.account("boss", Role.ADMINISTRATOR, None)
    give_grant(house.database, house.owner, "b", Grant(Role.OPERATOR, house.elm))
    with house.database.read() as connection:
        everyone = account_views.list_accounts(connection)
        here = account_views.list_accounts(connection, tenant_id=house.oak)
        page = account_views.list_accounts(connection, tenant_id=house.oak, after="a", limit=1)
        itself = account_views.describe_account(connection, accounts.find_account(connection, "b"))
    assert [one["name"] for one in everyone] == ["a", "b", "boss", "c", "d"]
    assert [one["name"] for one in here] == ["a", "b", "c"]
    assert [one["name"] for one in page] == ["b"]
    assert page[0]["roles"] == [{"role": "viewer", "tenant": "oak"}]
    assert "elm" not in json.dumps(here)
    assert {one["tenant"] for one in itself["roles"]} == {"oak", "elm"}
    assert everyone[2]["roles"] == [{"role": "administrator", "tenant": None}]
    assert "argon2" not in json.dumps(everyone)


def test_the_log_is_read_in_pages_and_by_what_is_asked_for(house) -> None:
    entries = [
        ("sign_in", None, "pat"),
        ("run_app", house.oak, "pat"),
        ("run_app", house.elm, "kim"),
        ("pause_app", house.oak, "kim"),
    ]
    with house.database.write() as connection:
        for action, tenant_id, account in entries:
            entry = AuditEntry(
                action=action,
                outcome=AuditOutcome.ALLOWED,
                via=Via.API,
                account=account,
                tenant_id=tenant_id,
                target="apps/sis",
                detail={"given": ["mode"]},
            )
            record(connection, entry, house.clock.now())
    with house.database.read() as connection:

        def actions(**wanted):
            return [one["action"] for one in list_audit(connection, **wanted)]

        assert actions() == ["pause_app", "run_app", "run_app", "sign_in"]
        assert actions(tenant_id=house.oak) == ["pause_app", "run_app"]
        assert actions(account="pat") == ["run_app", "sign_in"]
        assert actions(action="run_app", tenant_id=house.elm) == ["run_app"]
        assert actions(outcome="denied") == []
        first = list_audit(connection, limit=2)
        rest = list_audit(connection, limit=2, before=first[-1]["id"])
    assert [one["action"] for one in rest] == ["run_app", "sign_in"]
    assert first[0] == {
        "id": first[0]["id"],
        "at": "2026-01-05T00:00:00.000Z",
        "account": "kim",
        "tenant": "oak",
        "via": "api",
        "action": "pause_app",
        "target": "apps/sis",
        "outcome": "allowed",
        "address": None,
        "detail": {"given": ["mode"]},
    }


def test_two_roles_given_at_once_in_one_place_leave_one(house, together) -> None:
    house.account("pat", Role.VIEWER, house.oak)
    wanted = [Grant(role, house.elm) for role in (Role.OPERATOR, Role.DISTRICT_ADMIN)]
    results = together(
        *[
            lambda grant=grant: give_grant(house.database, house.owner, "pat", grant)
            for grant in wanted
        ]
    )
    assert [type(result).__name__ for result in results] == ["Account"] * 2
    held = [grant for grant in house.caller("pat").grants if grant.tenant_id == house.elm]
    assert len(held) == 1


def test_an_account_is_disabled_while_its_owner_comes_in(house, together) -> None:
    """Whichever is first, nobody is left signed in; and neither waits for the other for ever."""
    house.account("pat", Role.VIEWER, house.oak)
    link = set_password_link(house.database, house.owner, "pat")
    results = together(
        lambda: house.sign_in("pat"),
        lambda: set_password(house.sessions, link.secret, "marble kettle harbour", Client()),
        lambda: disable_account(house.database, house.owner, "pat"),
    )
    told = {type(result).__name__ for result in results}
    assert told <= {"NewSession", "UnauthenticatedError", "NotFoundError", "Account"}
    for result in results:
        if isinstance(result, NewSession):
            assert house.sessions.find(result.id) is None
    with house.database.read() as connection:
        assert (
            account_views.list_sessions(
                connection, house.caller("pat").account_id, now=house.clock.now(), idle_s=60
            )
            == []
        )
