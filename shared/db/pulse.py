"""Whether anything has changed that a page shows: one cheap look, whatever the history."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import func, select

from shared.db.engine import Database
from shared.db.review_tables import approvals
from shared.db.tables import jobs
from shared.domain.states import UNFINISHED


def pulse(database: Database, tenant_id: int | None) -> str:
    """Return a short text that is another one after every change of a job or an approval.

    Args:
        database: to look at.
        tenant_id: whose jobs; None: of all tenants.
    """
    of_jobs = [] if tenant_id is None else [jobs.c.tenant_id == tenant_id]
    of_approvals = [] if tenant_id is None else [approvals.c.tenant_id == tenant_id]
    with database.read() as connection:
        newest = connection.execute(select(func.max(jobs.c.id)).where(*of_jobs)).scalar_one()
        # a job that has ended is not among these any more, and a new one raises the highest id
        open_jobs = connection.execute(
            select(
                jobs.c.id, jobs.c.state, jobs.c.reason, jobs.c.progress, jobs.c.cancel_requested_at
            )
            .where(jobs.c.state.in_(sorted(UNFINISHED)), *of_jobs)
            .order_by(jobs.c.id)
        ).all()
        pending = connection.execute(
            select(func.count()).where(approvals.c.state == "pending", *of_approvals)
        ).scalar_one()
    told = json.dumps([newest, [[*row] for row in open_jobs], pending], default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]
