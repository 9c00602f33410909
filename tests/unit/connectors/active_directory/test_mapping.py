"""From entries to rows: ids, states, lists, scope and roles; no directory is asked."""

from __future__ import annotations

import doctest
import uuid
from datetime import UTC, datetime

import pytest

from connectors.vendors.active_directory import cursor as cursors
from connectors.vendors.active_directory import mapping, scope, values
from connectors.vendors.active_directory.config import ActiveDirectoryConfig, RoleRule
from connectors.vendors.active_directory.scope import Circles, Scope
from connectors.vendors.active_directory.values import BadValueError

NOW = datetime(2026, 9, 1, tzinfo=UTC)
GUID = uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")
#: 2026-09-01 00:00 UTC in 100 nanoseconds since 1601.
TICKS = int((NOW - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10**7


def entry(**given: object) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {"objectguid": [GUID.bytes_le]}
    for name, value in given.items():
        several = value if isinstance(value, list) else [value]
        found[name.lower()] = [v if isinstance(v, bytes) else str(v).encode() for v in several]
    return found


def config(**more: str) -> ActiveDirectoryConfig:
    return ActiveDirectoryConfig.model_validate({"host": "h", "user": "u", "password": "p", **more})


@pytest.mark.parametrize("module", [values, scope])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("given", "is_enabled"),
    [
        ({}, "true"),
        ({"userAccountControl": 0x200}, "true"),
        ({"userAccountControl": 0x202}, "false"),
        ({"userAccountControl": 0x200, "msDS-User-Account-Control-Computed": 0x10}, "true"),
        ({"accountExpires": 0}, "true"),
        ({"accountExpires": 2**63 - 1}, "true"),
        ({"accountExpires": 2**62}, "true"),
        ({"accountExpires": TICKS}, "false"),
        ({"accountExpires": TICKS + 10}, "true"),
    ],
)
def test_who_is_enabled(given, is_enabled):
    row = mapping.user_row(entry(**given), {}, None, NOW)
    assert row == (str(GUID), is_enabled)


def test_a_row_of_values():
    fields = {"username": "sAMAccountName", "grades": "department", "email": "mail"}
    found = entry(samaccountname=" u1 ", department=["10", "09", ""], mail=[])
    assert mapping.user_row(found, fields, None, NOW)[2:] == ("u1", '["09","10"]', None)
    # with rules, the school of the first role
    rules = [RoleRule("teacher", "2", "x"), RoleRule("aide", "1", "y")]
    assert mapping.user_row(found, fields, rules, NOW)[-1] == "2"
    assert mapping.user_row(found, fields, [], NOW)[-1] is None
    kinds = [row[2] for row in mapping.role_rows(str(GUID), rules)]
    assert kinds == ["primary", "secondary"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"mail": b"\xff"}, "mail"),
        ({"userAccountControl": "x"}, "userAccountControl"),
        ({"accountExpires": "soon"}, "accountExpires"),
        ({"objectGUID": b"short"}, "objectGUID"),
    ],
)
def test_what_cannot_be_read_is_named(given, field):
    with pytest.raises(BadValueError) as caught:
        mapping.user_row(entry(**given), {"email": "mail"}, None, NOW)
    assert caught.value.field == field


def test_what_is_asked_for():
    some = config(attributes="username=MAIL,givenName=mail,familyName=sn", user_filter="(l=x)")
    assert mapping.attributes_of(some, groups=False)[-2:] == ("mail", "sn")
    assert "memberOf" in mapping.attributes_of(some, groups=True)
    # what the filter looks at changes who is ours, and back-links never show a change
    assert mapping.deciding_attributes(some)[-1] == "l"
    assert "memberOf" not in mapping.deciding_attributes(some)


CIRCLES = Circles(
    named={"cn=in": frozenset({"cn=top", "cn=in"}), "cn=top": frozenset({"cn=top"})},
    primary={"1001": "cn=in"},
)


@pytest.mark.parametrize(
    ("dn", "given", "is_held"),
    [
        ("CN=a,OU=Staff,DC=x", {}, True),
        ("CN=a,OU=Sub,OU=STAFF,DC=x", {}, True),
        ("CN=a,OU=Other,DC=x", {}, False),
        ("CN=a,OU=My\\,OU=Staff,DC=x", {}, False),
        ("CN=a,OU=Gone,OU=Staff,DC=x", {}, False),
        ("CN=a,OU=Staff,DC=x", {"isCriticalSystemObject": "TRUE"}, False),
        ("CN=a,OU=Staff,DC=x", {"userAccountControl": 2}, False),
    ],
)
def test_who_is_in_scope(dn, given, is_held):
    some = Scope(
        units=("ou=staff,dc=x",), excluded=("ou=gone,ou=staff,dc=x",), keeps_disabled=False
    )
    assert some.holds(dn, entry(**given)) is is_held


@pytest.mark.parametrize(
    ("given", "is_held"),
    [
        ({}, False),
        ({"memberOf": ["CN=Other"]}, False),
        ({"memberOf": ["CN=Other", "CN=In"]}, True),
        ({"memberOf": ["CN=Top"]}, True),
        ({"primaryGroupID": "1001"}, True),
        ({"primaryGroupID": "513"}, False),
    ],
)
def test_who_is_in_a_group(given, is_held):
    some = Scope(groups=frozenset({"cn=top"}), circles=CIRCLES)
    assert some.holds("CN=a", entry(**given)) is is_held


def test_roles_in_their_order_and_each_once():
    rules = (
        (RoleRule("teacher", "1", ""), "cn=in", True),
        (RoleRule("aide", "1", ""), "ou=staff", False),
        (RoleRule("teacher", "1", ""), "cn=top", True),
        (RoleRule("student", "2", ""), "ou=pupils", False),
    )
    some = Scope(circles=CIRCLES, roles=rules)
    found = some.roles_of("CN=a,OU=Staff", entry(memberOf=["CN=In"]))
    assert [(rule.role, rule.school) for rule in found] == [("teacher", "1"), ("aide", "1")]
    assert some.is_by_place
    assert not Scope(circles=CIRCLES, roles=rules[:1]).is_by_place


def test_a_cursor_is_what_it_was():
    made = cursors.Cursor(
        "dirsync", cursors.cookie_mark(b"MSDS\0"), "i", "DC=x", "s", True, ("00",)
    )
    assert cursors.parse(made.text()) == made
    assert made.cookie == b"MSDS\0"
    for wrong in ("", "1", "[]", "{}", '{"form":1}', made.text().replace('"form":1', '"form":2')):
        assert cursors.parse(wrong) is None
