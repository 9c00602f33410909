"""The form of an API token: `blr_`, 43 characters at random, and 8 of a checksum.

By prefix and checksum a scanner that looks for secrets in code tells one from any other text, and a
mistyped one is refused without a look into the database.
"""

from __future__ import annotations

import re
import zlib

from console.accounts.random_ids import new_random_id

_PREFIX = "blr_"
_TOKEN = re.compile(r"(blr_[A-Za-z0-9_-]{43})([0-9a-f]{8})")
#: How much of a token is kept and shown, in characters: six of its 43 at random.
SHOWN_CHARACTERS = len(_PREFIX) + 6


def new_token() -> str:
    """Return a token that nobody has."""
    body = _PREFIX + new_random_id()
    return body + _checksum(body)


def is_token(presented: str) -> bool:
    """Return whether it has the form of a token, its checksum included."""
    found = _TOKEN.fullmatch(presented)
    return found is not None and _checksum(found[1]) == found[2]


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
