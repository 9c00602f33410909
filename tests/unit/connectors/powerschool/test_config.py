from __future__ import annotations

import pytest

from connectors import registry
from shared.errors import ConfigurationError

GOOD = {"url": "https://sis.example", "client_id": "a", "client_secret": "b"}


def test_the_secret_is_not_shown():
    config = registry.parse_config(registry.get("powerschool"), GOOD | {"client_secret": "HIDDEN"})
    assert "HIDDEN" not in repr(config)
    assert registry.secret_fields(registry.get("powerschool")) == {"client_secret"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "sis.example"),
        ("url", "ftp://sis.example"),
        ("url", "https://user:word@sis.example"),
        ("url", "https://sis.example/?a=b"),
        ("url", ""),
        ("client_id", ""),
        ("client_secret", ""),
        ("application_name", ""),
        ("start_year", "26"),
        ("page_size", "0"),
        ("page_size", "many"),
        ("timeout_s", "0"),
        ("deadline_s", "-1"),
        ("token", "x"),
        ("guardians", "some"),
        ("guardians_by", "luck"),
        ("query_prefix", "no dots"),
        ("extension_fields", "email"),
        ("extension_fields", "grades=u_x.grade"),
        ("extension_fields", "enabledUser=u_x.on"),
        ("extension_fields", "email=u_x.mail;phone=u_x.p"),
    ],
)
def test_a_wrong_setting_is_named(name, value):
    with pytest.raises(ConfigurationError, match=f"--set {name}"):
        registry.parse_config(registry.get("powerschool"), GOOD | {name: value})


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_setting_is_named(name):
    given = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(ConfigurationError, match=f"--set {name}"):
        registry.parse_config(registry.get("powerschool"), given)


def test_columns_of_an_extension():
    config = registry.parse_config(
        registry.get("powerschool"),
        GOOD | {"extension_fields": "email=U_X.Mail , preferredGivenName=u_y.says,"},
    )
    assert config.extensions == {"email": ("u_x", "mail"), "preferredGivenName": ("u_y", "says")}
    assert registry.parse_config(registry.get("powerschool"), GOOD).extensions == {}
