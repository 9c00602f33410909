"""What waits for a person at a tenant: the overview, approvals, and what is in quarantine."""

from __future__ import annotations

from typing import Any, get_args

from console.service import approvals, apps, quarantine, review
from console.service.approvals import ApprovalId
from console.service.jobs import After
from console.web.page import Data, Redirect, Refused, page
from console.web.rendering import words
from console.web.visit import Visit
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.errors import ConfigurationError, NotFoundError

_REVIEW = "/tenants/{tenant}/review"
_STATES = get_args(approvals.State)


@page("GET", _REVIEW, needs=Permission.VIEW, template="review.html", is_live=True)
def overview(visit: Visit, tenant: str) -> Data:
    """Tell how much waits for a person, and where."""
    waiting = visit.desk.call(approvals.list_pending_by_school, tenant=tenant)
    return {
        "counts": visit.desk.call(review.count_review, tenant=tenant),
        "records": sum(school["count"] for school in waiting),
        "next_deadline": waiting[0]["deadline_at"] if waiting else None,
    }


@page("GET", _REVIEW + "/approvals", needs=Permission.VIEW, template="approvals.html")
def list_approvals(visit: Visit, tenant: str, state: str = "", before: After = 0) -> Data:
    """Show what waits for approval by school, and what was decided, newest first."""
    return _approvals(visit, tenant, state, before)


@page("POST", _REVIEW + "/approvals", needs=Permission.REVIEW, template="approvals.html")
def decide(visit: Visit, tenant: str) -> Redirect | Refused:
    """Approve or reject the approvals that are ticked, all or nothing."""
    ids = [int(text) for text in visit.texts("approval") if text.isdecimal() and len(text) < 19]
    try:
        told = _decide(visit, tenant, ids, visit.text("decision"))
    except NotFoundError:
        raise
    except ConfigurationError as error:
        data = _approvals(visit, tenant, "", 0)
        return Refused({**data, "error": f"{error.problem}. {error.fix}", "ticked": ids})
    return Redirect(f"/tenants/{tenant}/review/approvals", notice=told)


@page(
    "GET", _REVIEW + "/approvals/{approval}", needs=Permission.VIEW, template="approval.html",
    is_live=True,
)  # fmt: skip
def show_approval(
    visit: Visit, tenant: str, approval: ApprovalId, after: str | None = None
) -> Data:
    """Show an approval and its rows, by the page."""
    named: dict[str, Any] = {"tenant": tenant, "approval": approval}
    return {
        "approval": visit.desk.call(approvals.show_approval, **named),
        "rows": visit.desk.call(approvals.list_approval_rows, **named, after=after),
    }


@page("GET", _REVIEW + "/quarantine", needs=Permission.VIEW, template="quarantine.html")
def show_quarantine(
    visit: Visit, tenant: str, app: str = "", kind: str = "", after: After = 0
) -> Data:
    """Show the records that the last reads have left out, each with its reason and its source."""
    names = [one["app"].partition("/")[2] for one in visit.desk.call(apps.list_apps, tenant=tenant)]
    wanted = {"app": app if app in names else "", "kind": kind if kind in set(Kind) else ""}
    found = visit.desk.call(
        quarantine.list_quarantine,
        tenant=tenant,
        app=wanted["app"] or None,
        kind=Kind(wanted["kind"]) if wanted["kind"] else None,
        after=after or None,
    )
    return {
        "counts": visit.desk.call(review.count_review, tenant=tenant),
        "wanted": wanted,
        "apps": names,
        "kinds": [[one, words(one)] for one in Kind],
        **found,
    }


def _approvals(visit: Visit, tenant: str, state: str, before: int) -> Data:
    wanted = state if state in _STATES else None
    decided = visit.desk.call(
        approvals.list_approvals,
        tenant=tenant,
        state=wanted,  # type: ignore[arg-type]  # seen to above
        before=before if before > 0 else None,
        limit=25,
    )
    return {
        "counts": visit.desk.call(review.count_review, tenant=tenant),
        "schools": visit.desk.call(approvals.list_pending_by_school, tenant=tenant),
        "state": wanted or "",
        "states": list(_STATES),
        **decided,
        "error": None,
        "ticked": [],
    }


def _decide(visit: Visit, tenant: str, ids: list[int], decision: str) -> str:
    """Do what was decided; return what to tell of it.

    Raises:
        ConfigurationError: nothing is ticked, or something cannot be decided so any more.
    """
    if not ids:
        raise ConfigurationError("approval", "nothing is ticked", "Tick what you decide on.")
    wish = approvals.Decision(approvals=tuple(dict.fromkeys(ids))[:1000])
    if decision == "approve":
        done = visit.desk.call(approvals.approve, tenant=tenant, wish=wish)
        jobs = ", ".join(str(one["job"]) for one in done)
        return f"Approved. {'Job' if len(done) == 1 else 'Jobs'} {jobs} will do it."
    if decision == "reject":
        done = visit.desk.call(approvals.reject, tenant=tenant, wish=wish)
        return f"Rejected: {len(done)} will not be done, and not asked for again."
    raise ConfigurationError("decision", "it is neither yes nor no", "Press one of the buttons.")
