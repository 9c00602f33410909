"""A school's users by the page: those whose primary org it is, and those with a role there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select, union

from shared.db.hub_tables import HUB
from shared.domain.records import Kind


def school_users(
    tenant_id: int, orgs: Sequence[str], *, status: str | None, after: str | None, limit: int
) -> Select[Any]:
    """Return a query for the next sourcedIds of the users of some orgs, in their order.

    Of each org and each way to belong to it the next ones are taken from an index, and of all these
    the first: a page costs its own length, however large school and tenant are.

    Args:
        tenant_id: whose.
        orgs: sourcedIds, one at least.
        status: of the users; None: any.
        after: the sourcedId that the page before ended with.
        limit: the most users.
    """
    users, roles = HUB[Kind.USERS].c, HUB[Kind.ROLES].c
    found = select(users.sourced_id).where(users.tenant_id == tenant_id)
    if status is not None:
        found = found.where(users.status == status)
    ways = []
    for org in orgs:
        primary = found.where(users.primary_org_sourced_id == org).order_by(users.sourced_id)
        with_role = (
            found.join(
                HUB[Kind.ROLES],
                (roles.tenant_id == users.tenant_id) & (roles.user_sourced_id == users.sourced_id),
            )
            .where(
                roles.tenant_id == tenant_id,
                roles.org_sourced_id == org,
                roles.status == "active",
            )
            .group_by(roles.user_sourced_id, users.sourced_id)
            .order_by(roles.user_sourced_id)
        )
        if after is not None:
            primary = primary.where(users.sourced_id > after)
            with_role = with_role.where(roles.user_sourced_id > after)
        ways += [select(way.limit(limit).subquery()) for way in (primary, with_role)]
    merged = union(*ways).subquery()
    return select(merged.c.sourced_id).order_by(merged.c.sourced_id).limit(limit)
