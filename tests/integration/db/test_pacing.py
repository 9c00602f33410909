"""The budgets of vendor accounts, shared by whoever is on the same database."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.db.engine import Database
from shared.db.pacing import DatabasePacer
from shared.domain.pacing import Rate

ROOT = Path(__file__).resolve().parents[3]
FAST, SLOW = Rate(10, 1.0), Rate(100, 60.0)

#: Takes turns in a process of its own, and says when each of its requests would have gone.
TAKER = """
import sys, time
from shared.db.engine import Database
from shared.db.pacing import DatabasePacer
from shared.domain.pacing import Rate
database = Database(sys.argv[1])
pacer = DatabasePacer(database)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(12):
    wait_s = pacer.take("account", [Rate(20, 1.0)], 60)
    time.sleep(wait_s)
    print(time.time(), flush=True)
"""


def test_turns_are_given_one_after_the_other(database: Database):
    one, two = DatabasePacer(database), DatabasePacer(database)
    waits = [pacer.take("a", [FAST, SLOW], 60) for pacer in (one, two) * 5]
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[-1] > 0.5
    assert one.take("b", [FAST, SLOW], 60) == 0


def test_a_turn_that_is_too_far_away_is_not_taken(database: Database):
    pacer = DatabasePacer(database)
    rate = Rate(1, 100.0)
    assert pacer.take("a", [rate], 10) == 0
    assert [pacer.take("a", [rate], 10) > 90 for _ in range(3)] == [True] * 3
    assert 90 < pacer.take("a", [rate], 200) <= 100


def test_what_a_vendor_asks_for_holds_back_all(database: Database):
    pacer = DatabasePacer(database)
    pacer.hold("a", [FAST, SLOW], 20)
    assert 19 < DatabasePacer(database).take("a", [FAST, SLOW], 60) <= 20


@pytest.mark.timeout(120)
def test_two_processes_share_a_bucket(database: Database):
    url = database.url.render_as_string(hide_password=False)
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, url],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    try:
        for taker in takers:
            assert taker.stdout is not None
            assert taker.stdout.readline() == "ready\n"
        started = time.time()
        turns: list[float] = []
        for taker in takers:
            assert taker.stdin is not None
            taker.stdin.write("go\n")
            taker.stdin.flush()
        for taker in takers:
            told, _ = taker.communicate(timeout=60)
            turns += [float(line) for line in told.split()]
    finally:
        for taker in takers:
            taker.kill()
            taker.wait()
    assert len(turns) == 24
    # 18 a second and a burst of two: by one bucket each they would have needed half of this
    assert max(turns) - started > (24 - 3) / 18 - 0.05
