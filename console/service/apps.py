"""Operations on apps: configured connectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Connection

from connectors import registry
from connectors.sdk import Connector
from console.service.means import Means
from console.service.operation import Reach, operation
from console.service.settings_bounds import check_bounds
from console.service.wish import Because, Wish
from shared.db import apps, views
from shared.db.views import Shown
from shared.domain.roles import Permission
from shared.errors import ConfigurationError, ConnectorError
from shared.secrets import open_secrets, seal_secrets

#: What is shown where a secret is stored: that it is there.
HIDDEN = "••••"


class NewApp(Wish):
    """An app to add.

    Attributes:
        connector: its connector's name.
        name: the app's.
        settings: the connector's, secrets among them; text is read as the setting's type.
        after: an app of the same tier that runs before it.
        upstream_failed: what to do when an upstream run failed.
    """

    connector: str
    name: str
    settings: dict[str, Any] = Field(default_factory=dict)
    after: str | None = None
    upstream_failed: Literal["run", "skip"] = "run"

    audited = frozenset({"connector", "name", "after", "upstream_failed"})


class AppChange(Wish):
    """What is to be changed of an app; what is not given stays.

    Attributes:
        settings: the connector's, by name.
        unset: names of settings to take back.
        after: an app of the same tier that runs before it; "" for none.
        upstream_failed: what to do when an upstream run failed.
    """

    settings: dict[str, Any] = Field(default_factory=dict)
    unset: tuple[str, ...] = ()
    after: str | None = None
    upstream_failed: Literal["run", "skip"] | None = None

    audited = frozenset({"after", "upstream_failed"})


class NewName(Wish):
    """What an app is to be called."""

    name: str

    audited = frozenset({"name"})


@operation("GET", "/apps", needs=Permission.VIEW, reach=Reach.CALLER)
def list_all_apps(means: Means) -> list[Shown]:
    """List the apps of all tenants that the caller may see; without their secrets."""
    with means.database.read() as connection:
        return views.list_apps(connection, tenant_ids=means.caller.tenant_ids())


@operation("GET", "/tenants/{tenant}/apps", needs=Permission.VIEW)
def list_apps(means: Means, tenant: str) -> list[Shown]:
    """List a tenant's apps by their place; without their secrets."""
    with means.database.read() as connection:
        return views.list_apps(connection, tenant)


@operation("POST", "/tenants/{tenant}/apps", needs=Permission.CONFIGURE)
def add_app(means: Means, tenant: str, wish: NewApp) -> Shown:
    """Add an app to a tenant."""
    connector = registry.get(wish.connector)
    config, secrets = _split(means, connector, wish.settings)
    check_bounds(means, tenant, connector, wish.settings)
    apps.add_app(
        means.gate,
        apps.NewApp(
            tenant=tenant,
            name=wish.name,
            connector=connector.name,
            tier=connector.tier,
            modes=connector.capabilities.modes,
            config=config,
            secrets=secrets,
            after=wish.after or None,
            upstream_failed=wish.upstream_failed,
        ),
    )
    return _changed(means, tenant, wish.name)


@operation("GET", "/tenants/{tenant}/apps/{app}", needs=Permission.VIEW)
def show_app(means: Means, tenant: str, app: str) -> Shown:
    """Show an app; of its secrets only that they are there."""
    with means.database.read() as connection:
        row = apps.app_row(connection, f"{tenant}/{app}")
        shown = _shown(connection, tenant, app)
    hidden = registry.secret_fields(registry.get(row.connector))
    stored = open_secrets(row.secrets, means.settings.secret_key)
    shown["config"] = {**row.config, **dict.fromkeys(sorted(hidden & set(stored)), HIDDEN)}
    return shown


@operation("PATCH", "/tenants/{tenant}/apps/{app}", needs=Permission.CONFIGURE)
def change_app(means: Means, tenant: str, app: str, wish: AppChange) -> Shown:
    """Change settings of an app, or take them back; those not named stay."""
    config: dict[str, Any] | None = None
    secrets: str | None = None
    if wish.settings or wish.unset:
        config, secrets = _split(means, *_wanted(means, tenant, app, wish))
    apps.change_app(
        means.gate,
        f"{tenant}/{app}",
        config=config,
        secrets=secrets,
        after=wish.after,
        upstream_failed=wish.upstream_failed,
    )
    return _changed(means, tenant, app)


@operation("POST", "/tenants/{tenant}/apps/{app}/check", needs=Permission.CONFIGURE)
def check_app(means: Means, tenant: str, app: str) -> Shown:
    """Connect to an app's vendor, and say what is missing: a setting, a permission, an answer.

    Nothing is changed, here or there; a worker's machine may see another network than this one.
    """
    with means.database.read() as connection:
        row = apps.app_row(connection, f"{tenant}/{app}")
    secrets = open_secrets(row.secrets, means.settings.secret_key)
    problem = problem_of(means, registry.get(row.connector), {**row.config, **secrets})
    return {
        "app": f"{tenant}/{app}",
        "connector": row.connector,
        "is_well": problem is None,
        "problem": problem,
    }


@operation("POST", "/tenants/{tenant}/apps/{app}/check-settings", needs=Permission.CONFIGURE)
def check_settings(means: Means, tenant: str, app: str, wish: AppChange) -> Shown:
    """Connect to an app's vendor with changed settings, which are not stored; see `check_app`."""
    connector, values = _wanted(means, tenant, app, wish)
    problem = problem_of(means, connector, values)
    return {
        "app": f"{tenant}/{app}",
        "connector": connector.name,
        "is_well": problem is None,
        "problem": problem,
    }


@operation("POST", "/tenants/{tenant}/check-app", needs=Permission.CONFIGURE)
def check_new_app(means: Means, tenant: str, wish: NewApp) -> Shown:
    """Connect to a vendor as an app would that is not added yet; see `check_app`."""
    connector = registry.get(wish.connector)
    check_bounds(means, tenant, connector, wish.settings)
    problem = problem_of(means, connector, wish.settings)
    return {
        "app": f"{tenant}/{wish.name}",
        "connector": wish.connector,
        "is_well": problem is None,
        "problem": problem,
    }


def problem_of(means: Means, connector: Connector, values: Mapping[str, Any]) -> str | None:
    """Connect to a vendor with settings that need not be stored; None: all is well.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    # the other operations need no worker's means
    from workers.opening import network_of

    config = registry.parse_config(connector, values)
    try:
        connector.connect(config, network_of(means.settings, means.database)).check()
    except ConnectorError as error:
        return error.user_message
    return None


@operation("POST", "/tenants/{tenant}/apps/{app}/pause", needs=Permission.OPERATE)
def pause_app(means: Means, tenant: str, app: str, wish: Because) -> Shown:
    """Take no jobs of an app: what waits is skipped, what runs ends."""
    means.relay(apps.pause_app(means.gate, f"{tenant}/{app}", wish.reason))
    return show_app(means, tenant, app)


@operation("POST", "/tenants/{tenant}/apps/{app}/resume", needs=Permission.OPERATE)
def resume_app(means: Means, tenant: str, app: str) -> Shown:
    """Take an app's jobs again."""
    means.relay(apps.resume_app(means.gate, f"{tenant}/{app}"))
    return show_app(means, tenant, app)


@operation("POST", "/tenants/{tenant}/apps/{app}/rename", needs=Permission.CONFIGURE)
def rename_app(means: Means, tenant: str, app: str, wish: NewName) -> Shown:
    """Give an app another name; its history goes along, its address as a drop folder changes."""
    apps.rename_app(means.gate, f"{tenant}/{app}", wish.name)
    return show_app(means, tenant, wish.name)


@operation("DELETE", "/tenants/{tenant}/apps/{app}", needs=Permission.CONFIGURE)
def remove_app(means: Means, tenant: str, app: str) -> Shown:
    """Remove an app and its schedules; its history and its records stay."""
    means.relay(apps.remove_app(means.gate, f"{tenant}/{app}"))
    return {"app": f"{tenant}/{app}", "removed": True}


def _changed(means: Means, tenant: str, app: str) -> Shown:
    """Return an app that was added or changed, and whether its secrets lie there as they are."""
    shown = show_app(means, tenant, app)
    is_plain = shown["has_secrets"] and means.settings.secret_key is None
    return {**shown, "secrets_are_plain": is_plain}


def _shown(connection: Connection, tenant: str, app: str) -> Shown:
    listed = views.list_apps(connection, tenant)
    return next(one for one in listed if one["app"] == f"{tenant}/{app}")


def _wanted(
    means: Means, tenant: str, app: str, wish: AppChange
) -> tuple[Connector, dict[str, Any]]:
    """Return an app's connector, and its settings as a change would have them, secrets too."""
    with means.database.read() as connection:
        row = apps.app_row(connection, f"{tenant}/{app}")
    connector = registry.get(row.connector)
    _check_unset(connector, wish.unset, wish.settings)
    stored = open_secrets(row.secrets, means.settings.secret_key)
    there = {**row.config, **stored}
    wanted = {**there, **wish.settings}
    wanted = {name: value for name, value in wanted.items() if name not in wish.unset}
    check_bounds(means, tenant, connector, wanted, there, wish.settings)
    return connector, wanted


def _check_unset(connector: Connector, unset: Sequence[str], given: Mapping[str, Any]) -> None:
    """See that what is taken back is a setting, and is not set with the same words."""
    known = connector.config.model_fields
    for name in unset:
        if name not in known:
            fix = f"{connector.name} takes: {', '.join(known)}."
            raise ConfigurationError("unset", f"there is no setting {name}", fix)
        if name in given:
            raise ConfigurationError("unset", f"{name} is set as well", "Give one of the two.")


def _split(
    means: Means, connector: Connector, values: Mapping[str, Any]
) -> tuple[dict[str, Any], str | None]:
    """Check settings; return those that are no secrets as JSON, and the secrets sealed."""
    parsed = registry.parse_config(connector, values)
    hidden = registry.secret_fields(connector)
    told = parsed.model_dump(mode="json", exclude_unset=True)
    config = {name: value for name, value in told.items() if name not in hidden}
    secrets = {name: str(values[name]) for name in hidden if values.get(name) is not None}
    return config, seal_secrets(secrets, means.settings.secret_key)
