"""Operations on API tokens."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from console.accounts.tokens import Tokens
from console.service.means import Means
from console.service.operation import Reach, operation
from console.service.wish import Wish
from shared.db import account_views
from shared.db.tenants import find_tenant
from shared.db.views import Shown, iso
from shared.domain.roles import Permission
from shared.errors import NotFoundError

#: A token's number.
TokenId = Annotated[int, Ge(1), Le(2**63 - 1)]
#: How long a token lasts unless somebody says otherwise, in days.
USUAL_DAYS = 90


class NewToken(Wish):
    """A token to issue.

    Attributes:
        name: what it is for.
        scopes: the permissions that it is for, at least one.
        days: how long it lasts.
        tenant: the one tenant that it is for; none: all where its account has a role.
        account: whose it is; none: the caller's own.
    """

    name: str
    scopes: tuple[Permission, ...]
    days: int = USUAL_DAYS
    tenant: str | None = None
    account: str | None = None

    audited = frozenset({"scopes", "days", "tenant", "account"})


@operation("GET", "/tokens", needs=Permission.VIEW, reach=Reach.CALLER)
def list_tokens(means: Means) -> list[Shown]:
    """List the caller's own tokens, the newest first, without the tokens themselves.

    Whoever opens the database itself has no account: all tokens are theirs to see.
    """
    with means.database.read() as connection:
        now = means.database.now(connection)
        return account_views.list_tokens(connection, now=now, account_id=means.caller.account_id)


@operation("GET", "/tenants/{tenant}/tokens", needs=Permission.GOVERN)
def list_tenant_tokens(means: Means, tenant: str) -> list[Shown]:
    """List the tokens that reach a tenant, the newest first, without the tokens themselves."""
    with means.database.read() as connection:
        tenant_id = find_tenant(connection, tenant).id
        now = means.database.now(connection)
        return account_views.list_tokens(connection, now=now, tenant_id=tenant_id)


@operation("POST", "/tokens", needs=Permission.VIEW, reach=Reach.CALLER)
def create_token(means: Means, wish: NewToken) -> Shown:
    """Issue a token, which may no more than the caller may; it is shown this once."""
    issued = Tokens(means.database).issue(
        means.caller,
        wish.name,
        scopes=wish.scopes,
        days=wish.days,
        tenant_id=_tenant_id(means, wish.tenant),
        account=wish.account,
    )
    return {
        "id": issued.id,
        "name": wish.name.strip(),
        "token": issued.token,
        "prefix": issued.prefix,
        "scopes": sorted(wish.scopes),
        "tenant": wish.tenant,
        "expires_at": iso(issued.expires_at),
    }


@operation("DELETE", "/tokens/{token}", needs=Permission.VIEW, reach=Reach.CALLER)
def revoke_token(means: Means, token: TokenId) -> Shown:
    """Let nobody in by a token any more: one's own, or one that reaches only where one governs."""
    revoked = Tokens(means.database).revoke(means.caller, token)
    return {"id": revoked.id, "name": revoked.name, "revoked": True}


def _tenant_id(means: Means, tenant: str | None) -> int | None:
    """Return a tenant's id; one that the caller may not see is told as one that is not there."""
    if tenant is None:
        return None
    with means.database.read() as connection:
        found: int = find_tenant(connection, tenant).id
    if not means.caller.may(Permission.VIEW, found):
        raise NotFoundError(
            "TENANT", f"there is no tenant {tenant!r}", "List them: bellringer tenants list"
        )
    return found
