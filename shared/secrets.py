"""Connector secrets at rest: encrypted with the operator's key, or said to be plain.

Stored as text: `fernet:` and a token, or `plain:` and JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from shared.errors import ConfigurationError

_PLAIN = "plain:"
_FERNET = "fernet:"
_SETTING = "BELLRINGER_SECRET_KEY"


def seal_secrets(secrets: Mapping[str, str], key: SecretStr | None) -> str | None:
    """Return what to store for an app's secrets; None when there are none.

    Raises:
        ConfigurationError: the key is no Fernet key.
    """
    if not secrets:
        return None
    told = json.dumps(dict(secrets), sort_keys=True)
    if key is None:
        return _PLAIN + told
    return _FERNET + _fernet(key).encrypt(told.encode()).decode()


def open_secrets(stored: str | None, key: SecretStr | None) -> dict[str, str]:
    """Return the secrets that were stored, by name.

    Raises:
        ConfigurationError: they are encrypted, and the key is missing or another.
    """
    if stored is None:
        return {}
    if stored.startswith(_PLAIN):
        opened: dict[str, str] = json.loads(stored.removeprefix(_PLAIN))
        return opened
    if key is None:
        raise ConfigurationError(_SETTING, "it is not set, and secrets are encrypted", "Set it.")
    try:
        told = _fernet(key).decrypt(stored.removeprefix(_FERNET).encode())
    except InvalidToken as error:
        raise ConfigurationError(
            _SETTING, "it does not open the secrets", "Add the key that sealed them, after a comma."
        ) from error
    sealed: dict[str, str] = json.loads(told)
    return sealed


def check_key(key: SecretStr | None) -> None:
    """See that the operator's key is one, before anything is sealed with it.

    Raises:
        ConfigurationError: it is no Fernet key.
    """
    if key is not None:
        _fernet(key)


def are_plain(stored: str | None) -> bool:
    """Whether stored secrets are not encrypted."""
    return stored is not None and stored.startswith(_PLAIN)


def _fernet(key: SecretStr) -> MultiFernet:
    try:
        return MultiFernet([Fernet(part.strip()) for part in key.get_secret_value().split(",")])
    except ValueError as error:
        raise ConfigurationError(
            _SETTING, "it holds something that is no Fernet key", "Give 32 bytes, url-safe base64."
        ) from error
