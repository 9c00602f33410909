"""Operations on rules: what a person has set for an app or a tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from connectors import registry
from connectors.sdk import Target
from console.service.means import Means
from console.service.operation import operation
from console.service.wish import Wish
from shared.db import apps, tenants
from shared.db.views import Shown
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.errors import ConfigurationError
from shared.roster.checking import check_app_rules
from shared.roster.privacy import masks_of
from shared.roster.rules import parse_app_rules, parse_tenant_rules
from shared.roster.tenant_quality import compile_quality
from shared.roster.trial import TriedOut, try_out
from shared.secrets import open_secrets


class Rules(Wish):
    """Rules by name; null brings a default back."""

    rules: dict[str, Any]


class Trial(Wish):
    """Expressions to be tried out: by `KIND.FIELD`, as the rule `attributes` has them."""

    attributes: dict[str, str] = Field(default_factory=dict, max_length=200)


@operation("GET", "/tenants/{tenant}/apps/{app}/rules", needs=Permission.VIEW)
def show_app_rules(means: Means, tenant: str, app: str) -> Shown:
    """Show an app's rules, the defaults among them."""
    return parse_app_rules(_of_app(means, tenant, app)).model_dump(mode="json")


@operation("PATCH", "/tenants/{tenant}/apps/{app}/rules", needs=Permission.CONFIGURE)
def change_app_rules(means: Means, tenant: str, app: str, wish: Rules) -> Shown:
    """Set rules of an app; those not named stay."""
    return _set_app_rules(means, tenant, app, {**_of_app(means, tenant, app), **wish.rules})


@operation("PUT", "/tenants/{tenant}/apps/{app}/rules", needs=Permission.CONFIGURE)
def replace_app_rules(means: Means, tenant: str, app: str, wish: Rules) -> Shown:
    """Set all rules of an app; those not named have their defaults."""
    return _set_app_rules(means, tenant, app, wish.rules)


@operation("POST", "/tenants/{tenant}/apps/{app}/rules/trial", needs=Permission.CONFIGURE)
def try_mapping(means: Means, tenant: str, app: str, wish: Trial) -> list[Shown]:
    """Try expressions out on a record of the app, one of each kind; nothing is changed.

    Each answer is `{"rule", "kind", "external_id", "read", "before", "after", "problem"}`: what the
    expression reads, what the field has now, and what it would be given, or why it fails. A kind of
    which the app has brought no record yet is answered with the problem that says so.
    """
    with means.database.read() as connection:
        app_id = apps.app_row(connection, f"{tenant}/{app}").id
        return [_tried(one) for one in try_out(connection, app_id, wish.attributes)]


@operation("GET", "/tenants/{tenant}/apps/{app}/sendable", needs=Permission.VIEW)
def list_sendable(means: Means, tenant: str, app: str) -> list[Shown]:
    """List what an export's connector reads of the hub: what its rule `sends` can be about.

    Each answer is `{"kind", "fields": [{"name", "masks"}]}`; `masks` are all that a field takes,
    None: any, `constant:TEXT` among them.
    """
    # the other operations need no worker's means
    from workers.opening import network_of

    with means.database.read() as connection:
        row = apps.app_row(connection, f"{tenant}/{app}")
    connector = registry.get(row.connector)
    secrets = open_secrets(row.secrets, means.settings.secret_key)
    config = registry.parse_config(connector, {**row.config, **secrets})
    target = connector.connect(config, network_of(means.settings, means.database))
    if not isinstance(target, Target):
        raise ConfigurationError("app", f"{app} is no export", "Choose an export.")
    return [
        {"kind": kind, "fields": [_sendable(kind, name) for name in ("sourcedId", *fields)]}
        for kind, fields in target.reads.items()
    ]


@operation("GET", "/tenants/{tenant}/rules", needs=Permission.VIEW)
def show_tenant_rules(means: Means, tenant: str) -> Shown:
    """Show a tenant's rules, the defaults among them."""
    return parse_tenant_rules(_of_tenant(means, tenant)).model_dump(mode="json")


@operation("PATCH", "/tenants/{tenant}/rules", needs=Permission.CONFIGURE)
def change_tenant_rules(means: Means, tenant: str, wish: Rules) -> Shown:
    """Set rules of a tenant; those not named stay."""
    return _set_tenant_rules(means, tenant, {**_of_tenant(means, tenant), **wish.rules})


@operation("PUT", "/tenants/{tenant}/rules", needs=Permission.CONFIGURE)
def replace_tenant_rules(means: Means, tenant: str, wish: Rules) -> Shown:
    """Set all rules of a tenant; those not named have their defaults."""
    return _set_tenant_rules(means, tenant, wish.rules)


def _of_app(means: Means, tenant: str, app: str) -> dict[str, Any]:
    with means.database.read() as connection:
        return dict(apps.app_row(connection, f"{tenant}/{app}").rules or {})


def _set_app_rules(means: Means, tenant: str, app: str, rules: Mapping[str, Any]) -> Shown:
    wanted = _without_defaults(rules)
    parsed = parse_app_rules(wanted)
    with means.database.read() as connection:
        check_app_rules(connection, apps.app_row(connection, f"{tenant}/{app}"), parsed)
    apps.set_rules(means.gate, f"{tenant}/{app}", _stored(parsed))
    return parsed.model_dump(mode="json")


def _of_tenant(means: Means, tenant: str) -> dict[str, Any]:
    with means.database.read() as connection:
        return dict(tenants.find_tenant(connection, tenant).rules or {})


def _set_tenant_rules(means: Means, tenant: str, rules: Mapping[str, Any]) -> Shown:
    wanted = _without_defaults(rules)
    parsed = parse_tenant_rules(wanted)
    compile_quality(parsed)
    tenants.set_rules(means.gate, tenant, _stored(parsed))
    return parsed.model_dump(mode="json")


def _stored(rules: BaseModel) -> dict[str, Any]:
    """Return rules as they are kept: what was set, each value in its own type."""
    return rules.model_dump(mode="json", exclude_unset=True)


def _without_defaults(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rules.items() if value is not None}


def _sendable(kind: Kind, name: str) -> Shown:
    allowed, _ = masks_of(kind, name)
    return {"name": name, "masks": None if allowed is None else sorted(allowed)}


def _tried(one: TriedOut) -> Shown:
    return {
        "rule": one.rule,
        "kind": one.kind,
        "external_id": one.external_id,
        "read": dict(one.read),
        "before": one.before,
        "after": one.after,
        "problem": one.problem,
    }
