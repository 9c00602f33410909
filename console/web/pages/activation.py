"""The activation of an app, step by step: schools, preview, first sync, schedule.

Each step has its address and can be come back to; what is done is told by the app itself.
"""

from __future__ import annotations

from console.service import jobs, setup
from console.service.setup import Step
from console.web.page import Data, Redirect, Refused, page
from console.web.pages.scope import schools_chosen, schools_shown
from console.web.pages.settings_head import base, steps
from console.web.visit import Visit
from shared.domain.roles import Permission
from shared.roster.planning import Op

_PATH = "/tenants/{tenant}/apps/{app}/setup"
_SCHOOLS = "gallery/schools.html"


@page("GET", _PATH, needs=Permission.CONFIGURE)
def go_on(visit: Visit, tenant: str, app: str) -> Redirect:
    """Lead to the first step that is not done, or to the app."""
    following = visit.desk.call(setup.show_setup, tenant=tenant, app=app)["next"]
    if following is None:
        return Redirect(f"/tenants/{tenant}/apps/{app}", visit.notice())
    if following == Step.SCHEDULE:
        return Redirect(f"{base(tenant, app)}/schedule", visit.notice())
    return Redirect(f"/tenants/{tenant}/apps/{app}/setup/{following}", visit.notice())


@page("GET", f"{_PATH}/schools", needs=Permission.CONFIGURE, template=_SCHOOLS)
def schools(visit: Visit, tenant: str, app: str) -> Data:
    """Ask which schools the app takes, or is sent."""
    return {**schools_shown(visit, tenant, app), **_step(visit, tenant, app, Step.SCHOOLS)}


@page("POST", f"{_PATH}/schools", needs=Permission.CONFIGURE, template=_SCHOOLS)
def choose(visit: Visit, tenant: str, app: str) -> Data | Redirect | Refused:
    """Limit the app to some schools, and go on with the preview."""
    step = _step(visit, tenant, app, Step.SCHOOLS)
    done = schools_chosen(visit, tenant, app, f"/tenants/{tenant}/apps/{app}/setup/preview")
    if isinstance(done, Redirect):
        return done
    if isinstance(done, Refused):
        return Refused({**done.data, **step})
    return {**done, **step}


@page(
    "GET",
    f"{_PATH}/preview",
    needs=Permission.CONFIGURE,
    template="gallery/preview.html",
    is_live=True,
)
def preview(visit: Visit, tenant: str, app: str) -> Data:
    """Show what the first sync would change."""
    data = _step(visit, tenant, app, Step.PREVIEW)
    job = data["setup"]["preview"]
    plan = None
    if job is not None and job["state"] == "succeeded":
        plan = visit.desk.call(jobs.show_job, tenant=tenant, job=job["id"])["plan"]
    return {**data, "job": job, "plan": plan, "ops": _ops(plan)}


@page("POST", f"{_PATH}/preview", needs=Permission.CONFIGURE)
def make_preview(visit: Visit, tenant: str, app: str) -> Redirect:
    """Have it found out what a sync would change; nothing is changed."""
    visit.desk.call(jobs.run_app, tenant=tenant, app=app, wish=jobs.RunNow(is_plan=True))
    return Redirect(f"/tenants/{tenant}/apps/{app}/setup/preview")


@page(
    "GET", f"{_PATH}/sync", needs=Permission.CONFIGURE, template="gallery/sync.html", is_live=True
)
def sync(visit: Visit, tenant: str, app: str) -> Data:
    """Show how the first sync goes."""
    data = _step(visit, tenant, app, Step.SYNC)
    return {**data, "job": data["setup"]["sync"]}


@page("POST", f"{_PATH}/sync", needs=Permission.CONFIGURE)
def run_first(visit: Visit, tenant: str, app: str) -> Redirect:
    """Begin the first sync."""
    visit.desk.call(jobs.run_app, tenant=tenant, app=app, wish=jobs.RunNow())
    return Redirect(f"/tenants/{tenant}/apps/{app}/setup/sync")


@page("GET", f"{_PATH}/schedule", needs=Permission.CONFIGURE)
def schedule(visit: Visit, tenant: str, app: str) -> Redirect:
    """Lead to the schedules: the last step is that of the settings."""
    visit.desk.call(setup.show_setup, tenant=tenant, app=app)
    return Redirect(f"{base(tenant, app)}/schedule")


def _ops(plan: Data | None) -> list[str]:
    """Return what a plan would do, to whichever kind, in the order of planning."""
    counts = (plan or {}).get("counts") or {}
    return [op for op in Op if any(op in counted for counted in counts.values())]


def _step(visit: Visit, tenant: str, app: str, step: Step) -> Data:
    shown = visit.desk.call(setup.show_setup, tenant=tenant, app=app)
    return {
        "name": app,
        "setup": shown,
        "steps": steps(tenant, app, shown, step),
        "base": f"/tenants/{tenant}/apps/{app}/setup",
        "settings": base(tenant, app),
    }
