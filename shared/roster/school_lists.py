"""Schools to choose from: an app's own, or the hub's, with how many people each has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from shared.db.hub_tables import HUB, LINKS
from shared.domain.records import Kind

#: The most that a list has; a district has hundreds.
MOST = 2000


@dataclass(frozen=True, slots=True)
class School:
    """An org to choose.

    Attributes:
        id: by which a filter names it: the app's external id, or the hub's sourcedId.
        name: for people; None: it has none.
        identifier: the district's own number of it, or None.
        type: OneRoster's, such as `school` or `district`.
        people: users with an active role there in the hub; None: the hub does not know it.
        hub_name: of the hub's org that an app's own stands for; None: for none yet.
    """

    id: str
    name: str | None
    identifier: str | None
    type: str | None
    people: int | None = None
    hub_name: str | None = None


def hub_orgs(connection: Connection, tenant_id: int) -> list[School]:
    """Return a tenant's active orgs by type and name."""
    org = HUB[Kind.ORGS].c
    people = _people(connection, tenant_id)
    rows = connection.execute(
        select(org.sourced_id, org.name, org.identifier, org.type)
        .where(org.tenant_id == tenant_id, org.status == "active")
        .order_by(org.type, org.name, org.sourced_id)
        .limit(MOST)
    )
    return [
        School(row.sourced_id, row.name, row.identifier, row.type, people.get(row.sourced_id, 0))
        for row in rows
    ]


def app_orgs(connection: Connection, tenant_id: int, app_id: int) -> Sequence[School]:
    """Return the orgs that an app has brought, by type and name; also those that it has no more."""
    link, org = LINKS[Kind.ORGS], HUB[Kind.ORGS]
    people = _people(connection, tenant_id)
    rows = connection.execute(
        select(
            link.c.external_id,
            link.c.sourced_id,
            func.coalesce(link.c.name, org.c.name).label("name"),
            func.coalesce(link.c.identifier, org.c.identifier).label("identifier"),
            func.coalesce(link.c.type, org.c.type).label("type"),
            org.c.name.label("hub_name"),
        )
        .join(
            org,
            (org.c.tenant_id == tenant_id) & (org.c.sourced_id == link.c.sourced_id),
            isouter=True,
        )
        .where(link.c.app_id == app_id)
        .order_by("type", "name", link.c.external_id)
        .limit(MOST)
    )
    return [
        School(
            row.external_id,
            row.name,
            row.identifier,
            row.type,
            people.get(row.sourced_id, 0),
            row.hub_name,
        )
        for row in rows
    ]


def _people(connection: Connection, tenant_id: int) -> dict[str, int]:
    """Return by org how many users have an active role there; it costs what the tenant has now."""
    role = HUB[Kind.ROLES].c
    rows = connection.execute(
        select(role.org_sourced_id, func.count(role.user_sourced_id.distinct()).label("people"))
        .where(role.tenant_id == tenant_id, role.status == "active")
        .group_by(role.org_sourced_id)
    )
    return {row.org_sourced_id: row.people for row in rows if row.org_sourced_id}
