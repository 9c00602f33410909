"""Conflicts: fields that the hub and a 2-way app have both changed."""

from __future__ import annotations

from typing import Any

from console.service import apps, conflicts, review
from console.service.conflicts import ConflictId
from console.service.jobs import After
from console.web.page import Data, Redirect, Refused, page
from console.web.visit import Visit
from shared.domain.roles import Permission
from shared.errors import ConfigurationError, NotFoundError
from shared.roster.resolutions import STATES

_CONFLICTS = "/tenants/{tenant}/review/conflicts"
_ONE = _CONFLICTS + "/{conflict}"
#: Conflicts of a page.
_PAGE = 50


@page("GET", _CONFLICTS, needs=Permission.VIEW, template="conflicts.html")
def list_conflicts(
    visit: Visit, tenant: str, state: str = "open", app: str = "", after: After = 0
) -> Data:
    """Show conflicts, oldest first."""
    names = [
        one["app"].partition("/")[2]
        for one in visit.desk.call(apps.list_apps, tenant=tenant)
        if one["tier"] == "two_way"
    ]
    wanted = {"state": state if state in STATES else "open", "app": app if app in names else ""}
    found = visit.desk.call(
        conflicts.list_conflicts,
        tenant=tenant,
        app=wanted["app"] or None,
        state=wanted["state"],  # type: ignore[arg-type]  # seen to above
        after=after,
        limit=_PAGE + 1,
    )
    return {
        "counts": visit.desk.call(review.count_review, tenant=tenant),
        "conflicts": found[:_PAGE],
        "after": found[_PAGE - 1]["id"] if len(found) > _PAGE else None,
        "wanted": wanted,
        "apps": names,
        "states": list(STATES),
    }


@page("GET", _ONE, needs=Permission.VIEW, template="conflict.html")
def show_conflict(visit: Visit, tenant: str, conflict: ConflictId) -> Data:
    """Show a conflict, and what one can take."""
    return _conflict(visit, tenant, conflict)


@page("POST", _ONE, needs=Permission.REVIEW, template="conflict.html")
def resolve(visit: Visit, tenant: str, conflict: ConflictId) -> Redirect | Refused:
    """Take what was chosen."""
    take = visit.text("take")
    value = visit.text("value")
    wish = conflicts.Resolution(
        take=take,
        value=value if take == "value" else None,
        is_rule="true" in visit.texts("is_rule"),
    )
    try:
        done = visit.desk.call(
            conflicts.resolve_conflict, tenant=tenant, conflict=conflict, wish=wish
        )
    except NotFoundError:
        raise
    except ConfigurationError as error:
        field = {"--take": "take", "--value": "value"}.get(error.field, error.field)
        told = {field: f"{error.problem}. {error.fix}"}
        data = _conflict(visit, tenant, conflict)
        return Refused({**data, "error": told, "given": {"take": take, "value": value}})
    told_rule = " Further ones of this field are decided so by a rule." if done["rule"] else ""
    return Redirect(
        f"/tenants/{tenant}/review/conflicts", notice=f"Conflict {conflict} is resolved.{told_rule}"
    )


def _conflict(visit: Visit, tenant: str, conflict: int) -> Data:
    found: dict[str, Any] = visit.desk.call(
        conflicts.show_conflict, tenant=tenant, conflict=conflict
    )
    return {"conflict": found, "error": {}, "given": {"take": "", "value": ""}}
