"""`bellringer accounts`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from console.cli.arguments import wish_of
from console.cli.output import Json, print_facts, print_rows
from console.cli.session import open_desk
from console.service import accounts, tenant_accounts
from console.service.account_wishes import NewAccount, NewMember, RoleWish
from console.service.desk import Desk
from shared.domain.roles import Role

app = typer.Typer(help="Who may sign in, and what they may.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The sign-in name.")]
TheRole = Annotated[str, typer.Option(help=f"One of {', '.join(Role)}.")]
Tenant = Annotated[
    str | None,
    typer.Option(help="The tenant in which it holds; without one, in every tenant."),
]
InTenant = Annotated[
    str | None, typer.Option(help="As who governs this tenant; without one, all tenants.")
]


@app.command()
def add(name: Name, role: TheRole, tenant: Tenant = None, as_json: Json = False) -> None:
    """Add an account, and print a link by which its owner sets the password, once."""
    with open_desk() as desk:
        if tenant is None:
            whole = wish_of(NewAccount, name=name, role=role)
            made = desk.call(accounts.add_account, wish=whole)
        else:
            member = wish_of(NewMember, name=name, role=role)
            made = desk.call(tenant_accounts.add_member, tenant=tenant, wish=member)
    _print(made, as_json=as_json)


@app.command("list")
def list_(tenant: InTenant = None, as_json: Json = False) -> None:
    """List the accounts, of all tenants or of one."""
    with open_desk() as desk:
        rows = list(_all(desk, tenant))
    if not as_json:
        rows = [{**row, "roles": [_told(role) for role in row["roles"]]} for row in rows]
    print_rows(
        rows,
        ("name", "roles", "has_password", "is_disabled", "signed_in_at"),
        as_json=as_json,
        empty="There is no account yet: bellringer accounts add NAME --role administrator",
    )


@app.command()
def grant(name: Name, role: TheRole, tenant: Tenant = None, as_json: Json = False) -> None:
    """Give an account a role in a tenant, or in all, instead of the one that it had there."""
    with open_desk() as desk:
        wish = wish_of(RoleWish, role=role, tenant=tenant)
        told = desk.call(accounts.give_role, account=name, wish=wish)
    _print(told, as_json=as_json)


@app.command()
def revoke(name: Name, tenant: Tenant = None, as_json: Json = False) -> None:
    """Take an account's role in a tenant, or the one that it has in all."""
    with open_desk() as desk:
        told = desk.call(accounts.take_role, account=name, tenant=tenant)
    _print(told, as_json=as_json)


@app.command()
def disable(name: Name, tenant: InTenant = None, as_json: Json = False) -> None:
    """Let nobody in by an account: its sessions and links end, its tokens do nothing."""
    with open_desk() as desk:
        if tenant is None:
            told = desk.call(accounts.disable_account, account=name)
        else:
            told = desk.call(tenant_accounts.disable_member, tenant=tenant, account=name)
    _print(told, as_json=as_json)


@app.command()
def enable(name: Name, tenant: InTenant = None, as_json: Json = False) -> None:
    """Let an account's owner in again, by the password that it had."""
    with open_desk() as desk:
        if tenant is None:
            told = desk.call(accounts.enable_account, account=name)
        else:
            told = desk.call(tenant_accounts.enable_member, tenant=tenant, account=name)
    _print(told, as_json=as_json)


@app.command()
def link(name: Name, tenant: InTenant = None, as_json: Json = False) -> None:
    """Print a new link to an account's password, once; an older one does nothing any more."""
    with open_desk() as desk:
        if tenant is None:
            told = desk.call(accounts.make_link, account=name)
        else:
            told = desk.call(tenant_accounts.make_member_link, tenant=tenant, account=name)
    print_facts(_handed_on(told), as_json=as_json)


def _all(desk: Desk, tenant: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        if tenant is None:
            page = desk.call(accounts.list_accounts, after=after, limit=500)
        else:
            page = desk.call(tenant_accounts.list_members, tenant=tenant, after=after, limit=500)
        found += page["accounts"]
        after = page["after"]
        if after is None:
            return found


def _print(told: Mapping[str, Any], *, as_json: bool) -> None:
    """Print an account, and the link of a new one."""
    if as_json:
        shown = dict(told)
    else:
        shown = {
            "name": told["name"],
            "roles": [_told(role) for role in told["roles"]],
            "is_disabled": told["is_disabled"],
        }
    if "link" in told:
        shown["link"] = _handed_on(told["link"]) if as_json else _address(told["link"])
    print_facts(shown, as_json=as_json)


def _told(role: Mapping[str, Any]) -> str:
    return f"{role['role']} in {role['tenant'] or 'every tenant'}"


def _handed_on(link: Mapping[str, Any]) -> dict[str, Any]:
    return {"account": link["account"], "link": _address(link), "expires_at": link["expires_at"]}


def _address(link: Mapping[str, Any]) -> str:
    """Return a link's address; without BELLRINGER_CONSOLE_URL, what comes after the console's."""
    return str(link["url"] or link["path"])
