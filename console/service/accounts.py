"""Operations on accounts of the whole instance."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from console.accounts import links, managing
from console.service.account_wishes import (
    NewAccount,
    RoleWish,
    grant_of,
    tenant_id_of,
    told,
    told_link,
)
from console.service.means import Means
from console.service.operation import operation
from shared.db import account_views
from shared.db.views import Shown
from shared.domain.roles import Permission

#: Accounts a page.
PageSize = Annotated[int, Ge(1), Le(500)]


@operation("GET", "/accounts", needs=Permission.ADMINISTER)
def list_accounts(means: Means, after: str | None = None, limit: PageSize = 100) -> Shown:
    """List all accounts by name, with all their roles; `after` is the page's end, or null."""
    with means.database.read() as connection:
        found = account_views.list_accounts(connection, after=after, limit=limit + 1)
    return paged(found, limit)


@operation("POST", "/accounts", needs=Permission.ADMINISTER)
def add_account(means: Means, wish: NewAccount) -> Shown:
    """Add an account with its first role; the answer has a link to its password, shown once."""
    managing.add_account(means.database, means.caller, wish.name, grant_of(means, wish))
    return _with_link(means, wish.name)


@operation("GET", "/accounts/{account}", needs=Permission.ADMINISTER)
def show_account(means: Means, account: str) -> Shown:
    """Show an account with all its roles."""
    return told(means, account)


@operation("PUT", "/accounts/{account}/role", needs=Permission.ADMINISTER)
def give_role(means: Means, account: str, wish: RoleWish) -> Shown:
    """Give an account a role in a tenant, or in all, instead of the one that it had there."""
    managing.give_grant(means.database, means.caller, account, grant_of(means, wish))
    return told(means, account)


@operation("DELETE", "/accounts/{account}/role", needs=Permission.ADMINISTER)
def take_role(means: Means, account: str, tenant: str | None = None) -> Shown:
    """Take an account's role in a tenant, or the one that it has in all."""
    tenant_id = tenant_id_of(means, tenant)
    managing.take_grant(means.database, means.caller, account, tenant_id)
    return told(means, account)


@operation("POST", "/accounts/{account}/disable", needs=Permission.ADMINISTER)
def disable_account(means: Means, account: str) -> Shown:
    """Let nobody in by an account: its sessions and links end, its tokens do nothing."""
    managing.disable_account(means.database, means.caller, account)
    return told(means, account)


@operation("POST", "/accounts/{account}/enable", needs=Permission.ADMINISTER)
def enable_account(means: Means, account: str) -> Shown:
    """Let an account's owner in again, by the password that it had."""
    managing.enable_account(means.database, means.caller, account)
    return told(means, account)


@operation("POST", "/accounts/{account}/link", needs=Permission.ADMINISTER)
def make_link(means: Means, account: str) -> Shown:
    """Make a link to an account's password, in the place of an older one; it is shown this once."""
    return told_link(means, links.set_password_link(means.database, means.caller, account))


def paged(found: list[Shown], limit: int) -> Shown:
    """Return a page of accounts, of which one more was asked for than it holds."""
    shown = found[:limit]
    return {"accounts": shown, "after": shown[-1]["name"] if len(found) > limit else None}


def _with_link(means: Means, name: str) -> Shown:
    link = links.set_password_link(means.database, means.caller, name)
    return {**told(means, name), "link": told_link(means, link)}
