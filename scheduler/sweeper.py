"""The sweeper repairs any lost step (T6) with the functions that make the step."""

from __future__ import annotations

import logging
from collections.abc import Callable

from shared.broker.relay import Relay
from shared.clock import Clock
from shared.db import approving, sweeping
from shared.db.forgetting import FORGOTTEN_TOGETHER as ACCESS_FORGOTTEN_TOGETHER
from shared.db.forgetting import forget_access
from shared.db.gate import Gate
from shared.db.schedules import recompute_slots, zone_version
from shared.domain.states import Tier
from shared.messages import Publication
from shared.roster.quarantine_views import FORGOTTEN_TOGETHER, forget_quarantine
from shared.settings import Settings

log = logging.getLogger(__name__)

#: How long a job may wait before the log says so.
OVERDUE_S = 3600.0
#: Time between two looks at what may be forgotten: of the quarantine, and of accounts.
FORGET_S = 3600.0


class Sweeper:
    """Repairs lost leases, lost messages and lost events, in bounded steps.

    Args:
        gate: of the database.
        relay: publishes what a repair has committed.
        depth: counts the ready messages in a tier's queue; None where it cannot be known now.
        clock: measures how long the sweep itself had to wait.
        settings: lease, beat and republish times.
    """

    def __init__(
        self,
        gate: Gate,
        relay: Relay,
        depth: Callable[[Tier], int | None],
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._gate = gate
        self._relay = relay
        self._depth = depth
        self._clock = clock
        self._settings = settings
        self._after_tenant = 0
        self._told_overdue: set[int] = set()
        self._slots_are_current = False
        self._forget_at: float | None = None

    def run_once(self) -> int:
        """Make one round of every repair; returns the messages that it published."""
        self._slots()
        made = self._leases()
        made += self._relayed(
            sweeping.fail_overdue_holds(self._gate),
        )
        decided, self._after_tenant = sweeping.decide_held(self._gate, after=self._after_tenant)
        made += self._relayed(decided)
        made += self._messages()
        sweeping.forget_inbox(self._gate, days=self._settings.inbox_days)
        self._forget()
        lapsed = approving.lapse(self._gate)
        if lapsed:
            log.info("%d approvals have lapsed: nobody decided in time", lapsed)
        self._alert()
        return made

    def _forget(self) -> None:
        """Forget what is old or over now and then: a sweep must not look at all of it."""
        now = self._clock.monotonic()
        if self._forget_at is None or now >= self._forget_at:
            rows = forget_quarantine(self._gate, days=self._settings.quarantine_days)
            access = forget_access(self._gate.database, audit_days=self._settings.audit_days)
            # there may be more than one transaction takes
            is_more = rows >= FORGOTTEN_TOGETHER or access >= ACCESS_FORGOTTEN_TOGETHER
            self._forget_at = now if is_more else now + FORGET_S

    def _slots(self) -> None:
        """Compute the next slots that another zone database gave; ours is read once a process."""
        if not self._slots_are_current:
            moved = recompute_slots(self._gate)
            self._slots_are_current = not moved
            if moved:
                log.info("computed %d next slots anew, by zone database %s", moved, zone_version())

    def _leases(self) -> int:
        if not self._may_judge_leases():
            log.info("judged no lease in this round: the database was busy, beats may wait too")
            return 0
        return self._relayed(
            sweeping.requeue_expired(self._gate, max_failures=self._settings.max_failures)
        )

    def _may_judge_leases(self) -> bool:
        """See that beats did not have to wait behind a long write (SQLite has one writer)."""
        started = self._clock.monotonic()
        with self._gate.database.write():
            pass
        return self._clock.monotonic() - started < self._settings.beat_s

    def _messages(self) -> int:
        queued = sweeping.count_queued(self._gate)
        missing: dict[Tier, int] = {}
        for tier, count in queued.items():
            ready = self._depth(tier)
            if ready is not None:
                missing[tier] = count - ready
        return self._relayed(
            sweeping.republish(
                self._gate,
                missing,
                after_s=self._settings.republish_after_s,
                relay_after_s=self._settings.relay_after_s,
            )
        )

    def _relayed(self, publications: list[Publication]) -> int:
        self._relay.publish_now(publications)
        return len(publications)

    def _alert(self) -> None:
        overdue = sweeping.find_overdue(self._gate, longer_than_s=OVERDUE_S)
        for job in overdue:
            if job.job_id not in self._told_overdue:
                log.warning("job %d waits since %s: %s", job.job_id, job.since, job.reason)
        self._told_overdue = {job.job_id for job in overdue}
