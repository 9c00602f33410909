"""Getting in: TLS or nothing, and refusals that say which setting or right is missing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from connectors import registry
from connectors.network import Network
from connectors.sdk import ReadRequest
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError
from tests.samba_directory import ENABLED, HERE, NO_PASSWORD, OFF, other_authority, sign_in
from tests.sftp_site import line

PASSWORD = "Right-1 password"


def opened(settings, network=HERE):
    connector = registry.get("active_directory")
    return connector.connect(registry.parse_config(connector, settings), network)


@pytest.fixture
def given(samba):
    return sign_in(samba.environment, "reader")


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
def test_both_ways_to_tls(given, security):
    opened({**given, "security": security}).check()


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
def test_a_certificate_of_another_authority(given, security, tmp_path):
    settings = {**given, "security": security, "ca_file": str(other_authority(tmp_path))}
    with pytest.raises(PermanentConnectorError, match=r"ca_file: .*not to be trusted"):
        opened(settings).check()
    with pytest.raises(PermanentConnectorError, match=r"ca_file: .*not to be trusted"):
        opened({**given, "security": security, "ca_file": None}).check()


def test_authorities_as_text(given):
    text = Path(given["ca_file"]).read_text()
    opened({**given, "ca_file": None, "ca_certificates": text}).check()
    with pytest.raises(PermanentConnectorError, match="ca_certificates: no certificate"):
        opened({**given, "ca_file": None, "ca_certificates": "x"}).check()
    with pytest.raises(PermanentConnectorError, match="ca_file: no certificate"):
        opened({**given, "ca_file": "/nowhere.pem"}).check()


def test_a_name_that_is_not_in_the_certificate(given, samba):
    with (
        line_to(samba) as relay,
        pytest.raises(PermanentConnectorError, match=r"ca_file: .*host the name"),
    ):
        opened({**given, "host": "127.0.0.1", "port": relay.port}).check()


def line_to(samba, after=None):
    """A line to the server at this machine's address; its certificate bears the name alone."""
    return line(636, after, host=samba.environment["BELLRINGER_LDAP_HOST"])


def test_an_address_where_no_app_may_go(given):
    with pytest.raises(PermanentConnectorError, match="BELLRINGER_PRIVATE_NETWORKS"):
        opened(given, Network()).check()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"security": "starttls", "port": 636}, "host: .*"),
        ({"security": "ldaps", "port": 389}, "host: .*hung up"),
        ({"port": 1}, "host: .*does not answer"),
        ({"host": "no-such-host.invalid"}, "host: .*does not answer"),
    ],
)
def test_nobody_answers_as_they_should(given, changes, told):
    with pytest.raises(TransientConnectorError, match=told):
        opened({**given, **changes, "timeout_s": 5}).check()


def test_a_wrong_password(given):
    with pytest.raises(PermanentConnectorError, match=r"password: .*account or its password"):
        opened({**given, "password": "wrong", "user": "nobody@school.test"}).check()


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("disabled", "user: .*disabled: enable"),
        ("expired", "user: .*expired: extend"),
        ("must change", "password: .*must be changed"),
        ("locked", "user: .*locked out"),
        ("wrong", "password: .*wrong"),
    ],
)
def test_why_an_account_is_not_let_in(unit, given, state, told):
    dn = unit.add_user("account", userAccountControl=ENABLED | NO_PASSWORD | OFF)
    unit.set(dn, unicodePwd=f'"{PASSWORD}"'.encode("utf-16-le"))
    off = OFF if state == "disabled" else 0
    unit.set(dn, userAccountControl=ENABLED | off)
    if state == "expired":
        unit.set(dn, accountExpires=10**17)
    if state == "must change":
        unit.set(dn, pwdLastSet=0)
    if state == "locked":
        for _ in range(3):
            with pytest.raises(PermanentConnectorError):
                opened({**given, "user": dn, "password": "x"}).check()
    password = "x" if state == "wrong" else PASSWORD
    with pytest.raises(PermanentConnectorError, match=told) as caught:
        opened({**given, "user": dn, "password": password}).check()
    assert PASSWORD not in str(caught.value)


def test_dirsync_alone_needs_its_right(samba, given):
    with pytest.raises(PermanentConnectorError, match="Replicating Directory Changes"):
        opened({**given, "incremental": "dirsync"}).check()
    with pytest.raises(PermanentConnectorError, match="Replicating Directory Changes"):
        next(opened({**given, "incremental": "dirsync"}).read(ReadRequest(Mode.FULL)))
    opened({**sign_in(samba.environment, "syncer"), "incremental": "dirsync"}).check()


@pytest.mark.parametrize("after", [10, 500, 1300])
def test_a_line_that_falls_silent(given, samba, after):
    """In the middle of TLS, of the sign-in, of a search: it ends, and nothing counts."""
    with line_to(samba, after) as relay:
        settings = {**given, "host": "localhost", "port": relay.port, "timeout_s": 1}
        with pytest.raises(TransientConnectorError):
            list(opened(settings).read(ReadRequest(Mode.FULL)))


def test_a_line_that_is_cut(given, samba):
    with line_to(samba) as relay:
        settings = {**given, "host": "localhost", "port": relay.port, "page_size": 50}
        reading = opened(settings).read(ReadRequest(Mode.FULL))
        next(reading)
        relay.close()
        with pytest.raises(TransientConnectorError, match="does not answer"):
            list(reading)


def test_no_thread_is_left_behind(given):
    before = set(threading.enumerate())
    opened(given).check()
    with pytest.raises(PermanentConnectorError):
        opened({**given, "password": "wrong", "user": "nobody@school.test"}).check()
    reading = opened({**given, "page_size": 50}).read(ReadRequest(Mode.FULL))
    next(reading)
    reading.close()
    assert set(threading.enumerate()) - before == set()
