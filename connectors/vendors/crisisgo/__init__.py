"""CrisisGo (rosters of a school in an emergency): fed with Clever's five files by SFTP."""

from __future__ import annotations

from connectors.clever.target import CleverTarget
from connectors.sdk import Connector
from connectors.vendors.crisisgo.config import CrisisGoConfig
from shared.domain.reading import Capabilities
from shared.domain.states import Mode, Tier

NAME = "crisisgo"


def _open(config: CrisisGoConfig) -> CleverTarget:
    return CleverTarget(NAME, config, config)


CONNECTOR = Connector(
    name=NAME,
    title="CrisisGo",
    tier=Tier.EXPORT,
    capabilities=Capabilities(modes=frozenset({Mode.FULL})),
    config=CrisisGoConfig,
    open=_open,
    simulator="connectors.vendors.crisisgo.simulator:mount",
)
