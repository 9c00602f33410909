"""A district's jobs, newest first, by app, state and mode."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from annotated_types import Ge, Le

from console.service import apps, home
from console.web.choosing import one_of
from console.web.page import Data, page
from console.web.visit import Visit
from shared.domain.roles import Permission
from shared.domain.states import Mode

Before = Annotated[int, Ge(1), Le(2**63 - 1)]


@page("GET", "/tenants/{tenant}/jobs", needs=Permission.VIEW, template="jobs.html", is_live=True)
def show(
    visit: Visit,
    tenant: str,
    app: str = "",
    state: str = "",
    mode: str = "",
    before: Before | None = None,
) -> Data:
    """Show a page of the jobs that the filter leaves."""
    chosen = {"app": app, "state": state, "mode": mode}
    # an app that was removed or renamed has no entry to be chosen by any more
    listed = [
        one["app"].partition("/")[2] for one in visit.desk.call(apps.list_apps, tenant=tenant)
    ]
    found = visit.desk.call(
        home.page_history,
        tenant=tenant,
        app=app or None,
        state=state or None,
        mode=one_of(Mode, "mode", mode),
        before=before,
    )
    query = {name: value for name, value in chosen.items() if value}
    return {
        **found,
        "shown_before": before,
        "chosen": chosen,
        "apps": listed,
        "states": list(home.STATES),
        "modes": list(Mode),
        "older": "?" + urlencode({**query, "before": found["before"]}) if found["before"] else None,
        "newest": "?" + urlencode(query) if before else None,
    }
