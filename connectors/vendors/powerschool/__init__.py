"""PowerSchool SIS: read in full or by data version, students' e-mail and username written back."""

from __future__ import annotations

from connectors.sdk import Connector
from connectors.vendors.powerschool.config import PowerSchoolConfig
from connectors.vendors.powerschool.mapping import FIELDS
from connectors.vendors.powerschool.source import PowerSchool
from connectors.vendors.powerschool.wire import NAME
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier

CONNECTOR = Connector(
    name=NAME,
    title="PowerSchool SIS",
    tier=Tier.TWO_WAY,
    capabilities=Capabilities(
        modes=frozenset(Mode),
        reads=frozenset(FIELDS),
        writes={Kind.USERS: frozenset({"email", "username"})},
    ),
    config=PowerSchoolConfig,
    open=PowerSchool,
    simulator="connectors.vendors.powerschool.simulator:mount",
    is_online=True,
    exempt={"clock_skew": "changes are told by a data version, a number: no clocks are compared"},
)
