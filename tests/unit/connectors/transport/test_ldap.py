"""What of LDAP no Samba shows: Windows' ranges, its refusals, and servers that break off."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

ldap = pytest.importorskip("ldap", reason="python-ldap is not installed")

from connectors.network import Network  # noqa: E402
from connectors.transport import ldap as transport  # noqa: E402
from connectors.transport import ldap_errors  # noqa: E402
from connectors.transport.ldap import Directory, Entry  # noqa: E402
from connectors.transport.ldap_line import Server  # noqa: E402
from shared.errors import PermanentConnectorError, TransientConnectorError  # noqa: E402


@pytest.mark.parametrize("module", [transport, ldap_errors])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


class Windows(Directory):
    """Answers as Windows does where a list is longer than its MaxValRange.

    Source: MS-ADTS 3.1.1.3.1.3.3: the attribute itself comes without values, beside the first part.
    """

    def __init__(self, members: int, most: int) -> None:
        super().__init__("ad", Network(), Server("h", 636), user="u", password="p", range_size=1500)
        self._members = [str(number).encode() for number in range(members)]
        self._most = most
        self.asked: list[str] = []

    def _ask(self, base: str, scope: int, wanted: str, attributes: Any, controls: Any) -> Any:
        (name,) = attributes
        self.asked.append(name)
        _, _, bounds = name.partition(";range=")
        start = int(bounds.partition("-")[0] or 0)
        if start >= len(self._members):
            return [Entry(base, {})], []
        end = min(start + self._most, len(self._members))
        if end == len(self._members) and start == 0 and not bounds:
            return [Entry(base, {"member": self._members})], []
        last = "*" if end == len(self._members) else str(end - 1)
        part = {f"member;range={start}-{last}": self._members[start:end]}
        return [Entry(base, {"member": [], **part})], []


@pytest.mark.parametrize("members", [0, 1, 9, 10, 11, 20, 25])
def test_parts_of_a_list_make_the_whole(members):
    server = Windows(members, most=10)
    assert [m for part in server.values("CN=g", "member") for m in part] == server._members
    first = server.read("CN=g", ["member"])
    assert first is not None
    assert list(server._whole(first).values.get("member", ())) == server._members


def refusal(code: str) -> Exception:
    return ldap.INVALID_CREDENTIALS(
        {"desc": "Invalid credentials", "info": f"80090308: LdapErr: …, data {code}, v4563"}
    )


@pytest.mark.parametrize(
    ("code", "setting", "words"),
    [
        ("525", "user", "no such account"),
        ("52e", "password", "wrong"),
        ("530", "user", "time of day"),
        ("531", "user", "this machine"),
        ("532", "password", "expired"),
        ("533", "user", "disabled"),
        ("701", "user", "expired"),
        ("773", "password", "must be changed"),
        ("775", "user", "locked out"),
        ("999", "password", "data 999"),
    ],
)
def test_why_nobody_is_let_in(code, setting, words):
    error = ldap_errors.sign_in_error("ad", "dc1:636", "someone", refusal(code))
    # one more try with a wrong password is one nearer to a lockout
    assert isinstance(error, PermanentConnectorError)
    assert error.user_message.startswith(f"{setting}: dc1:636 does not let someone in: ")
    assert words in error.user_message


@pytest.mark.parametrize(
    ("raised", "kind", "setting"),
    [
        (ldap.SERVER_DOWN, TransientConnectorError, "host"),
        (ldap.BUSY, TransientConnectorError, "host"),
        (ldap.TIMEOUT, TransientConnectorError, "host"),
        (ldap.SIZELIMIT_EXCEEDED, TransientConnectorError, "page_size"),
        (ldap.INSUFFICIENT_ACCESS, PermanentConnectorError, "user"),
        (ldap.FILTER_ERROR, PermanentConnectorError, "user_filter"),
        (ldap.NO_SUCH_OBJECT, PermanentConnectorError, "host"),
    ],
)
def test_what_a_search_that_fails_means(raised, kind, setting):
    for error in (
        ldap_errors.search_error(
            "ad", "dc1", raised({"desc": "so", "info": "and\nso"}), "a search"
        ),
        ldap_errors.sign_in_error("ad", "dc1", "u", raised({"desc": "so"})),
    ):
        assert isinstance(error, kind)
        assert error.user_message.startswith(f"{setting}: ")


def test_a_search_that_is_cut_short_is_never_the_whole():
    class Cut(Directory):
        def _ask(self, *_: Any) -> Any:
            if self.pages:
                raise ldap.SIZELIMIT_EXCEEDED({"desc": "Size limit exceeded"})
            return [Entry("CN=a", {})], []

    directory = Cut("ad", Network(), Server("h", 636), user="u", password="p")
    with pytest.raises(TransientConnectorError, match="the end is unknown"):
        list(directory.search("DC=x", "(a=*)", ["a"]))
    with pytest.raises(TransientConnectorError, match="page_size"):
        list(directory.search("DC=x", "(a=*)", ["a"]))
