"""What is told of a job beside its facts."""

from __future__ import annotations

import pytest

from console.cli.job_details import print_details

ROW = {
    "state": "later",
    "action": "create",
    "kind": "enrollments",
    "sourced_id": "e1",
    "external_id": None,
    "reason": "why not",
}


def _job(trigger: str) -> dict[str, object]:
    return {"plan": None, "certificate": None, "trigger": trigger}


def test_what_was_not_done_is_told_with_how_much_more_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_details(_job("run_now"), [], [ROW, ROW], 25)
    told = capsys.readouterr().out
    assert "\nnot done at the vendor" in told
    assert "… and 23 more" in told


def test_a_plan_tells_what_would_not_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    print_details(_job("plan"), [], [ROW], 1)
    told = capsys.readouterr().out
    assert "\nwould not be done at the vendor" in told
    assert "more" not in told
