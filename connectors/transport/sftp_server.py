"""The settings of an SFTP server, and of a folder on it."""

from __future__ import annotations

import posixpath
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from connectors.network import Network
from connectors.sdk import MULTILINE
from connectors.transport.setting_errors import setting_error

_KEY_LINE = "Give the public key's line, such as `ssh-ed25519 AAAA…`; the server's operator has it."


class SftpServer(BaseModel):
    """A folder on an SFTP server."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    sftp_host: str | None = None
    """The server's name or address."""
    sftp_port: Annotated[int, Field(ge=1, le=65535)] = 22
    """The server's port."""
    sftp_user: str | None = None
    """The user there."""
    sftp_host_key: Annotated[str | None, MULTILINE] = None
    """The public key that the server must show, `ssh-ed25519 AAAA…`; several: each in its line."""
    sftp_password: SecretStr | None = None
    """The password, or else the private key, by which we sign in."""
    sftp_private_key: Annotated[SecretStr | None, MULTILINE] = None
    """In OpenSSH's or PEM's form, with its first and last line."""
    sftp_passphrase: SecretStr | None = None
    """Of the private key, where it has one."""
    sftp_path: str = "."
    """What is meant on the server; `.`: the folder in which a session starts."""
    sftp_timeout_s: Annotated[float, Field(gt=0, le=600)] = 30
    """Seconds that the server may be silent."""

    #: Whether there is no other way.
    sftp_only: ClassVar[bool] = True

    #: Where a session may go; until somebody says otherwise, to the public internet alone.
    _network: Network = PrivateAttr(default_factory=Network)

    def within(self, network: Network) -> Self:
        """Return the same settings, whose sessions go where the network lets them."""
        bound = self.model_copy()
        bound._network = network
        return bound

    @property
    def network(self) -> Network:
        """Where a session may go."""
        return self._network

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.sftp_host is None:
            if self.sftp_only:
                raise setting_error("sftp_host", "it is missing", "Name the SFTP server.")
            self._refuse_without_host()
            return self
        if not self.sftp_user:
            raise setting_error("sftp_user", "it is missing", "Name the user of the SFTP server.")
        if not self.sftp_host_key:
            raise setting_error("sftp_host_key", "it is missing", _KEY_LINE)
        if self.sftp_password is None and self.sftp_private_key is None:
            fix = "Give the one by which the server lets the user in."
            raise setting_error("sftp_private_key", "neither it nor sftp_password is set", fix)
        self._check_keys(self.sftp_host_key)
        return self

    @property
    def address(self) -> str:
        """The place as one line, without secrets."""
        return self.address_of(self.sftp_path)

    def address_of(self, folder: str) -> str:
        """Return a folder of the server as one line."""
        path = posixpath.normpath(folder)
        rooted = path if path.startswith("/") else f"/~/{path}"
        return f"sftp://{self.sftp_user}@{self.sftp_host}:{self.sftp_port}{rooted}"

    def _refuse_without_host(self) -> None:
        for name in self.model_fields_set - {"sftp_host"}:
            if name.startswith("sftp_") and getattr(self, name) is not None:
                raise setting_error(
                    name, "there is no sftp_host", "Name the server, or leave it out."
                )

    def _check_keys(self, host_key: str) -> None:
        from connectors.transport.ssh_keys import private_key, public_keys

        try:
            public_keys(host_key)
        except ValueError as error:
            raise setting_error("sftp_host_key", str(error), _KEY_LINE) from None
        if self.sftp_private_key is not None:
            try:
                private_key(self.sftp_private_key, self.sftp_passphrase)
            except ValueError as error:
                fix = "Give the whole file, and sftp_passphrase where it has one."
                raise setting_error("sftp_private_key", str(error), fix) from None


def check_one_place(path: object | None, sftp_host: str | None) -> None:
    """See that settings name a path here or a server, and not both.

    Raises:
        ValidationError: they name none or both.
    """
    if (path is None) == (sftp_host is None):
        problem = "it is missing" if path is None else "sftp_host is set as well"
        raise setting_error("path", problem, "Give either a path here, or an SFTP server.")
