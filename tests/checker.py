"""Judges a database's history against the promises of docs/protocol.md.

It shares no code with the product: plain SQL, and its own copy of the rules. It replays
`job_events` in the order of their ids, which within a tenant is the order of commits, since every
transition is made under the tenant's lock. A tenant's `max_concurrent` and its apps' `after` are
taken to be as they are now.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: Every move that a job may make.
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
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("running", "queued"),
    ("running", "held"),
}
UNFINISHED = {"held", "queued", "running"}
RANKS = {"import": 0, "two_way": 1, "export": 2}


@dataclass
class _Job:
    """A job's row, and where the replay has brought it."""

    row: Mapping[str, Any]
    state: str | None = None
    attempt: int = 0
    claims: int = 0
    #: The id of the last event that put it into `held`: nothing joins it later.
    held_last: int = 0


def check_history(
    connection: Any,
    *,
    is_drained: bool = True,
    expected_slots: Mapping[int, Collection[datetime]] | None = None,
) -> list[str]:
    """Return every violation of the promises that the database shows, in words.

    Args:
        connection: a SQLAlchemy connection that reads.
        is_drained: also demand that every job has ended and that the outbox is empty.
        expected_slots: by schedule id, the instants that must be recorded, and no others.
    """
    told: list[str] = []
    apps = {row["id"]: row for row in _rows(connection, "SELECT * FROM apps")}
    tenants = {row["id"]: row for row in _rows(connection, "SELECT * FROM tenants")}
    jobs = {row["id"]: _Job(row) for row in _rows(connection, "SELECT * FROM jobs ORDER BY id")}
    events: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for event in _rows(connection, "SELECT * FROM job_events ORDER BY id"):
        job = jobs[event["job_id"]]
        events[job.row["tenant_id"]].append(event)
        if event["to_state"] == "held":
            job.held_last = event["id"]
    for tenant_id, of_tenant in events.items():
        told += _Replay(tenants[tenant_id], apps, jobs).judge(of_tenant)
    told += _check_rows(jobs.values(), tenants, is_drained=is_drained)
    told += _check_slots(connection, jobs, expected_slots)
    if is_drained:
        left = _rows(connection, "SELECT count(*) AS n FROM outbox")[0]["n"]
        if left:
            told.append(f"{left} messages are left in the outbox")
    return told


class _Replay:
    """Replays one tenant's events."""

    def __init__(
        self, tenant: Mapping[str, Any], apps: Mapping[int, Any], jobs: Mapping[int, _Job]
    ) -> None:
        self.tenant = tenant
        self.apps = apps
        self.jobs = jobs
        self.open: dict[int, _Job] = {}
        self.told: list[str] = []
        self.last_wave = 0

    def judge(self, events: Iterable[Mapping[str, Any]]) -> list[str]:
        for event in events:
            job = self.jobs[event["job_id"]]
            self._move(job, event)
            self._count(job, event)
            self._track(job, event)
        return self.told

    def _move(self, job: _Job, event: Mapping[str, Any]) -> None:
        name, from_, to = f"job {event['job_id']}", event["from_state"], event["to_state"]
        if (from_, to) not in MOVES:
            self.told.append(f"{name} went from {from_} to {to}, which nothing may")
        if from_ != job.state:
            self.told.append(f"{name} left {from_} while it was {job.state} (event {event['id']})")
        expected = job.attempt + (to == "running")
        if event["attempt"] != expected:
            self.told.append(f"{name}: attempt {event['attempt']} where {expected} was due")
        if not event["actor"]:
            self.told.append(f"{name}: event {event['id']} names no actor")

    def _count(self, job: _Job, event: Mapping[str, Any]) -> None:
        match event["from_state"], event["to_state"]:
            case None, _:
                self._created(job)
            case "held", "queued":
                self._released(job)
            case _, "running":
                self._started(job, event)

    def _track(self, job: _Job, event: Mapping[str, Any]) -> None:
        job.state, job.attempt = event["to_state"], event["attempt"]
        if job.state in UNFINISHED:
            self.open[job.row["id"]] = job
        else:
            self.open.pop(job.row["id"], None)

    def _created(self, job: _Job) -> None:
        row = job.row
        if row["wave"] < self.last_wave:
            self.told.append(f"job {row['id']} got wave {row['wave']} after {self.last_wave}")
        self.last_wave = max(self.last_wave, row["wave"])
        if not _is_planned(row):
            others = [
                other.row["id"]
                for other in self.open.values()
                if other.row["app_id"] == row["app_id"] and not _is_planned(other.row)
            ]
            if len(others) > 1:
                self.told.append(f"job {row['id']} is the app's third unfinished one: {others}")

    def _released(self, job: _Job) -> None:
        active = [
            other.row["id"]
            for other in self.open.values()
            if other.state in {"queued", "running"} and other.row["tier"] == job.row["tier"]
        ]
        if len(active) >= self.tenant["max_concurrent"]:
            self.told.append(f"job {job.row['id']} exceeds the fair share beside {active}")

    def _started(self, job: _Job, event: Mapping[str, Any]) -> None:
        job.claims += 1
        row = job.row
        # what joined later, while it was held again, was no part of this attempt
        until = row["last_wave"] if event["id"] > job.held_last else row["wave"]
        for other in self.open.values():
            if other is job:
                continue
            if other.row["app_id"] == row["app_id"] and other.state == "running":
                self.told.append(f"job {row['id']} overlaps its app's job {other.row['id']}")
            if self._is_upstream(other.row, row) and other.row["wave"] <= until:
                self.told.append(
                    f"job {row['id']} (wave {until}) started before job {other.row['id']}"
                    f" (wave {other.row['wave']}, {other.state}) had ended"
                )

    def _is_upstream(self, other: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
        if RANKS[other["tier"]] != RANKS[row["tier"]]:
            return RANKS[other["tier"]] < RANKS[row["tier"]]
        return self.apps[row["app_id"]]["after_app_id"] == other["app_id"]


def _is_planned(row: Mapping[str, Any]) -> bool:
    """Whether a job carries out an approval or shows a plan: it is counted nowhere."""
    return row["approval_id"] is not None or row["trigger"] == "plan"


def _check_rows(
    jobs: Iterable[_Job], tenants: Mapping[int, Mapping[str, Any]], *, is_drained: bool
) -> list[str]:
    told: list[str] = []
    for job in jobs:
        row = job.row
        name = f"job {row['id']}"
        if job.state is None:
            told.append(f"{name} has no history")
        elif row["state"] != job.state:
            told.append(f"{name} is {row['state']}, its history ends in {job.state}")
        if row["attempt"] != job.claims:
            told.append(f"{name} is at attempt {row['attempt']} after {job.claims} claims")
        if row["wave"] > row["last_wave"] or row["last_wave"] > tenants[row["tenant_id"]]["wave"]:
            told.append(f"{name} has waves that were never given out")
        if row["state"] in {"skipped", "failed", "cancelled"} and not row["reason"]:
            told.append(f"{name} is {row['state']} without a reason")
        if row["state"] == "held" and not row["reason"]:
            told.append(f"{name} waits in silence")
        if is_drained and row["state"] in UNFINISHED:
            told.append(f"{name} has not ended: {row['state']} ({row['reason']})")
    return told


def _check_slots(
    connection: Any,
    jobs: Mapping[int, _Job],
    expected: Mapping[int, Collection[datetime]] | None,
) -> list[str]:
    told: list[str] = []
    schedules = {row["id"]: row for row in _rows(connection, "SELECT * FROM schedules")}
    seen: defaultdict[int, list[datetime]] = defaultdict(list)
    fired: Counter[int] = Counter()
    for slot in _rows(connection, "SELECT * FROM slots ORDER BY id"):
        name = f"slot {slot['slot']} of schedule {slot['schedule_id']}"
        seen[slot["schedule_id"]].append(_instant(slot["slot"]))
        job = jobs.get(slot["job_id"])
        if slot["outcome"] == "skipped":
            if job is not None or not slot["reason"]:
                told.append(f"{name} is skipped, with a job or without a reason")
        elif job is None:
            told.append(f"{name} is {slot['outcome']} and has no job")
        elif job.row["app_id"] != schedules[slot["schedule_id"]]["app_id"]:
            told.append(f"{name} has the job of another app")
        elif slot["outcome"] == "fired":
            fired[slot["job_id"]] += 1
    for schedule_id, instants in seen.items():
        if len(set(instants)) != len(instants):
            told.append(f"schedule {schedule_id} has a slot that is recorded twice")
    for job_id, job in jobs.items():
        wanted = int(job.row["trigger"] == "schedule")
        if fired[job_id] != wanted:
            told.append(f"job {job_id} ({job.row['trigger']}) was fired by {fired[job_id]} slots")
    for schedule_id, instants in (expected or {}).items():
        missing = set(instants) - set(seen[schedule_id])
        extra = set(seen[schedule_id]) - set(instants)
        if missing or extra:
            told.append(f"schedule {schedule_id}: missing {sorted(missing)}, extra {sorted(extra)}")
    return told


def _instant(value: Any) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _rows(connection: Any, statement: str) -> list[Mapping[str, Any]]:
    return list(connection.exec_driver_sql(statement).mappings())
