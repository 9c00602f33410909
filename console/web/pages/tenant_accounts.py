"""The accounts of a district, for who governs it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from console.service import tenant_accounts as members
from console.service.account_wishes import NewMember
from console.web.handed_on import whole_address
from console.web.page import Data, Redirect, Refused, page
from console.web.rendering import words
from console.web.visit import Visit
from console.web.wishes import read_wish, told_at
from shared.domain.roles import Permission, Role
from shared.errors import ConfigurationError

_ALL = "/tenants/{tenant}/accounts"
_ONE = _ALL + "/{account}"
#: An administrator is one in every district.
ROLES = [(role.value, words(role)) for role in Role if role is not Role.ADMINISTRATOR]


@page("GET", _ALL, needs=Permission.GOVERN, template="accounts.html")
def all_members(visit: Visit, tenant: str, after: str | None = None) -> Data:
    """List the accounts with a role in the district."""
    return _listed(visit, tenant, after)


@page("POST", _ALL, needs=Permission.GOVERN, template="accounts.html")
def add(visit: Visit, tenant: str) -> Data | Refused:
    """Add an account, and show the link to its password once."""
    given = {name: visit.text(name) for name in ("name", "role")}
    try:
        wish = read_wish(NewMember, given)
        made = visit.desk.call(members.add_member, tenant=tenant, wish=wish)
    except ConfigurationError as error:
        told = told_at(error, "name", "role")
        return Refused(_listed(visit, tenant, None, given=given, errors=told))
    return _listed(visit, tenant, None, link=whole_address(visit, made["link"]))


@page("GET", _ONE, needs=Permission.GOVERN, template="account_roles.html")
def one(visit: Visit, tenant: str, account: str) -> Data:
    """Show an account and what can be done with it."""
    return _shown(visit, tenant, account)


@page("POST", _ONE + "/role", needs=Permission.GOVERN, template="account_roles.html")
def give(visit: Visit, tenant: str, account: str) -> Redirect | Refused:
    """Give it another role."""
    given = {"role": visit.text("role")}
    try:
        wish = read_wish(members.MemberRole, given)
        visit.desk.call(members.give_member_role, tenant=tenant, account=account, wish=wish)
    except ConfigurationError as error:
        told = told_at(error, "role")
        return Refused(_shown(visit, tenant, account, given=given, errors=told))
    return Redirect(_at(tenant, account), f"The role is given. {account} signs in anew.")


@page("POST", _ONE + "/take", needs=Permission.GOVERN)
def take(visit: Visit, tenant: str, account: str) -> Redirect:
    """Take its role in the district."""
    visit.desk.call(members.take_member_role, tenant=tenant, account=account)
    return Redirect(_base(tenant), f"{account} has no role here any more.")


@page("POST", _ONE + "/disable", needs=Permission.GOVERN)
def disable(visit: Visit, tenant: str, account: str) -> Redirect:
    """Let nobody in by it."""
    visit.desk.call(members.disable_member, tenant=tenant, account=account)
    return Redirect(_at(tenant, account), f"{account} is disabled.")


@page("POST", _ONE + "/enable", needs=Permission.GOVERN)
def enable(visit: Visit, tenant: str, account: str) -> Redirect:
    """Let its owner in again."""
    visit.desk.call(members.enable_member, tenant=tenant, account=account)
    return Redirect(_at(tenant, account), f"{account} is enabled.")


@page("POST", _ONE + "/link", needs=Permission.GOVERN, template="account_roles.html")
def new_link(visit: Visit, tenant: str, account: str) -> Data | Refused:
    """Make a link to its password, and show it once."""
    try:
        link = visit.desk.call(members.make_member_link, tenant=tenant, account=account)
    except ConfigurationError as error:
        is_there = type(error) is ConfigurationError
        told = told_at(error, *(["account"] if is_there else []))
        return Refused(_shown(visit, tenant, account, errors=told))
    return _shown(visit, tenant, account, link=whole_address(visit, link))


def _listed(visit: Visit, tenant: str, after: str | None, **more: Any) -> Data:
    found = visit.desk.call(members.list_members, tenant=tenant, after=after or None)
    return {**found, "base": _base(tenant), "role_options": ROLES, **_form(more)}


def _shown(visit: Visit, tenant: str, account: str, **more: Any) -> Data:
    found = visit.desk.call(members.show_member, tenant=tenant, account=account)
    at = _at(tenant, account)
    return {"account": found, "base": _base(tenant), "at": at, "role_options": ROLES, **_form(more)}


def _form(more: dict[str, Any]) -> Data:
    return {"given": {}, "errors": {}, "link": None, **more}


def _base(tenant: str) -> str:
    return f"/tenants/{tenant}/accounts"


def _at(tenant: str, account: str) -> str:
    return f"{_base(tenant)}/{quote(account, safe='')}"
