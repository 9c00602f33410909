"""Ids that nobody can guess, and the digests by which they are kept.

256 bits from the system's generator. A fast digest is enough for them: there is nothing to try out,
unlike with a password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

_BYTES = 32
_RANDOM_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_CSRF = b"bellringer csrf token"


def new_random_id() -> str:
    """Return 43 characters that can stand in a URL or a cookie."""
    return secrets.token_urlsafe(_BYTES)


def is_random_id(presented: str) -> bool:
    """Return whether it has the form of one; the database need not be asked about anything else."""
    return _RANDOM_ID.fullmatch(presented) is not None


def digest_of(secret: str) -> str:
    """Return the SHA-256 digest of a random id or a token, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_token(random_id: str) -> str:
    """Return the token that a form carries, made of the id that the cookie holds.

    Nothing of it is stored, and the id cannot be found by it. Before somebody is signed in, any
    `new_random_id()` in a cookie serves as well.
    """
    return hmac.new(random_id.encode(), _CSRF, hashlib.sha256).hexdigest()


def is_same(presented: str, expected: str) -> bool:
    """Return whether somebody presents what is expected, in constant time, whatever it is."""
    return hmac.compare_digest(presented.encode("utf-8", "surrogatepass"), expected.encode())
