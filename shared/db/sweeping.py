"""T6, sweep: repair any lost step, with the functions that make the step.

Each function is bounded, safe beside others like it, and does nothing where nothing was lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update

from shared.db import jobs as job_table
from shared.db import outbox
from shared.db.claiming import fail_overdue, requeue
from shared.db.gate import Gate, Locked
from shared.db.tables import inbox, jobs
from shared.domain.states import JobState, Tier
from shared.messages import Publication, job_message

#: The longest wait between two publications of one queued job's message.
REPUBLISH_CAP_S = 15 * 60


def requeue_expired(gate: Gate, *, max_failures: int, limit: int = 200) -> list[Publication]:
    """Queue again, or fail, the running jobs whose lease was lost. Commits."""
    with gate.database.read() as connection:
        now = gate.database.now(connection)
        query = (
            select(jobs.c.id, jobs.c.tenant_id)
            .where(jobs.c.state == JobState.RUNNING, jobs.c.lease_until < now)
            .order_by(jobs.c.lease_until)
            .limit(limit)
        )
        by_tenant: defaultdict[int, list[int]] = defaultdict(list)
        for row in connection.execute(query):
            by_tenant[row.tenant_id].append(row.id)
    if not by_tenant:
        return []
    with gate.locked(by_tenant, skip_locked=True) as locked:
        ids = [job_id for tenant_id in locked.tenant_ids for job_id in by_tenant[tenant_id]]
        for job in job_table.lock(locked.connection, ids).values():
            if job.state == JobState.RUNNING and job.lease_until < locked.now:
                _expire(locked, job.id, max_failures)
        locked.decide("sweeper")
    return locked.publications


def _expire(locked: Locked, job_id: int, max_failures: int) -> None:
    job = job_table.lock(locked.connection, [job_id])[job_id]
    failures = job.failures + 1
    if job.cancel_requested_at is not None:
        state, reason = JobState.CANCELLED, f"{job.reason}; its worker was lost"
    elif failures >= max_failures:
        state, reason = JobState.FAILED, f"its worker was lost {failures} times"
    elif job.deadline_at <= locked.now:
        state, reason = JobState.FAILED, "its worker was lost, and its deadline has passed"
    else:
        lost = f"its lease ended: worker {job.worker} was lost"
        requeue(locked, job, actor="sweeper", reason=lost, failures=failures)
        return
    locked.end([job.id], JobState.RUNNING, state, actor="sweeper", reason=reason, failures=failures)
    job_table.note_outcome(locked.connection, job, state)


def fail_overdue_holds(gate: Gate, *, limit: int = 200) -> list[Publication]:
    """Fail the held jobs that were tried before and whose deadline has passed. Commits."""
    with gate.database.read() as connection:
        now = gate.database.now(connection)
        tenant_ids = set(
            connection.execute(
                select(jobs.c.tenant_id)
                .where(jobs.c.state == JobState.HELD, jobs.c.deadline_at <= now)
                .limit(limit)
            ).scalars()
        )
    if not tenant_ids:
        return []
    with gate.locked(tenant_ids, skip_locked=True) as locked:
        overdue = select(jobs).where(
            jobs.c.tenant_id.in_(locked.tenant_ids),
            jobs.c.state == JobState.HELD,
            jobs.c.deadline_at <= locked.now,
        )
        for job in locked.connection.execute(overdue).all():
            fail_overdue(locked, job, actor="sweeper")
        locked.decide("sweeper")
    return locked.publications


def decide_held(gate: Gate, *, after: int, limit: int = 200) -> tuple[list[Publication], int]:
    """Decide for tenants with held jobs, in turns. Commits.

    Args:
        gate: of the database.
        after: the last tenant of the turn before; 0 at first.
        limit: tenants a turn.

    Returns:
        The publications to be relayed, and the last tenant of this turn (0: start over).
    """
    with gate.database.read() as connection:
        query = (
            select(jobs.c.tenant_id)
            .where(jobs.c.state == JobState.HELD, jobs.c.tenant_id > after)
            .distinct()
            .order_by(jobs.c.tenant_id)
            .limit(limit)
        )
        tenant_ids = list(connection.execute(query).scalars())
    if not tenant_ids:
        return [], 0
    with gate.locked(tenant_ids, skip_locked=True) as locked:
        locked.decide("sweeper")
    return locked.publications, tenant_ids[-1] if len(tenant_ids) == limit else 0


def count_queued(gate: Gate) -> dict[Tier, int]:
    """Count the queued jobs of each tier."""
    with gate.database.read() as connection:
        rows = connection.execute(
            select(jobs.c.tier, func.count())
            .where(jobs.c.state == JobState.QUEUED)
            .group_by(jobs.c.tier)
        )
        return {Tier(tier): count for tier, count in rows}


def republish(
    gate: Gate, missing: Mapping[Tier, int], *, after_s: float, relay_after_s: float
) -> list[Publication]:
    """Publish again the messages of jobs that have been queued for long. Commits.

    Args:
        gate: of the database.
        missing: by tier, how many messages the queue has too few; no more are made.
        after_s: how long a job must have been queued, in seconds; doubles with each repeat.
        relay_after_s: seconds that this process has to publish them.
    """
    made: list[Publication] = []
    for tier, count in missing.items():
        if count <= 0:
            continue
        with gate.database.write() as connection:
            now = gate.database.now(connection)
            silent = (
                select(jobs.c.id)
                .where(
                    jobs.c.state == JobState.QUEUED,
                    jobs.c.tier == tier,
                    _is_silent(now, after_s),
                )
                .order_by(jobs.c.queued_at, jobs.c.id)
                .limit(min(count, 500))
                .with_for_update(skip_locked=True, key_share=True)
            )
            ids = list(connection.execute(silent).scalars())
            rows = connection.execute(
                update(jobs)
                .where(jobs.c.id.in_(ids), jobs.c.state == JobState.QUEUED)
                .values(republished=jobs.c.republished + 1, republished_at=now)
                .returning(jobs.c.id, jobs.c.attempt, jobs.c.republished)
            ).all()
            messages = [
                job_message(
                    row.id,
                    tier,
                    message_id=f"job-{row.id}-{row.attempt}-{row.republished}",
                    at=now,
                )
                for row in rows
            ]
            made += outbox.put(connection, messages, now=now, after_s=relay_after_s)
    return made


def _is_silent(now: datetime, after_s: float) -> ColumnElement[bool]:
    """Build the condition: the wait of a job's number of repeats has passed since its last one."""
    waits: list[float] = []
    while not waits or waits[-1] < REPUBLISH_CAP_S:
        waits.append(min(after_s * 2 ** len(waits), REPUBLISH_CAP_S))
    last = func.coalesce(jobs.c.republished_at, jobs.c.queued_at)
    by_repeat = [
        and_(jobs.c.republished == repeat, last <= now - timedelta(seconds=wait))
        for repeat, wait in enumerate(waits)
    ]
    longest = now - timedelta(seconds=waits[-1])
    return or_(*by_repeat, and_(jobs.c.republished >= len(waits), last <= longest))


@dataclass(frozen=True, slots=True)
class Overdue:
    """A job that has been held for longer than anyone would expect."""

    job_id: int
    tenant_id: int
    since: datetime
    reason: str | None


def find_overdue(gate: Gate, *, longer_than_s: float, limit: int = 50) -> Sequence[Overdue]:
    """Find the jobs that have waited long, held or queued, oldest first: somebody should look."""
    with gate.database.read() as connection:
        now = gate.database.now(connection)
        since = case((jobs.c.state == JobState.QUEUED, jobs.c.queued_at), else_=jobs.c.created_at)
        rows = connection.execute(
            select(jobs.c.id, jobs.c.tenant_id, since.label("since"), jobs.c.reason)
            .where(
                jobs.c.state.in_([JobState.HELD, JobState.QUEUED]),
                since < now - timedelta(seconds=longer_than_s),
            )
            .order_by(since, jobs.c.id)
            .limit(limit)
        )
        return [Overdue(row.id, row.tenant_id, row.since, row.reason) for row in rows]


def forget_inbox(gate: Gate, *, days: int) -> int:
    """Forget the message ids of run-nows older than this; returns how many. Commits."""
    with gate.database.write() as connection:
        now = gate.database.now(connection)
        return connection.execute(
            delete(inbox).where(inbox.c.received_at < now - timedelta(days=days))
        ).rowcount
