"""Skyward as a source: OneRoster REST, with what its records are known to lack put right."""

from __future__ import annotations

from typing import Any

from connectors.network import Network
from connectors.oneroster.rest.source import OneRosterRest
from connectors.vendors.skyward.config import SkywardConfig

NAME = "skyward"
#: Teachers were seen without an identifier: they get the record's id, for a match to find.
IDENTIFIED = frozenset({"teacher"})


def open_skyward(
    config: SkywardConfig, network: Network | None = None, **more: Any
) -> OneRosterRest:
    """Open a district's Skyward; `more` goes to `OneRosterRest`."""
    return OneRosterRest(config, network, name=NAME, identified=IDENTIFIED, **more)
