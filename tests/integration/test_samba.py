"""The private Active Directory for real: made on request, kept through its ends, and alone."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.samba_directory import SambaDirectory


def listens(host: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, 636)) == 0


@pytest.mark.parametrize("word", ["stop", "kill"])
def test_a_directory_that_was_down_comes_back_with_its_entries(
    servers: Any, samba: SambaDirectory, word: str
) -> None:
    host = samba.environment["BELLRINGER_LDAP_HOST"]
    unit = samba.unit()
    try:
        getattr(servers, word)("samba")
        assert not listens(host)
        assert servers.status()["samba"]["state"] == "stopped"
    finally:
        servers.start("samba")
        samba.sign_out()
    assert samba.admin.search_s(unit.dn, 0, "(objectClass=*)", ["ou"])
    unit.remove()


def test_it_listens_on_an_address_of_its_own(samba: SambaDirectory) -> None:
    host = samba.environment["BELLRINGER_LDAP_HOST"]
    assert host.startswith("127.")
    assert not host.startswith("127.0.")
    assert listens(host)
