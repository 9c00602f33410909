"""`clever_csv`: keeps a set of Clever's five files in a folder, or on an SFTP server."""

from __future__ import annotations

from connectors.clever.settings import CleverSettings
from connectors.clever.target import CleverTarget
from connectors.sdk import Connector
from connectors.transport.drop import Drop
from shared.domain.reading import Capabilities
from shared.domain.states import Mode, Tier

NAME = "clever_csv"


class CleverCsvConfig(Drop, CleverSettings):
    """Where the set goes, and what it holds."""


def _open(config: CleverCsvConfig) -> CleverTarget:
    return CleverTarget(NAME, config, config)


CONNECTOR = Connector(
    name=NAME,
    title="Clever CSV",
    tier=Tier.EXPORT,
    capabilities=Capabilities(modes=frozenset({Mode.FULL})),
    config=CleverCsvConfig,
    open=_open,
)
