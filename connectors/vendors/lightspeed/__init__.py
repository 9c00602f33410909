"""Lightspeed Systems (Filter, Classroom, MDM): fed with three CSV files, or a OneRoster zip."""

from __future__ import annotations

from connectors.sdk import Connector, Target
from connectors.vendors.lightspeed.config import LightspeedConfig
from connectors.vendors.lightspeed.oneroster import LightspeedOneRoster
from connectors.vendors.lightspeed.target import NAME, Lightspeed
from shared.domain.reading import Capabilities
from shared.domain.states import Mode, Tier


def open_lightspeed(config: LightspeedConfig) -> Target:
    """Open the target of the format that is set."""
    if config.format == "lightspeed":
        return Lightspeed(config)
    return LightspeedOneRoster(config, NAME)


CONNECTOR = Connector(
    name=NAME,
    title="Lightspeed",
    tier=Tier.EXPORT,
    capabilities=Capabilities(modes=frozenset({Mode.FULL})),
    config=LightspeedConfig,
    open=open_lightspeed,
)
