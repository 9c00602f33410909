"""What several pages let one choose from."""

from __future__ import annotations

from console.service import roster
from console.web.visit import Visit


def school_choices(visit: Visit, tenant: str) -> list[list[str]]:
    """Return a tenant's organisations for a list to choose from: sourcedId and name."""
    schools = visit.desk.call(roster.list_orgs, tenant=tenant)
    return [[one["sourcedId"], one["name"]] for one in schools]
