"""What of an app's records was left out or refused, with its reason; and the same as a file."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from annotated_types import Ge, Le, MaxLen

from console.service import errors
from console.service.download import Download
from console.web.choosing import one_of
from console.web.page import Data, Redirect, page
from console.web.visit import Visit
from shared.domain.records import Kind
from shared.domain.roles import Permission

JobId = Annotated[int, Ge(1), Le(2**63 - 1)]
Cursor = Annotated[str, MaxLen(64)]


@page(
    "GET", "/tenants/{tenant}/apps/{app}/errors", needs=Permission.VIEW, template="app_errors.html"
)
def show(
    visit: Visit,
    tenant: str,
    app: str,
    job: JobId | None = None,
    kind: str = "",
    after: Cursor | None = None,
) -> Data:
    """Show a page of the records of one job."""
    chosen = one_of(Kind, "kind", kind)
    found = visit.desk.call(
        errors.page_errors, tenant=tenant, app=app, job=job, kind=chosen, after=after
    )
    query = {name: value for name, value in (("job", job), ("kind", chosen)) if value}
    base = f"/tenants/{tenant}/apps/{app}/errors"
    return {
        **found,
        "name": app,
        "asked_job": job,
        "kind": chosen,
        "kinds": list(Kind),
        "shown_after": after,
        "next": "?" + urlencode({**query, "after": found["after"]}) if found["after"] else None,
        "first": f"{base}?{urlencode(query)}" if after else None,
        "file": f"{base}.csv" + (f"?{urlencode(query)}" if query else ""),
    }


@page("GET", "/tenants/{tenant}/apps/{app}/errors.csv", needs=Permission.VIEW)
def download(
    visit: Visit, tenant: str, app: str, job: JobId | None = None, kind: str = ""
) -> Download:
    """Send them as CSV for a spreadsheet."""
    return visit.desk.call(
        errors.download_errors, tenant=tenant, app=app, job=job, kind=one_of(Kind, "kind", kind)
    )


@page("GET", "/tenants/{tenant}/jobs/{job}/errors", needs=Permission.VIEW)
def of_job(visit: Visit, tenant: str, job: JobId) -> Redirect:
    """Lead to those of a job, on its app's page."""
    app = visit.desk.call(errors.find_app_of_job, tenant=tenant, job=job)["app"]
    return Redirect(f"/tenants/{tenant}/apps/{app}/errors?job={job}")
