"""Operations on the guided activation of an app: how far it has come.

Nothing is kept of it: what is done is told by the app itself, so it can be left and taken up at
any step, and what was done by commands counts. An app that is being set up is not paused, since a
paused app makes no previews; no clock starts it, since it has no schedule. A run-now upstream that
takes along everything after it does run it.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from connectors import registry
from console.service.means import Means
from console.service.operation import operation
from shared.db import apps, views
from shared.db.views import Shown
from shared.domain.roles import Permission
from shared.domain.states import JobState, Trigger
from shared.roster.rules import parse_app_rules

#: Jobs of an app that are looked at; one that is being set up has few.
_RECENT = 20


class Step(StrEnum):
    """A step of the activation, in their order."""

    CONNECTION = "connection"
    SCHOOLS = "schools"
    PREVIEW = "preview"
    SYNC = "sync"
    SCHEDULE = "schedule"


@operation("GET", "/tenants/{tenant}/apps/{app}/setup", needs=Permission.VIEW)
def show_setup(means: Means, tenant: str, app: str) -> Shown:
    """Show how far the activation of an app has come.

    The answer is `{"app", "connector", "title", "tier", "steps": [{"name", "is_done"}], "next",
    "preview", "sync"}`: `next` is the first step that is not done, None: all are; `preview` and
    `sync` are the app's last plan and its last run as `show_job` has them in its list, or None.
    """
    with means.database.read() as connection:
        row = apps.app_row(connection, f"{tenant}/{app}")
        recent = views.list_jobs(connection, app_id=row.id, limit=_RECENT)
        planned = views.list_schedules(connection, row.id)
    connector = registry.get(row.connector)
    preview = next((job for job in recent if job["trigger"] == Trigger.PLAN), None)
    sync = next((job for job in recent if Trigger(job["trigger"]).is_run), None)
    done = {Step.CONNECTION}
    if _ended_well(sync) or row.last_outcome == JobState.SUCCEEDED:
        done |= {Step.SCHOOLS, Step.PREVIEW, Step.SYNC}
    if _ended_well(preview):
        done |= {Step.SCHOOLS, Step.PREVIEW}
    if len(recent) == _RECENT:
        # whoever has run so often is past its activation, however its last runs have ended
        done |= set(Step) - {Step.SCHEDULE}
    if recent or not parse_app_rules(row.rules).filters.is_empty:
        done.add(Step.SCHOOLS)
    if planned:
        done.add(Step.SCHEDULE)
    return {
        "app": f"{tenant}/{app}",
        "connector": row.connector,
        "title": connector.title,
        "tier": row.tier,
        "steps": [{"name": step, "is_done": step in done} for step in Step],
        "next": _next(done),
        "preview": preview,
        "sync": sync,
    }


def _ended_well(job: Shown | None) -> bool:
    return job is not None and job["state"] == JobState.SUCCEEDED


def _next(done: Collection[Step]) -> Step | None:
    return next((step for step in Step if step not in done), None)
