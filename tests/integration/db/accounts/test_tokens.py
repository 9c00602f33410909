"""API tokens: what they let do, for how long, and who issues and revokes them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from console.accounts.managing import add_account, disable_account, take_grant
from console.accounts.token_format import new_token
from shared.db import account_views
from shared.db.api_tokens import count_expiring
from shared.domain.access import Via
from shared.domain.roles import Grant, Permission, Role
from shared.errors import ConfigurationError, ForbiddenError, NotFoundError

VIEW = [Permission.VIEW]


def issue(house, caller, scopes=VIEW, days=30, **more):
    return house.tokens.issue(caller, "nightly", scopes=scopes, days=days, **more)


def test_a_token_lets_in_as_its_account_within_its_scopes(house) -> None:
    pat = house.account("pat", Role.OPERATOR, house.oak)
    issued = issue(house, pat)
    caller = house.tokens.caller(issued.token, "192.0.2.1")
    assert (caller.name, caller.via, caller.address) == ("pat", Via.API, "192.0.2.1")
    assert caller.may(Permission.VIEW, house.oak)
    assert not caller.may(Permission.OPERATE, house.oak)
    assert not caller.may(Permission.VIEW, house.elm)
    stored = house.everything()
    assert issued.token not in stored
    assert issued.prefix in stored


def test_a_token_of_one_tenant_is_of_no_other(house) -> None:
    boss = house.account("boss", Role.ADMINISTRATOR, None)
    everything = list(Permission)
    caller = house.tokens.caller(issue(house, boss, everything, tenant_id=house.oak).token, None)
    assert caller.may(Permission.GOVERN, house.oak)
    assert not caller.may(Permission.VIEW, house.elm)
    assert not caller.may(Permission.ADMINISTER, None)
    assert caller.tenant_ids() == {house.oak}


def test_what_no_token_is_lets_nobody_in(house) -> None:
    pat = house.account("pat", Role.VIEWER, house.oak)
    token = issue(house, pat).token
    for presented in ("", "Bearer", token[:-1], token[:-1] + "x", new_token()):
        assert house.tokens.caller(presented, None) is None


def test_a_token_ends_when_it_expires_is_revoked_or_its_account_is_disabled(house) -> None:
    pat = house.account("pat", Role.VIEWER, house.oak)
    short, revoked, kept = (issue(house, pat, days=days) for days in (1, 30, 30))
    house.tokens.revoke(pat, revoked.id)
    house.clock.turn(days=1)
    assert house.tokens.caller(short.token, None) is None
    assert house.tokens.caller(revoked.token, None) is None
    assert house.tokens.caller(kept.token, None)
    take_grant(house.database, house.owner, "pat", house.oak)
    assert not house.tokens.caller(kept.token, None).may(Permission.VIEW, house.oak)
    disable_account(house.database, house.owner, "pat")
    assert house.tokens.caller(kept.token, None) is None


def test_a_token_that_would_do_nothing_or_last_too_long_is_refused(house) -> None:
    pat = house.account("pat", Role.VIEWER, house.oak)
    wishes = [
        ({"days": 0}, "days"),
        ({"days": 366}, "days"),
        ({"scopes": []}, "scopes"),
        ({"scopes": [Permission.OPERATE]}, "scopes"),
        ({"tenant_id": house.elm}, "scopes"),
        *[({"name": name}, "name") for name in ("", "  ", "x" * 81, "two\nlines")],
    ]
    for wish, field in wishes:
        given = {"name": "nightly", "scopes": VIEW, "days": 30, **wish}
        with pytest.raises(ConfigurationError) as refused:
            house.tokens.issue(pat, given.pop("name"), **given)
        assert refused.value.field == field


def test_a_token_issues_none_that_may_more_than_itself(house) -> None:
    boss = house.account("boss", Role.ADMINISTRATOR, None)
    narrow = house.tokens.caller(issue(house, boss, VIEW).token, None)
    with pytest.raises(ForbiddenError):
        issue(house, narrow, VIEW)
    governing = [*VIEW, Permission.GOVERN]
    wide = house.tokens.caller(issue(house, boss, governing).token, None)
    with pytest.raises(ForbiddenError):
        issue(house, wide, [Permission.OPERATE])
    assert issue(house, wide, VIEW)
    bound = house.tokens.caller(issue(house, boss, governing, tenant_id=house.oak).token, None)
    for tenant_id in (None, house.elm):
        with pytest.raises(ForbiddenError):
            issue(house, bound, VIEW, tenant_id=tenant_id)
    assert issue(house, bound, VIEW, tenant_id=house.oak)


def test_a_token_issues_none_that_outlives_it(house) -> None:
    boss = house.account("boss", Role.ADMINISTRATOR, None)
    short = issue(house, boss, [*VIEW, Permission.GOVERN], days=2)
    by_it = house.tokens.caller(short.token, None)
    assert issue(house, by_it, days=365).expires_at == short.expires_at
    assert issue(house, by_it, days=1).expires_at < short.expires_at


def test_a_token_ends_itself_and_others_where_it_governs(house) -> None:
    boss = house.account("boss", Role.ADMINISTRATOR, None)
    other = issue(house, boss)
    narrow = issue(house, boss)
    by_narrow = house.tokens.caller(narrow.token, None)
    with pytest.raises(NotFoundError):
        house.tokens.revoke(by_narrow, other.id)
    house.tokens.revoke(by_narrow, narrow.id)
    of_oak = issue(house, boss, [Permission.GOVERN], tenant_id=house.oak)
    with pytest.raises(NotFoundError):
        house.tokens.revoke(house.tokens.caller(of_oak.token, None), other.id)
    wide = issue(house, boss, [Permission.GOVERN])
    house.tokens.revoke(house.tokens.caller(wide.token, None), other.id)


def test_a_token_of_somebody_elses_account_is_for_a_tenant(house) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    house.account("pat", Role.VIEWER, house.oak)
    with pytest.raises(ForbiddenError, match="for a tenant"):
        issue(house, admin, account="pat")
    assert issue(house, admin, account="pat", tenant_id=house.oak)


def test_a_program_has_an_account_without_a_password(house) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    add_account(house.database, admin, "warehouse", Grant(Role.VIEWER, house.oak))
    issued = issue(house, admin, account="warehouse", tenant_id=house.oak)
    assert house.tokens.caller(issued.token, None).name == "warehouse"
    house.account("boss", Role.ADMINISTRATOR, None)
    for name in ("boss", "nobody"):
        with pytest.raises(NotFoundError):
            issue(house, admin, account=name, tenant_id=house.oak)
    with pytest.raises(ConfigurationError, match="account"):
        issue(house, house.owner)
    assert issue(house, house.owner, account="boss")


def test_a_token_is_revoked_by_its_owner_or_who_governs(house) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    pat = house.account("pat", Role.VIEWER, house.oak)
    kim = house.account("kim", Role.VIEWER, house.oak)
    other = house.account("other", Role.DISTRICT_ADMIN, house.elm)
    boss = house.account("boss", Role.ADMINISTRATOR, None)
    pats = issue(house, pat)
    for caller in (kim, other):
        with pytest.raises(NotFoundError):
            house.tokens.revoke(caller, pats.id)
    with pytest.raises(NotFoundError):
        house.tokens.revoke(admin, issue(house, boss).id)
    # one that reaches into the district is the district's to revoke, whoever has it
    house.tokens.revoke(admin, issue(house, boss, tenant_id=house.oak).id)
    house.tokens.revoke(admin, pats.id)
    assert house.tokens.caller(pats.token, None) is None
    with pytest.raises(NotFoundError):
        house.tokens.revoke(boss, 10**9)


def test_a_revoked_token_is_no_way_round_for_a_narrow_caller(house) -> None:
    admin = house.account("admin", Role.DISTRICT_ADMIN, house.oak)
    pats = issue(house, house.account("pat", Role.VIEWER, house.oak))
    narrow = replace(admin, scopes=frozenset(VIEW), via=Via.API)
    with pytest.raises(NotFoundError):
        house.tokens.revoke(narrow, pats.id)


def test_tokens_are_listed_without_what_lets_in(house) -> None:
    pat = house.account("pat", Role.VIEWER, house.oak)
    boss = house.account("boss", Role.ADMINISTRATOR, None)
    short = issue(house, pat, days=1)
    mine = issue(house, pat, tenant_id=house.oak)
    issue(house, boss)
    bosses = issue(house, boss, tenant_id=house.oak)
    house.tokens.revoke(pat, mine.id)
    house.tokens.caller(short.token, None)
    house.clock.turn(days=1)
    with house.database.read() as connection:
        now = house.clock.now()
        own = account_views.list_tokens(connection, now=now, account_id=pat.account_id)
        here = account_views.list_tokens(connection, now=now, tenant_id=house.oak)
        everywhere = account_views.list_tokens(connection, now=now)
    assert [(one["id"], one["state"]) for one in own] == [
        (mine.id, "revoked"),
        (short.id, "expired"),
    ]
    assert own[1]["last_used_at"] == "2026-01-05T00:00:00.000Z"
    assert own[0]["scopes"] == ["view"]
    assert [one["id"] for one in here] == [bosses.id, mine.id, short.id]
    assert len(everywhere) == 4
    assert short.token not in json.dumps(everywhere)


def test_tokens_that_expire_soon_are_counted(house) -> None:
    pat = house.account("pat", Role.VIEWER, house.oak)
    for days in (13, 14, 15):
        issue(house, pat, days=days)
    house.tokens.revoke(pat, issue(house, pat, days=1).id)
    with house.database.read() as connection:
        assert count_expiring(connection, house.clock.now()) == 2
        assert count_expiring(connection, house.clock.now(), within_days=15) == 3
