"""Judges a database by what is promised, from the history alone: plain SQL, no product code."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, text

RANK = {"import": 0, "two_way": 1, "export": 2}
ENDED = {"succeeded", "failed", "skipped", "cancelled"}
MOVES = {
    (None, "held"),
    ("held", "queued"),
    ("held", "skipped"),
    ("held", "cancelled"),
    ("held", "failed"),
    ("queued", "running"),
    ("queued", "held"),
    ("queued", "skipped"),
    ("queued", "cancelled"),
    ("running", "held"),
    ("running", "queued"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
}


def unfinished(connection: Connection) -> int:
    return connection.execute(
        text("SELECT count(*) FROM jobs WHERE finished_at IS NULL")
    ).scalar_one()


def violations(connection: Connection, *, all_ended: bool = True) -> list[str]:
    """Return every broken promise, in words; an empty list is what a test wants."""
    jobs = {row.id: row for row in connection.execute(text("SELECT * FROM jobs ORDER BY id"))}
    after = {
        row.id: row.after_app_id
        for row in connection.execute(text("SELECT id, after_app_id FROM apps"))
    }
    events: defaultdict[int, list[Any]] = defaultdict(list)
    by_tenant: defaultdict[int, list[Any]] = defaultdict(list)
    for event in connection.execute(text("SELECT * FROM job_events ORDER BY id")):
        events[event.job_id].append(event)
        by_tenant[jobs[event.job_id].tenant_id].append(event)
    found = []
    for job in jobs.values():
        found += _history(job, events[job.id], all_ended=all_ended)
    for tenant_events in by_tenant.values():
        found += _order(jobs, after, tenant_events)
    twice = connection.execute(
        text("SELECT schedule_id, slot FROM slots GROUP BY schedule_id, slot HAVING count(*) > 1")
    )
    found += [f"slot {row.slot} of schedule {row.schedule_id} is there twice" for row in twice]
    lost = connection.execute(
        text("SELECT id FROM slots WHERE job_id IS NULL AND outcome <> 'skipped'")
    )
    return found + [f"slot {row.id} has neither a job nor a reason" for row in lost]


def _history(job: Any, events: list[Any], *, all_ended: bool) -> list[str]:
    found = []
    state = None
    attempt = 0
    for event in events:
        if (event.from_state, event.to_state) not in MOVES or event.from_state != state:
            found.append(f"job {job.id} went from {event.from_state} to {event.to_state}")
        if event.to_state == "running":
            if event.attempt <= attempt:
                found.append(f"job {job.id} ran twice as attempt {event.attempt}")
            attempt = event.attempt
        state = event.to_state
    if state != job.state:
        found.append(f"job {job.id} is {job.state}, its history says {state}")
    if sum(event.to_state in ENDED for event in events) > 1:
        found.append(f"job {job.id} ended more than once")
    if all_ended and job.state not in ENDED:
        found.append(f"job {job.id} never ended: {job.state}")
    return found


def _order(jobs: dict[int, Any], after: dict[int, int | None], events: list[Any]) -> list[str]:
    """No job starts while one upstream, of its wave or of an earlier one, is unfinished."""
    found = []
    open_jobs: set[int] = set()
    running: defaultdict[int, set[int]] = defaultdict(set)
    for event in events:
        job = jobs[event.job_id]
        running[job.app_id].discard(job.id)
        if event.to_state == "running":
            running[job.app_id].add(job.id)
            if len(running[job.app_id]) > 1:
                found.append(f"app {job.app_id} ran jobs {sorted(running[job.app_id])} at once")
            for other in (jobs[number] for number in open_jobs if number != job.id):
                upstream = RANK[other.tier] < RANK[job.tier] or after[job.app_id] == other.app_id
                if upstream and other.wave <= job.wave:
                    found.append(f"job {job.id} started before job {other.id} had ended")
        if event.to_state in ENDED:
            open_jobs.discard(job.id)
        else:
            open_jobs.add(job.id)
    return found
