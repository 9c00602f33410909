"""Who asks for something, and what they may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.access import Via
from shared.domain.roles import Grant, Permission, Role, allows, tenants_allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks.

    Attributes:
        name: the account's; None: whoever may open the database.
        via: the door.
        grants: the account's.
        scopes: what a token is limited to; None: everything that the grants give.
        tenant_id: the one tenant that a token is for; None: it is for all of the grants'.
        account_id: None where there is no account.
        address: where the request came from, where it is known.
        token_id: the number of the token by which it asks; None: by none.
        expires_at: when that token ends.
    """

    name: str | None
    via: Via
    grants: tuple[Grant, ...]
    scopes: frozenset[Permission] | None = None
    tenant_id: int | None = None
    account_id: int | None = None
    address: str | None = None
    token_id: int | None = None
    expires_at: datetime | None = None

    def may(self, permission: Permission, tenant_id: int | None) -> bool:
        """Whether the caller may do this in a tenant; None: for the whole instance."""
        return allows(self.grants, permission, tenant_id, self.scopes, self.tenant_id)

    def tenant_ids(self, permission: Permission = Permission.VIEW) -> frozenset[int] | None:
        """Return the tenants in which the caller may do this; None: in all of them."""
        return tenants_allowed(self.grants, permission, self.scopes, self.tenant_id)


def owner(name: str | None = None) -> Caller:
    """Return the caller who may open the database itself, and so do everything."""
    return Caller(name=name, via=Via.CLI, grants=(Grant(Role.ADMINISTRATOR, None),))
