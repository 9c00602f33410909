"""Skyward (SMS 2.0 and Qmlativ) by its OneRoster services, in full or by dateLastModified."""

from __future__ import annotations

from connectors.sdk import Connector
from connectors.vendors.skyward.config import SkywardConfig
from connectors.vendors.skyward.source import NAME, open_skyward
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier

CONNECTOR = Connector(
    name=NAME,
    title="Skyward",
    tier=Tier.IMPORT,
    capabilities=Capabilities(modes=frozenset(Mode), reads=frozenset(Kind)),
    config=SkywardConfig,
    open=open_skyward,
    simulator="connectors.vendors.skyward.simulator:mount",
    is_online=True,
)
