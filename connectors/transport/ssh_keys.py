"""Reads SSH keys out of settings; no error repeats a key."""

from __future__ import annotations

import base64
import binascii
import io

from paramiko import ECDSAKey, Ed25519Key, PKey, RSAKey
from paramiko.ssh_exception import PasswordRequiredException, SSHException
from pydantic import SecretStr

_KINDS = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
)


def public_keys(text: str) -> list[PKey]:
    """Return the keys of lines `KIND BASE64`; what stands before or behind these does not count.

    So a line of `known_hosts` is taken, too.

    Raises:
        ValueError: a line holds no key.
    """
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        words = line.split()
        places = [place for place, word in enumerate(words[:-1]) if word in _KINDS]
        if not places:
            raise ValueError("it holds no public key of a kind that is known")
        kind, encoded = words[places[0]], words[places[0] + 1]
        try:
            key = PKey.from_type_string(kind, base64.b64decode(encoded, validate=True))
            if key.get_base64() != encoded:
                raise ValueError("numbers that are cut off are read as shorter ones")
            found.append(key)
        except (binascii.Error, SSHException, ValueError, IndexError) as error:
            raise ValueError(f"its {kind} key is cut off or mistyped") from error
    if not found:
        raise ValueError("it is empty")
    return found


def private_key(secret: SecretStr, passphrase: SecretStr | None) -> PKey:
    """Return a private key, of whatever kind it is.

    Raises:
        ValueError: it cannot be read.
    """
    # a shell takes the last line end away, an editor on Windows adds to each
    text = secret.get_secret_value().replace("\r\n", "\n").strip() + "\n"
    password = passphrase.get_secret_value() if passphrase is not None else None
    kinds: tuple[type[PKey], ...] = (Ed25519Key, ECDSAKey, RSAKey)
    for kind in kinds:
        try:
            return kind.from_private_key(io.StringIO(text), password)
        except PasswordRequiredException:
            raise ValueError("it is encrypted, and there is no sftp_passphrase") from None
        except (SSHException, ValueError, IndexError, TypeError):
            continue
    raise ValueError("it cannot be read, or sftp_passphrase is wrong")


def told(key: PKey) -> str:
    """Return a public key as a person compares it: its kind and fingerprint."""
    return f"{key.get_name()} {key.fingerprint}"
