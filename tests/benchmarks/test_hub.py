"""The hub against a bare COPY and two peers, on the same generated files in the same run.

Each is loaded three times: into nothing, unchanged, and with 1 % of the students changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.benchmarks.roster_files import Size, write_set

pytestmark = [pytest.mark.bench, pytest.mark.timeout(7200)]

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".cache" / "peers" / "bin" / "python"
LOAD = Path(__file__).with_name("peers") / "load.py"
#: `make bench LONG=1` reads a million users with five enrollments each.
IS_LONG = os.environ.get("BELLRINGER_BENCH") == "long"
ROUNDS = ("first load", "unchanged", "1 % changed")
#: What the hub should reach, as a multiple of COPY in the same run, a round.
GOALS = (4.0, 2.0, 2.5)
PEER_WAYS = (
    "dlt replace",
    "dlt merge",
    "dlt Arrow replace",
    "dlt Arrow merge",
    "dlt ConnectorX replace",
    "Singer target upsert",
)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of the three rounds."""
    folder = tmp_path_factory.mktemp("sets")
    write_set(folder / "before", Size(50_000))
    write_set(folder / "after", Size(50_000, changed=100))
    return [folder / "before", folder / "before", folder / "after"]


def _peer(way: str, folder: Path, url: str, state: Path) -> float:
    done = subprocess.run(
        [PEERS, LOAD, way, folder, url, state], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return float(done.stdout.split()[-1])


def _hub(folder: Path, url: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.hub_load", folder, url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    _settle(url)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _settle(url: str) -> None:
    """Let the server do now what autovacuum would do in the midst of the next measurement."""
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def _print(name: str, seconds: list[float], floor: list[float], note: str = "") -> None:
    told = "  ".join(
        f"{one:8.2f} s = {one / copy:6.1f} COPY" for one, copy in zip(seconds, floor, strict=True)
    )
    print(f"BENCH {name:<24} {told}  {note}")  # noqa: T201


def test_the_hub_beside_copy_and_its_peers(
    sets: list[Path], database_url: str, make_database: Callable[[str], str], tmp_path: Path
) -> None:
    elsewhere = make_database("peers")
    floor = [_peer("copy", folder, elsewhere, tmp_path) for folder in sets]
    ours = [_hub(folder, database_url) for folder in sets]
    assert ours[1]["counts"]["users"].keys() == {"unchanged"}
    assert ours[2]["counts"]["users"]["updated"] == 500
    again = [_peer("copy", folder, elsewhere, tmp_path) for folder in sets]
    floor = [min(both) for both in zip(floor, again, strict=True)]
    print(f"\nBENCH {'':<24} {'  '.join(f'{name:>24}' for name in ROUNDS)}")  # noqa: T201
    _print("COPY", floor, floor)
    peak = max(one["peak_mb"] for one in ours)
    seconds = [one["seconds"] for one in ours]
    _print("Bellringer", seconds, floor, f"{peak:.0f} MB")
    _print("goal", [goal * copy for goal, copy in zip(GOALS, floor, strict=True)], floor)
    for way in PEER_WAYS:
        theirs = [_peer(way, folder, elsewhere, tmp_path) for folder in sets]
        _print(way, theirs, floor)
        if way in {"dlt replace", "dlt merge", "Singer target upsert"}:
            ahead = min(t / o for t, o in zip(theirs, seconds, strict=True))
            print(f"BENCH   Bellringer is {ahead:.1f} times or more ahead of it")  # noqa: T201


def test_memory_does_not_grow_with_the_roster(
    database_url: str, make_database: Callable[[str], str], tmp_path: Path
) -> None:
    sizes = {100_000: database_url}
    if IS_LONG:
        sizes[1_000_000] = make_database("million")
    peaks = {}
    for students, url in sizes.items():
        write_set(tmp_path / "before", Size(students, enrollments=5))
        write_set(tmp_path / "after", Size(students, enrollments=5, changed=100))
        loads = [_hub(tmp_path / name, url) for name in ("before", "before", "after")]
        peaks[students] = max(load["peak_mb"] for load in loads)
        told = "  ".join(
            f"{name} {load['seconds']:.1f} s {load['peak_mb']:.0f} MB"
            for name, load in zip(ROUNDS, loads, strict=True)
        )
        print(f"\nBENCH {students:,} students, 5 enrollments each: {told}")  # noqa: T201
    assert max(peaks.values()) < 400
    assert max(peaks.values()) < 1.25 * min(peaks.values())


def test_sqlite_by_the_fastest_honest_route(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    write_set(tmp_path / "before", Size(20_000))
    write_set(tmp_path / "after", Size(20_000, changed=100))
    loads = [_hub(tmp_path / name, url) for name in ("before", "before", "after")]
    told = "  ".join(
        f"{name} {load['seconds']:.1f} s" for name, load in zip(ROUNDS, loads, strict=True)
    )
    print(f"\nBENCH SQLite, 20,000 students, 8 enrollments each: {told}")  # noqa: T201
    assert max(load["peak_mb"] for load in loads) < 400
