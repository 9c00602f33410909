from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

import pytest

from connectors import registry
from connectors.oneroster.rest.oauth1 import authorization
from shared.errors import ConfigurationError

GIVEN = {
    "url": "https://sis.example/prefix/",
    "token_url": "https://login.example/token",
    "client_id": "key",
    "client_secret": "secret",
}


def parse(name="oneroster_rest", **changes):
    return registry.parse_config(registry.get(name), {**GIVEN, **changes})


@pytest.mark.parametrize(
    ("name", "changes", "path"),
    [
        ("oneroster_rest", {}, "/ims/oneroster/v1p1"),
        ("oneroster_rest", {"version": "1.2"}, "/ims/oneroster/rostering/v1p2"),
        ("skyward", {}, "/ims/oneroster/v1p1"),
        ("skyward", {"version": "1.2"}, "/ims/oneroster/v1p2"),
        ("skyward", {"service_path": "/api/ims/oneroster/v1p2/"}, "/api/ims/oneroster/v1p2"),
        ("skyward", {"service_path": ""}, ""),
    ],
)
def test_where_the_services_are(name, changes, path):
    assert parse(name, **changes).base_url == f"https://sis.example/prefix{path}"


def test_secrets_are_no_text():
    for name in ("oneroster_rest", "skyward"):
        assert registry.secret_fields(registry.get(name)) == {"client_secret"}
        assert "secret" not in repr(parse(name)).replace("client_secret", "")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"token_url": None}, "token_url"),
        ({"url": "ftp://sis.example"}, "url"),
        ({"url": "https://user:pw@sis.example"}, "url"),
        ({"url": "https://sis.example?x=1"}, "url"),
        ({"client_secret": ""}, "client_secret"),
        ({"version": "1.0"}, "version"),
        ({"page_size": "0"}, "page_size"),
        ({"service_path": "no/slash"}, "service_path"),
        ({"auth": "basic"}, "auth"),
        ({"requests_per_minute": "0"}, "requests_per_minute"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_setting_is_named(changes, field):
    with pytest.raises(ConfigurationError) as caught:
        parse(**changes)
    assert caught.value.field == f"--set {field}"


def test_signed_requests_need_no_token():
    assert parse(auth="oauth1_sha1", token_url=None).token_url is None


def test_scopes():
    assert parse().scope.count("/or/v1p1/scope/") == 3
    assert parse(version="1.2").scope.count("/or/v1p2/scope/") == 3
    assert "demographics" not in parse(demographics="false").scope
    assert parse(scopes="a b").scope == "a b"
    assert parse(scopes="-").scope == ""


def test_a_signature_is_that_of_the_rfcs_rules():
    header = authorization(
        "get",
        "HTTP://Example.com:80/r/X",
        {"limit": "1", "filter": "a>'b c'"},
        key="k",
        secret="s",
        algorithm="HMAC-SHA1",
        nonce="n",
        timestamp=1,
    )
    base = (
        "GET&http%3A%2F%2Fexample.com%2Fr%2FX&"
        "filter%3Da%253E%2527b%2520c%2527%26limit%3D1%26oauth_consumer_key%3Dk%26oauth_nonce%3Dn"
        "%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1%26oauth_version%3D1.0"
    )
    made = base64.b64encode(hmac.new(b"s&", base.encode(), hashlib.sha1).digest()).decode()
    assert f'oauth_signature="{quote(made, safe="")}"' in header
    assert header.startswith('OAuth oauth_consumer_key="k", ')
