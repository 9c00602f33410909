"""docker-compose.yml, the Dockerfile and the Makefile agree with the code and with each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.domain.states import Tier
from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DEFINITIONS = ROOT / "deploy" / "rabbitmq" / "definitions.json"
#: What `make up` writes into .env; the compose file asks for nothing else.
SECRETS = {
    "BELLRINGER_DATABASE_PASSWORD",
    "BELLRINGER_BROKER_PASSWORD",
    "BELLRINGER_OPERATOR_PASSWORD",
    "BELLRINGER_MONITOR_PASSWORD",
    "BELLRINGER_SECRET_KEY",
}
SERVERS = {"rabbitmq", "postgres"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    loaded = yaml.safe_load(COMPOSE.read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def ours(project: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    return {name: body for name, body in project["services"].items() if name not in SERVERS}


def test_every_tier_has_a_worker_service_and_no_other_has(ours: dict[str, dict[str, Any]]) -> None:
    workers = {name: body["command"] for name, body in ours.items() if name.startswith("worker-")}
    assert workers == {
        f"worker-{tier.replace('_', '-')}": ["bellringer", "worker", "--tier", tier.value]
        for tier in Tier
    }


def test_environment_names_are_settings(ours: dict[str, dict[str, Any]]) -> None:
    known = {f"BELLRINGER_{field.upper()}" for field in Settings.model_fields}
    for name, body in ours.items():
        assert set(body.get("environment", {})) <= known, name


def test_every_process_gets_both_servers(ours: dict[str, dict[str, Any]]) -> None:
    for name, body in ours.items():
        if name != "simulator":
            given = set(body["environment"])
            assert {"BELLRINGER_DATABASE_URL", "BELLRINGER_BROKER_URL"} <= given, name


def test_only_the_command_line_gets_the_operators_password(
    ours: dict[str, dict[str, Any]],
) -> None:
    holders = [name for name, body in ours.items() if "OPERATOR_PASSWORD" in json.dumps(body)]
    assert holders == ["cli"]


def test_commands_are_words_of_the_command_line(ours: dict[str, dict[str, Any]]) -> None:
    for name, body in ours.items():
        program, *words = body["command"]
        assert program == "bellringer", name
        subwords = [word for word in words if not word.startswith("-")]
        # An option's value is no word: `--tier import` is checked by parsing the whole line.
        command = subwords[: 2 if subwords[0] == "db" else 1]
        shown = _help(*command)
        for option in [word for word in words if word.startswith("--")]:
            assert option in shown, f"{name}: {' '.join(command)} knows no {option}"


def _help(*words: str) -> str:
    """Return a command's help, which fails for a word that does not exist."""
    script = "import sys; from console.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, *words, "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, f"{' '.join(words)} --help: {done.stderr}"
    return done.stdout


def test_workers_scale(project: dict[str, Any]) -> None:
    for name, body in project["services"].items():
        assert "container_name" not in body, name
        for port in body.get("ports", []):
            host, published, _inside = str(port).split(":")
            assert (host, published) == ("127.0.0.1", ""), f"{name} fixes a host port or opens one"


def test_services_stop_slower_than_jobs_are_given_back(ours: dict[str, dict[str, Any]]) -> None:
    grace_s = Settings.model_fields["grace_s"].default
    for name, body in ours.items():
        if name == "scheduler" or name.startswith("worker-"):
            assert float(body["stop_grace_period"].removesuffix("s")) > grace_s, name


def test_services_are_healthy_restarted_and_start_in_order(
    ours: dict[str, dict[str, Any]],
) -> None:
    for name, body in ours.items():
        if name == "scheduler" or name.startswith("worker-"):
            assert body["restart"] == "unless-stopped", name
            assert "healthcheck" in body, name
            conditions = {key: value["condition"] for key, value in body["depends_on"].items()}
            assert conditions == {
                "migrate": "service_completed_successfully",
                "postgres": "service_healthy",
                "rabbitmq": "service_healthy",
            }, name


def test_no_password_is_written_down() -> None:
    text = COMPOSE.read_text()
    asked = set(re.findall(r"\$\{([A-Z_]+)", text))
    # no secrets, and empty unless they are set
    asked -= {"BELLRINGER_PRIVATE_NETWORKS", "BELLRINGER_CONSOLE_URL"}
    assert asked == SECRETS
    assert set(re.findall(r"\$\{([A-Z_]+):\?", text)) == asked, "a default would be a password"
    assert not re.search(r'(?i)password"?: *"?[a-z0-9]', text)


def test_make_writes_every_secret(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", ".env"], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert set(written) == SECRETS
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert len(set(written.values())) == len(SECRETS)
    for name, value in written.items():
        if name.endswith("_PASSWORD"):
            assert re.fullmatch(r"[0-9a-f]{32}", value), name


def test_the_secret_key_is_a_fernet_key(tmp_path: Path) -> None:
    from cryptography.fernet import Fernet

    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", ".env"], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert Fernet(written["BELLRINGER_SECRET_KEY"].encode())


def test_mounted_files_exist(project: dict[str, Any]) -> None:
    for body in project["services"].values():
        for volume in body.get("volumes", []):
            source = volume.split(":")[0]
            assert source in project["volumes"] or (ROOT / source).is_file(), source


def test_policies_fit_our_queues() -> None:
    definitions = json.loads(DEFINITIONS.read_text())
    (vhost,) = definitions["vhosts"]
    assert vhost["name"] == "/"
    assert vhost["default_queue_type"] == vhost["metadata"]["default_queue_type"] == "quorum"
    (tiers,) = definitions["policies"]
    for tier in Tier:
        assert re.search(tiers["pattern"], f"sync.{tier.value}")
        # Dramatiq's dead letters must never be refused.
        assert not re.search(tiers["pattern"], f"sync.{tier.value}.XQ")


def test_the_image_holds_every_package_and_runs_without_root() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    packages = {entry.parent.name for entry in ROOT.glob("*/__init__.py")}
    assert packages <= let_in
    assert {"pyproject.toml", "README.md", "requirements.lock"} <= let_in
    for lock in ("requirements.lock", "requirements-active-directory.lock"):
        assert lock in let_in
        assert f"-r {lock}" in dockerfile
    assert "--require-hashes -r requirements.lock" in dockerfile
    users = re.findall(r"^USER (\S+)", dockerfile, re.M)
    assert users
    assert users[-1] != "root"


@pytest.mark.parametrize(
    "target", ["help", "demo", "test", "check", "bench", "faults", "up", "down", "lock", "fmt"]
)
def test_make_help_shows(target: str) -> None:
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=30
    ).stdout
    assert re.search(rf"^  make {target} +\S", shown, re.M)


def test_make_up_without_docker_leaves_nothing_behind(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    path = f"{docker.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["make", "up"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode != 0
    assert "Docker Compose v2 is missing" in done.stderr
    assert not (tmp_path / ".env").exists()


def test_compose_takes_the_file_and_refuses_it_without_passwords() -> None:
    if shutil.which("docker") is None or _compose("version").returncode != 0:
        pytest.skip("Docker Compose v2 is not on this machine")
    config = ["-f", str(COMPOSE), "--env-file", os.devnull, "--profile", "cli", "config", "--quiet"]
    taken = _compose(*config, **dict.fromkeys(SECRETS, "0"))
    assert taken.returncode == 0, taken.stderr
    refused = _compose(*config)
    assert refused.returncode != 0
    assert "run make up" in refused.stderr


def _compose(*arguments: str, **secrets: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "compose", *arguments],
        env={**os.environ, **secrets},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
