"""Example SIS, a student system that there is not: people and schools, in full or what changed."""

from __future__ import annotations

from bellringer_example.config import ExampleConfig
from bellringer_example.source import NAME, ExampleSis
from connectors.sdk import Connector
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier

CONNECTOR = Connector(
    name=NAME,
    title="Example SIS",
    tier=Tier.IMPORT,
    capabilities=Capabilities(
        modes=frozenset(Mode),
        reads=frozenset({Kind.ORGS, Kind.USERS, Kind.ROLES}),
    ),
    config=ExampleConfig,
    open=ExampleSis,
    simulator="bellringer_example.simulator:mount",
    is_online=True,
    exempt={"clock_skew": "changes are told by a revision, a number: no clocks are compared"},
)
