"""CrisisGo's simulated site, met by OpenSSH's own client and by our connector."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import paramiko
import pytest

from connectors import registry
from connectors.district.generate import generate
from connectors.sdk import Target
from connectors.simulator.server import SimulatorServer
from shared.errors import PermanentConnectorError
from tests.sftp_site import HERE
from tests.unit.connectors.roster_in_memory import MemoryRoster, small_roster


@pytest.fixture(scope="module")
def vendor() -> Iterator[tuple[SimulatorServer, dict[str, str]]]:
    with SimulatorServer([generate("oak", seed=1, students=5)]) as server:
        yield server, dict(server.settings["oak"]["crisisgo"])


def target(settings: dict[str, Any]) -> Target:
    connector = registry.get("crisisgo")
    made = connector.connect(registry.parse_config(connector, settings), HERE)
    assert isinstance(made, Target)
    return made


def roster() -> MemoryRoster:
    made = small_roster()
    for stored in made.kinds[next(kind for kind in made.kinds if kind == "users")].values():
        stored.values["identifier"] = "7"
    return made


def test_the_five_files_arrive(
    vendor: tuple[SimulatorServer, dict[str, str]], tmp_path: Path
) -> None:
    server, settings = vendor
    opened = target(settings)
    opened.check()
    rendering = opened.render(roster(), tmp_path)
    assert len(opened.deliver(rendering).changed) == 5
    assert opened.deliver(rendering).changed == frozenset()
    listed = httpx.get(f"{server.url}/oak/crisisgo/", trust_env=False).json()
    assert listed == {file.path.name: file.path.stat().st_size for file in rendering.files}
    told = httpx.get(f"{server.url}/oak/crisisgo/schools.csv", trust_env=False)
    assert told.content == (tmp_path / "schools.csv").read_bytes()


def test_another_key_or_password_is_refused(
    vendor: tuple[SimulatorServer, dict[str, str]],
) -> None:
    _, settings = vendor
    other = paramiko.ECDSAKey.generate()
    line = f"{other.get_name()} {other.get_base64()}"
    with pytest.raises(PermanentConnectorError, match="shows another key than the pinned one"):
        target({**settings, "sftp_host_key": line}).check()
    with pytest.raises(PermanentConnectorError, match="does not let oak in"):
        target({**settings, "sftp_password": "another"}).check()


@pytest.mark.skipif(shutil.which("sftp") is None, reason="OpenSSH's client is not here")
def test_opensshs_client_finds_a_server(
    vendor: tuple[SimulatorServer, dict[str, str]], tmp_path: Path
) -> None:
    _, settings = vendor
    ask = tmp_path / "ask"
    ask.write_text(f"#!/bin/sh\necho '{settings['sftp_password']}'\n")
    ask.chmod(0o700)
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{settings['sftp_port']} {settings['sftp_host_key']}\n")
    (tmp_path / "one.csv").write_text("a\n" * 100_000)
    batch = f"put {tmp_path}/one.csv\nrename one.csv two.csv\nget two.csv {tmp_path}/back.csv\nls\nrm two.csv\n"
    done = subprocess.run(
        [
            "sftp", "-q", "-P", settings["sftp_port"], "-o", f"UserKnownHostsFile={known}",
            "-o", "StrictHostKeyChecking=yes", "-o", "PreferredAuthentications=password",
            "-o", "NumberOfPasswordPrompts=1", f"{settings['sftp_user']}@127.0.0.1",
        ],
        input=batch, env={"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0", "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "two.csv" in done.stdout
    assert (tmp_path / "back.csv").read_text() == "a\n" * 100_000
