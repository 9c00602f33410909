"""A directory of ours as the vendor's side, where this machine has one: for kit and demo.

`deploy/with-directory COMMAND` runs a command with one, `deploy/services env` tells of one that was
started; both name it by variables `BELLRINGER_LDAP_…`.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.district.model import District
from connectors.sdk import Mounted
from connectors.vendors.active_directory.filling import Administration, Filling
from shared.errors import ConfigurationError


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
        account: what the names of its accounts begin with, which are unique in the whole directory.

    Attributes:
        settings: the config of the `active_directory` app.
    """

    def __init__(self, given: DirectorySettings, district: District, account: str = "u") -> None:
        administration = Administration(
            host=given.host,
            ca_file=given.ca_file,
            base=given.base,
            user=given.administrator,
            password=given.administrator_password.get_secret_value(),
        )
        self._filling = Filling(administration, district, account)
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

    def remove(self) -> None:
        """Take the district out of the directory again."""
        self._filling.remove()


def directory_at_hand() -> DirectorySettings | None:
    """Return the directory that the environment names; None: there is none, or no python-ldap."""
    given = DirectorySettings()
    return given if given.host and find_spec("ldap") is not None else None


def mount(district: District, folder: Path) -> Mounted:
    """Make a district's accounts in a unit of their own.

    Args:
        district: whose students and staff are made.
        folder: not used; a directory keeps its own.

    Raises:
        ConfigurationError: there is no directory here.
    """
    del folder
    given = directory_at_hand()
    if given is None:
        raise ConfigurationError(
            "BELLRINGER_LDAP_HOST",
            "there is no directory here, or no python-ldap",
            "Run deploy/with-directory bellringer conformance active_directory",
        )
    # another run may have left its own there
    mark = uuid.uuid4().hex[:8]
    made = Directory(given, replace(district, name=f"{district.name} {mark}"), f"{mark}-")
    return Mounted(None, made.settings, made.turn, made.remove)
