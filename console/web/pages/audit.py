"""The audit log: of a district, and of the whole instance."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from console.service import audit
from console.service.audit import EntryId
from console.web.page import Data, page
from console.web.visit import Visit
from shared.domain.access import AuditOutcome
from shared.domain.roles import Permission
from shared.errors import ConfigurationError


@page("GET", "/tenants/{tenant}/audit", needs=Permission.GOVERN, template="audit.html")
def of_tenant(
    visit: Visit,
    tenant: str,
    account: str = "",
    action: str = "",
    outcome: str = "",
    before: EntryId | None = None,
) -> Data:
    """Show what was done in the district."""
    wanted = _wanted(account, action, outcome)
    found = visit.desk.call(audit.read_tenant_audit, tenant=tenant, before=before, **wanted)
    return _shown(found, f"/tenants/{tenant}/audit", wanted)


@page("GET", "/audit", needs=Permission.ADMINISTER, template="audit.html")
def of_all(
    visit: Visit,
    account: str = "",
    action: str = "",
    outcome: str = "",
    before: EntryId | None = None,
) -> Data:
    """Show what was done anywhere."""
    wanted = _wanted(account, action, outcome)
    found = visit.desk.call(audit.read_audit, before=before, **wanted)
    return _shown(found, "/audit", wanted)


def _wanted(account: str, action: str, outcome: str) -> dict[str, Any]:
    """Return the filters; a form sends those that nobody has filled in as "".

    Raises:
        ConfigurationError: there is no such outcome.
    """
    if outcome and outcome not in set(AuditOutcome):
        raise ConfigurationError(
            "outcome", f"there is no {outcome!r}", f"Give one of {', '.join(AuditOutcome)}."
        )
    return {
        "account": account.strip() or None,
        "action": action.strip() or None,
        "outcome": AuditOutcome(outcome) if outcome else None,
    }


def _shown(found: dict[str, Any], base: str, wanted: dict[str, Any]) -> Data:
    kept = {name: str(value) for name, value in wanted.items() if value is not None}
    older = None
    if found["before"] is not None:
        older = f"{base}?{urlencode({**kept, 'before': found['before']})}"
    return {
        **found,
        "base": base,
        "filters": kept,
        "outcomes": list(AuditOutcome),
        "older": older,
    }
