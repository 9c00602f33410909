"""`oneroster_rest`: imports from any server that speaks OneRoster 1.1 or 1.2 REST."""

from __future__ import annotations

from connectors.oneroster.rest.config import OneRosterRestConfig
from connectors.oneroster.rest.source import OneRosterRest
from connectors.sdk import Connector
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier

CONNECTOR = Connector(
    name="oneroster_rest",
    title="OneRoster REST",
    tier=Tier.IMPORT,
    capabilities=Capabilities(modes=frozenset(Mode), reads=frozenset(Kind)),
    config=OneRosterRestConfig,
    open=OneRosterRest,
    simulator="connectors.oneroster.simulator:mount",
    is_online=True,
)
