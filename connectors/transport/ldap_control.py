"""Controls of Active Directory that python-ldap does not bring.

Source: MS-ADTS 3.1.1.3.4.1.3 (LDAP_SERVER_DIRSYNC_OID), 3.1.1.3.4.1.14 (LDAP_SERVER_SHOW_DELETED).
"""

from __future__ import annotations

from ldap.controls import RequestControl, ResponseControl
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import namedtype, univ

DIRSYNC = "1.2.840.113556.1.4.841"
SHOW_DELETED = "1.2.840.113556.1.4.417"
#: LDAP_DIRSYNC_INCREMENTAL_VALUES, 0x80000000, as the signed number that goes over the wire: of a
#: member list, those who came and went.
_INCREMENTAL_VALUES = -0x8000_0000
#: The most bytes of one answer that are asked for; a server gives what it likes.
_MAX_BYTES = 1024 * 1024


class _Value(univ.Sequence):  # type: ignore[misc] # pyasn1 ships no types
    """Asked: flags, most bytes, cookie. Answered: whether there is more, a size, the new cookie."""

    componentType = namedtype.NamedTypes(
        namedtype.NamedType("flags", univ.Integer()),
        namedtype.NamedType("size", univ.Integer()),
        namedtype.NamedType("cookie", univ.OctetString()),
    )


class DirSyncRequest(RequestControl):  # type: ignore[misc] # python-ldap ships no types
    """Asks for what has changed since a cookie; without one, for everything."""

    def __init__(self, cookie: bytes) -> None:
        super().__init__(DIRSYNC, True)
        self._cookie = cookie

    def encodeControlValue(self) -> bytes:
        """Return the control's value in BER."""
        value = _Value()
        value["flags"], value["size"] = _INCREMENTAL_VALUES, _MAX_BYTES
        value["cookie"] = self._cookie
        encoded: bytes = encoder.encode(value)
        return encoded


class DirSyncResponse(ResponseControl):  # type: ignore[misc]
    """What a server says beside the changes.

    Attributes:
        has_more: whether there are more changes than it gave.
        cookie: stands for what it has given so far.
    """

    controlType = DIRSYNC

    has_more = False
    cookie = b""

    def decodeControlValue(self, encodedControlValue: bytes) -> None:
        """Read the control's value."""
        value, _ = decoder.decode(encodedControlValue, asn1Spec=_Value())
        self.has_more = int(value["flags"]) != 0
        self.cookie = bytes(value["cookie"])


def show_deleted() -> RequestControl:
    """Return the control by which a search sees what was deleted."""
    return RequestControl(SHOW_DELETED, True, None)
