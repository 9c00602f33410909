"""What of an app's settings a district cannot choose: the machine's folders, where secrets go.

Whoever configures a tenant's apps does not run the machine that works on them. So a path leads into
the tenant's own folder, if there is one; and a secret that was stored stays with the host that it
was given for, else whoever may change an address could have it sent to themselves.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connectors.form import Setting, settings_of
from connectors.registry import secret_fields
from connectors.sdk import Connector
from console.service.means import Means
from shared.domain.roles import Permission
from shared.errors import ConfigurationError


def check_bounds(
    means: Means,
    tenant: str,
    connector: Connector,
    wanted: Mapping[str, Any],
    stored: Mapping[str, Any] | None = None,
    given: Collection[str] = (),
) -> None:
    """See that the caller may have an app work with these settings; what is stored already stays.

    Args:
        means: with the caller.
        tenant: whose app it is.
        connector: the app's.
        wanted: all settings that the app is to have, secrets too.
        stored: those that it has; None: it is not there yet.
        given: the names of those that the caller gives now.

    Raises:
        ConfigurationError: a path is not the tenant's, or a secret would go to another host; names
            the setting.
    """
    before = stored or {}
    if means.caller.account_id is None:
        return  # the command opens the database itself: all of this is its owner's
    for one in settings_of(connector):
        value = wanted.get(one.name)
        is_new = value not in (None, "") and str(value) != str(before.get(one.name))
        if one.type == "path" and is_new and not means.caller.may(Permission.ADMINISTER, None):
            _check_path(means.settings.tenant_folders, tenant, one.name, str(value))
    if stored is not None:
        _check_secrets_stay(connector, wanted, stored, given)


def _check_path(folders: Path | None, tenant: str, name: str, told: str) -> None:
    if folders is None:
        fix = "Use SFTP, or ask an administrator of the instance to set it."
        raise ConfigurationError(
            f"--set {name}", "it would be on the machine that runs the syncs", fix
        )
    own, path = folders / tenant, Path(told)
    # as it is written, and where links lead; below it, since a zip's parts stand beside it
    is_inside = "\0" not in told and ".." not in path.parts and own in path.parents
    if not is_inside or Path(os.path.realpath(own)) not in Path(os.path.realpath(path)).parents:
        problem = "it is outside the tenant's own folder"
        raise ConfigurationError(f"--set {name}", problem, f"Give a place inside {own}/.")


def _check_secrets_stay(
    connector: Connector,
    wanted: Mapping[str, Any],
    stored: Mapping[str, Any],
    given: Collection[str],
) -> None:
    """See that no stored secret goes along to a host that it was not given for."""
    kept = [
        name
        for name in sorted(secret_fields(connector))
        if stored.get(name) is not None and name in wanted and name not in given
    ]
    moved = [
        one.name
        for one in settings_of(connector)
        if _leads_somewhere(one)
        and _host(wanted.get(one.name, one.default)) != _host(stored.get(one.name, one.default))
    ]
    if kept and moved:
        problem = f"it was given for another host than {moved[0]} names now"
        raise ConfigurationError(f"--set {kept[0]}", problem, "Give it again, or take it back.")


def _leads_somewhere(setting: Setting) -> bool:
    return setting.type == "address" or setting.name == "host" or setting.name.endswith("_host")


def _host(value: Any) -> tuple[str, str]:
    """Return what a secret is sent to: an address's scheme, host and port, or a host itself."""
    if value in (None, ""):
        return "", ""
    told = str(value).strip().lower()
    parts = urlsplit(told)
    return (parts.scheme, parts.netloc) if "://" in told else ("", told)
