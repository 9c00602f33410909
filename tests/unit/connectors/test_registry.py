"""The registry: ours, a stranger's, and what is wrong with a name or a setting."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import connectors.vendors
from connectors import registry
from shared.domain.states import Tier
from shared.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _fresh():
    registry._entry_points.cache_clear()
    registry.get.cache_clear()
    yield
    registry._entry_points.cache_clear()
    registry.get.cache_clear()


def test_every_vendor_is_registered_and_the_reverse():
    folder = Path(connectors.vendors.__path__[0])
    vendors = {p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("_")}
    standard = {"clever_csv", "oneroster_csv", "oneroster_csv_export", "oneroster_rest"}
    assert vendors | standard == set(registry.names())
    for name in registry.names():
        connector = registry.get(name)
        assert (connector.name, connector.tier) == (name, Tier(connector.tier))


def test_an_unknown_connector_suggests_the_nearest():
    with pytest.raises(ConfigurationError, match="Did you mean powerschool"):
        registry.get("powerscool")
    with pytest.raises(ConfigurationError, match="Known: active_directory"):
        registry.get("zzz")


def test_a_wrong_setting_is_named():
    chosen = registry.get("lightspeed")
    with pytest.raises(ConfigurationError) as caught:
        registry.parse_config(chosen, {})
    assert caught.value.field == "--set path"
    with pytest.raises(ConfigurationError, match=r"--set paht.* lightspeed takes: "):
        registry.parse_config(chosen, {"path": "/x", "paht": "y"})
    google = registry.get("google_classroom")
    with pytest.raises(ConfigurationError) as caught:
        registry.parse_config(google, {"service_account": "{}"})
    assert caught.value.problem.startswith("give the whole JSON")
    assert caught.value.fix == "See: bellringer connectors show google_classroom"


@pytest.mark.parametrize("name", ["lightspeed", "oneroster_csv"])
@pytest.mark.parametrize(
    ("path", "problem"), [("", "it is empty"), ("out", "'out' would mean"), (".", "'.' would mean")]
)
def test_a_path_is_absolute(name: str, path: str, problem: str):
    chosen = registry.get(name)
    with pytest.raises(ConfigurationError, match="Give the whole path") as caught:
        registry.parse_config(chosen, {"path": path})
    assert caught.value.field == "--set path"
    assert caught.value.problem.startswith(problem)
    assert registry.parse_config(chosen, {"path": "/x"}).model_dump()["path"] == Path("/x")


def test_secrets_are_known_by_their_type():
    assert registry.secret_fields(registry.get("powerschool")) == {"client_secret"}
    sftp = {"sftp_password", "sftp_private_key", "sftp_passphrase"}
    assert registry.secret_fields(registry.get("finalsite")) == sftp
    assert registry.secret_fields(registry.get("lightspeed")) == {*sftp, "http_token"}


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """A package of somebody else's: one connector of it is right, three are broken."""
    (tmp_path / "stranger.py").write_text(
        "from connectors.vendors.lightspeed import CONNECTOR as base\n"
        "from dataclasses import replace\n"
        "CONNECTOR = replace(base, name='stranger', title='A stranger')\n"
    )
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[bellringer.connectors]\nstranger = stranger:CONNECTOR\nwrong = stranger:CONNECTOR\n"
        "missing = stranger:NOTHING\nraising = stranger_raising:CONNECTOR\n"
    )
    (tmp_path / "stranger_raising.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "stranger"
    sys.modules.pop("stranger", None)


def test_a_stranger_adds_a_connector_without_touching_this_tree(stranger):
    assert registry.get(stranger).title == "A stranger"


def test_a_broken_package_is_named_and_takes_nothing_from_the_others(stranger):
    told = {
        "wrong": "stranger:CONNECTOR is not a Connector named wrong",
        "missing": "AttributeError: .*NOTHING",
        "raising": "ZeroDivisionError: division by zero",
    }
    for name, why in told.items():
        with pytest.raises(
            ConfigurationError, match=f"{name} of package stranger cannot be loaded: {why}"
        ) as caught:
            registry.get(name)
        assert "Correct the package stranger" in caught.value.fix
    found, broken = registry.installed()
    assert broken.keys() == told.keys()
    assert [one.name for one in found] == sorted(registry._entry_points().keys() - told.keys())
