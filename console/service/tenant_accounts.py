"""Operations on the accounts of a tenant, for who governs it: of other tenants nothing is told."""

from __future__ import annotations

from console.accounts import links, managing
from console.service.account_wishes import NewMember, grant_in, shown_account, told_link
from console.service.accounts import PageSize, paged
from console.service.means import Means
from console.service.operation import operation
from console.service.wish import Wish
from shared.db import account_views, accounts, grants
from shared.db.tenants import find_tenant
from shared.db.views import Shown
from shared.domain.roles import Permission, Role
from shared.errors import NotFoundError


class MemberRole(Wish):
    """A role in the tenant."""

    role: Role

    audited = frozenset({"role"})


@operation("GET", "/tenants/{tenant}/accounts", needs=Permission.GOVERN)
def list_members(
    means: Means, tenant: str, after: str | None = None, limit: PageSize = 100
) -> Shown:
    """List the accounts with a role in a tenant, by name; `after` is the page's end, or null."""
    with means.database.read() as connection:
        tenant_id = find_tenant(connection, tenant).id
        found = account_views.list_accounts(
            connection, tenant_id=tenant_id, after=after, limit=limit + 1
        )
    return paged(found, limit)


@operation("POST", "/tenants/{tenant}/accounts", needs=Permission.GOVERN)
def add_member(means: Means, tenant: str, wish: NewMember) -> Shown:
    """Add an account with a role in a tenant; the answer has a link to its password, shown once."""
    tenant_id = _tenant_id(means, tenant)
    managing.add_account(means.database, means.caller, wish.name, grant_in(wish.role, tenant_id))
    link = links.set_password_link(means.database, means.caller, wish.name)
    return {**_told(means, tenant_id, wish.name), "link": told_link(means, link)}


@operation("GET", "/tenants/{tenant}/accounts/{account}", needs=Permission.GOVERN)
def show_member(means: Means, tenant: str, account: str) -> Shown:
    """Show an account of a tenant with its role there."""
    return _told(means, _member(means, tenant, account), account)


@operation("PUT", "/tenants/{tenant}/accounts/{account}/role", needs=Permission.GOVERN)
def give_member_role(means: Means, tenant: str, account: str, wish: MemberRole) -> Shown:
    """Give a tenant's account another role there."""
    tenant_id = _member(means, tenant, account)
    managing.give_grant(means.database, means.caller, account, grant_in(wish.role, tenant_id))
    return _told(means, tenant_id, account)


@operation("DELETE", "/tenants/{tenant}/accounts/{account}/role", needs=Permission.GOVERN)
def take_member_role(means: Means, tenant: str, account: str) -> Shown:
    """Take an account's role in a tenant."""
    tenant_id = _member(means, tenant, account)
    managing.take_grant(means.database, means.caller, account, tenant_id)
    return {"name": account, "removed": True}


@operation("POST", "/tenants/{tenant}/accounts/{account}/disable", needs=Permission.GOVERN)
def disable_member(means: Means, tenant: str, account: str) -> Shown:
    """Let nobody in by an account all of whose roles are the caller's to give."""
    tenant_id = _member(means, tenant, account)
    managing.disable_account(means.database, means.caller, account)
    return _told(means, tenant_id, account)


@operation("POST", "/tenants/{tenant}/accounts/{account}/enable", needs=Permission.GOVERN)
def enable_member(means: Means, tenant: str, account: str) -> Shown:
    """Let an account's owner in again, by the password that it had."""
    tenant_id = _member(means, tenant, account)
    managing.enable_account(means.database, means.caller, account)
    return _told(means, tenant_id, account)


@operation("POST", "/tenants/{tenant}/accounts/{account}/link", needs=Permission.GOVERN)
def make_member_link(means: Means, tenant: str, account: str) -> Shown:
    """Make a link to an account's password, in the place of an older one; it is shown this once."""
    _member(means, tenant, account)
    return told_link(means, links.set_password_link(means.database, means.caller, account))


def _tenant_id(means: Means, tenant: str) -> int:
    with means.database.read() as connection:
        found: int = find_tenant(connection, tenant).id
    return found


def _told(means: Means, tenant_id: int, name: str) -> Shown:
    with means.database.read() as connection:
        return shown_account(connection, name, tenant_id)


def _member(means: Means, tenant: str, name: str) -> int:
    """Return the tenant's id, having seen that the account has a role there.

    Raises:
        NotFoundError: it has none.
    """
    with means.database.read() as connection:
        tenant_id: int = find_tenant(connection, tenant).id
        found = accounts.find_account(connection, name)
        held = () if found is None else grants.grants_of(connection, found.id)
    if not any(grant.tenant_id == tenant_id for grant in held):
        raise NotFoundError(
            "account",
            "the tenant has none of this name",
            "List them: bellringer accounts list --tenant",
        )
    return tenant_id
