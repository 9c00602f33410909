"""The settings: what is understood, and what is refused with the reason."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from connectors import registry
from connectors.vendors.active_directory.config import ActiveDirectoryConfig, RoleRule
from shared.errors import ConfigurationError

LEAST = {"host": "dc1.school.test", "user": "reader@school.test", "password": "secret"}


def parsed(**more: Any) -> ActiveDirectoryConfig:
    config = registry.parse_config(registry.get("active_directory"), {**LEAST, **more})
    assert isinstance(config, ActiveDirectoryConfig)
    return config


def test_the_least_that_is_needed():
    config = parsed()
    assert config.security == "ldaps"
    assert list(config.fields) == ["username", "givenName", "familyName", "identifier", "email"]
    assert config.filter_text == ""
    assert registry.secret_fields(registry.get("active_directory")) == {"password"}


def test_lists_in_lines_or_with_semicolons():
    config = parsed(
        ous="OU=a,DC=x;\n OU=b\\;c,DC=x ;",
        schools="1 North school\n2 South",
        roles="student 1 OU=a b,DC=x;teacher 2 CN=t,DC=x",
    )
    assert config.units == ("OU=a,DC=x", "OU=b\\;c,DC=x")
    assert config.school_names == {"1": "North school", "2": "South"}
    assert config.role_rules == (
        RoleRule("student", "1", "OU=a b,DC=x"),
        RoleRule("teacher", "2", "CN=t,DC=x"),
    )


def test_what_is_asked_for_is_told():
    some = parsed(ous="OU=a", disabled="leave_out", user_filter="(&(a=1)(!(b>=2))(c:1.2:=3))")
    assert some.filter_text == (
        "ous=OU=a user_filter=(&(a=1)(!(b>=2))(c:1.2:=3)) disabled=leave_out"
    )
    assert some.filter_attributes == ("a", "b", "c")
    assert parsed(page_size=7, incremental="usn").filter_text == ""


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("password", "", "it is empty"),
        ("user", "", "at least 1"),
        ("security", "plain", "ldaps"),
        ("user_filter", "sn=x", "no LDAP filter"),
        ("user_filter", "(&(l=x)(memberOf=CN=a,DC=b))", "changes at the group"),
        ("user_filter", "(msDS-User-Account-Control-Computed=16)", "computed when it is read"),
        ("attributes", "username=uid", "givenName is missing"),
        ("attributes", "username=uid,nickname=cn", "'nickname' is no field"),
        ("attributes", "username=uid,username=cn", "given twice"),
        ("attributes", "username=u;d", "name of an attribute"),
        ("attributes", "agentSourcedIds=manager", "no field"),
        ("schools", "1", "has no name"),
        ("schools", "1 a;1 b", "given twice"),
        ("roles", "student 1", "not ROLE NUMBER DN"),
        ("roles", "pupil 1 OU=a", "'pupil' is no role"),
        ("ca_file", "ca.pem", "another place"),
        ("page_size", "1001", "1000"),
        ("plain", "true", "Extra inputs"),
    ],
)
def test_a_wrong_setting_is_named(setting, value, told):
    with pytest.raises(ConfigurationError, match=told) as caught:
        parsed(**{setting: value})
    assert caught.value.field == f"--set {setting}"


def test_settings_that_do_not_fit_together():
    with pytest.raises(ConfigurationError, match="school 2, and schools does not"):
        parsed(schools="1 a", roles="student 2 OU=a")
    with pytest.raises(ConfigurationError, match="both set"):
        parsed(ca_file="/ca.pem", ca_certificates="x")


def test_the_password_is_shown_nowhere():
    assert "secret" not in repr(parsed()).replace("SecretStr", "")


def test_without_python_ldap_it_is_listed_and_says_what_is_missing(monkeypatch):
    connector = registry.get("active_directory")
    monkeypatch.setitem(sys.modules, "ldap", None)
    with pytest.raises(
        ConfigurationError, match=r"pip install .*requirements-active-directory\.lock"
    ):
        connector.open(parsed())
