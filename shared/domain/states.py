"""Tiers, modes, triggers and the states of a job, with every move that is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Tier(StrEnum):
    """Where an app stands in its tenant's order; a connector declares it."""

    #: Source → hub.
    IMPORT = "import"
    #: Source ⇄ hub.
    TWO_WAY = "two_way"
    #: Hub → target.
    EXPORT = "export"

    @property
    def rank(self) -> int:
        """Return 0, 1 or 2: a lower rank is upstream of a higher one."""
        return tuple(Tier).index(self)


class Mode(StrEnum):
    """How much a job reads."""

    #: Everything; the only mode that may remove.
    FULL = "full"
    #: What changed since the cursor, where the connector can.
    INCREMENTAL = "incremental"


class Trigger(StrEnum):
    """Why a job exists."""

    #: A slot of a schedule was due.
    SCHEDULE = "schedule"
    #: Someone asked: message, console or CLI.
    RUN_NOW = "run_now"
    #: It came with a run-now of an upstream app.
    CASCADE = "cascade"
    #: It repeats an ended job.
    RETRY = "retry"
    #: It carries out an approved plan.
    APPROVAL = "approval"
    #: Someone wants to see what a run would change; it changes nothing.
    PLAN = "plan"

    @property
    def is_run(self) -> bool:
        """Whether it reads and applies: a run of the app, by whose end others judge the app."""
        return self not in {Trigger.APPROVAL, Trigger.PLAN}


class JobState(StrEnum):
    """The state of a job; `TRANSITIONS` says what may follow."""

    #: Waits for its upstream, its app, its fair share or its `not_before`; no message exists.
    HELD = "held"
    #: May start: a message for it should exist.
    QUEUED = "queued"
    #: A worker holds its lease.
    RUNNING = "running"
    #: Ended well; its roster change is committed.
    SUCCEEDED = "succeeded"
    #: Ended badly; nothing of it is committed.
    FAILED = "failed"
    #: A rule shut it out, with the reason.
    SKIPPED = "skipped"
    #: A person ended it.
    CANCELLED = "cancelled"

    @property
    def is_ended(self) -> bool:
        """Whether nothing can follow."""
        return self not in UNFINISHED


#: The states of a job that somebody still waits for.
UNFINISHED = frozenset({JobState.HELD, JobState.QUEUED, JobState.RUNNING})

_END = frozenset({JobState.SKIPPED, JobState.CANCELLED})

#: From each state to those that may follow it.
TRANSITIONS: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        JobState.HELD: _END | {JobState.QUEUED, JobState.FAILED},
        JobState.QUEUED: _END | {JobState.HELD, JobState.RUNNING},
        JobState.RUNNING: frozenset(
            {
                JobState.HELD,
                JobState.QUEUED,
                JobState.SUCCEEDED,
                JobState.FAILED,
                JobState.CANCELLED,
            }
        ),
        JobState.SUCCEEDED: frozenset(),
        JobState.FAILED: frozenset(),
        JobState.SKIPPED: frozenset(),
        JobState.CANCELLED: frozenset(),
    }
)
