"""Active Directory by LDAP: its users, and their roles by group and organizational unit."""

from __future__ import annotations

from connectors.sdk import Connector
from connectors.vendors.active_directory.config import ActiveDirectoryConfig
from connectors.vendors.active_directory.source import NAME, open_active_directory
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier

CONNECTOR = Connector(
    name=NAME,
    title="Active Directory",
    tier=Tier.IMPORT,
    capabilities=Capabilities(
        modes=frozenset(Mode), reads=frozenset({Kind.ORGS, Kind.USERS, Kind.ROLES})
    ),
    config=ActiveDirectoryConfig,
    open=open_active_directory,
    is_online=True,
)
