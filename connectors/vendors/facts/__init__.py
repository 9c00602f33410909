"""FACTS SIS (formerly RenWeb): imported in full by its own API, or by its OneRoster services."""

from __future__ import annotations

from connectors.sdk import Connector
from connectors.vendors.facts.client import NAME
from connectors.vendors.facts.config import FactsConfig
from connectors.vendors.facts.source import open_facts
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier

CONNECTOR = Connector(
    name=NAME,
    title="FACTS SIS",
    tier=Tier.IMPORT,
    # students, staff and parents' links tell no time of change, so there is no read of changes
    capabilities=Capabilities(modes=frozenset({Mode.FULL}), reads=frozenset(Kind)),
    config=FactsConfig,
    open=open_facts,
    simulator="connectors.vendors.facts.simulator:mount",
    is_online=True,
)
