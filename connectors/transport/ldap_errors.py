"""What an LDAP server's refusals mean to a person, by the setting or the right that is missing.

Source: RFC 4511, appendix A; the codes in a refused sign-in's text are Windows' own, listed in
Microsoft's page "LDAP error 49" and seen in Samba's answers: `…, data 52e, v1db1`.
"""

from __future__ import annotations

import re

import ldap

from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

_DATA = re.compile(r"\bdata ([0-9a-fA-F]{3})\b")
_SIGN_IN = {
    "525": ("user", "there is no such account"),
    "52e": ("password", "the account or its password is wrong"),
    "530": ("user", "the account may not sign in at this time of day"),
    "531": ("user", "the account may not sign in from this machine"),
    "532": ("password", "the password has expired: set a new one"),
    "533": ("user", "the account is disabled: enable it"),
    "701": ("user", "the account has expired: extend it"),
    "773": ("password", "the password must be changed at the first sign-in: change it"),
    "775": (
        "user",
        "the account is locked out after wrong passwords: unlock it, and see who has the old one",
    ),
}
#: The server does not answer, or cannot now.
_TRANSIENT = (
    ldap.SERVER_DOWN,
    ldap.CONNECT_ERROR,
    ldap.TIMEOUT,
    ldap.TIMELIMIT_EXCEEDED,
    ldap.BUSY,
    ldap.UNAVAILABLE,
    ldap.LOCAL_ERROR,
    ldap.DECODING_ERROR,
)
#: It gives less than was asked for, whatever we do: a part is never taken for the whole.
_LIMITS = (ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED)


def sign_in_error(vendor: str, server: str, user: str, error: ldap.LDAPError) -> ConnectorError:
    """Return the error of a refused sign-in, which names the setting."""
    if not isinstance(error, ldap.INVALID_CREDENTIALS | ldap.STRONG_AUTH_REQUIRED):
        return search_error(vendor, server, error, "the sign-in")
    found = _DATA.search(told(error))
    code = found[1].lower() if found else ""
    setting, problem = _SIGN_IN.get(code, ("password", f"it says {told(error)}"))
    # never tried again: a wrong password would lock the account out
    return PermanentConnectorError(vendor, f"{setting}: {server} does not let {user} in: {problem}")


def search_error(vendor: str, server: str, error: ldap.LDAPError, doing: str) -> ConnectorError:
    """Return the error of anything else.

    Args:
        vendor: the connector's name.
        server: as people know it.
        error: as python-ldap raised it.
        doing: what was asked for, in words.
    """
    if isinstance(error, _TRANSIENT):
        return TransientConnectorError(
            vendor, f"host: {server} does not answer {doing}: {told(error)}"
        )
    if isinstance(error, _LIMITS):
        return TransientConnectorError(
            vendor, f"page_size: {server} cut {doing} short: {told(error)}. Set a smaller page_size"
        )
    if isinstance(error, ldap.INSUFFICIENT_ACCESS):
        return PermanentConnectorError(
            vendor, f"user: {server} does not allow {doing} to this account: {told(error)}"
        )
    if isinstance(error, ldap.FILTER_ERROR):
        return PermanentConnectorError(vendor, f"user_filter: it is no LDAP filter ({doing})")
    return PermanentConnectorError(vendor, f"host: {server} refuses {doing}: {told(error)}")


def told(error: ldap.LDAPError) -> str:
    """Return what the server said, on one line.

    >>> told(ldap.BUSY({"desc": "Server is busy", "info": "later"}))
    'Server is busy (later)'
    """
    given = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    words, more = str(given.get("desc", type(error).__name__)), str(given.get("info", ""))
    return " ".join((f"{words} ({more})" if more else words).split())
