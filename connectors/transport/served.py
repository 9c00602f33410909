"""The settings of a drop folder that the console process serves, for vendors that fetch by HTTP."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Self

from pydantic import SecretStr, model_validator

from connectors.transport.drop import Drop
from connectors.transport.setting_errors import setting_error

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,200}")
_FIX = "Make one with `openssl rand -hex 32`: 32 to 200 letters, digits, - and _."


class ServedDrop(Drop):
    """A folder here, which may be served, or one on an SFTP server."""

    http_token: SecretStr | None = None
    """Lets whoever has it fetch the files from the console process; unset: they are not served."""

    @model_validator(mode="after")
    def _token_fits(self) -> Self:
        if self.http_token is None:
            return self
        if not _TOKEN.fullmatch(self.http_token.get_secret_value()):
            raise setting_error("http_token", "it is too short, or fits into no address", _FIX)
        if self.path is None:
            raise setting_error("http_token", "there is no path", "Give the folder that is served.")
        return self

    @abstractmethod
    def served(self) -> frozenset[str]:
        """Return the names of the files that may be fetched; nothing else in the folder may."""
