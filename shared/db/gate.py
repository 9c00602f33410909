"""The gate's transaction: lock the tenant, load, decide, write, outbox.

Ticker, intake, releaser, sweeper, worker and console all come through here, so that no two of them
ever decide for the same tenant at the same time. The order of locks is one everywhere: inbox, hub,
approval, tenant, job, outbox. Nothing on the network happens inside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from shared.db import jobs as job_table
from shared.db import outbox
from shared.db.engine import Database
from shared.db.tables import apps, jobs, tenants
from shared.domain.rollover import Rollover
from shared.domain.states import UNFINISHED, JobState, Mode, Tier, Trigger
from shared.domain.tiers import (
    AppView,
    Cause,
    Decision,
    Hold,
    JobView,
    Policy,
    Release,
    Skip,
    decide,
)
from shared.domain.waiting import describe_hold, describe_release
from shared.messages import Publication, job_message


@dataclass
class TenantView:
    """What the gate loads of one tenant, under its lock."""

    id: int
    name: str
    zone: str
    wave: int
    policy: Policy
    apps: dict[int, AppView] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    jobs: dict[int, JobView] = field(default_factory=dict)
    #: The reasons that are written now, so that an unchanged one costs no write.
    reasons: dict[int, str | None] = field(default_factory=dict)


class Locked:
    """A transaction that holds the locks of some tenants.

    Attributes:
        connection: the transaction.
        now: the database's clock, read after the locks were granted.
        tenant_ids: the tenants that are locked, ascending.
        publications: what the commit causes; the committer hands them to the relay after it.
    """

    def __init__(
        self, connection: Connection, tenant_ids: Sequence[int], now: datetime, relay_after_s: float
    ) -> None:
        self.connection = connection
        self.now = now
        self.tenant_ids = tenant_ids
        self.publications: list[Publication] = []
        self._relay_after_s = relay_after_s

    def load(self) -> dict[int, TenantView]:
        """Load the locked tenants with their apps and unfinished jobs, by tenant id."""
        return load(self.connection, self.tenant_ids, self.now)

    def publish(self, publications: Sequence[Publication]) -> None:
        """Write publications into the outbox of this commit."""
        self.publications += outbox.put(
            self.connection, publications, now=self.now, after_s=self._relay_after_s
        )

    def publish_job(self, job_id: int, tier: Tier, *, attempt: int, repeat: int = 0) -> None:
        """Write the message of a queued job into the outbox of this commit."""
        message_id = f"job-{job_id}-{attempt}-{repeat}"
        self.publish([job_message(job_id, tier, message_id=message_id, at=self.now)])

    def end(
        self,
        job_ids: Collection[int],
        from_: JobState,
        to: JobState,
        *,
        actor: str,
        reason: str | None = None,
        fence: int | None = None,
        **values: object,
    ) -> set[int]:
        """Move jobs into a final state and write their completion events; returns the moved."""
        won = job_table.transition(
            self.connection,
            job_ids,
            from_,
            to,
            actor=actor,
            at=self.now,
            reason=reason,
            fence=fence,
            **values,
        )
        self.publish(job_table.ended_events(self.connection, won, at=self.now))
        return won

    def decide(self, actor: str) -> None:
        """Decide for every locked tenant and write what comes out. Idempotent."""
        for tenant in self.load().values():
            made = decide(tenant.jobs.values(), tenant.apps, tenant.policy, self.now)
            self._write(tenant, made, actor)

    def _write(self, tenant: TenantView, made: Sequence[Decision], actor: str) -> None:
        released: defaultdict[str | None, list[int]] = defaultdict(list)
        skipped: defaultdict[tuple[JobState, str], list[int]] = defaultdict(list)
        reasons: dict[int, str] = {}
        # holds last, since they tell of jobs that are released just now
        for decision in sorted(made, key=lambda decision: isinstance(decision, Hold)):
            match decision:
                case Release(job_id):
                    released[describe_release(decision)].append(job_id)
                    tenant.jobs[job_id] = replace(tenant.jobs[job_id], state=JobState.QUEUED)
                case Skip(job_id, reason):
                    skipped[tenant.jobs[job_id].state, reason].append(job_id)
                case Hold(cause=Cause.NOT_BEFORE):
                    pass  # its reason is the failure after which it is tried again
                case Hold(job_id):
                    reason = describe_hold(decision, tenant.jobs, tenant.apps, tenant.zone)
                    if tenant.reasons[job_id] != reason:
                        reasons[job_id] = reason
        for (state, reason), ids in skipped.items():
            self.end(ids, state, JobState.SKIPPED, actor=actor, reason=reason)
        for note, ids in released.items():
            self._release(ids, note, actor)
        job_table.explain(self.connection, reasons)

    def _release(self, job_ids: list[int], reason: str | None, actor: str) -> None:
        won = job_table.transition(
            self.connection,
            job_ids,
            JobState.HELD,
            JobState.QUEUED,
            actor=actor,
            at=self.now,
            reason=reason,
        )
        rows = self.connection.execute(
            select(jobs.c.id, jobs.c.tier, jobs.c.attempt).where(jobs.c.id.in_(won))
        )
        self.publish(
            [
                job_message(
                    row.id,
                    Tier(row.tier),
                    message_id=f"job-{row.id}-{row.attempt}-0",
                    at=self.now,
                )
                for row in rows
            ]
        )


class Gate:
    """Opens the gate's transactions.

    Args:
        database: where the tenants are.
        relay_after_s: seconds that a committer has to publish what it caused.
    """

    def __init__(self, database: Database, *, relay_after_s: float = 2) -> None:
        self.database = database
        self._relay_after_s = relay_after_s

    @contextmanager
    def locked(self, tenant_ids: Collection[int], *, skip_locked: bool = False) -> Iterator[Locked]:
        """Open a transaction that holds these tenants' locks.

        Args:
            tenant_ids: which; unknown ones are left out.
            skip_locked: leave out those that somebody else decides for right now.
        """
        with self.database.write() as connection:
            yield self.lock_in(connection, tenant_ids, skip_locked=skip_locked)

    def lock_in(
        self, connection: Connection, tenant_ids: Collection[int], *, skip_locked: bool = False
    ) -> Locked:
        """Take the tenants' locks inside a transaction that is open already."""
        query = (
            select(tenants.c.id)
            .where(tenants.c.id.in_(tenant_ids))
            .order_by(tenants.c.id)
            .with_for_update(key_share=True, skip_locked=skip_locked)
        )
        ids = list(connection.execute(query).scalars())
        # the clock is read only now: who waited for the lock must not decide by an old time
        return Locked(connection, ids, self.database.now(connection), self._relay_after_s)


def load(
    connection: Connection, tenant_ids: Collection[int], now: datetime
) -> dict[int, TenantView]:
    """Load tenants with their apps and unfinished jobs, by tenant id.

    Without the tenants' locks this is a picture to show, not one to decide by.

    Args:
        connection: a transaction.
        tenant_ids: which.
        now: the database's clock, read after the tenants' locks; by it periods are open or closed.
    """
    views = {
        row.id: TenantView(row.id, row.name, row.zone, row.wave, _policy(row, now))
        for row in connection.execute(select(tenants).where(tenants.c.id.in_(tenant_ids)))
    }
    unfinished = connection.execute(
        select(jobs).where(jobs.c.tenant_id.in_(tenant_ids), jobs.c.state.in_(sorted(UNFINISHED)))
    ).all()
    wanted = {row.app_id for row in unfinished}
    for row in connection.execute(
        select(apps).where(
            apps.c.tenant_id.in_(tenant_ids),
            or_(apps.c.removed_at.is_(None), apps.c.id.in_(wanted)),
        )
    ):
        views[row.tenant_id].apps[row.id] = _app_view(row)
        views[row.tenant_id].positions[row.id] = row.position
    for row in unfinished:
        views[row.tenant_id].jobs[row.id] = _job_view(row)
        views[row.tenant_id].reasons[row.id] = row.reason
    return views


def _policy(row: Row[Any], now: datetime) -> Policy:
    closed: dict[Tier, str] = {}
    rollover = rollover_of(row)
    if rollover is not None and rollover.scope == "imports" and rollover.covers(now):
        closed = {Tier.IMPORT: rollover.describe()}
    if row.suspended_at is not None:
        reason = f"{row.name} is suspended"
        if row.suspended_reason:
            reason += f": {row.suspended_reason}"
        closed = dict.fromkeys(Tier, reason)
    return Policy(max_concurrent=row.max_concurrent, closed=closed)


def rollover_of(row: Row[Any]) -> Rollover | None:
    """Return a tenant's rollover from its row; None: none is set."""
    if row.rollover_scope is None:
        return None
    return Rollover(row.rollover_scope, row.rollover_from, row.rollover_until, row.zone)


def _app_view(row: Row[Any]) -> AppView:
    closed = None
    if row.removed_at is not None:
        closed = f"{row.name} was removed"
    elif row.paused_at is not None:
        closed = f"{row.name} is paused" + (f": {row.paused_reason}" if row.paused_reason else "")
    return AppView(
        id=row.id,
        name=row.name,
        tier=Tier(row.tier),
        modes=frozenset(Mode(mode) for mode in row.modes),
        after=row.after_app_id,
        closed=closed,
        skips_when_upstream_failed=row.upstream_failed == "skip",
        last_outcome=JobState(row.last_outcome) if row.last_outcome else None,
        last_wave=row.last_wave,
    )


def _job_view(row: Row[Any]) -> JobView:
    state = JobState(row.state)
    since = {JobState.RUNNING: row.started_at, JobState.QUEUED: row.queued_at}.get(
        state, row.created_at
    )
    return JobView(
        id=row.id,
        app_id=row.app_id,
        state=state,
        wave=row.wave,
        last_wave=row.last_wave,
        not_before=row.not_before,
        is_planned=row.approval_id is not None or row.trigger == Trigger.PLAN,
        since=since,
        percent=_percent(row.progress),
    )


def _percent(progress: dict[str, Any] | None) -> int | None:
    if not progress or not progress.get("total"):
        return None
    return min(100, 100 * int(progress.get("done", 0)) // int(progress["total"]))
