"""Skyward's connector against a bare httpx loop that pages and parses the same JSON, in one run.

The simulator is a process of its own, warmed up by a read that does not count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[2]
#: Students of the large read; the small one, to which its memory is compared, has a tenth.
STUDENTS = 10_000 if os.environ.get("BELLRINGER_BENCH") == "small" else 100_000
#: The part of the bare loop's speed that the connector should reach.
GOAL = 0.6
ROUNDS = 3


@contextmanager
def _simulator(students: int) -> Iterator[str]:
    command = [sys.executable, "-m", "console.cli", "simulator", "--port", "0", "--json",
               "--students", str(students)]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        while True:
            try:
                settings = json.loads(told)["settings"]["skyward"]
                break
            except json.JSONDecodeError:
                line = process.stdout.readline()
                assert line, "the simulator has ended"
                told += line
        try:
            yield json.dumps(settings)
        finally:
            process.terminate()
            process.wait(30)


def _read(way: str, settings: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.rest_read", way, settings]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_connector_beside_a_bare_loop() -> None:
    with _simulator(STUDENTS // 10) as settings:
        small = _read("connector", settings)
    with _simulator(STUDENTS) as settings:
        records = _read("bare", settings)["records"]
        ways = [_read(way, settings) for _ in range(ROUNDS) for way in ("bare", "connector")]
    assert {one["records"] for one in ways} == {records}
    bare = min(one["seconds"] for one in ways[::2])
    ours = min(one["seconds"] for one in ways[1::2])
    cpu = min(one["cpu_s"] for one in ways[::2]) / min(one["cpu_s"] for one in ways[1::2])
    peak = max(one["peak_mb"] for one in ways[1::2])
    print(  # noqa: T201
        f"\nBENCH Skyward, {STUDENTS:,} students, {records:,} records: connector {ours:.2f} s,"
        f" bare httpx loop {bare:.2f} s: {bare / ours:.0%} of its speed (goal {GOAL:.0%}),"
        f" {cpu:.0%} by CPU time;"
        f" peak {peak:.0f} MB, of a tenth of it {small['peak_mb']:.0f} MB"
    )
    assert bare / ours > GOAL
    assert peak < 1.25 * small["peak_mb"]
