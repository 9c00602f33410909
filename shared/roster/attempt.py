"""The key under which one attempt of one job works on the hub."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobKey:
    """One attempt of one job, and for whom it works."""

    job_id: int
    attempt: int
    tenant_id: int
    app_id: int
