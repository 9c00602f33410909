from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import httpcore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.network import Network, parse_networks
from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome, outcome_of
from connectors.transport.retrying import retry_after_s
from connectors.transport.sockets import GuardedBackend
from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

JSON = "application/json"
HERE = Network(allowed=parse_networks("127.0.0.0/8"))


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits: list[float] = []
        self.is_stopped = False

    def clock(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now_s += seconds
        return self.is_stopped


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make(script, time) -> Callable[..., HttpClient]:
    return lambda **options: HttpClient(
        "vendor", script.url, network=HERE, wait=time.wait, clock=time.clock, **options
    )


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "OK"), (201, "OK"), (204, "OK"), (301, "MOVED"), (302, "RETRY"), (307, "RETRY"),
        (308, "MOVED"), (400, "REFUSED"), (401, "UNAUTHORIZED"), (403, "DENIED"),
        (404, "MISSING"), (408, "RETRY"), (410, "MISSING"), (422, "REFUSED"), (425, "RETRY"),
        (429, "RATE_LIMITED"), (500, "RETRY"), (502, "RETRY"), (503, "RETRY"), (504, "RETRY"),
    ],
)  # fmt: skip
def test_what_a_status_means(status, outcome):
    assert outcome_of(status) is Outcome[outcome]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0), ("7", 7), (" 7 ", 7), ("007", 7), ("9" * 400, 86_400), ("100000", 86_400),
        ("", None), ("soon", None), ("-3", None), ("1.5", None), ("²", None), ("٣", None),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30), ("Tue, 24 Nov 2026 12:00:30 -0000", 30),
        ("Tue, 24 Nov 2026 13:00:30 +0100", 30), ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 24 Nov 2099 11:00:00 GMT", 86_400), ("Tue, 99 Nov 2026 11:00:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after(value, seconds):
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert retry_after_s({"retry-after": value}, now) == seconds


@given(st.text(max_size=60) | st.datetimes().map(lambda at: format_datetime(at)))
def test_no_retry_after_is_too_odd(value):
    seconds = retry_after_s({"retry-after": value})
    assert seconds is None or 0 <= seconds <= 86_400


def test_a_get_is_tried_thrice_when_the_server_fails(script, time, make):
    script.add(500)
    script.add(502)
    script.add(200, b'{"a": 1}', Content_Type=JSON)
    with make() as http:
        answer = http.send("GET", "/x")
        assert http.json(answer, "/x") == {"a": 1}
    assert time.waits == [0.2, 1.0]
    assert script.requests == ["GET /x"] * 3


def test_the_last_failure_is_the_answer(script, time, make):
    script.add(503, Retry_After="2")
    with make() as http:
        error = http.error_of(http.send("GET", "/x"), "/x", denied="")
    assert isinstance(error, TransientConnectorError)
    assert error.retry_after_s == 2
    assert time.waits == [2.0, 2.0]


def test_a_post_is_sent_once(script, time, make):
    script.add(500)
    with make() as http:
        assert http.send("POST", "/x").outcome is Outcome.RETRY
        script.requests.clear()
        http.send("POST", "/x", is_safe=True)
    assert len(script.requests) == 3


def test_too_many_requests_waits_as_long_as_told_even_with_a_post(script, time, make):
    script.add(429, Retry_After="7")
    script.add(429)
    script.add(200, b"{}", Content_Type=JSON)
    with make() as http:
        assert http.send("POST", "/x").status == 200
    assert time.waits == [7.0, 2.0]


def test_too_many_requests_for_too_long_is_for_the_job_to_wait(script, time, make):
    script.add(429, Retry_After="3600")
    with make() as http:
        error = http.error_of(http.send("GET", "/x"), "/x", denied="")
    assert isinstance(error, TransientConnectorError)
    assert error.retry_after_s == 3600
    assert time.waits == []


def test_too_many_requests_end(script, time, make):
    script.add(429)
    with make() as http:
        assert http.send("GET", "/x").outcome is Outcome.RATE_LIMITED
    assert time.waits == [1.0, 2.0, 4.0, 8.0]


def test_no_wait_goes_beyond_the_deadline(script, time, make):
    script.add(429, Retry_After="20")
    with make(deadline_s=50) as http:
        assert http.send("GET", "/x").status == 429
    assert time.waits == [20.0, 20.0]


def test_a_job_that_must_stop_does_not_try_again(script, time, make):
    script.add(500)
    time.is_stopped = True
    with make() as http, pytest.raises(TransientConnectorError, match="stopped"):
        http.send("GET", "/x")
    assert len(script.requests) == 1


def test_a_body_that_drips_meets_the_deadline(script, time, make):
    def drip() -> None:
        time.now_s += 40

    script.add(200, [b"a" * 70_000, drip, b"b" * 70_000, drip, b"c" * 70_000, drip, b"d" * 70_000])
    with make(deadline_s=100) as http, pytest.raises(TransientConnectorError, match="100 s"):
        http.send("POST", "/x")


def test_a_body_is_capped_also_where_it_is_compressed(script, make):
    script.add(200, gzip.compress(b" " * 3_000_000), Content_Type=JSON, Content_Encoding="gzip")
    longer = pytest.raises(TransientConnectorError, match="longer than 1000000")
    with make(max_body_bytes=1_000_000) as http, longer:
        http.send("POST", "/x")
    with make(max_body_bytes=3_000_000) as http:
        assert len(http.send("POST", "/x").body) == 3_000_000


@pytest.mark.parametrize(
    ("headers", "body", "told"),
    [
        ({"Content-Length": "900", "Content-Type": JSON}, b"{}", "cut off"),
        ({"Content-Encoding": "gzip"}, b"no gzip", "compressed wrongly"),
    ],
)
def test_what_is_no_whole_answer_is_none(script, make, headers, body, told):
    script.add(200, body, **headers)
    with make() as http, pytest.raises(TransientConnectorError, match=told):
        http.send("GET", "/x")
    assert len(script.requests) == 3


def test_nobody_answers(time):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            HttpClient("vendor", url, network=HERE, wait=time.wait, clock=time.clock) as http,
            pytest.raises(
                TransientConnectorError, match=r"nobody answers at 127\.0\.0\.1:"
            ) as caught,
        ):
            http.send("GET", "/x")
    assert caught.value.user_message.endswith("Look at the setting url")
    assert time.waits == [0.2, 1.0]


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (ssl.SSLCertVerificationError(1, "verify"), "the certificate of school.example is not"),
        (ssl.SSLError(1, "wrong version number"), "school.example does not speak TLS"),
    ],
)
def test_what_is_wrong_with_tls_is_told_apart(monkeypatch, cause, told):
    cause.verify_message = "it has expired"

    def connect(self, *_args, **_kwargs):
        try:
            raise cause
        except ssl.SSLError as error:
            raise httpcore.ConnectError("no TLS") from error

    monkeypatch.setattr(GuardedBackend, "connect_tcp", connect)
    with (
        HttpClient("vendor", "https://school.example", wait=lambda _s: None) as http,
        pytest.raises(TransientConnectorError, match=told),
    ):
        http.send("GET", "/x")


def test_an_answer_that_does_not_come_is_given_up(time):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            HttpClient(
                "vendor", url, network=HERE, timeout_s=0.05, wait=time.wait, clock=time.clock
            ) as http,
            pytest.raises(TransientConnectorError, match="in time"),
        ):
            http.send("GET", "/x")


def test_no_redirect_is_followed(script, make):
    script.add(302, Location="https://message.example/?server=secret")
    with make() as http:
        error = http.error_of(http.send("GET", "/x"), "/x", denied="")
    assert isinstance(error, TransientConnectorError)
    assert "message.example" in str(error)
    assert "secret" not in str(error)
    assert len(script.requests) == 1


def test_a_server_that_has_moved_for_good_is_for_a_person(script, make):
    script.add(301, Location="https://new.example/")
    with make() as http:
        error = http.error_of(http.send("GET", "/x"), "/x", denied="")
    assert isinstance(error, PermanentConnectorError)
    assert "new.example" in error.user_message


@pytest.mark.parametrize("status", [401, 403])
def test_a_denial_says_what_to_do(script, make, status):
    script.add(status)
    with make() as http:
        error = http.error_of(http.send("GET", "/x"), "/x", denied="Ask the administrator")
    assert isinstance(error, PermanentConnectorError)
    assert error.user_message.endswith("Ask the administrator")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"<html>down</html>"),
        ("", b"{}"),
        (JSON, b'{"a": [1, 2'),
        (JSON, b""),
        (JSON, b"\xff\xfe"),
        (JSON, b"[" * 200_000),
        (JSON, b"1" * 5_000),
    ],
)
def test_what_is_no_json(script, make, kind, body):
    script.add(200, body, **({"Content_Type": kind} if kind else {}))
    with make() as http, pytest.raises(TransientConnectorError, match="JSON"):
        http.json(http.send("GET", "/x"), "/x")


def test_the_log_tells_no_secret(script, make, caplog):
    script.add(200, b'{"person": "PRIVATE"}', Content_Type=JSON)
    caplog.set_level(logging.DEBUG)
    with make() as http:
        http.send("GET", "/x", params={"q": "PRIVATE"}, headers={"Authorization": "PRIVATE"})
    told = [r.getMessage() for r in caplog.records if r.name.startswith(("connectors", "httpx"))]
    assert told == ["vendor GET /x: 200 in 0 ms"]


@settings(max_examples=200, deadline=None)
@given(st.integers(100, 599), st.binary(max_size=40), st.text(max_size=30))
def test_any_answer_has_a_meaning(status, body, location):
    headers = {"content-type": JSON, "location": location, "retry-after": location}
    with HttpClient("vendor", "http://127.0.0.1:1") as http:
        answer = Answer(status, headers, body)
        with contextlib.suppress(TransientConnectorError):
            http.json(answer, "/x")
        assert isinstance(http.error_of(answer, "/x", denied=""), ConnectorError)


@pytest.mark.parametrize("location", ["http://[", "//", "https://"])
def test_a_location_that_is_none(location):
    with HttpClient("vendor", "http://127.0.0.1:1") as http:
        answer = Answer(302, {"location": location}, b"")
        assert isinstance(http.error_of(answer, "/x", denied=""), TransientConnectorError)
