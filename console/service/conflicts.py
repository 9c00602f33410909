"""Operations on conflicts: fields that the hub and a 2-way app have both changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from sqlalchemy import select

from console.service.jobs import After
from console.service.means import Means
from console.service.operation import Reach, operation
from console.service.wish import Wish
from shared.db import apps, asking
from shared.db.review_tables import conflicts
from shared.db.tables import tenants
from shared.db.tenants import find_tenant
from shared.db.views import Shown
from shared.domain.roles import Permission
from shared.errors import ConfigurationError, ForbiddenError, NotFoundError
from shared.roster import resolutions
from shared.roster.checking import check_app_rules
from shared.roster.rules import FieldRule, parse_app_rules

State = Literal["open", "resolved", "gone"]
ConflictId = Annotated[int, Ge(1), Le(2**63 - 1)]
_Limit = Annotated[int, Ge(1), Le(10_000)]

#: The rule that would have decided as a person has: whose value the field has whenever they differ.
_RULES = {"hub": FieldRule.IGNORE, "app": FieldRule.OWNER}


class Resolution(Wish):
    """What a person takes.

    Attributes:
        take: the hub's value, the app's, or another one.
        value: what to take, where `take` is value; "" for none.
        is_rule: also decide all further conflicts of this app and field so, by a rule.
        by: who decides, where that is not the account itself.
    """

    take: str
    value: str | None = None
    is_rule: bool = False
    by: str | None = None


@operation("GET", "/conflicts", needs=Permission.VIEW, reach=Reach.CALLER)
def list_all_conflicts(
    means: Means, state: State = "open", after: After = 0, limit: _Limit = 50
) -> list[Shown]:
    """List the conflicts of all tenants that the caller may see, oldest first; `after` an id."""
    with means.database.read() as connection:
        return resolutions.list_conflicts(
            connection, tenant_ids=means.caller.tenant_ids(), state=state, after=after, limit=limit
        )


@operation("GET", "/conflicts/{conflict}", needs=Permission.VIEW, reach=Reach.CALLER)
def find_conflict(means: Means, conflict: ConflictId) -> Shown:
    """Tell which tenant's a conflict is."""
    with means.database.read() as connection:
        row = connection.execute(
            select(conflicts.c.tenant_id, tenants.c.name)
            .join(tenants, tenants.c.id == conflicts.c.tenant_id)
            .where(conflicts.c.id == conflict)
        ).one_or_none()
    if row is None or not means.caller.may(Permission.VIEW, row.tenant_id):
        raise _no_conflict(conflict)
    return {"conflict": conflict, "tenant": row.name}


@operation("GET", "/tenants/{tenant}/conflicts", needs=Permission.VIEW, is_audited=True)
def list_conflicts(
    means: Means,
    tenant: str,
    app: str | None = None,
    state: State = "open",
    after: After = 0,
    limit: _Limit = 50,
) -> list[Shown]:
    """List a tenant's conflicts, oldest first; `after` is an id."""
    with means.database.read() as connection:
        tenant_id = find_tenant(connection, tenant).id
        app_id = asking.find_app(connection, f"{tenant}/{app}")[1] if app else None
        return resolutions.list_conflicts(
            connection, tenant_id, app_id=app_id, state=state, after=after, limit=limit
        )


@operation("GET", "/tenants/{tenant}/conflicts/{conflict}", needs=Permission.VIEW, is_audited=True)
def show_conflict(means: Means, tenant: str, conflict: ConflictId) -> Shown:
    """Show a conflict: the record, what both last agreed on, and what each holds now."""
    with means.database.read() as connection:
        return _conflict(resolutions.show_conflict(connection, conflict), tenant, conflict)


@operation("POST", "/tenants/{tenant}/conflicts/{conflict}/resolve", needs=Permission.REVIEW)
def resolve_conflict(means: Means, tenant: str, conflict: ConflictId, wish: Resolution) -> Shown:
    """Decide a conflict; where the app holds something else, its next sync writes to it.

    A rule needs the permission to configure.
    """
    with means.database.read() as connection:
        found = _conflict(resolutions.show_conflict(connection, conflict), tenant, conflict)
    by = means.signed(wish.by)
    choice = resolutions.Choice(wish.take, wish.value, by)
    # checked before anything is decided
    rules = _with_rule(means, tenant, found, wish.take) if wish.is_rule else None
    taken = resolutions.resolve_conflict(means.database, conflict, choice)
    if rules is not None:
        apps.set_rules(means.gate, found["app"], rules)
    rule = _RULES[wish.take] if rules is not None else None
    return {"id": conflict, "state": "resolved", "value": taken, "by": by, "rule": rule}


def _with_rule(means: Means, tenant: str, found: Shown, take: str) -> dict[str, Any]:
    """Return the app's rules with one more, by which all conflicts of the field are decided.

    Raises:
        ForbiddenError: the caller may not set rules.
        ConfigurationError: another value than the two is no rule, or the app cannot have it.
    """
    if take not in _RULES:
        raise ConfigurationError(
            "is_rule", "another value is no rule", "Take the hub's or the app's."
        )
    with means.database.read() as connection:
        tenant_id = find_tenant(connection, tenant).id
        if not means.caller.may(Permission.CONFIGURE, tenant_id):
            raise ForbiddenError("a rule needs the permission to configure")
        row = apps.app_row(connection, found["app"])
        rules = dict(row.rules or {})
        rules["fields"] = {
            **rules.get("fields", {}), f"{found['kind']}.{found['field']}": _RULES[take].value
        }  # fmt: skip
        check_app_rules(connection, row, parse_app_rules(rules))
    return rules


def _conflict(found: Shown, tenant: str, conflict: int) -> Shown:
    if found["app"].partition("/")[0] != tenant:
        raise _no_conflict(conflict)
    return found


def _no_conflict(conflict: int) -> NotFoundError:
    return NotFoundError(
        "CONFLICT", f"there is none {conflict}", "List: bellringer conflicts list TENANT"
    )
