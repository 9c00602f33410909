"""A client takes a turn of its account's budget before each request."""

from __future__ import annotations

import pytest

from connectors.network import LocalPacer, Network, parse_networks
from connectors.transport.http import HttpClient
from shared.domain.pacing import Rate
from shared.errors import TransientConnectorError

ONE_IN_TWO_S = (Rate(1, 2.0),)


class Time:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make(script, time):
    network = Network(LocalPacer(time.clock), parse_networks("127.0.0.0/8"))
    return lambda account="a", rates=ONE_IN_TWO_S, **more: HttpClient(
        "vendor", script.url, network=network, account=account, rates=rates, wait=time.wait,
        clock=time.clock, **more,
    )  # fmt: skip


def test_requests_keep_the_pace_and_clients_share_it(script, time, make):
    script.add(200)
    with make() as one, make() as two, make(account="b") as other:
        for http in (one, two, one):
            http.send("GET", "/x")
        assert time.waits == [2.0, 2.0]
        other.send("GET", "/x")
    assert time.waits == [2.0, 2.0]


def test_a_wait_for_a_turn_takes_nothing_off_the_deadline(script, time, make):
    script.add(200)
    with make(deadline_s=1) as http:
        for _ in range(3):
            assert http.send("GET", "/x").status == 200


def test_a_budget_that_is_used_up_for_long_is_for_the_job_to_wait(script, time, make):
    script.add(200)
    with make(rates=(Rate(1, 3600.0),)) as http:
        http.send("GET", "/x")
        with pytest.raises(TransientConnectorError, match="budget") as caught:
            http.send("GET", "/x")
    assert caught.value.retry_after_s == 3600
    assert len(script.requests) == 1


def test_too_many_requests_hold_back_everybody(script, time, make):
    script.add(429, Retry_After="7")
    script.add(200)
    with make() as one, make() as two:
        assert one.send("GET", "/x").status == 200
        assert time.now_s == 7
        two.send("GET", "/x")
    assert time.now_s == 9
