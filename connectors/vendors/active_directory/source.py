"""Opens Active Directory, where this machine has what it takes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from connectors.network import Network
from connectors.sdk import Source
from connectors.vendors.active_directory.config import ActiveDirectoryConfig
from shared.errors import ConfigurationError

NAME = "active_directory"


def open_active_directory(
    config: ActiveDirectoryConfig, network: Network | None = None, **more: Any
) -> Source:
    """Open a district's domain; `more` goes to `ActiveDirectory`.

    Raises:
        ConfigurationError: python-ldap is not installed, which is an extra since it compiles.
    """
    try:
        import_module("ldap")
    except ImportError as error:
        raise ConfigurationError(
            NAME,
            f"python-ldap, by which Active Directory is read, is not installed ({error})",
            "Install gcc, libldap2-dev, libsasl2-dev and python3-dev (Debian, Ubuntu), then `pip"
            " install --no-build-isolation --require-hashes"
            " -r requirements-active-directory.lock`.",
        ) from error
    from connectors.vendors.active_directory.directory import ActiveDirectory

    return ActiveDirectory(config, network, **more)
