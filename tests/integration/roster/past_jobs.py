"""Ended jobs in the tables of the protocol, for tests whose syncs need no worker."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from shared.db.tables import apps, jobs
from tests.integration.roster.district import Hub


class TurningClock:
    """A clock that is a second further every time it is asked."""

    def __init__(self, start: datetime) -> None:
        self.instant = start

    def now(self) -> datetime:
        self.instant += timedelta(seconds=1)
        return self.instant

    def monotonic(self) -> float:
        return self.instant.timestamp()


def end_job(hub: Hub, app: int, job_id: int, *, state: str = "succeeded", **more: Any) -> int:
    """Write the row of a job that has just ended; returns its id."""
    with hub.database.write() as connection:
        now = hub.database.now(connection)
        tier = connection.execute(select(apps.c.tier).where(apps.c.id == app)).scalar_one()
        made: dict[str, Any] = {
            "id": job_id,
            "tenant_id": hub.tenant_id,
            "app_id": app,
            "tier": tier,
            "mode": "full",
            "trigger": "run_now",
            "state": state,
            "wave": job_id,
            "last_wave": job_id,
            "due_at": now,
            "created_at": now,
            "started_at": now,
            "finished_at": None if state == "held" else now,
        }
        connection.execute(insert(jobs).values({**made, **more}))
    return job_id
