"""Opens the connector of an assignment: its config checked, its secrets put back."""

from __future__ import annotations

from typing import TypeVar

from pydantic import SecretStr

from connectors import registry
from connectors.network import IPNetwork, Network, parse_networks
from shared.db.claiming import Assignment
from shared.db.engine import Database
from shared.db.pacing import DatabasePacer
from shared.errors import ConfigurationError, PermanentConnectorError
from shared.secrets import open_secrets
from shared.settings import Settings

Port = TypeVar("Port")


def network_of(settings: Settings, database: Database) -> Network:
    """Return the network of this deployment's connectors; all its workers share the budgets.

    Raises:
        ConfigurationError: the list of private networks does not parse.
    """
    return Network(DatabasePacer(database), allowed_of(settings))


def allowed_of(settings: Settings) -> tuple[IPNetwork, ...]:
    """Return the networks that connectors may reach although they are not public.

    Raises:
        ConfigurationError: the list of private networks does not parse.
    """
    try:
        return parse_networks(settings.resolved_private_networks())
    except ValueError as error:
        raise ConfigurationError(
            "BELLRINGER_PRIVATE_NETWORKS", str(error), "Give networks as 10.20.0.0/16,fd00::/8."
        ) from error


class Opener:
    """Opens connectors.

    Args:
        secret_key: decrypts secrets; None where they are stored as they are.
        network: what online connectors are handed.
    """

    def __init__(self, secret_key: SecretStr | None, network: Network | None = None) -> None:
        self._secret_key = secret_key
        self._network = network or Network()

    def open(self, assignment: Assignment, port: type[Port]) -> Port:
        """Open an assignment's connector as one of the SDK's ports.

        Raises:
            ConfigurationError: the config or the secrets do not fit the connector.
            PermanentConnectorError: the connector is no `port`.
        """
        connector = registry.get(assignment.connector)
        secrets = open_secrets(assignment.secrets, self._secret_key)
        config = registry.parse_config(connector, {**assignment.config, **secrets})
        opened = connector.connect(config, self._network)
        if not isinstance(opened, port):
            raise PermanentConnectorError(
                assignment.connector, f"it is no {port.__name__}, which its tier asks for"
            )
        return opened
