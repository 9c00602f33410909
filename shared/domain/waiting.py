"""A hold in words: the one thing that a job waits for, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from shared.domain.states import JobState
from shared.domain.tiers import AppView, Cause, Hold, JobView, Release

_STATES = {
    JobState.HELD: "which waits itself",
    JobState.QUEUED: "queued",
    JobState.RUNNING: "running",
}


def describe_hold(
    hold: Hold,
    jobs: Mapping[int, JobView],
    apps: Mapping[int, AppView],
    zone: str,
    *,
    with_progress: bool = False,
) -> str:
    """Say what a held job waits for.

    Args:
        hold: the gate's decision.
        jobs: the tenant's unfinished jobs, by id.
        apps: the tenant's apps, by id.
        zone: the tenant's, in which times are told.
        with_progress: also tell how far the other job is; left out of what is stored, since it
            changes all the time.
    """
    if hold.cause is Cause.NOT_BEFORE:
        return f"tries again at {_clock(hold.until, zone)}"
    if hold.on is None or hold.on not in jobs:
        return "waits for its turn"
    other = jobs[hold.on]
    app = apps[other.app_id]
    told = f"{app.name} ({app.tier}), job {other.id}, {_STATES[other.state]}"
    if other.state is JobState.RUNNING:
        told += f" since {_clock(other.since, zone)}"
        if with_progress and other.percent is not None:
            told += f", {other.percent} %"
    match hold.cause:
        case Cause.OVERLAP:
            return f"waits for the app's earlier run: {told}"
        case Cause.FAIR_SHARE:
            return f"waits for one of the tenant's {app.tier} jobs to end: {told}"
        case _:
            return f"waits for {told}"


def describe_release(release: Release) -> str | None:
    """Say what a person should know of a job that may start; None: nothing."""
    if release.despite is None:
        return None
    return f"runs on the last good hub, despite the last run of {release.despite}"


def _clock(at: datetime | None, zone: str) -> str:
    if at is None:
        return "an unknown time"
    local = at.astimezone(ZoneInfo(zone))
    abbreviation = local.strftime("%Z")
    # a zone without one has its offset in its place
    if not abbreviation[:1].isalpha():
        abbreviation = f"UTC{abbreviation}"
    return f"{local:%H:%M} {abbreviation}"
