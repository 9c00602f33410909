"""Duplicates: users that look like one person, side by side."""

from __future__ import annotations

from console.service import duplicates, review
from console.web.page import Data, Redirect, Refused, page
from console.web.visit import Visit
from shared.domain.roles import Permission
from shared.errors import ConfigurationError

_DUPLICATES = "/tenants/{tenant}/review/duplicates"


@page("GET", _DUPLICATES, needs=Permission.VIEW, template="duplicates.html")
def list_duplicates(visit: Visit, tenant: str) -> Data:
    """Show the pairs, the strongest reasons first."""
    found = visit.desk.call(duplicates.list_duplicates, tenant=tenant)
    # counted anew by the listing
    return {**found, "counts": visit.desk.call(review.count_review, tenant=tenant)}


@page("GET", _DUPLICATES + "/pair", needs=Permission.VIEW, template="pair.html")
def show_pair(visit: Visit, tenant: str, one: str, other: str) -> Data:
    """Show two users side by side."""
    return _pair(visit, tenant, one, other)


@page("POST", _DUPLICATES + "/pair", needs=Permission.REVIEW, template="pair.html")
def judge(visit: Visit, tenant: str) -> Redirect | Refused:
    """Merge the two, or tell them apart for good."""
    keep, other, verdict = visit.text("keep"), visit.text("other"), visit.text("verdict")
    try:
        if verdict == "merge":
            wish = duplicates.Merge(keep=keep, other=other)
            visit.desk.call(duplicates.merge_duplicates, tenant=tenant, wish=wish)
            told = "Merged: they are one record now, and both apps keep their links."
        elif verdict == "distinct":
            apart = duplicates.Distinct(one=keep, other=other)
            visit.desk.call(duplicates.tell_apart, tenant=tenant, wish=apart)
            told = "Told apart: the two are listed no more."
        else:
            raise ConfigurationError("verdict", "none was given", "Press one of the buttons.")
    except ConfigurationError as error:
        data = _pair(visit, tenant, keep, other)
        return Refused({**data, "error": f"{error.problem}. {error.fix}"})
    return Redirect(f"/tenants/{tenant}/review/duplicates", notice=told)


def _pair(visit: Visit, tenant: str, one: str, other: str) -> Data:
    found = visit.desk.call(duplicates.compare_users, tenant=tenant, one=one, other=other)
    return {**found, "error": None}
