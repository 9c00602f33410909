"""`bellringer simulator` as a person starts it: what it prints is what `apps add` takes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.zygote import zygote

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BELLRINGER_STATE_DIR": str(folder / "state")}
    return zygote().run(words, ROOT, environment)


@pytest.fixture
def simulator() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "console.cli", "simulator", "--port", "0", "--students", "40",
               "--seed", "3", "--day", "1", "--json"]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while lines[-1].rstrip() != "}" and not lines[-1].endswith("}}\n"):
            lines.append(process.stdout.readline())
            assert lines[-1], "it has ended"
        yield json.loads("".join(lines))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_every_vendor_it_serves_can_be_imported_as_it_prints(simulator, tmp_path):
    assert {"powerschool", "oneroster_rest", "skyward"} <= set(simulator["settings"])
    assert run(tmp_path, "tenants", "add", "oak").returncode == 0
    for connector in ("oneroster_rest", "skyward"):
        given = [
            word
            for key, value in simulator["settings"][connector].items()
            for word in ("--set", f"{key}={value}")
        ]
        added = run(
            tmp_path, "apps", "add", "oak", connector, "--name", connector.replace("_", "-"), *given
        )
        assert added.returncode == 0, added.stderr
        app = f"oak/{connector.replace('_', '-')}"
        ended = run(tmp_path, "run-now", app, "--wait", "--json")
        assert ended.returncode == 0, ended.stderr + ended.stdout


def test_a_day_is_asked_for(simulator):
    settings = simulator["settings"]["oneroster_rest"]

    def names() -> list[str]:
        form = {"grant_type": "client_credentials"}
        pair = (settings["client_id"], settings["client_secret"])
        token = client.post(settings["token_url"], data=form, auth=pair).json()["access_token"]
        users = f"{settings['url']}/ims/oneroster/rostering/v1p2/students?limit=1000"
        answer = client.get(users, headers={"Authorization": f"Bearer {token}"})
        assert answer.headers["x-total-count"] == str(len(answer.json()["users"]))
        active = [user for user in answer.json()["users"] if user["status"] == "active"]
        return sorted(user["username"] for user in active)

    with httpx.Client(trust_env=False) as client:
        first = names()
        told = client.post(f"{simulator['url']}/_simulator/day", json={"day": 5})
        assert told.json() == {"day": 5}
        assert names() != first
        for wrong in ({}, {"day": -1}, {"day": "soon"}):
            answer = client.post(f"{simulator['url']}/_simulator/day", json=wrong)
            assert answer.status_code == 400
