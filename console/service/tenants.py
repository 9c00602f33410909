"""Operations on tenants: districts."""

from __future__ import annotations

from typing import Literal

from console.service.means import Means
from console.service.operation import Reach, operation
from console.service.wish import Because, Wish
from shared.db import tenants, views
from shared.db.views import Shown
from shared.domain.roles import Permission
from shared.domain.rollover import parse_rollover


class NewTenant(Wish):
    """A district to add: its name, and the IANA zone of its schedules."""

    tenant: str
    zone: str = "UTC"

    audited = frozenset({"tenant", "zone"})


class NewRollover(Wish):
    """A period in which imports, or removals alone, are suspended; wall times of the tenant."""

    suspend: Literal["imports", "removals"]
    since: str
    until: str


@operation("GET", "/tenants", needs=Permission.VIEW, reach=Reach.CALLER)
def list_tenants(means: Means) -> list[Shown]:
    """List the tenants that the caller may see."""
    with means.database.read() as connection:
        return views.list_tenants(connection, means.caller.tenant_ids())


@operation("POST", "/tenants", needs=Permission.ADMINISTER)
def add_tenant(means: Means, wish: NewTenant) -> Shown:
    """Add a tenant."""
    tenants.add_tenant(means.gate, wish.tenant, wish.zone)
    return {"tenant": wish.tenant, "zone": wish.zone}


@operation("GET", "/tenants/{tenant}", needs=Permission.VIEW)
def show_tenant(means: Means, tenant: str) -> Shown:
    """Show a tenant."""
    with means.database.read() as connection:
        return views.show_tenant(tenants.find_tenant(connection, tenant))


@operation("POST", "/tenants/{tenant}/suspend", needs=Permission.CONFIGURE)
def suspend_tenant(means: Means, tenant: str, wish: Because) -> Shown:
    """Take no jobs of a tenant: what waits is skipped, what runs ends."""
    means.relay(tenants.suspend_tenant(means.gate, tenant, wish.reason))
    return show_tenant(means, tenant)


@operation("POST", "/tenants/{tenant}/resume", needs=Permission.CONFIGURE)
def resume_tenant(means: Means, tenant: str) -> Shown:
    """Take a tenant's jobs again."""
    means.relay(tenants.resume_tenant(means.gate, tenant))
    return show_tenant(means, tenant)


@operation("PUT", "/tenants/{tenant}/rollover", needs=Permission.CONFIGURE)
def set_rollover(means: Means, tenant: str, wish: NewRollover) -> Shown:
    """Suspend a tenant's imports, or removals alone, for a period."""
    with means.database.read() as connection:
        zone = tenants.find_tenant(connection, tenant).zone
    wanted = parse_rollover(wish.suspend, wish.since, wish.until, zone)
    means.relay(tenants.set_rollover(means.gate, tenant, wanted))
    return show_tenant(means, tenant)


@operation("DELETE", "/tenants/{tenant}/rollover", needs=Permission.CONFIGURE)
def clear_rollover(means: Means, tenant: str) -> Shown:
    """End a tenant's rollover."""
    means.relay(tenants.set_rollover(means.gate, tenant, None))
    return show_tenant(means, tenant)
