"""Opens the connector of an assignment: its config checked, its secrets put back."""

from __future__ import annotations

from typing import TypeVar

from pydantic import SecretStr

from connectors import registry
from shared.db.claiming import Assignment
from shared.errors import PermanentConnectorError
from shared.secrets import open_secrets

Port = TypeVar("Port")


class Opener:
    """Opens connectors.

    Args:
        secret_key: decrypts secrets; None where they are stored as they are.
    """

    def __init__(self, secret_key: SecretStr | None) -> None:
        self._secret_key = secret_key

    def open(self, assignment: Assignment, port: type[Port]) -> Port:
        """Open an assignment's connector as one of the SDK's ports.

        Raises:
            ConfigurationError: the config or the secrets do not fit the connector.
            PermanentConnectorError: the connector is no `port`.
        """
        connector = registry.get(assignment.connector)
        secrets = open_secrets(assignment.secrets, self._secret_key)
        config = registry.parse_config(connector, {**assignment.config, **secrets})
        opened = connector.open(config)
        if not isinstance(opened, port):
            raise PermanentConnectorError(
                assignment.connector, f"it is no {port.__name__}, which its tier asks for"
            )
        return opened
