"""Who may do what: permissions, the roles that hold them, and grants of a role to an account."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Permission(StrEnum):
    """What one may do, with a tenant or with the whole instance."""

    #: See everything of a tenant.
    VIEW = "view"
    #: Run, cancel, retry, pause, resume and replay.
    OPERATE = "operate"
    #: Approve, reject, resolve and undo.
    REVIEW = "review"
    #: Change apps, settings, schedules and rules.
    CONFIGURE = "configure"
    #: Say who may do what in a tenant: its people, their tokens, its audit log.
    GOVERN = "govern"
    #: Run the instance: all tenants, the operators' pages.
    ADMINISTER = "administer"


class Role(StrEnum):
    """What an account is; `PERMISSIONS` says what each role may. Each may what the one before may.

    It is no role of OneRoster, which the people of a roster have.
    """

    #: Looks, and changes nothing.
    VIEWER = "viewer"
    #: Runs the syncs, and decides what waits for a person.
    OPERATOR = "operator"
    #: Sets a district up, and governs its accounts.
    DISTRICT_ADMIN = "district_admin"
    #: Runs the instance; it is a role in every tenant at once.
    ADMINISTRATOR = "administrator"


_OPERATOR = frozenset({Permission.VIEW, Permission.OPERATE, Permission.REVIEW})

#: What each role may.
PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.VIEWER: frozenset({Permission.VIEW}),
        Role.OPERATOR: _OPERATOR,
        Role.DISTRICT_ADMIN: _OPERATOR | {Permission.CONFIGURE, Permission.GOVERN},
        Role.ADMINISTRATOR: frozenset(Permission),
    }
)


@dataclass(frozen=True, slots=True)
class Grant:
    """One role of an account.

    Attributes:
        role: what it is.
        tenant_id: in which tenant; None: in every tenant, and for the whole instance.

    Raises:
        ValueError: an administrator of one tenant; there is no such thing.
    """

    role: Role
    tenant_id: int | None

    def __post_init__(self) -> None:
        if self.role == Role.ADMINISTRATOR and self.tenant_id is not None:
            raise ValueError("an administrator is one in every tenant")

    def covers(self, tenant_id: int | None) -> bool:
        """Return whether it holds in a tenant; None: for the whole instance."""
        return self.tenant_id is None or self.tenant_id == tenant_id


def allows(
    grants: Iterable[Grant],
    permission: Permission,
    tenant_id: int | None,
    scopes: Collection[Permission] | None = None,
    bound_to: int | None = None,
) -> bool:
    """Return whether one may do something; what is not granted is refused.

    Args:
        grants: of the account.
        permission: what is to be done.
        tenant_id: in which tenant; None: with the whole instance, which needs a grant for that.
        scopes: what the API token is for; None: no token, or one for everything.
        bound_to: the tenant that the API token is for; None: no token, or one for every tenant.

    >>> grants = [Grant(Role.OPERATOR, 7)]
    >>> allows(grants, Permission.OPERATE, 7), allows(grants, Permission.OPERATE, 8)
    (True, False)
    >>> allows(grants, Permission.VIEW, None)
    False
    >>> allows(grants, Permission.OPERATE, 7, scopes=[Permission.VIEW])
    False
    """
    if scopes is not None and permission not in scopes:
        return False
    if bound_to is not None and bound_to != tenant_id:
        return False
    return any(
        grant.covers(tenant_id) and permission in PERMISSIONS[grant.role] for grant in grants
    )


def tenants_allowed(
    grants: Collection[Grant],
    permission: Permission,
    scopes: Collection[Permission] | None = None,
    bound_to: int | None = None,
) -> frozenset[int] | None:
    """Return the ids of the tenants in which one may do something; None: in every tenant.

    Args:
        grants: of the account.
        permission: what is to be done.
        scopes: as in `allows`.
        bound_to: as in `allows`.

    >>> sorted(tenants_allowed([Grant(Role.VIEWER, 7), Grant(Role.OPERATOR, 8)], Permission.VIEW))
    [7, 8]
    >>> tenants_allowed([Grant(Role.ADMINISTRATOR, None)], Permission.VIEW) is None
    True
    """
    if allows(grants, permission, None, scopes, bound_to):
        return None
    named = {grant.tenant_id for grant in grants} | {bound_to}
    return frozenset(
        tenant_id
        for tenant_id in named
        if tenant_id is not None and allows(grants, permission, tenant_id, scopes, bound_to)
    )


def may_grant(
    grants: Collection[Grant],
    grant: Grant,
    scopes: Collection[Permission] | None = None,
    bound_to: int | None = None,
) -> bool:
    """Return whether one may give a role, or take it: who governs there, and may no less.

    Args:
        grants: of the account that gives or takes.
        grant: what is given or taken.
        scopes: as in `allows`.
        bound_to: as in `allows`.

    >>> mine = [Grant(Role.DISTRICT_ADMIN, 7)]
    >>> may_grant(mine, Grant(Role.OPERATOR, 7)), may_grant(mine, Grant(Role.OPERATOR, 8))
    (True, False)
    >>> may_grant(mine, Grant(Role.ADMINISTRATOR, None))
    False
    """
    needed = PERMISSIONS[grant.role] | {Permission.GOVERN}
    return all(allows(grants, one, grant.tenant_id, scopes, bound_to) for one in needed)


def may_manage(
    grants: Collection[Grant],
    held: Collection[Grant],
    scopes: Collection[Permission] | None = None,
    bound_to: int | None = None,
) -> bool:
    """Return whether one may disable an account or hand out a link to its password.

    Whoever can set a password has all that the account may, so all of it must be theirs to give.
    An account without a role belongs to no tenant: who governs the instance may manage it.

    Args:
        grants: of the account that manages.
        held: of the account that is managed.
        scopes: as in `allows`.
        bound_to: as in `allows`.

    >>> mine = [Grant(Role.DISTRICT_ADMIN, 7)]
    >>> may_manage(mine, [Grant(Role.VIEWER, 7)])
    True
    >>> may_manage(mine, [Grant(Role.VIEWER, 7), Grant(Role.VIEWER, 8)])
    False
    """
    if not held:
        return allows(grants, Permission.GOVERN, None, scopes, bound_to)
    return all(may_grant(grants, grant, scopes, bound_to) for grant in held)
