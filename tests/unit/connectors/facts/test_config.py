from __future__ import annotations

import pytest

from connectors import registry
from shared.domain.pacing import Rate
from shared.errors import ConfigurationError

REST = {"subscription_key": "a", "api_key": "b"}
ONEROSTER = {
    "interface": "oneroster",
    "url": "https://sis.example/school",
    "token_url": "https://sis.example/token",
    "client_id": "c",
    "client_secret": "d",
}


def parse(given, **changes):
    return registry.parse_config(registry.get("facts"), {**given, **changes})


def test_the_api_by_two_keys():
    config = parse(REST)
    assert config.address == "https://api.factsmgt.com"
    assert config.api_rates == (Rate(10, 1.0), Rate(100, 60.0))
    assert config.statuses == ("Enrolled",)
    assert parse(REST, requests_per_minute="600").api_rates[1] == Rate(600, 60.0)
    assert parse(REST, student_statuses="Enrolled, Pre-Enrolled").statuses[1] == "Pre-Enrolled"


def test_secrets_are_known_by_their_type():
    secrets = {"subscription_key", "api_key", "client_secret"}
    assert registry.secret_fields(registry.get("facts")) == secrets
    told = repr(parse(REST, api_key="HIDDEN", subscription_key="HIDDEN"))
    assert "HIDDEN" not in told


def test_oneroster_by_the_settings_of_oneroster_rest():
    made = parse(ONEROSTER, version="1.2", service_path="/v1p2", demographics="false").oneroster()
    assert made.base_url == "https://sis.example/school/v1p2"
    assert (made.version, made.demographics, made.use_filter) == ("1.2", False, False)


@pytest.mark.parametrize("name", [*REST, *list(ONEROSTER)[1:]])
def test_what_an_interface_needs(name):
    given = REST if name in REST else ONEROSTER
    with pytest.raises(ConfigurationError, match=f"--set {name}"):
        parse({key: value for key, value in given.items() if key != name})


@pytest.mark.parametrize(
    ("given", "changes", "name"),
    [
        (REST, {"api_key": ""}, "api_key"),
        (REST, {"client_id": "c"}, "client_id"),
        (REST, {"interface": "soap"}, "interface"),
        (REST, {"url": "https://user:word@api.example"}, "url"),
        (REST, {"student_statuses": ""}, "student_statuses"),
        (REST, {"student_statuses": "A|B"}, "student_statuses"),
        (REST, {"guardians": "some"}, "guardians"),
        (REST, {"requests_per_second": "0"}, "requests_per_second"),
        (REST, {"start_year": "26"}, "start_year"),
        (REST, {"colour": "red"}, "colour"),
        (ONEROSTER, {"api_key": "b"}, "api_key"),
        (ONEROSTER, {"auth": "basic"}, "auth"),
    ],
)
def test_a_wrong_setting_is_named(given, changes, name):
    with pytest.raises(ConfigurationError, match=f"--set {name}"):
        parse(given, **changes)
