"""What a password must be: long, and nothing that others guess.

By OWASP ASVS 4.0.3, V2.1: 12 characters or more (2.1.1), at most 128 (2.1.2), any character of
Unicode, no rules of composition (2.1.9), not a common one (2.1.7). It need never be changed for its
age (2.1.10).
"""

from __future__ import annotations

from console.accounts.common_passwords import is_common
from console.accounts.passwords import normalise
from shared.errors import ConfigurationError

MIN_CHARACTERS = 12
MAX_CHARACTERS = 128
#: What must be left of a password without the account's name.
_BESIDE_NAME = 8


def problem_of(password: str, account_name: str) -> str | None:
    """Return what is wrong with a password, None: nothing.

    Args:
        password: as it was given; spaces count, at its ends too.
        account_name: whose it would be.

    >>> problem_of("short", "pat"), problem_of("lantern gravel otter", "pat")
    ('it has 5 characters', None)
    """
    told = normalise(password)
    if not MIN_CHARACTERS <= len(told) <= MAX_CHARACTERS:
        return f"it has {len(told)} characters"
    if _is_the_name(told.casefold(), account_name.casefold()):
        return "it is little more than the account's name"
    if is_common(told):
        return "it is one that many people choose"
    return None


def check_password(password: str, account_name: str) -> None:
    """See that a password may be set.

    Raises:
        ConfigurationError: it may not; the password itself is not told.
    """
    problem = problem_of(password, account_name)
    if problem is not None:
        raise ConfigurationError(
            "password",
            problem,
            f"Give {MIN_CHARACTERS} to {MAX_CHARACTERS} characters that nobody guesses: three or"
            " four words that have nothing to do with each other do well.",
        )


def _is_the_name(told: str, name: str) -> bool:
    """Return whether a password is the sign-in name, or its part before the @, with a little."""
    parts = {name, name.partition("@")[0]}
    return any(part in told and len(told) - len(part) < _BESIDE_NAME for part in parts if part)
