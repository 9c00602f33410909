"""Requests become jobs: a job of their own, or a place in one that waits already.

Shared by whoever makes jobs: the ticker for due slots, intake, console and CLI for run-nows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import bindparam, case, update

from shared.db import jobs as job_table
from shared.db.gate import Locked, TenantView
from shared.db.tables import jobs, tenants
from shared.domain.states import JobState, Mode, Trigger
from shared.domain.tiers import JobView, Join, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One wish that an app run, in a wave."""

    app_id: int
    mode: Mode
    wave: int
    trigger: Trigger
    due_at: datetime
    asked_by: str | None = None
    retry_of: int | None = None
    approval_id: int | None = None

    @property
    def is_planned(self) -> bool:
        """Whether it carries out or shows a plan, and so is a job of its own."""
        return not self.trigger.is_run


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a request went: the job that carries it, and whether that job was there before."""

    job_id: int
    coalesced: bool


class Requests:
    """Collects the requests of one transaction, and writes them in sets.

    Requests of one wave come in `shared.domain.tiers.firing_order`.
    """

    def __init__(self, locked: Locked) -> None:
        self._locked = locked
        self._new: list[dict[str, Any]] = []
        self._joined: list[dict[str, Any]] = []
        self._placed: list[tuple[int, bool]] = []
        self._waves: dict[int, int] = {}
        # a job that is not inserted yet is known by a negative id
        self._provisional = count(-1, -1)
        self._index: dict[int, int] = {}

    def next_wave(self, tenant: TenantView) -> int:
        """Give out the tenant's next wave."""
        tenant.wave += 1
        self._waves[tenant.id] = tenant.wave
        return tenant.wave

    def add(self, tenant: TenantView, request: Request) -> None:
        """Place one request."""
        verdict = place(
            request.app_id,
            request.wave,
            tenant.jobs.values(),
            tenant.apps,
            is_planned=request.is_planned,
        )
        if isinstance(verdict, Join):
            self._join(tenant, verdict.job_id, request)
        else:
            self._make(tenant, request)

    def write(self, actor: str) -> list[Placed]:
        """Insert and update the jobs; returns where each request went, in the order added."""
        connection, now = self._locked.connection, self._locked.now
        ids = job_table.create(connection, self._new, actor=actor, at=now)
        if self._joined:
            # a full absorbs an incremental, and an earlier request is never made later
            full = bindparam("b_mode") == Mode.FULL
            connection.execute(
                update(jobs)
                .where(jobs.c.id == bindparam("b_id"))
                .values(
                    last_wave=bindparam("b_wave"),
                    mode=case((full, Mode.FULL.value), else_=jobs.c.mode),
                ),
                self._joined,
            )
        if self._waves:
            connection.execute(
                update(tenants)
                .where(tenants.c.id == bindparam("b_id"))
                .values(wave=bindparam("b_wave")),
                [{"b_id": tenant, "b_wave": wave} for tenant, wave in self._waves.items()],
            )
        return [
            Placed(ids[self._index[job_id]] if job_id < 0 else job_id, coalesced)
            for job_id, coalesced in self._placed
        ]

    def _join(self, tenant: TenantView, job_id: int, request: Request) -> None:
        joined = tenant.jobs[job_id]
        wave = max(joined.last_wave, request.wave)
        tenant.jobs[job_id] = replace(joined, last_wave=wave)
        self._placed.append((job_id, True))
        if job_id < 0:
            row = self._new[self._index[job_id]]
            row["last_wave"] = wave
            if request.mode is Mode.FULL:
                row["mode"] = Mode.FULL
        else:
            self._joined.append({"b_id": job_id, "b_wave": wave, "b_mode": request.mode})

    def _make(self, tenant: TenantView, request: Request) -> None:
        job_id = next(self._provisional)
        self._index[job_id] = len(self._new)
        tenant.jobs[job_id] = JobView(
            id=job_id,
            app_id=request.app_id,
            state=JobState.HELD,
            wave=request.wave,
            last_wave=request.wave,
            is_planned=request.is_planned,
        )
        self._placed.append((job_id, False))
        self._new.append(
            {
                "tenant_id": tenant.id,
                "app_id": request.app_id,
                "tier": tenant.apps[request.app_id].tier,
                "mode": request.mode,
                "trigger": request.trigger,
                "wave": request.wave,
                "last_wave": request.wave,
                "due_at": request.due_at,
                "asked_by": request.asked_by,
                "retry_of": request.retry_of,
                "approval_id": request.approval_id,
            }
        )


def add_all(
    requests: Requests, tenant: TenantView, wanted: Sequence[Request], order: Sequence[int]
) -> list[Request]:
    """Place requests of one wave, upstream first; returns them in the order in which they went.

    Args:
        requests: where they are collected.
        tenant: whose.
        wanted: of one wave.
        order: the tenant's apps by `firing_order`.
    """
    rank = {app_id: index for index, app_id in enumerate(order)}
    ordered = sorted(wanted, key=lambda request: rank[request.app_id])
    for request in ordered:
        requests.add(tenant, request)
    return ordered
