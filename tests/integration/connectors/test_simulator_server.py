from __future__ import annotations

import socket
import threading

import httpx
import pytest

from connectors import registry
from connectors.district.generate import generate
from connectors.simulator.server import SimulatorServer
from shared.errors import ConfigurationError


@pytest.fixture
def district():
    return generate("oak", seed=1, students=5)


def test_it_serves_every_vendor_that_is_a_cloud_and_tells_its_settings(district):
    other = generate("elm", seed=2, students=5)
    clouds = {name for name in registry.names() if registry.get(name).simulator}
    assert "powerschool" in clouds
    with SimulatorServer([district, other]) as server:
        assert set(server.settings) == {"oak", "elm"}
        for name, vendors in server.settings.items():
            assert set(vendors) == clouds
            for vendor, settings in vendors.items():
                url = f"{server.url}/{name}/{vendor}"
                # a vendor who is reached otherwise has no address there
                assert settings.get("url", url) == url
                registry.parse_config(registry.get(vendor), settings)
        assert httpx.get(server.url, trust_env=False).status_code == 404


def test_it_stops_and_gives_its_port_back(district):
    before = set(threading.enumerate())
    with SimulatorServer([district]) as server:
        assert set(threading.enumerate()) > before
        port = int(server.url.rpartition(":")[2])
    assert set(threading.enumerate()) <= before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    with SimulatorServer([district], port=port) as again:
        assert again.url == server.url


def test_a_port_that_is_taken_is_named(district):
    with (
        SimulatorServer([district]) as server,
        pytest.raises(ConfigurationError, match="--port"),
    ):
        SimulatorServer([district], port=int(server.url.rpartition(":")[2]))


def test_two_districts_of_one_name_are_refused(district):
    with pytest.raises(ConfigurationError, match="district"):
        SimulatorServer([district, district])


def test_it_serves_until_told_to_stop(district):
    stop = threading.Event()
    with SimulatorServer([district]) as server:
        waiting = threading.Thread(target=server.wait, args=(stop,))
        waiting.start()
        stop.set()
        waiting.join(10)
        assert not waiting.is_alive()
