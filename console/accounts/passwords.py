"""Passwords hashed by Argon2id, never more at once than memory allows.

Parameters: OWASP Password Storage Cheat Sheet, "Argon2id" (m = 19456 KiB, t = 2, p = 1).
"""

from __future__ import annotations

import base64
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from shared.errors import ThrottledError

#: Hashes that are computed at once; each takes 19 MiB and a core for some 30 ms.
AT_ONCE = 4
#: How long one waits for its turn, in seconds.
TURN_S = 10.0

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def _hash_of_nothing() -> str:
    """Return what looks like a hash of today's parameters, and is that of no password."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=") for length in (16, 32)
    )
    parameters = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${parameters}${salt}${digest}"


#: What a password is compared with where there is none.
_DECOY = _hash_of_nothing()
_turns = threading.BoundedSemaphore(AT_ONCE)


def normalise(password: str) -> str:
    """Return a password in one form, whatever keyboard it came from (NFKC, as NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """Return what to store of a password.

    Raises:
        ThrottledError: too many others are hashed at present.
    """
    with _turn():
        return _HASHER.hash(normalise(password))


def is_password(password_hash: str | None, presented: str) -> bool:
    """Return whether a hash is that of a password; it takes as long where there is no hash.

    Args:
        password_hash: what was stored; None: there is no such account, or it has no password.
        presented: what somebody gave.

    Raises:
        ThrottledError: too many others are checked at present.
    """
    compared = _DECOY if password_hash is None else password_hash
    with _turn():
        try:
            _HASHER.verify(compared, normalise(presented))
        except VerifyMismatchError:
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Return whether a hash was made by other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=TURN_S):
        raise ThrottledError(TURN_S)
    try:
        yield
    finally:
        _turns.release()
