"""The demo's Active Directory, where this machine has one (`make demo` starts it)."""

from __future__ import annotations

from importlib.util import find_spec

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.district.model import District
from connectors.vendors.active_directory.filling import Administration, Filling


class DirectorySettings(BaseSettings):
    """What `deploy/services env` prints of its directory; empty: there is none."""

    model_config = SettingsConfigDict(env_prefix="BELLRINGER_LDAP_", extra="ignore")

    host: str = ""
    base: str = ""
    ca_file: str = ""
    administrator: str = ""
    administrator_password: SecretStr = SecretStr("")
    syncer: str = ""
    syncer_password: SecretStr = SecretStr("")


class Directory:
    """A district's accounts in the directory.

    Args:
        given: of a directory that is there.
        district: on its first day.

    Attributes:
        settings: the config of the `active_directory` app.
    """

    def __init__(self, given: DirectorySettings, district: District) -> None:
        administration = Administration(
            host=given.host,
            ca_file=given.ca_file,
            base=given.base,
            user=given.administrator,
            password=given.administrator_password.get_secret_value(),
        )
        self._filling = Filling(administration, district)
        self.settings = {
            "host": given.host,
            "ca_file": given.ca_file,
            "user": given.syncer,
            "password": given.syncer_password.get_secret_value(),
            **self._filling.settings,
        }

    def turn(self, district: District) -> None:
        """Hold the accounts of another day."""
        self._filling.turn(district)


def directory_at_hand() -> DirectorySettings | None:
    """Return the directory that the environment names; None: there is none, or no python-ldap."""
    given = DirectorySettings()
    return given if given.host and find_spec("ldap") is not None else None
