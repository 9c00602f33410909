"""What is asked for about accounts, and how one is told afterwards."""

from __future__ import annotations

from sqlalchemy import Connection

from console.accounts.links import NewLink
from console.service.means import Means
from console.service.wish import Wish
from shared.db import account_views, accounts
from shared.db.tenants import find_tenant
from shared.db.views import Shown, iso
from shared.domain.roles import Grant, Role
from shared.errors import ConfigurationError, NotFoundError


class NewMember(Wish):
    """Somebody to add to a tenant: a sign-in name, and the role there."""

    name: str
    role: Role

    audited = frozenset({"name", "role"})


class RoleWish(Wish):
    """A role in a tenant; no tenant stands for every one, and the instance itself."""

    role: Role
    tenant: str | None = None

    audited = frozenset({"role", "tenant"})


class NewAccount(RoleWish):
    """Somebody to add: a sign-in name, with the first role."""

    name: str

    audited = frozenset({"name", "role", "tenant"})


def grant_of(means: Means, wish: RoleWish) -> Grant:
    """Return the role that is wished for.

    Raises:
        NotFoundError: there is no such tenant.
        ConfigurationError: the role is none of a tenant.
    """
    return grant_in(wish.role, tenant_id_of(means, wish.tenant))


def grant_in(role: Role, tenant_id: int | None) -> Grant:
    """Return a role in a tenant, or (None) in every one.

    Raises:
        ConfigurationError: the role is none of a tenant.
    """
    if role is Role.ADMINISTRATOR and tenant_id is not None:
        raise ConfigurationError(
            "role", "an administrator is one in every tenant", "Name no tenant, or another role."
        )
    return Grant(role, tenant_id)


def tenant_id_of(means: Means, tenant: str | None) -> int | None:
    """Return a tenant's id, None for none.

    Raises:
        NotFoundError: there is no such tenant.
    """
    if tenant is None:
        return None
    with means.database.read() as connection:
        found: int = find_tenant(connection, tenant).id
    return found


def told(means: Means, name: str, tenant_id: int | None = None) -> Shown:
    """Return an account as it is now; for a tenant without its roles in others."""
    with means.database.read() as connection:
        return shown_account(connection, name, tenant_id)


def shown_account(connection: Connection, name: str, tenant_id: int | None = None) -> Shown:
    """Return an account; for a tenant without its roles in others.

    Raises:
        NotFoundError: there is none.
    """
    found = accounts.find_account(connection, name)
    if found is None:
        raise NotFoundError(
            "account", "there is none of this name", "List them: bellringer accounts list"
        )
    return account_views.describe_account(connection, found, tenant_id=tenant_id)


def told_link(means: Means, link: NewLink) -> Shown:
    """Return a link to be handed on; it is told this once.

    Returns:
        `{"account", "path", "url", "expires_at"}`; `url` is None where `BELLRINGER_CONSOLE_URL` is
        not set: then whoever asks knows by which address the console is reached.
    """
    path = f"/welcome/{link.secret}"
    base = means.settings.console_url
    return {
        "account": link.account,
        "path": path,
        "url": None if base is None else base.rstrip("/") + path,
        "expires_at": iso(link.expires_at),
    }
