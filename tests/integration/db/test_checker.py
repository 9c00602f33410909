"""The checker sees what it is there to see: a history that breaks a promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

#: By name: what is done to a clean history, and words of what must be told.
FORGERIES: dict[str, tuple[list[str], str]] = {
    "a job that started before its import had ended": (
        # the import's end is written after everything else
        ["UPDATE job_events SET id = 1000 WHERE job_id = 1 AND to_state = 'succeeded'"],
        "job 3 (wave 2) started before job 1 (wave 1, running) had ended",
    ),
    "a job that ran twice as the same attempt": (
        [
            "INSERT INTO job_events (job_id, from_state, to_state, attempt, actor, at)"
            " SELECT job_id, from_state, to_state, attempt, actor, at FROM job_events"
            " WHERE job_id = 3 AND to_state = 'running'"
        ],
        "job 3 left queued while it was succeeded",
    ),
    "an attempt without a claim": (
        ["UPDATE jobs SET attempt = 2 WHERE id = 3"],
        "job 3 is at attempt 2 after 1 claims",
    ),
    "a move that nothing may make": (
        ["DELETE FROM job_events WHERE job_id = 3 AND to_state IN ('queued', 'running')"],
        "job 3 left running while it was held",
    ),
    "a state without its history": (
        ["UPDATE jobs SET state = 'failed' WHERE id = 3"],
        "job 3 is failed, its history ends in succeeded",
    ),
    "a job without any history": (
        ["DELETE FROM job_events WHERE job_id = 3"],
        "job 3 has no history",
    ),
    "an end without a reason": (
        [
            "UPDATE jobs SET state = 'skipped' WHERE id = 3",
            "UPDATE job_events SET to_state = 'skipped', from_state = 'queued'"
            " WHERE job_id = 3 AND to_state = 'succeeded'",
        ],
        "job 3 is skipped without a reason",
    ),
    "a slot without a job": (
        ["UPDATE slots SET job_id = NULL"],
        "is fired and has no job",
    ),
    "a scheduled job without a slot": (
        ["DELETE FROM slots"],
        "job 1 (schedule) was fired by 0 slots",
    ),
    "a slot that nobody expects": (
        ["UPDATE slots SET schedule_id = 2"],
        "schedule 2: missing",
    ),
    "a job that never ended": (
        ["UPDATE jobs SET state = 'held', finished_at = NULL, reason = 'waits' WHERE id = 3"],
        "job 3 has not ended: held (waits)",
    ),
    "a wait in silence": (
        ["UPDATE jobs SET state = 'held', finished_at = NULL WHERE id = 3"],
        "job 3 waits in silence",
    ),
    "a message that nobody sent": (
        [
            "INSERT INTO outbox (exchange, routing_key, body, message_id, content_type, headers,"
            " mandatory, relay_after) VALUES ('', 'x', '', 'x', 'x', '{}', '1', '2026-01-01')"
        ],
        "1 messages are left in the outbox",
    ),
}


@pytest.fixture
def clean(district: Any, clock: Any) -> Callable[[], list[str]]:
    """Bring a district through a night; returns what the checker tells of it."""
    district.three_tiers()
    schedules = [district.schedule("oak/sis"), district.schedule("oak/ad", "02:30")]
    at = clock.turn(hours=2)
    district.fire()
    district.ask("oak/sis", cascade=True)
    district.drain()
    expected = {schedules[0]: [at], schedules[1]: []}
    return lambda: district.violations(expected_slots=expected)


def test_a_clean_history_breaks_nothing(clean: Callable[[], list[str]]) -> None:
    assert clean() == []


@pytest.mark.parametrize("name", FORGERIES)
def test_a_broken_promise_is_told(district: Any, clean: Callable[[], list[str]], name: str) -> None:
    statements, told = FORGERIES[name]
    with district.database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    assert told in "\n".join(clean())
