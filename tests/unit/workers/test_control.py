"""How far a job is, and since when it has been at it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shared.db.claiming import Beat
from workers import control
from workers.control import Control


def test_progress_tells_how_long_its_phase_has_gone_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(control.time, "monotonic", lambda: clock[0])
    beaten: list[dict[str, Any] | None] = []

    def beat(told: dict[str, Any] | None) -> Beat:
        beaten.append(told)
        return Beat(is_mine=True)

    running = Control(beat, 60, threading.Event())
    for at, step, done, total in (
        (102.0, "reading orgs", 10, None),
        (104.5, "reading users", 400, None),
        (105.0, "writing users", 0, 50),
        (108.0, "writing classes", 30, 50),
    ):
        clock[0] = at
        running.progress(step, done, total)
        running.confirm()
    # what is told first was done since the job began; a new phase begins when it is told first
    assert [told["elapsed_s"] for told in beaten if told] == [2.0, 4.5, 0.0, 3.0]
    assert beaten[-1] == {"step": "writing classes", "done": 30, "total": 50, "elapsed_s": 3.0}
