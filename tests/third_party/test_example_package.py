"""The guide's example, built and installed as a stranger's package, found, checked and run in a job.

Nothing is fetched: the build tool is the environment's own.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.district.generate import generate
from connectors.sdk import Mounted
from connectors.simulator.server import SimulatorServer
from console.cli.main import run

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "bellringer_example"
NAME = "example_sis"
Cli = Callable[..., Any]


def pip(*words: str, cwd: Path) -> None:
    common = ["--quiet", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, *common],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def forget() -> None:
    registry._entry_points.cache_clear()
    registry.get.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "bellringer_example"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package, as its wheel puts it into a folder, which this process can import from."""
    folder = tmp_path_factory.mktemp("third_party")
    # built from a copy: a build leaves its traces beside the source
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    offline = ("--no-index", "--no-deps")
    pip("wheel", *offline, "--no-build-isolation", "-w", "dist", "./source", cwd=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    pip("install", *offline, "--target", "site", str(wheel), cwd=folder)
    site = folder / "site"
    with pytest.MonkeyPatch.context() as patch:
        # before whatever may lie on the path as source
        patch.setattr(sys, "path", [str(site), *(p for p in sys.path if p != str(EXAMPLE))])
        forget()
        yield site
    forget()


@pytest.fixture(scope="module")
def vendor(installed: Path) -> Iterator[Mounted]:
    with SimulatorServer([]) as server:
        yield server.mount(registry.get(NAME), generate("oak", seed=5, students=40))


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: Any, capsys: Any) -> Iterator[Cli]:
    monkeypatch.setenv("BELLRINGER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BELLRINGER_PRIVATE_NETWORKS", "127.0.0.0/8")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ran(*words: str, code: int = 0) -> Any:
        ended = run([*words, "--json"])
        out, err = capsys.readouterr()
        assert ended == code, f"{words}: {ended}\n{out}\n{err}"
        return json.loads(out)

    yield ran
    for number, handler in before.items():
        signal.signal(number, handler)


def test_it_is_found_in_its_own_package(installed: Path, cli: Cli) -> None:
    connector = registry.get(NAME)
    assert Path(sys.modules["bellringer_example"].__file__ or "").is_relative_to(installed)
    assert connector.title in {row["title"] for row in cli("connectors", "list")}
    shown = cli("connectors", "show", NAME)
    assert [one["name"] for one in shown["settings"] if one["is_required"]] == [
        "url",
        "client_id",
        "client_secret",
    ]


def test_the_conformance_kit_has_nothing_against_it(installed: Path, cli: Cli) -> None:
    rows = cli("conformance", NAME)
    assert {row["connector"] for row in rows} == {NAME}
    assert [row for row in rows if row["result"] == "failed"] == []
    passed = {row["check"] for row in rows if row["result"] == "passed"}
    assert {"full_read", "resume", "incremental_equals_full", "http_403", "token_expiry"} <= passed


def test_a_job_reads_it(vendor: Mounted, cli: Cli) -> None:
    settings = [part for key, of in vendor.settings.items() for part in ("--set", f"{key}={of}")]
    cli("tenants", "add", "oak", "--zone", "America/New_York")
    cli("apps", "add", "oak", NAME, "--name", "sis", *settings)
    assert cli("apps", "check", "oak/sis") == {
        "app": "oak/sis",
        "connector": NAME,
        "is_well": True,
        "problem": None,
    }
    first = cli("run-now", "oak/sis", "--wait")
    assert first["state"] == "succeeded", first["reason"]
    assert first["counts"]["users"]["added"] == first["counts"]["roles"]["added"] > 40
    assert vendor.turn is not None
    vendor.turn(generate("oak", seed=5, students=40, day=9))
    second = cli("run-now", "oak/sis", "--mode", "incremental", "--wait")
    assert second["state"] == "succeeded", second["reason"]
    assert second["counts"]["users"]["added"] > 0


def test_what_is_missing_is_said(vendor: Mounted, cli: Cli) -> None:
    wrong = {**vendor.settings, "client_secret": "wrong"}
    settings = [part for key, of in wrong.items() for part in ("--set", f"{key}={of}")]
    cli("tenants", "add", "oak", "--zone", "America/New_York")
    cli("apps", "add", "oak", NAME, "--name", "sis", *settings)
    told = cli("apps", "check", "oak/sis", code=1)
    assert not told["is_well"]
    assert "the key needs the permission 'roster: read'" in told["problem"]


# The guide shows the example, and nothing else


def shown() -> list[tuple[str, str]]:
    """Return the guide's pieces of code that are said to be a file's, with the file's name."""
    page = (DOCS / "write-a-connector.md").read_text()
    return re.findall(r"^`(bellringer_example/[\w./]+)`:?\n\n```\w+\n(.*?)^```$", page, re.M | re.S)


def test_the_guides_code_is_the_examples() -> None:
    pieces = shown()
    assert {name for name, _ in pieces} >= {
        f"bellringer_example/{name}"
        for name in (
            "pyproject.toml",
            "bellringer_example/__init__.py",
            "bellringer_example/config.py",
            "bellringer_example/client.py",
            "bellringer_example/mapping.py",
            "bellringer_example/source.py",
            "tests/test_example.py",
        )
    }
    for name, code in pieces:
        # a piece is part of its file, whole lines as they stand there
        assert code in (EXAMPLE.parent / name).read_text(), name


def test_the_guide_tells_every_check() -> None:
    from connectors.conformance.kit import CHECKS

    page = (DOCS / "write-a-connector.md").read_text()
    told = set(re.findall(r"^\| `(\w+)`", page, re.M))
    told |= {
        name
        for row in re.findall(r"^\| (`.*?) \|", page, re.M)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert set(CHECKS) - told == set()
