"""The values of an entry: bytes as Active Directory writes them; pure.

Source: MS-ADTS (objectGUID 2.3.1, userAccountControl 2.2.16, msDS-User-Account-Control-Computed
3.1.1.4.5.17), MS-ADA1 accountExpires, MS-DTYP 2.3.3 FILETIME.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

Values = Mapping[str, Sequence[bytes]]

#: ADS_UF_ACCOUNTDISABLE of userAccountControl, and ADS_UF_LOCKOUT of its computed fellow: the
#: stored one never shows a lockout.
DISABLED, LOCKED = 0x2, 0x10
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
#: What accountExpires is where the account never does.
_NEVER = (0, 0x7FFF_FFFF_FFFF_FFFF)


class BadValueError(ValueError):
    """A value cannot be read: `field` and `reason` say which and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def first(values: Values, attribute: str) -> bytes | None:
    """Return an attribute's first value; None: it has none, or is not there."""
    found = values.get(attribute.lower())
    return found[0] if found else None


def text(values: Values, attribute: str) -> str | None:
    """Return an attribute's first value as text, without blanks around; None: there is none.

    Raises:
        BadValueError: it is no text.
    """
    found = texts(values, attribute)
    return found[0] if found else None


def texts(values: Values, attribute: str) -> list[str]:
    """Return all values of an attribute as text, without blanks around and empty ones.

    Raises:
        BadValueError: one is no text.
    """
    try:
        made = [value.decode().strip() for value in values.get(attribute.lower(), ())]
    except UnicodeDecodeError as error:
        raise BadValueError(attribute, "it is no UTF-8 text") from error
    return [value for value in made if value]


def number(values: Values, attribute: str) -> int | None:
    """Return an attribute's first value as a whole number; None: there is none.

    Raises:
        BadValueError: it is something else.
    """
    found = first(values, attribute)
    if found is None:
        return None
    try:
        return int(found)
    except ValueError as error:
        raise BadValueError(attribute, "it is not a whole number") from error


def is_true(values: Values, attribute: str) -> bool:
    """Return whether an attribute says so."""
    return first(values, attribute) == b"TRUE"


def guid_text(guid: bytes) -> str:
    """Return an objectGUID as people write it: its first three parts come with the low byte first.

    >>> guid_text(bytes(range(16)))
    '03020100-0504-0706-0809-0a0b0c0d0e0f'

    Raises:
        BadValueError: it has not 16 bytes.
    """
    if len(guid) != 16:
        raise BadValueError("objectGUID", "it has not 16 bytes")
    return str(uuid.UUID(bytes_le=guid))


def rid(sid: bytes) -> str:
    """Return the last part of an objectSid, by which primaryGroupID names a group.

    >>> rid(bytes.fromhex("010500000000000515000000680000000000000000000000" "01020000"))
    '513'
    """
    return str(int.from_bytes(sid[-4:], "little"))


def is_disabled(values: Values) -> bool:
    """Return whether an account is disabled."""
    return bool((number(values, "userAccountControl") or 0) & DISABLED)


def is_locked(values: Values) -> bool:
    """Return whether an account is locked out now; it unlocks by itself, and is not disabled."""
    return bool((number(values, "msDS-User-Account-Control-Computed") or 0) & LOCKED)


def has_expired(values: Values, now: datetime) -> bool:
    """Return whether an account was set to end before now (aware)."""
    ticks = number(values, "accountExpires")
    if ticks is None or ticks in _NEVER:
        return False
    try:
        # 100 nanoseconds each
        return _EPOCH + timedelta(microseconds=ticks // 10) <= now
    except OverflowError:
        return False
