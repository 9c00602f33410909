"""Active Directory's connector against a bare paged read of python-ldap's, in one run, on Samba.

The connector makes the hub's rows of 2,000 users, with roles by unit and by nested group; the bare
read asks for the same attributes of the same users, and drops what it gets.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from connectors import registry
from connectors.sdk import ReadRequest
from shared.domain.reading import Batch, ReadCertificate
from shared.domain.records import Kind
from shared.domain.states import Mode
from tests.samba_directory import HERE, SCHOOL, STAFF, STUDENTS, SambaDirectory, settings_of

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

#: The most that the connector may take, as a multiple of the bare read.
GOAL = 3.0
ROUNDS = 5
USERS = STUDENTS + STAFF
ATTRIBUTES = (
    *("objectGUID", "userAccountControl", "msDS-User-Account-Control-Computed", "accountExpires"),
    *("isCriticalSystemObject", "primaryGroupID", "memberOf", "sAMAccountName", "givenName", "sn"),
    *("employeeID", "mail", "telephoneNumber"),
)
FIELDS = (
    "username=sAMAccountName,givenName=givenName,familyName=sn,identifier=employeeID,email=mail,"
    "phone=telephoneNumber"
)


def _bare(samba: SambaDirectory) -> int:
    from ldap.controls import SimplePagedResultsControl

    connection = samba.bare("syncer")
    page = SimplePagedResultsControl(True, size=500, cookie="")
    count = 0
    while True:
        asked = connection.search_ext(
            SCHOOL, 2, "(&(objectCategory=person)(objectClass=user))", ATTRIBUTES,
            serverctrls=[page],
        )  # fmt: skip
        _, found, _, controls = connection.result3(asked)
        count += len(found)
        page.cookie = controls[0].cookie
        if not page.cookie:
            connection.unbind_s()
            return count


def _read(settings: dict[str, str], mode: Mode, cursor: str | None = None) -> list[Any]:
    connector = registry.get("active_directory")
    source: Any = connector.connect(registry.parse_config(connector, settings), HERE)
    return list(source.read(ReadRequest(mode, cursor)))


def _fastest(act: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _changed(items: list[Any]) -> int:
    return sum(len(i.rows) for i in items if isinstance(i, Batch) and i.kind is Kind.USERS)


@pytest.mark.parametrize("way", ["dirsync", "usn"])
def test_the_connector_beside_a_bare_paged_read(samba: SambaDirectory, way: str) -> None:
    import ldap

    settings = settings_of(samba.environment, "syncer", incremental=way, attributes=FIELDS)
    dns = [
        dn
        for dn, _ in samba.admin.search_s(SCHOOL, 2, "(objectCategory=person)", ["cn"])
        if dn is not None
    ]
    assert _bare(samba) == len(dns) == USERS
    full = _read(settings, Mode.FULL)
    certificate = full[-1]
    assert isinstance(certificate, ReadCertificate)
    assert certificate.counts[Kind.USERS] == USERS
    seconds = {"full": _fastest(lambda: _read(settings, Mode.FULL))}
    for changed in (0, USERS // 100, USERS):
        cursor = _read(settings, Mode.FULL)[-1].cursor
        for dn in dns[:changed]:
            number = f"{way}-{changed}".encode()
            samba.admin.modify_s(dn, [(ldap.MOD_REPLACE, "telephoneNumber", [number])])
        items = _read(settings, Mode.INCREMENTAL, cursor)
        assert (items[-1].mode, _changed(items)) == (Mode.INCREMENTAL, changed)
        seconds[f"{changed} changed"] = _fastest(
            lambda cursor=cursor: _read(settings, Mode.INCREMENTAL, cursor)  # type: ignore[misc]
        )
    bare = _fastest(lambda: _bare(samba))
    told = ", ".join(f"{name} {s:.2f} s ({s / bare:.2f}×)" for name, s in seconds.items())
    print(  # noqa: T201
        f"\nBENCH Active Directory by {way}, {USERS:,} users: bare paged read {bare:.2f} s; {told}"
        f" (goal {GOAL:g}×)"
    )
    assert max(seconds.values()) < GOAL * bare
