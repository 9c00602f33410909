"""Masks: which field leaves as what, and which rules are refused."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.records import FIELDS, Kind
from shared.errors import ConfigurationError
from shared.roster.privacy import HIDE, PLAIN, Privacy, check_sends
from shared.roster.rules import Filters, parse_app_rules

EVERY_FIELD = [(kind, field) for kind in Kind for field in FIELDS[kind]]


def privacy(**sends: str) -> Privacy:
    return Privacy({name.replace("_", "."): mask for name, mask in sends.items()}, Filters(), b"k")


def test_without_rules_everything_leaves_as_it_is() -> None:
    assert all(privacy().mask(kind, field.name) == PLAIN for kind, field in EVERY_FIELD)


def test_once_one_is_set_what_is_not_listed_does_not_leave() -> None:
    sent = privacy(users_email="plain")
    leaving = [
        (kind, field.name) for kind, field in EVERY_FIELD if sent.mask(kind, field.name) != HIDE
    ]
    assert leaving == [(Kind.USERS, "email")]
    assert [kind for kind in Kind if sent.sends_kind(kind)] == [Kind.USERS]


def test_a_kind_stands_for_its_fields_that_are_not_named() -> None:
    sent = privacy(users="plain", users_email="hide", users_givenName="initial")
    assert sent.mask(Kind.USERS, "familyName") == PLAIN
    assert sent.mask(Kind.USERS, "email") == HIDE
    assert sent.mask(Kind.USERS, "givenName") == "initial"


def test_a_reference_has_the_mask_of_what_it_names() -> None:
    sent = privacy(users="plain", users_sourcedId="hash", roles_role="plain")
    for kind, name in (
        (Kind.USERS, "sourcedId"),
        (Kind.USERS, "agentSourcedIds"),
        (Kind.ROLES, "userSourcedId"),
    ):
        assert sent.mask(kind, name) == "hash", name
    # without it a role would belong to nobody; what it could do without was not listed
    assert sent.mask(Kind.ROLES, "orgSourcedId") == PLAIN
    assert privacy(users_email="plain").mask(Kind.USERS, "agentSourcedIds") == HIDE
    assert privacy(roles_role="hide").mask(Kind.ROLES, "orgSourcedId") == HIDE


@given(st.binary(min_size=1, max_size=100), st.text(min_size=1))
def test_the_hash_is_an_hmac_and_its_pads_make_the_same(key: bytes, value: str) -> None:
    try:
        told = value.encode()
    except UnicodeEncodeError:
        return
    made = Privacy({}, Filters(), key)
    expected = hmac.new(key, told, hashlib.sha256).digest()
    assert made.hash(value) == expected[:16].hex()
    outer, inner = made.pads()
    assert hashlib.sha256(outer + hashlib.sha256(inner + told).digest()).digest() == expected


def test_what_is_absent_stays_absent() -> None:
    assert privacy().hash(None) is None
    assert privacy().hash("") is None


@pytest.mark.parametrize(
    ("rule", "mask"),
    [
        ("users", "hash"),
        ("users.sourcedId", "hide"),
        ("users.sourcedId", "initial"),
        ("roles.userSourcedId", "hash"),
        ("users.grades", "initial"),
        ("roles.role", "hash"),
        ("roles.role", "constant:visitor"),
    ],
)
def test_a_mask_that_does_not_fit_its_field_is_refused(rule: str, mask: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"sends\.{rule}"):
        check_sends(parse_app_rules({"sends": {rule: mask}}).sends)


@pytest.mark.parametrize(
    ("rule", "mask"),
    [
        ("users.email", "constant:"),
        ("users.grades", "hash"),
        ("demographics", "hide"),
        ("roles.role", "constant:student"),
        ("enrollments.userSourcedId", "hide"),
    ],
)
def test_a_mask_that_fits_is_taken(rule: str, mask: str) -> None:
    check_sends(parse_app_rules({"sends": {rule: mask}}).sends)


@pytest.mark.parametrize(
    "rules",
    [
        {"sends": {"users.email": "rot13"}},
        {"sends": {"users.shoeSize": "plain"}},
        {"sends": {"pupils": "plain"}},
        {"attributes": {"users": "username"}},
        {"attributes": {"users.sourcedId": "username"}},
        {"filters": {"school": ["S1"]}},
    ],
)
def test_what_is_no_rule_is_refused(rules: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        parse_app_rules(rules)
