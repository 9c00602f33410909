"""Lightspeed Systems (Filter, Classroom, MDM): fed with three CSV files."""

from __future__ import annotations

from connectors.sdk import Connector
from connectors.vendors.lightspeed.config import LightspeedConfig
from connectors.vendors.lightspeed.target import NAME, Lightspeed
from shared.domain.reading import Capabilities
from shared.domain.states import Mode, Tier

CONNECTOR = Connector(
    name=NAME,
    title="Lightspeed",
    tier=Tier.EXPORT,
    capabilities=Capabilities(modes=frozenset({Mode.FULL})),
    config=LightspeedConfig,
    open=Lightspeed,
)
