"""Roles: what is not granted is refused, in every combination."""

from __future__ import annotations

import doctest
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import roles
from shared.domain.roles import (
    PERMISSIONS,
    Grant,
    Permission,
    Role,
    allows,
    may_grant,
    may_manage,
    tenants_allowed,
)

HERE, THERE = 1, 2
PLACES = (None, HERE, THERE)
#: The table of the roles once more, in letters: V O R C G A.
TABLE = {
    Role.VIEWER: "v",
    Role.OPERATOR: "vor",
    Role.DISTRICT_ADMIN: "vorcg",
    Role.ADMINISTRATOR: "vorcga",
}
LETTERS = dict(
    zip(
        (
            Permission.VIEW,
            Permission.OPERATE,
            Permission.REVIEW,
            Permission.CONFIGURE,
            Permission.GOVERN,
            Permission.ADMINISTER,
        ),
        "vorcga",
        strict=True,
    )
)
GRANTS = [
    Grant(role, place)
    for role, place in itertools.product(Role, PLACES)
    if role != Role.ADMINISTRATOR or place is None
]
SCOPES = (None, frozenset[Permission](), frozenset({Permission.VIEW}), frozenset(Permission))

any_grants = st.lists(st.sampled_from(GRANTS), max_size=4)
any_scopes = st.none() | st.frozensets(st.sampled_from(Permission))
places = st.sampled_from(PLACES)
permissions = st.sampled_from(Permission)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(roles).failed == 0


@pytest.mark.parametrize("grant", GRANTS, ids=str)
def test_one_grant_in_every_combination(grant: Grant) -> None:
    for permission, place, scopes, bound_to in itertools.product(
        Permission, PLACES, SCOPES, PLACES
    ):
        expected = (
            LETTERS[permission] in TABLE[grant.role]
            and (grant.tenant_id is None or grant.tenant_id == place)
            and (scopes is None or permission in scopes)
            and (bound_to is None or bound_to == place)
        )
        assert allows([grant], permission, place, scopes, bound_to) == expected


def test_nothing_is_allowed_without_a_grant() -> None:
    assert not any(allows([], one, place) for one, place in itertools.product(Permission, PLACES))


def test_every_role_and_every_permission_is_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert set(LETTERS) == set(Permission)
    ordered = [PERMISSIONS[role] for role in Role]
    assert all(less < more for less, more in itertools.pairwise(ordered))


def test_there_is_no_administrator_of_one_tenant() -> None:
    with pytest.raises(ValueError, match="every tenant"):
        Grant(Role.ADMINISTRATOR, HERE)


@given(any_grants, any_grants, permissions, places, any_scopes, places)
def test_grants_add_up(one, other, permission, place, scopes, bound_to):
    assert allows(one + other, permission, place, scopes, bound_to) == (
        allows(one, permission, place, scopes, bound_to)
        or allows(other, permission, place, scopes, bound_to)
    )


@given(any_grants, permissions, places, any_scopes, places)
def test_a_token_may_no_more_than_its_account(grants, permission, place, scopes, bound_to):
    if allows(grants, permission, place, scopes, bound_to):
        assert allows(grants, permission, place)


@given(any_grants, permissions, any_scopes, places)
def test_the_tenants_are_those_where_it_is_allowed(grants, permission, scopes, bound_to):
    found = tenants_allowed(grants, permission, scopes, bound_to)
    for place in (HERE, THERE, 3):
        assert allows(grants, permission, place, scopes, bound_to) == (
            found is None or place in found
        )


@given(any_grants, st.sampled_from(GRANTS), permissions, places)
def test_nobody_gives_more_than_they_have(grants, given_away, permission, place):
    if may_grant(grants, given_away) and allows([given_away], permission, place):
        assert allows(grants, permission, place)
        assert allows(grants, Permission.GOVERN, given_away.tenant_id)


@given(any_grants, any_grants, permissions, places)
def test_nobody_manages_an_account_that_may_more(grants, held, permission, place):
    if may_manage(grants, held) and allows(held, permission, place):
        assert allows(grants, permission, place)


def test_a_role_in_every_tenant_is_given_by_one_who_governs_every_tenant() -> None:
    everywhere = Grant(Role.VIEWER, None)
    assert not may_grant([Grant(Role.DISTRICT_ADMIN, HERE)], everywhere)
    assert may_grant([Grant(Role.DISTRICT_ADMIN, None)], everywhere)
    assert not may_grant([Grant(Role.DISTRICT_ADMIN, None)], Grant(Role.ADMINISTRATOR, None))
    assert may_grant([Grant(Role.ADMINISTRATOR, None)], Grant(Role.ADMINISTRATOR, None))


def test_an_account_without_a_role_is_managed_by_who_governs_the_instance() -> None:
    assert not may_manage([Grant(Role.DISTRICT_ADMIN, HERE)], [])
    assert may_manage([Grant(Role.ADMINISTRATOR, None)], [])
