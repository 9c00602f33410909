"""Jobs, and what they left out, written as workers would have: no test of a page waits for them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, update

from shared.db.hub_tables import quarantine, vendor_provisions, vendor_writes
from shared.db.tables import apps, jobs
from tests.console_site import ConsoleSite

COUNTS = {"users": {"added": 3, "updated": 2, "removed": 1, "unchanged": 90, "quarantined": 2}}


def add_job(site: ConsoleSite, app: str, state: str = "succeeded", **values: Any) -> int:
    """Write a job of an app, which began a minute ago; an ended one is the app's last read."""
    is_ended = state in {"succeeded", "failed", "skipped", "cancelled"}
    with site.database.write() as connection:
        now = site.database.now(connection)
        wave = values.pop("wave", 1)
        made: int = connection.execute(
            insert(jobs)
            .values(
                {
                    "tenant_id": site.tenant_id(app.partition("/")[0]),
                    "app_id": site.app_id(app),
                    "tier": "import",
                    "mode": "full",
                    "trigger": "run_now",
                    "state": state,
                    "wave": wave,
                    "last_wave": wave,
                    "due_at": now - timedelta(seconds=70),
                    "created_at": now - timedelta(seconds=70),
                    "started_at": now - timedelta(seconds=60),
                    "finished_at": now if is_ended else None,
                    "lease_until": now + timedelta(hours=1) if state == "running" else None,
                    **values,
                }
            )
            .returning(jobs.c.id)
        ).scalar_one()
        if is_ended:
            told = {"last_outcome": state, "last_read_job": made}
            connection.execute(update(apps).where(apps.c.id == site.app_id(app)).values(told))
    return made


def leave_out(site: ConsoleSite, app: str, job: int, number: int, **values: Any) -> None:
    """Write a record of a job into quarantine."""
    source = {"sourcedId": f"user-{number}", "givenName": "=1+1", "password": "canary"}
    with site.database.write() as connection:
        connection.execute(
            insert(quarantine).values(
                {
                    "job_id": job,
                    "tenant_id": site.tenant_id(app.partition("/")[0]),
                    "app_id": site.app_id(app),
                    "kind": "users",
                    "external_id": f"user-{number}",
                    "field": "familyName",
                    "reason": "it is missing",
                    "source": json.dumps(source),
                    "found_by": "hub",
                    "at": site.database.now(connection),
                    **values,
                }
            )
        )
        connection.execute(
            update(apps).where(apps.c.id == site.app_id(app)).values(last_quarantined=number)
        )


def refuse(site: ConsoleSite, app: str, job: int, *, attempt: int = 1) -> None:
    """Write what a vendor would not have: a value, a new record, and one that waits for another."""
    with site.database.write() as connection:
        mine = {
            "app_id": site.app_id(app),
            "job_id": job,
            "attempt": attempt,
            "values": "{}",
            "at": site.database.now(connection),
        }
        connection.execute(
            insert(vendor_writes),
            [
                {**mine, "kind": "users", "external_id": "user-8", "key": "a", "state": "rejected",
                 "reason": "no such grade"},
                {**mine, "kind": "users", "external_id": "user-9", "key": "b",
                 "state": "confirmed", "reason": None},
            ],
        )  # fmt: skip
        connection.execute(
            insert(vendor_provisions),
            [
                {**mine, "kind": "classes", "sourced_id": "class-1", "external_id": None,
                 "action": "create", "turn": 1, "state": "rejected", "reason": "it is full"},
                {**mine, "kind": "enrollments", "sourced_id": "enrollment-1",
                 "external_id": "e-1", "action": "end", "turn": 2, "state": "later",
                 "reason": None},
            ],
        )  # fmt: skip
