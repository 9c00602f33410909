"""Operations on jobs: syncs that wait, run or have ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from annotated_types import Ge, Le
from sqlalchemy import Connection, Row, select

from console.service.means import Means
from console.service.operation import Reach, operation
from console.service.wish import Wish
from shared.db import asking, review_views, views
from shared.db.tables import jobs, tenants
from shared.db.views import Shown, iso
from shared.db.why import Why, why_app, why_job
from shared.domain.roles import Permission
from shared.domain.states import JobState, Mode
from shared.errors import ConfigurationError, NotFoundError
from shared.roster.provisions import count_not_done, list_not_done
from shared.roster.undo import undo_job as undo

#: A job's id; a larger one than a database gives is none.
JobId = Annotated[int, Ge(1), Le(2**63 - 1)]
#: Where a list by id goes on: what the page before ended with; 0: its beginning.
After = Annotated[int, Ge(0), Le(2**63 - 1)]
#: How many rows a list may have at once.
Limit = Annotated[int, Ge(1), Le(10_000)]
_STATES = (*JobState, "unfinished")


class RunNow(Wish):
    """A run that is wanted.

    Attributes:
        mode: what to read.
        cascade: also run the apps downstream, after it.
        is_plan: only show what it would change.
        by: who wants it, where that is not the account itself.
    """

    mode: Mode = Mode.FULL
    cascade: bool = False
    is_plan: bool = False
    by: str | None = None

    audited = frozenset({"mode", "cascade", "is_plan"})


class By(Wish):
    """Who wants it, where that is not the account itself."""

    by: str | None = None


class Undo(By):
    """An undo; a dry run only tells what it would do."""

    is_dry_run: bool = False


@operation("POST", "/tenants/{tenant}/apps/{app}/run", needs=Permission.OPERATE)
def run_app(means: Means, tenant: str, app: str, wish: RunNow) -> Shown:
    """Run an app now; the answer is its job, those that carry it further, and if it joined one."""
    asked = asking.ask(
        means.gate,
        asking.Ask(
            app=f"{tenant}/{app}",
            mode=wish.mode,
            cascade=wish.cascade,
            actor=means.actor,
            asked_by=means.signed(wish.by),
            is_plan=wish.is_plan,
        ),
    )
    means.relay(asked.publications)
    with means.database.read() as connection:
        found, *below = [
            views.show_job(connection, job_id) or {} for job_id in (asked.job_id, *asked.cascaded)
        ]
    return {**found, "coalesced": asked.coalesced, "cascaded": below}


@operation("GET", "/jobs", needs=Permission.VIEW, reach=Reach.CALLER)
def list_all_jobs(means: Means, state: str | None = None, limit: Limit = 50) -> list[Shown]:
    """List the jobs of all tenants that the caller may see, newest first."""
    with means.database.read() as connection:
        return views.list_jobs(
            connection,
            tenant_ids=means.caller.tenant_ids(),
            state=_state(state),
            limit=limit,
        )


@operation("GET", "/jobs/{job}", needs=Permission.VIEW, reach=Reach.CALLER)
def find_job(means: Means, job: JobId) -> Shown:
    """Tell which tenant's a job is."""
    with means.database.read() as connection:
        row = connection.execute(
            select(jobs.c.tenant_id, tenants.c.name)
            .join(tenants, tenants.c.id == jobs.c.tenant_id)
            .where(jobs.c.id == job)
        ).one_or_none()
    if row is None or not means.caller.may(Permission.VIEW, row.tenant_id):
        raise _no_job(job)
    return {"job": job, "tenant": row.name}


@operation("GET", "/tenants/{tenant}/jobs", needs=Permission.VIEW)
def list_jobs(
    means: Means,
    tenant: str,
    app: str | None = None,
    state: str | None = None,
    limit: Limit = 50,
) -> list[Shown]:
    """List a tenant's jobs, or an app's, newest first."""
    with means.database.read() as connection:
        app_id = asking.find_app(connection, f"{tenant}/{app}")[1] if app else None
        return views.list_jobs(
            connection, tenant=tenant, app_id=app_id, state=_state(state), limit=limit
        )


@operation("GET", "/tenants/{tenant}/jobs/{job}", needs=Permission.VIEW)
def show_job(means: Means, tenant: str, job: JobId) -> Shown:
    """Show a job: its history, its approvals, and what of it was not done at the vendor."""
    with means.database.read() as connection:
        found = views.show_job(connection, job)
        if found is None or found["tenant"] != tenant:
            raise _no_job(job)
        tenant_id = job_of(connection, tenant, job).tenant_id
        return {
            **found,
            "approvals": review_views.list_approvals(connection, job_id=job),
            "not_done": review_views.with_names(
                connection, tenant_id, list_not_done(connection, job), "sourced_id"
            ),
            "not_done_count": count_not_done(connection, job),
        }


@operation("GET", "/tenants/{tenant}/jobs/{job}/why", needs=Permission.VIEW)
def explain_job(means: Means, tenant: str, job: JobId, with_progress: bool = True) -> Shown:
    """Say the one reason why a job has not run, and when it will."""
    with means.database.read() as connection:
        row = job_of(connection, tenant, job)
    return _why(why_job(means.database, row.tenant_id, job, with_progress=with_progress))


@operation("GET", "/tenants/{tenant}/apps/{app}/why", needs=Permission.VIEW)
def explain_app(means: Means, tenant: str, app: str) -> Shown:
    """Say the one reason why an app has not run, and when it will."""
    with means.database.read() as connection:
        tenant_id, app_id = asking.find_app(connection, f"{tenant}/{app}")
    return _why(why_app(means.database, tenant_id, app_id))


@operation("POST", "/tenants/{tenant}/jobs/{job}/cancel", needs=Permission.OPERATE)
def cancel_job(means: Means, tenant: str, job: JobId, wish: By) -> Shown:
    """End a job: at once if it waits, at its next beat if it runs."""
    with means.database.read() as connection:
        job_of(connection, tenant, job)
    by = means.signed(wish.by)
    state, publications = asking.cancel(means.gate, job, actor=means.actor, by=by)
    means.relay(publications)
    if state == JobState.RUNNING:
        told = "it was asked to stop, and does at its next beat"
    else:
        told = "it has ended now" if publications else "it had ended before: nothing to cancel"
    return {"job": job, "state": state, "told": told}


@operation("POST", "/tenants/{tenant}/jobs/{job}/retry", needs=Permission.OPERATE)
def retry_job(means: Means, tenant: str, job: JobId, wish: By) -> Shown:
    """Run an ended job's app again, in its mode; the new job names the old one."""
    with means.database.read() as connection:
        row = job_of(connection, tenant, job)
        found = views.show_job(connection, job) or {}
    if not JobState(row.state).is_ended:
        raise ConfigurationError("job", f"job {job} has not ended", "Cancel it, or wait for it.")
    asked = asking.ask(
        means.gate,
        asking.Ask(
            app=found["app"],
            mode=Mode(row.mode),
            actor=means.actor,
            asked_by=means.signed(wish.by),
            retry_of=job,
        ),
    )
    means.relay(asked.publications)
    return {**show_job(means, tenant, asked.job_id), "coalesced": asked.coalesced}


@operation("POST", "/tenants/{tenant}/jobs/{job}/undo", needs=Permission.REVIEW)
def undo_job(means: Means, tenant: str, job: JobId, wish: Undo) -> Shown:
    """Restore what a job changed where nobody has edited since, and list the rest."""
    with means.database.read() as connection:
        tenant_id = job_of(connection, tenant, job).tenant_id
    by = means.signed(wish.by)
    undone = undo(means.database, job, by=by, is_dry_run=wish.is_dry_run)
    with means.database.read() as connection:
        left = review_views.with_names(connection, tenant_id, undone.left_rows, "record")
    return {**asdict(undone), "left_rows": left, "is_dry_run": wish.is_dry_run}


def job_of(connection: Connection, tenant: str, job: int) -> Row[Any]:
    """Return a job's row.

    Raises:
        NotFoundError: the tenant has no such job.
    """
    row = connection.execute(
        select(jobs)
        .join(tenants, tenants.c.id == jobs.c.tenant_id)
        .where(jobs.c.id == job, tenants.c.name == tenant)
    ).one_or_none()
    if row is None:
        raise _no_job(job)
    return row


def _state(state: str | None) -> str | None:
    if state is not None and state not in _STATES:
        raise ConfigurationError(
            "--state", f"there is no {state!r}", f"Give one of {', '.join(sorted(_STATES))}."
        )
    return state


def _no_job(job: int) -> NotFoundError:
    return NotFoundError("JOB", f"there is no job {job}", "List: bellringer jobs list")


def _why(answer: Why) -> Shown:
    told = {**asdict(answer), "next_run_at": iso(answer.next_run_at)}
    return {**told, "sentence": answer.sentence}
