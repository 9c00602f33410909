"""A directory by LDAP: signed in over a judged line, read in pages, lists of values whole.

python-ldap is an extra, since it compiles: whoever imports this module needs it.

Source: RFC 4511 and 2696 (pages); MS-ADTS 3.1.1.3.1.3.3 (ranges of values) and 3.1.1.3.4.1.3
(DirSync).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap.filter import escape_filter_chars

from connectors.network import Network
from connectors.transport.ldap_control import (
    DIRSYNC,
    DirSyncRequest,
    DirSyncResponse,
    show_deleted,
)
from connectors.transport.ldap_errors import search_error, sign_in_error, told
from connectors.transport.ldap_line import Line, Server
from shared.errors import TransientConnectorError

ANYTHING = "(objectClass=*)"
_RANGE = ";range="
#: What a server says of a cookie or a range of changes that it cannot go on from.
_REJECTED = (
    ldap.UNAVAILABLE_CRITICAL_EXTENSION,
    ldap.UNWILLING_TO_PERFORM,
    ldap.PROTOCOL_ERROR,
    ldap.OPERATIONS_ERROR,
    ldap.OTHER,
)


class NotAllowedError(Exception):
    """The account lacks the right that was tried; its text is what the server said."""


class RejectedError(Exception):
    """The server cannot go on from a cookie; its text is what it said."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry, or what a server tells of it.

    Attributes:
        dn: its name.
        values: by attribute in small letters; a cleared one may be there without a value.
    """

    dn: str
    values: Mapping[str, Sequence[bytes]]


class Directory:
    """A signed-in connection; use it as a context.

    Args:
        vendor: the connector's name, for errors.
        network: where it may go.
        server: where it goes.
        user: by which it signs in, in any form that the server takes.
        password: of that account.
        page_size: the most entries of one answer.
        range_size: the most values of one attribute in one answer.

    Raises:
        PermanentConnectorError: names the setting: we are not let in, or the server is not trusted.
        TransientConnectorError: the server does not answer now.

    Attributes:
        pages: how many pages searches have read.
    """

    def __init__(
        self,
        vendor: str,
        network: Network,
        server: Server,
        *,
        user: str,
        password: str,
        page_size: int = 500,
        range_size: int = 1500,
    ) -> None:
        self.pages = 0
        self._vendor = vendor
        self._network = network
        self._server = server
        self._user = user
        self._password = password
        self._page_size = page_size
        self._range_size = range_size
        self._stack = ExitStack()
        self._ldap: Any = None

    def __enter__(self) -> Self:
        """Connect and sign in."""
        with ExitStack() as stack:
            line = stack.enter_context(Line(self._vendor, self._network, self._server))
            # what the machine's ldap.conf says of these must not count
            self._ldap = ldap.initialize("ldap://line", fileno=line.take_end())
            stack.callback(self._unbind)
            for option, value in (
                (ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3),
                (ldap.OPT_REFERRALS, ldap.OPT_OFF),
                (ldap.OPT_DEREF, ldap.DEREF_NEVER),
                (ldap.OPT_SIZELIMIT, ldap.NO_LIMIT),
                (ldap.OPT_TIMELIMIT, ldap.NO_LIMIT),
            ):
                self._ldap.set_option(option, value)
            self._sign_in()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Sign out, and end the line."""
        self._stack.close()

    def read(self, dn: str, attributes: Sequence[str], *, deleted: bool = False) -> Entry | None:
        """Return one entry, None: there is none, or this account may not see it.

        Args:
            dn: its name, or another one that the server takes, as `<GUID=…>`; "": the root.
            attributes: to be told.
            deleted: whether it may be one that was deleted.
        """
        controls = [show_deleted()] if deleted else []
        try:
            with self._telling(f"to read {dn or 'the root'}"):
                found, _ = self._ask(dn, ldap.SCOPE_BASE, ANYTHING, attributes, controls)
        except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
            return None
        return found[0] if found else None

    def search(
        self, base: str, wanted: str, attributes: Sequence[str], *, deleted: bool = False
    ) -> Iterator[list[Entry]]:
        """Yield the entries at and below a base that a filter takes, in pages.

        A list of values of which the server gives a part alone is completed.

        Raises:
            ConnectorError: the search failed, also one that was cut short.
        """
        cookie: bytes | str = ""
        while True:
            page = SimplePagedResultsControl(True, size=self._page_size, cookie=cookie)
            controls = [page, show_deleted()] if deleted else [page]
            with self._telling(f"the search below {base}"):
                try:
                    found, answered = self._ask(
                        base, ldap.SCOPE_SUBTREE, wanted, attributes, controls
                    )
                except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX) as error:
                    raise search_error(
                        self._vendor, str(self._server), error, f"the search below {base}"
                    ) from error
            self.pages += 1
            yield [self._whole(entry) for entry in found]
            pages = [c for c in answered if c.controlType == SimplePagedResultsControl.controlType]
            if not pages:
                raise TransientConnectorError(
                    self._vendor, f"host: {self._server} does not read in pages: the end is unknown"
                )
            cookie = pages[0].cookie
            if not cookie:
                return

    def values(self, dn: str, attribute: str) -> Iterator[list[bytes]]:
        """Yield all values of one attribute, in ranges; nothing where there is no such entry."""
        yield from self._ranges(dn, attribute.lower(), 0)

    def changes(
        self, context: str, wanted: str, attributes: Sequence[str], cookie: bytes
    ) -> Iterator[tuple[list[Entry], bytes]]:
        """Yield what has changed since a cookie, by DirSync, each time with the cookie after it.

        Entries tell what has changed alone: an attribute that is not there has not, one without
        a value was cleared, `member;range=1-1` are members who came and `member;range=0-0` those
        who went. What was deleted has `isDeleted`.

        Args:
            context: a naming context, whole.
            wanted: a filter.
            attributes: real ones by name; back-links and computed ones never show.
            cookie: b"": since the beginning.

        Raises:
            NotAllowedError: the account may not replicate changes.
            RejectedError: the server does not know the cookie.
            ConnectorError: it failed otherwise.
        """
        while True:
            with self._telling("what has changed"):
                try:
                    found, answered = self._ask(
                        context, ldap.SCOPE_SUBTREE, wanted, attributes, [DirSyncRequest(cookie)]
                    )
                except ldap.INSUFFICIENT_ACCESS as error:
                    raise NotAllowedError(told(error)) from error
                except _REJECTED as error:
                    raise RejectedError(told(error)) from error
            states = [c for c in answered if isinstance(c, DirSyncResponse)]
            if not states or not states[0].cookie:
                raise RejectedError("the server gave no cookie")
            cookie = states[0].cookie
            yield found, cookie
            if not states[0].has_more:
                return

    def _ask(
        self, base: str, scope: int, wanted: str, attributes: Sequence[str], controls: list[Any]
    ) -> tuple[list[Entry], list[Any]]:
        asked = self._ldap.search_ext(base, scope, wanted, list(attributes), serverctrls=controls)
        try:
            _, found, _, answered = self._ldap.result3(
                asked,
                timeout=self._server.timeout_s,
                resp_ctrl_classes={DIRSYNC: DirSyncResponse, **_KNOWN_CONTROLS},
            )
        except ldap.TIMEOUT:
            with suppress(ldap.LDAPError):
                self._ldap.abandon_ext(asked)
            raise
        # a referral has no name
        entries = [
            Entry(dn, {name.lower(): values for name, values in told_of.items()})
            for dn, told_of in found
            if dn is not None
        ]
        return entries, answered

    def _whole(self, entry: Entry) -> Entry:
        """Complete the lists of values of which the server gave the first part."""
        parts = [name for name in entry.values if _RANGE in name]
        if not parts:
            return entry
        values = {name: found for name, found in entry.values.items() if _RANGE not in name}
        for part in parts:
            name, end = _range_of(part)
            found = list(entry.values[part])
            if end is not None:
                for more in self._ranges(entry.dn, name, end + 1):
                    found += more
            values[name] = found
        return Entry(entry.dn, values)

    def _ranges(self, dn: str, attribute: str, start: int) -> Iterator[list[bytes]]:
        while True:
            asked = f"{attribute}{_RANGE}{start}-{start + self._range_size - 1}"
            entry = self.read(dn, [asked])
            values = entry.values if entry is not None else {}
            part = next((name for name in values if name.startswith(attribute + _RANGE)), None)
            if part is None:
                # one that gives all, whatever was asked for
                if start == 0 and values.get(attribute):
                    yield list(values[attribute])
                return
            yield list(values[part])
            _, end = _range_of(part)
            if end is None:
                return
            start = end + 1

    def _sign_in(self) -> None:
        try:
            asked = self._ldap.simple_bind(self._user, self._password)
            self._ldap.result3(asked, timeout=self._server.timeout_s)
        except ldap.LDAPError as error:
            raise sign_in_error(self._vendor, str(self._server), self._user, error) from error

    def _unbind(self) -> None:
        with suppress(ldap.LDAPError):
            self._ldap.unbind_s()

    @contextmanager
    def _telling(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
            raise
        except ldap.LDAPError as error:
            raise search_error(self._vendor, str(self._server), error, doing) from error


_KNOWN_CONTROLS = {SimplePagedResultsControl.controlType: SimplePagedResultsControl}


def guid_filter(guids: Sequence[bytes]) -> str:
    r"""Return the filter of entries by their objectGUIDs, every byte escaped.

    >>> guid_filter([bytes(15) + b"*"]).count("\\00"), guid_filter([bytes(15) + b"*"])[-5:]
    (15, '\\2a))')
    """
    each = "".join(
        f"(objectGUID={''.join(f'{chr(92)}{byte:02x}' for byte in guid)})" for guid in guids
    )
    return f"(|{each})"


def equals(attribute: str, value: str) -> str:
    r"""Return the filter of a value, whatever stands in it.

    >>> equals("cn", "a*(b)") == r"(cn=a\2a\28b\29)"
    True
    """
    return f"({attribute}={escape_filter_chars(value)})"


def _range_of(name: str) -> tuple[str, int | None]:
    """Return the attribute of a range, and the last index in it; None: it is the last one."""
    attribute, _, bounds = name.partition(_RANGE)
    end = bounds.partition("-")[2]
    return attribute, int(end) if end.isdigit() else None
