"""The desk at which operations are asked for: here, or on a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import select

from console.service.means import Means
from console.service.operation import Operation, Reach, operation_of
from shared.db.audit import AuditEntry, record
from shared.db.tables import tenants
from shared.domain.access import AuditOutcome
from shared.domain.roles import Permission
from shared.errors import BellringerError, ForbiddenError, NotFoundError

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Desk(Protocol):
    """Where operations are asked for."""

    def call(
        self, function: Callable[Concatenate[Means, _P], _R], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _R:
        """Do an operation; its arguments are given by name.

        Raises:
            NotFoundError: there is no such thing, or the caller may not see it.
            ForbiddenError: the caller may not do this.
            ConfigurationError: an argument is wrong; names it.
        """
        ...


@dataclass(frozen=True, slots=True)
class TenantRef:
    """A tenant that the caller may see: its id, its name and the zone of its schedules."""

    id: int
    name: str
    zone: str


class LocalDesk:
    """Does operations in this process, when the caller may; and writes down what was done.

    Args:
        means: of this process, with the caller.
    """

    def __init__(self, means: Means) -> None:
        self.means = means
        self._tenants: dict[str, TenantRef] = {}

    def call(
        self, function: Callable[Concatenate[Means, _P], _R], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _R:
        """Do an operation; see `Desk`."""
        wanted = operation_of(function)
        tenant = kwargs.get("tenant")
        tenant_id = self.check(function, None if tenant is None else str(tenant))
        try:
            done = function(self.means, *args, **kwargs)
        except BellringerError as error:
            # an operation may judge more closely than the table: whose account it is, which role
            is_denied = isinstance(error, ForbiddenError)
            outcome = AuditOutcome.DENIED if is_denied else AuditOutcome.FAILED
            self._audit(wanted, kwargs, tenant_id, outcome)
            raise
        self._audit(wanted, kwargs, tenant_id, AuditOutcome.ALLOWED)
        return done

    def check(self, function: Callable[..., Any], tenant: str | None) -> int | None:
        """See that the caller may have an operation done; a refusal is written down.

        Args:
            function: the operation's.
            tenant: in which tenant, where the operation's path names one.

        Returns:
            The tenant's id, None: the operation is of none.

        Raises:
            NotFoundError: there is no such tenant, or the caller may not see it.
            ForbiddenError: the caller may not do this.
        """
        wanted = operation_of(function)
        if wanted.reach is Reach.CALLER:
            return None
        is_of_tenant = wanted.reach is Reach.TENANT and tenant is not None
        tenant_id = self.tenant(tenant).id if is_of_tenant and tenant else None
        if not self.means.caller.may(wanted.needs, tenant_id):
            self._audit(wanted, {"tenant": tenant}, tenant_id, AuditOutcome.DENIED)
            raise ForbiddenError(f"{wanted.name} needs the permission to {wanted.needs}")
        return tenant_id

    def may(self, permission: Permission, tenant: str | None) -> bool:
        """Whether the caller may do this in a tenant; None: for the whole instance.

        Raises:
            NotFoundError: there is no such tenant, or the caller may not see it.
        """
        tenant_id = None if tenant is None else self.tenant(tenant).id
        return self.means.caller.may(permission, tenant_id)

    def tenant(self, name: str) -> TenantRef:
        """Return a tenant; one that the caller may not see is told as one that is not there.

        Raises:
            NotFoundError: there is none.
        """
        if name not in self._tenants:
            with self.means.database.read() as connection:
                found = connection.execute(
                    select(tenants.c.id, tenants.c.zone).where(tenants.c.name == name)
                ).one_or_none()
            if found is None or not self.means.caller.may(Permission.VIEW, found.id):
                raise NotFoundError(
                    "TENANT", f"there is no tenant {name!r}", "List them: bellringer tenants list"
                )
            self._tenants[name] = TenantRef(found.id, name, found.zone)
        return self._tenants[name]

    def _audit(
        self,
        wanted: Operation,
        arguments: dict[str, Any],
        tenant_id: int | None,
        outcome: AuditOutcome,
    ) -> None:
        """Write down what somebody did or was denied: where, never with which values."""
        if not wanted.is_audited and outcome is not AuditOutcome.DENIED:
            return
        caller = self.means.caller
        told = {name: str(arguments.get(name, "…")) for name in wanted.in_path}
        entry = AuditEntry(
            action=wanted.name,
            outcome=outcome,
            via=caller.via,
            account_id=caller.account_id,
            account=caller.name,
            tenant_id=tenant_id,
            target=wanted.path.format(**told) if told else None,
            address=caller.address,
            detail=_given(arguments.get(wanted.body)) if wanted.body else None,
        )
        with self.means.database.write() as connection:
            record(connection, entry, self.means.database.now(connection))


def _given(body: Any) -> dict[str, Any]:
    """Return the names of what a body gives; its values may be secrets or about people."""
    return {"given": sorted(body.model_fields_set)} if body is not None else {}
