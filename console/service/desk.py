"""The desk at which operations are asked for: here, or on a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import select

from console.service.means import Means
from console.service.operation import SAFE_METHODS, Operation, Reach, operation_of
from console.service.wish import Wish
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
        """Write down what somebody did or was denied, with the values that may be told."""
        if not wanted.is_audited and outcome is not AuditOutcome.DENIED:
            return
        told = {name: str(arguments.get(name, "…")) for name in wanted.in_path}
        target = wanted.path.format(**told) if told else None
        self._record(wanted.name, outcome, tenant_id, target, _detail(wanted, arguments))

    def refuse(self, action: str, tenant: str | None, target: str) -> None:
        """Write down that the caller was denied something that is no operation: a page.

        Args:
            action: one word for it.
            tenant: in which tenant that the caller may see, None: in none.
            target: to what.
        """
        tenant_id = None if tenant is None else self.tenant(tenant).id
        self._record(action, AuditOutcome.DENIED, tenant_id, target, None)

    def _record(
        self,
        action: str,
        outcome: AuditOutcome,
        tenant_id: int | None,
        target: str | None,
        detail: dict[str, Any] | None,
    ) -> None:
        caller = self.means.caller
        entry = AuditEntry(
            action=action,
            outcome=outcome,
            via=caller.via,
            account_id=caller.account_id,
            account=caller.name,
            tenant_id=tenant_id,
            target=target,
            address=caller.address,
            detail=detail,
        )
        with self.means.database.write() as connection:
            record(connection, entry, self.means.database.now(connection))


def _detail(wanted: Operation, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Return what was given by its names, with values where they are neither secret nor a roster's.

    Of settings and rules it is the names of those that were given.
    """
    if wanted.body is None:
        # beside path and body a change takes names of places alone; a question may take a person's
        query = {name: arguments[name] for name in arguments if name not in wanted.in_path}
        is_change = wanted.method not in SAFE_METHODS and any(query.values())
        return {"given": sorted(query), "values": query} if is_change else None
    body = arguments.get(wanted.body)
    if not isinstance(body, Wish):
        return {}
    given: list[str] = []
    for name in sorted(body.model_fields_set):
        value = getattr(body, name)
        inside = sorted(value) if isinstance(value, dict) and name in ("settings", "rules") else ()
        given += [f"{name}.{one}" for one in inside if one.isidentifier()] or [name]
    values = body.model_dump(mode="json", include=set(body.audited & body.model_fields_set))
    return {"given": given, **({"values": values} if values else {})}
