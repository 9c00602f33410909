"""Where a connection may go: by the address it goes to, whatever the URL looks like."""

from __future__ import annotations

import socket
import threading

import pytest

from connectors.network import Network, parse_networks
from connectors.transport.http import HttpClient
from shared.errors import PermanentConnectorError, TransientConnectorError

HERE = Network(allowed=parse_networks("127.0.0.0/8"))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "0.0.0.0",  # noqa: S104
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0",
        "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
        "2002:a00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_what_is_not_the_public_internet(address):
    assert not Network().may_reach(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
)
def test_what_is(address):
    assert Network().may_reach(address)


def test_what_the_operator_allows_and_no_more():
    network = Network(allowed=parse_networks("10.20.0.0/16, fd00::/8"))
    assert network.may_reach("10.20.3.4")
    assert network.may_reach("::ffff:10.20.3.4")
    assert network.may_reach("fd00::5")
    assert not network.may_reach("10.21.0.1")
    assert not network.may_reach("127.0.0.1")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]
)
def test_no_spelling_of_this_machine_gets_through(script, host):
    port = script.url.rpartition(":")[2]
    with (
        HttpClient("vendor", f"http://{host}:{port}") as http,
        pytest.raises(PermanentConnectorError, match="BELLRINGER_PRIVATE_NETWORKS"),
    ):
        http.send("GET", "/x")
    assert script.requests == []


def test_an_absolute_address_is_judged_too(script):
    with (
        HttpClient("vendor", "https://vendor.example") as http,
        pytest.raises(PermanentConnectorError),
    ):
        http.send("GET", f"{script.url}/x")
    assert script.requests == []


def _resolver(answers: dict[str, list[list[str]]], asked: list[str]):
    def resolve(host, port, *args, **kwargs):
        asked.append(host)
        found = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    return resolve


def test_a_name_is_resolved_once_and_its_judged_address_is_the_one_that_is_reached(
    script, monkeypatch
):
    """A name server that says something harmless first, and this machine after it, gains nothing."""
    asked: list[str] = []
    answers = {"rebound.example": [["127.0.0.1"], ["10.0.0.1"]]}
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(answers, asked))
    reached: list[str] = []
    connect = socket.create_connection

    def noting(address, *args, **kwargs):
        reached.append(address[0])
        # a numeric address asks no name server, so the resolver above is not called by it
        monkeypatch.undo()
        return connect(address, *args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", noting)
    script.add(200, b"{}", Content_Type="application/json")
    port = script.url.rpartition(":")[2]
    with HttpClient("vendor", f"http://rebound.example:{port}", network=HERE) as http:
        assert http.send("GET", "/x").status == 200
    assert asked == ["rebound.example"]
    assert reached == ["127.0.0.1"]


def test_of_several_addresses_only_those_that_may_be_reached_are_tried(script, monkeypatch):
    answers = {"mixed.example": [["10.0.0.1", "127.0.0.1"]]}
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(answers, []))
    reached: list[str] = []
    connect = socket.create_connection

    def noting(address, *args, **kwargs):
        reached.append(address[0])
        monkeypatch.undo()
        return connect(address, *args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", noting)
    script.add(200, b"{}")
    port = script.url.rpartition(":")[2]
    with HttpClient("vendor", f"http://mixed.example:{port}", network=HERE) as http:
        http.send("GET", "/x")
    assert reached == ["127.0.0.1"]


def test_a_name_that_does_not_resolve_may_resolve_later(monkeypatch):
    def resolve(*_args, **_kwargs):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with (
        HttpClient("vendor", "http://nowhere.example", wait=lambda _s: None) as http,
        pytest.raises(
            TransientConnectorError,
            match=r"host nowhere\.example is not known. Look at the setting url",
        ),
    ):
        http.send("GET", "/x")


def test_no_proxy_of_the_environment_is_used(script, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    script.add(200, b"{}")
    with HttpClient("vendor", script.url, network=HERE) as http:
        assert http.send("GET", "/x").status == 200


def test_headers_that_drip_meet_the_deadline():
    """Each byte comes within the time of a read; all of them together do not come in time."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with HttpClient("vendor", url, network=HERE, timeout_s=30, deadline_s=0.3) as http:

            def drip() -> None:
                connection, _ = listening.accept()
                with connection:
                    for _ in range(100):
                        try:
                            connection.sendall(b"H")
                        except OSError:
                            return
                        threading.Event().wait(0.05)

            dripping = threading.Thread(target=drip)
            dripping.start()
            with pytest.raises(TransientConnectorError, match="no whole answer came in"):
                http.send("POST", "/x")
        dripping.join(10)
