"""The accounts of the whole instance, for administrators."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from console.service import accounts
from console.service.account_wishes import NewAccount, RoleWish
from console.web.handed_on import whole_address
from console.web.page import Data, Redirect, Refused, page
from console.web.rendering import words
from console.web.visit import Visit
from console.web.wishes import read_wish, told_at
from shared.domain.roles import Permission, Role
from shared.errors import ConfigurationError

BASE = "/accounts"
_ONE = BASE + "/{account}"
#: Each with its word.
ROLES = [(role.value, words(role)) for role in Role]


@page("GET", BASE, needs=Permission.ADMINISTER, template="accounts.html")
def all_accounts(visit: Visit, after: str | None = None) -> Data:
    """List the accounts."""
    return _listed(visit, after)


@page("POST", BASE, needs=Permission.ADMINISTER, template="accounts.html")
def add(visit: Visit) -> Data | Refused:
    """Add an account, and show the link to its password once."""
    given = {name: visit.text(name) for name in ("name", "role", "tenant")}
    try:
        wish = read_wish(NewAccount, {**given, "tenant": given["tenant"] or None})
        made = visit.desk.call(accounts.add_account, wish=wish)
    except ConfigurationError as error:
        told = told_at(error, "name", "role", "tenant")
        return Refused(_listed(visit, None, given=given, errors=told))
    return _listed(visit, None, link=whole_address(visit, made["link"]))


@page("GET", _ONE, needs=Permission.ADMINISTER, template="account_roles.html")
def one(visit: Visit, account: str) -> Data:
    """Show an account and what can be done with it."""
    return _shown(visit, account)


@page("POST", _ONE + "/role", needs=Permission.ADMINISTER, template="account_roles.html")
def give(visit: Visit, account: str) -> Redirect | Refused:
    """Give it a role."""
    given = {name: visit.text(name) for name in ("role", "tenant")}
    try:
        wish = read_wish(RoleWish, {**given, "tenant": given["tenant"] or None})
        visit.desk.call(accounts.give_role, account=account, wish=wish)
    except ConfigurationError as error:
        told = told_at(error, "role", "tenant", *_last(error))
        return Refused(_shown(visit, account, given=given, errors=told))
    return Redirect(_at(account), f"The role is given. {account} signs in anew.")


@page("POST", _ONE + "/take", needs=Permission.ADMINISTER, template="account_roles.html")
def take(visit: Visit, account: str) -> Redirect | Refused:
    """Take a role."""
    try:
        tenant = visit.text("tenant") or None
        visit.desk.call(accounts.take_role, account=account, tenant=tenant)
    except ConfigurationError as error:
        return Refused(_shown(visit, account, errors=told_at(error, "role", *_last(error))))
    return Redirect(_at(account), "The role is taken.")


@page("POST", _ONE + "/disable", needs=Permission.ADMINISTER, template="account_roles.html")
def disable(visit: Visit, account: str) -> Redirect | Refused:
    """Let nobody in by it."""
    try:
        visit.desk.call(accounts.disable_account, account=account)
    except ConfigurationError as error:
        return Refused(_shown(visit, account, errors=told_at(error, *_last(error))))
    return Redirect(_at(account), f"{account} is disabled.")


@page("POST", _ONE + "/enable", needs=Permission.ADMINISTER)
def enable(visit: Visit, account: str) -> Redirect:
    """Let its owner in again."""
    visit.desk.call(accounts.enable_account, account=account)
    return Redirect(_at(account), f"{account} is enabled.")


@page("POST", _ONE + "/link", needs=Permission.ADMINISTER, template="account_roles.html")
def new_link(visit: Visit, account: str) -> Data | Refused:
    """Make a link to its password, and show it once."""
    try:
        link = visit.desk.call(accounts.make_link, account=account)
    except ConfigurationError as error:
        return Refused(_shown(visit, account, errors=told_at(error, *_last(error))))
    return _shown(visit, account, link=whole_address(visit, link))


def _last(error: ConfigurationError) -> tuple[str, ...]:
    """Return the account as a field, where the error is not that there is none."""
    return ("account",) if type(error) is ConfigurationError else ()


def _listed(visit: Visit, after: str | None, **more: Any) -> Data:
    found = visit.desk.call(accounts.list_accounts, after=after or None)
    return {**found, "base": BASE, "role_options": ROLES, **_form(more)}


def _shown(visit: Visit, account: str, **more: Any) -> Data:
    found = visit.desk.call(accounts.show_account, account=account)
    return {
        "account": found,
        "base": BASE,
        "at": _at(account),
        "role_options": ROLES,
        **_form(more),
    }


def _form(more: dict[str, Any]) -> Data:
    return {"given": {}, "errors": {}, "link": None, **more}


def _at(account: str) -> str:
    return f"{BASE}/{quote(account, safe='')}"
