"""Active Directory by LDAP: its users, and their roles by group and organizational unit."""

from __future__ import annotations

from connectors.sdk import Connector
from connectors.vendors.active_directory.config import ActiveDirectoryConfig
from connectors.vendors.active_directory.source import NAME, open_active_directory
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier

#: What is seen of the same trouble in a directory, and by which tests.
_TESTS = "tests/integration/connectors/active_directory"
_OF_HTTP = (
    "http_404",
    "http_429_with_retry_after",
    "http_429_without_retry_after",
    "http_5xx",
    "html_instead_of_json",
    "redirect_to_status_page",
)
_LDAP = {
    "http_401": "it speaks LDAP: a refused sign-in, by each of its reasons, is checked against"
    f" Samba in {_TESTS}/test_access.py",
    "http_403": "it speaks LDAP: a right that is missing is checked against Samba in"
    f" {_TESTS}/test_access.py and test_incremental.py",
    "partial": f"it speaks LDAP: a line that is cut is checked against Samba in {_TESTS}"
    "/test_access.py",
    "slow_drip": "it speaks LDAP: a line that falls silent is checked against Samba in"
    f" {_TESTS}/test_access.py",
    "never_ending_body": "it speaks LDAP, whose answers tell their length: a line that falls silent"
    f" is checked against Samba in {_TESTS}/test_access.py",
    "short_page": "a directory counts nothing: a page may be short, and the cookie tells the last;"
    f" pages are checked against Samba in {_TESTS}/test_full_read.py",
    "repeated_ids": "a directory gives an entry once; one that is moved while pages are read is"
    f" checked against Samba in {_TESTS}/test_full_read.py",
    "token_expiry": "it signs in once for a connection, and for no token",
    "clock_skew": "changes are told by the directory's own numbers: no clocks are compared",
}

CONNECTOR = Connector(
    name=NAME,
    title="Active Directory",
    tier=Tier.IMPORT,
    capabilities=Capabilities(
        modes=frozenset(Mode), reads=frozenset({Kind.ORGS, Kind.USERS, Kind.ROLES})
    ),
    config=ActiveDirectoryConfig,
    open=open_active_directory,
    is_online=True,
    bench="connectors.vendors.active_directory.bench:mount",
    exempt={**_LDAP, **dict.fromkeys(_OF_HTTP, "it speaks LDAP: there is no such answer in it")},
)
