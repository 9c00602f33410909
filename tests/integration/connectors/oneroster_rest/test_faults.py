"""What goes wrong at a server, and what a job is told of it."""

from __future__ import annotations

import time

import pytest

from connectors.sdk import ReadRequest
from shared.domain.reading import ReadCertificate
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

FULL = ReadRequest(Mode.FULL)


@pytest.mark.parametrize(
    ("fault", "how", "error", "told"),
    [
        ("unauthorized", {"times": 9}, PermanentConnectorError, "client_id, client_secret"),
        ("denied", {}, PermanentConnectorError, "may not read users"),
        ("missing", {}, PermanentConnectorError, "service_path"),
        ("busy", {"times": 99}, TransientConnectorError, "429"),
        ("busy", {"value": 3600}, TransientConnectorError, "429"),
        ("busy_silent", {"times": 99}, TransientConnectorError, "429"),
        ("error", {"times": 3}, TransientConnectorError, "500"),
        ("unavailable", {"times": 3}, TransientConnectorError, "503"),
        ("html", {}, TransientConnectorError, "text/html, not JSON"),
        ("down", {}, TransientConnectorError, "status.example"),
        ("moved", {}, PermanentConnectorError, "moved.example"),
        ("cut", {}, TransientConnectorError, "broken JSON"),
        ("drop", {"times": 3}, TransientConnectorError, "cut off"),
        ("shape", {}, TransientConnectorError, "another shape"),
        ("endless", {"times": 3}, TransientConnectorError, "longer than"),
    ],
)
def test_what_fails_gives_no_certificate(vendor, fault, how, error, told):
    vendor.fault(fault, on="/users", **{"after": 0, **how})
    got = []
    with pytest.raises(error, match=told) as caught:
        got.extend(vendor.source().read(FULL))
    assert not any(isinstance(item, ReadCertificate) for item in got)
    assert "secret" not in str(caught.value).replace("client_secret", "")
    if how.get("value"):
        assert caught.value.retry_after_s == 3600


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        ("error", 2),
        ("unavailable", 2),
        ("busy", 3),
        ("busy_silent", 4),
        ("drop", 2),
        ("unauthorized", 1),
    ],
)
def test_what_passes_is_got_over(vendor, kit, fault, times):
    whole = kit.rows(kit.read(vendor.source()))
    vendor.fault(fault, on="/users", times=times, after=1)
    assert kit.rows(kit.read(vendor.source(page_size=10))) == whole


def test_a_drip_ends_by_the_deadline(vendor):
    vendor.fault("drip", on="/users", value=0.05, times=9)
    started = time.monotonic()
    with pytest.raises(TransientConnectorError, match="no whole answer came in 1 s"):
        list(vendor.source(deadline_s=1, timeout_s=5).read(FULL))
    assert time.monotonic() - started < 10


def test_a_silence_ends_by_the_timeout(vendor):
    vendor.fault("slow", on="/users", value=3, times=9)
    with pytest.raises(TransientConnectorError, match="in time"):
        list(vendor.source(timeout_s=0.3).read(FULL))


@pytest.mark.parametrize("auth", ["oauth2_header", "oauth2_form"])
def test_a_token_that_expires_while_paging(vendor, kit, auth):
    whole = kit.rows(kit.read(vendor.source()))
    for after in (0, 1, 4):
        vendor.fault("expire", on="/users", after=after)
    assert kit.rows(kit.read(vendor.source(page_size=10, auth=auth))) == whole


def test_a_token_that_is_said_to_have_expired_in_words_alone(vendor, kit):
    vendor.set(says_expired=True)
    vendor.fault("expire", on="/users", after=2)
    assert kit.read(vendor.source(page_size=10))[-1].counts[Kind.USERS] > 10


def test_a_token_is_renewed_before_its_life_ends(vendor, kit):
    vendor.set(token_life_s=0.2)
    kit.read(vendor.source(page_size=1))
    tokens = [request for request in vendor.requests() if request.startswith("POST /oauth/token")]
    assert len(tokens) > 1


def test_one_token_serves_a_read_and_the_next(vendor, kit):
    source = vendor.source(page_size=10)
    kit.read(source)
    kit.read(source)
    assert sum(request.startswith("POST") for request in vendor.requests()) == 1


@pytest.mark.parametrize("auth", ["oauth1_sha256", "oauth1_sha1"])
def test_signed_requests(vendor, kit, auth):
    whole = kit.rows(kit.read(vendor.source()))
    source = vendor.source(auth=auth, token_url=None, page_size=10)
    source.check()
    assert kit.rows(kit.read(source)) == whole
    cursor = kit.read(source)[-1].cursor
    assert kit.read(source, Mode.INCREMENTAL, cursor)[-1].mode is Mode.INCREMENTAL


@pytest.mark.parametrize("skew_s", [-4000, 4000])
def test_a_signature_goes_by_the_servers_clock(vendor, kit, skew_s):
    vendor.set(clock_skew_s=skew_s)
    kit.read(vendor.source(auth="oauth1_sha256", token_url=None))


def test_a_wrong_signature_names_the_settings(vendor):
    with pytest.raises(PermanentConnectorError, match="client_id and client_secret"):
        vendor.source(auth="oauth1_sha1", token_url=None, client_secret="wrong").check()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"client_secret": "wrong"}, "client_id, client_secret and token_url"),
        ({"scopes": "nonsense"}, "Check scopes"),
        ({"token_url": "{url}/nowhere"}, "Check token_url"),
    ],
)
def test_what_is_wrong_with_the_sign_in_is_named(vendor, changes, told):
    changes = {name: value.format(**vendor.settings) for name, value in changes.items()}
    with pytest.raises(PermanentConnectorError, match=told):
        vendor.source(**changes).check()


def test_a_server_that_wants_the_other_way_of_signing_in(vendor):
    vendor.set(styles=["form"])
    with pytest.raises(PermanentConnectorError, match="oauth2_form"):
        vendor.source(auth="oauth2_header").check()
    vendor.source(auth="oauth2_form").check()


def test_check_names_all_that_may_not_be_read(vendor):
    vendor.source().check()
    vendor.set(grants=["orgs", "academicSessions", "courses", "classes", "users"])
    with pytest.raises(PermanentConnectorError) as caught:
        vendor.source().check()
    assert "may not read enrollments" in caught.value.user_message
    assert "or set demographics=false" in caught.value.user_message


def test_a_token_without_the_scope_of_demographics(vendor):
    scope = "https://purl.imsglobal.org/spec/or/v1p2/scope/roster.readonly"
    with pytest.raises(PermanentConnectorError, match="demographics"):
        vendor.source(scopes=scope).check()
    vendor.source(scopes=scope, demographics=False).check()
    vendor.source(scopes="-").check()


def test_no_error_tells_the_tokens_address(vendor):
    """A broker's address may hold the key of an integration."""
    with pytest.raises(PermanentConnectorError) as caught:
        vendor.source(token_url=f"{vendor.settings['url']}/k-3f9/oauth/token").check()
    assert "k-3f9" not in str(caught.value)
