"""An app's page: when it runs next, Run Sync, what it does now and did before, pause and resume."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Le

from console.service import apps, home, jobs
from console.service.wish import Because
from console.web.page import Data, Redirect, Refused, page
from console.web.visit import Visit
from console.web.wishes import read_wish, told_at
from shared.domain.roles import Permission
from shared.errors import ConfigurationError, NotFoundError

#: Jobs of the history that are shown at once.
PAGE = 20
Before = Annotated[int, Ge(1), Le(2**63 - 1)]


@page(
    "GET", "/tenants/{tenant}/apps/{app}", needs=Permission.VIEW, template="app.html", is_live=True
)
def show(visit: Visit, tenant: str, app: str, before: Before | None = None) -> Data:
    """Show an app, and a page of its history."""
    return _data(visit, tenant, app, before)


@page(
    "POST",
    "/tenants/{tenant}/apps/{app}/run",
    needs=Permission.OPERATE,
    template="app.html",
    is_live=True,
)
def run(visit: Visit, tenant: str, app: str) -> Redirect | Refused:
    """Run Sync: all of it or what has changed, with what is downstream, or only to be shown."""
    given = {
        "mode": visit.text("mode") or "full",
        "cascade": (visit.texts("cascade") or ["false"])[-1],
        "is_plan": visit.text("is_plan") or "false",
    }
    try:
        wish = read_wish(jobs.RunNow, given)
        job = visit.desk.call(jobs.run_app, tenant=tenant, app=app, wish=wish)
    except NotFoundError:
        raise
    except ConfigurationError as error:
        told = told_at(error, "run", "mode", "cascade")
        return Refused({**_data(visit, tenant, app), "given": given, "error": told})
    if wish.is_plan:
        return Redirect(f"/tenants/{tenant}/jobs/{job['id']}", "The preview has been asked for.")
    is_home = visit.text("back") == "home"
    return Redirect(_address(tenant, None if is_home else app), _asked(app, job))


@page(
    "POST",
    "/tenants/{tenant}/apps/{app}/pause",
    needs=Permission.OPERATE,
    template="app.html",
    is_live=True,
)
def pause(visit: Visit, tenant: str, app: str) -> Redirect | Refused:
    """Take no jobs of an app, for a reason that is told wherever a job is skipped."""
    reason = visit.text("reason")
    try:
        wish = read_wish(Because, {"reason": reason or None})
        visit.desk.call(apps.pause_app, tenant=tenant, app=app, wish=wish)
    except NotFoundError:
        raise
    except ConfigurationError as error:
        told = told_at(error, "reason")
        given = {"reason": reason}
        return Refused({**_data(visit, tenant, app), "given": given, "error": told})
    return Redirect(_address(tenant, app), f"{app} is paused: it runs no more until it is resumed.")


@page("POST", "/tenants/{tenant}/apps/{app}/resume", needs=Permission.OPERATE)
def resume(visit: Visit, tenant: str, app: str) -> Redirect:
    """Take an app's jobs again."""
    visit.desk.call(apps.resume_app, tenant=tenant, app=app)
    return Redirect(_address(tenant, app), f"{app} is resumed.")


@page(
    "GET",
    "/tenants/{tenant}/apps/{app}/rename",
    needs=Permission.CONFIGURE,
    template="app_rename.html",
)
def ask_name(visit: Visit, tenant: str, app: str) -> Data:
    """Ask for another name."""
    return _naming(visit, tenant, app, app)


@page(
    "POST",
    "/tenants/{tenant}/apps/{app}/rename",
    needs=Permission.CONFIGURE,
    template="app_rename.html",
)
def rename(visit: Visit, tenant: str, app: str) -> Redirect | Refused:
    """Give an app another name."""
    name = visit.text("name")
    try:
        wish = read_wish(apps.NewName, {"name": name})
        visit.desk.call(apps.rename_app, tenant=tenant, app=app, wish=wish)
    except NotFoundError:
        raise
    except ConfigurationError as error:
        told = told_at(error, "name")
        return Refused({**_naming(visit, tenant, app, name), "error": told})
    return Redirect(_address(tenant, name), f"{app} is called {name} now.")


@page(
    "GET",
    "/tenants/{tenant}/apps/{app}/remove",
    needs=Permission.CONFIGURE,
    template="app_remove.html",
)
def ask_removal(visit: Visit, tenant: str, app: str) -> Data:
    """Say what is lost with an app, and ask."""
    return {"app": visit.desk.call(home.show_app_now, tenant=tenant, app=app), "error": None}


@page(
    "POST",
    "/tenants/{tenant}/apps/{app}/remove",
    needs=Permission.CONFIGURE,
    template="app_remove.html",
)
def remove(visit: Visit, tenant: str, app: str) -> Redirect | Refused:
    """Remove an app with its schedules."""
    try:
        visit.desk.call(apps.remove_app, tenant=tenant, app=app)
    except NotFoundError:
        raise
    except ConfigurationError as error:
        return Refused({**ask_removal(visit, tenant, app), "error": _told(error)})
    return Redirect(_address(tenant, None), f"{app} is removed. Its history stays.")


def _data(visit: Visit, tenant: str, app: str, before: int | None = None) -> Data:
    return {
        "app": visit.desk.call(home.show_app_now, tenant=tenant, app=app),
        "history": visit.desk.call(
            home.page_history, tenant=tenant, app=app, before=before, limit=PAGE
        ),
        "shown_before": before,
        "given": {},
        "error": {},
    }


def _naming(visit: Visit, tenant: str, app: str, name: str) -> Data:
    shown = visit.desk.call(home.show_app_now, tenant=tenant, app=app)
    return {"app": shown, "name": name, "error": {}}


def _asked(app: str, job: dict[str, Any]) -> str:
    """Say what became of a wish to run."""
    told = f"The sync of {app} has been asked for: job {job['id']}."
    if job["coalesced"]:
        told = f"Job {job['id']} of {app} was waiting already: it does this too."
    below = [one["app"].partition("/")[2] for one in job["cascaded"]]
    return f"{told} After it: {', '.join(below)}." if below else told


def _told(error: ConfigurationError) -> str:
    return f"{error.problem}. {error.fix}"


def _address(tenant: str, app: str | None) -> str:
    return f"/tenants/{tenant}" + (f"/apps/{app}" if app else "")
