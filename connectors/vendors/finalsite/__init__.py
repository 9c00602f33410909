"""Finalsite (a school's web site): fed with five tab-separated sheets, which it fetches."""

from __future__ import annotations

from connectors.sdk import Connector
from connectors.vendors.finalsite.config import FinalsiteConfig
from connectors.vendors.finalsite.target import NAME, Finalsite
from shared.domain.reading import Capabilities
from shared.domain.states import Mode, Tier

CONNECTOR = Connector(
    name=NAME,
    title="Finalsite",
    tier=Tier.EXPORT,
    capabilities=Capabilities(modes=frozenset({Mode.FULL})),
    config=FinalsiteConfig,
    open=Finalsite,
)
