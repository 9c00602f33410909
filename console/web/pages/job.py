"""A job: how it came to be so, what it would change or has changed, and how to take it back."""

from __future__ import annotations

from typing import Any

from console.service import jobs, plans
from console.service.jobs import After, JobId
from console.web.page import Data, Redirect, page
from console.web.pages.choices import school_choices
from console.web.rendering import words
from console.web.visit import Visit
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.domain.states import JobState, Mode, Tier, Trigger
from shared.roster.planning import Op

_JOB = "/tenants/{tenant}/jobs/{job}"


@page("GET", _JOB, needs=Permission.VIEW, template="job.html", is_live=True)
def job(
    visit: Visit,
    tenant: str,
    job: JobId,
    op: str = "",
    kind: str = "",
    school: str = "",
    search: str = "",
    after: After = 0,
) -> Data:
    """Show a job; of a plan also its rows, filtered and by the page."""
    shown = visit.desk.call(jobs.show_job, tenant=tenant, job=job)
    state = JobState(shown["state"])
    is_plan = shown["trigger"] == Trigger.PLAN
    data: dict[str, Any] = {
        "job": shown,
        "is_unfinished": not state.is_ended,
        "is_plan": is_plan,
        "why": None,
        "plan": None,
        # whatever has not succeeded has changed nothing here
        "can_undo": state is JobState.SUCCEEDED and not is_plan and shown["tier"] != Tier.EXPORT,
    }
    if not state.is_ended:
        data["why"] = visit.desk.call(jobs.explain_job, tenant=tenant, job=job)
    if is_plan and state is JobState.SUCCEEDED:
        wanted = {"op": op, "kind": kind, "school": school, "search": search}
        data["plan"] = _plan(visit, tenant, shown, wanted, after)
    return data


@page("POST", _JOB + "/cancel", needs=Permission.OPERATE)
def cancel(visit: Visit, tenant: str, job: JobId) -> Redirect:
    """End the job."""
    done = visit.desk.call(jobs.cancel_job, tenant=tenant, job=job, wish=jobs.By())
    return Redirect(f"/tenants/{tenant}/jobs/{job}", notice=f"Job {job}: {done['told']}.")


@page("POST", _JOB + "/retry", needs=Permission.OPERATE)
def retry(visit: Visit, tenant: str, job: JobId) -> Redirect:
    """Run the app again, in the job's mode, and lead to the new job."""
    made = visit.desk.call(jobs.retry_job, tenant=tenant, job=job, wish=jobs.By())
    told = "joined one that waits already" if made["coalesced"] else f"runs as job {made['id']}"
    return Redirect(f"/tenants/{tenant}/jobs/{made['id']}", notice=f"Asked again: it {told}.")


@page("POST", _JOB + "/run", needs=Permission.OPERATE)
def run(visit: Visit, tenant: str, job: JobId) -> Redirect:
    """Do what a plan has shown: run its app in its mode, and lead to the new job."""
    return _run(visit, tenant, job, is_plan=False)


@page("POST", _JOB + "/plan", needs=Permission.OPERATE)
def plan(visit: Visit, tenant: str, job: JobId) -> Redirect:
    """Plan the job's app anew, in its mode, and lead to the plan."""
    return _run(visit, tenant, job, is_plan=True)


@page("GET", _JOB + "/undo", needs=Permission.REVIEW, template="undo.html")
def try_undo(visit: Visit, tenant: str, job: JobId) -> Data:
    """Show what an undo would restore, and what it cannot, without doing it."""
    shown = visit.desk.call(jobs.show_job, tenant=tenant, job=job)
    wish = jobs.Undo(is_dry_run=True)
    return {
        "job": shown,
        "undo": visit.desk.call(jobs.undo_job, tenant=tenant, job=job, wish=wish),
    }


@page("POST", _JOB + "/undo", needs=Permission.REVIEW)
def undo(visit: Visit, tenant: str, job: JobId) -> Redirect:
    """Undo the job, and tell on its page what was done."""
    done = visit.desk.call(jobs.undo_job, tenant=tenant, job=job, wish=jobs.Undo())
    told = f"Undone: {done['records']} records are as they were before job {job}."
    if done["left"]:
        told += f" {done['left']} values stay, since somebody has changed them after it."
    return Redirect(f"/tenants/{tenant}/jobs/{job}", notice=told)


def _run(visit: Visit, tenant: str, job: int, *, is_plan: bool) -> Redirect:
    shown = visit.desk.call(jobs.show_job, tenant=tenant, job=job)
    app = shown["app"].partition("/")[2]
    wish = jobs.RunNow(mode=Mode(shown["mode"]), is_plan=is_plan)
    made = visit.desk.call(jobs.run_app, tenant=tenant, app=app, wish=wish)
    return Redirect(f"/tenants/{tenant}/jobs/{made['id']}")


def _plan(
    visit: Visit, tenant: str, shown: dict[str, Any], wanted: dict[str, str], after: int
) -> Data:
    """Return a page of a plan's rows, and by what they can be filtered."""
    counts: dict[str, dict[str, int]] = (shown["plan"] or {}).get("counts") or {}
    page = visit.desk.call(
        plans.list_plan_rows,
        tenant=tenant,
        job=shown["id"],
        ops=wanted["op"],
        kind=Kind(wanted["kind"]) if wanted["kind"] in set(Kind) else None,
        school=wanted["school"] or None,
        search=wanted["search"] or None,
        after=after,
    )
    ops = [op for op in Op if any(op in counted for counted in counts.values())]
    return {
        **page,
        "wanted": wanted,
        "is_filtered": any(wanted.values()),
        "ops": ops,
        "kind_choices": [[kind, words(kind)] for kind in Kind if kind in counts],
        "schools": school_choices(visit, tenant),
    }
