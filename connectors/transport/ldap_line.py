"""The line under LDAP: a TLS connection to a judged address, of which libldap gets a plain end.

libldap resolves a name by itself, and can be told neither to which address it goes nor which name a
certificate must bear when it goes to an address. So the connection, the judgement of its address
and TLS are ours, as they are under HTTP, and a thread carries bytes between it and one end of a
socket pair whose other end libldap is given. Nothing is sent in the clear but the request for TLS.
"""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import httpx
from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1_modules import rfc2251

from connectors.network import Network
from connectors.transport.addresses import reachable_addresses
from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

log = logging.getLogger(__name__)

Security = Literal["ldaps", "starttls"]
PORTS: dict[Security, int] = {"ldaps": 636, "starttls": 389}
#: Source: RFC 4511, 4.14.1.
_START_TLS = b"1.3.6.1.4.1.1466.20037"
_BLOCK = 64 * 1024
#: The longest answer to the request for TLS; it says a sentence at most.
_LONGEST_ANSWER = 64 * 1024
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where a directory is, and how it proves itself.

    Attributes:
        host: a name or an address; its certificate must bear it.
        port: of the security.
        security: TLS from the start, or asked for on a plain connection.
        ca_file: a PEM file of the authorities that are trusted instead of the public ones.
        ca_certificates: the same as text.
        timeout_s: for connecting, and for each answer.
    """

    host: str
    port: int
    security: Security = "ldaps"
    ca_file: Path | None = None
    ca_certificates: str | None = None
    timeout_s: float = 30

    def __str__(self) -> str:
        """Return what people call it."""
        return f"{self.host}:{self.port}"


class Line:
    """A verified connection to a server.

    Args:
        vendor: the connector's name, for errors.
        network: where it may go.
        server: where it goes.

    Raises:
        PermanentConnectorError: names the setting: an authority that cannot be read, a certificate
            that is not trusted, a server without TLS, or an address where no app may go.
        TransientConnectorError: the server does not answer now.
    """

    def __init__(self, vendor: str, network: Network, server: Server) -> None:
        self._vendor = vendor
        self._server = server
        tls = _context(vendor, server)
        try:
            plain = self._connect(network)
        except OSError as error:
            raise self._silent(error) from error
        try:
            if server.security == "starttls":
                self._ask_for_tls(plain)
            secure = tls.wrap_socket(plain, server_hostname=server.host)
        except (ConnectorError, OSError) as error:
            plain.close()
            raise self._told(error) from error
        ours, self._theirs = socket.socketpair()
        self._pump = _Pump(secure, ours)
        self._pump.start()

    def __enter__(self) -> Self:
        """Return the line."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, whoever holds its other end."""
        self._theirs.close()
        self._pump.end()

    def take_end(self) -> int:
        """Return the end for libldap, a file descriptor that is the caller's from now on."""
        return self._theirs.detach()

    def _connect(self, network: Network) -> socket.socket:
        host, port = self._server.host, self._server.port
        failed: OSError | None = None
        for address in reachable_addresses(self._vendor, network, host, port):
            try:
                made = socket.create_connection((address, port), timeout=self._server.timeout_s)
            except OSError as error:
                failed = error
                continue
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
        raise failed or OSError("the host has no address")

    def _ask_for_tls(self, plain: socket.socket) -> None:
        asked = rfc2251.LDAPMessage()
        asked["messageID"] = 1
        asked["protocolOp"]["extendedReq"]["requestName"] = _START_TLS
        plain.sendall(encoder.encode(asked))
        try:
            answer, _ = decoder.decode(_message(plain), asn1Spec=rfc2251.LDAPMessage())
            result = answer["protocolOp"]["extendedResp"]
            code, why = int(result["resultCode"]), bytes(result["errorMessage"]).decode()
        except (PyAsn1Error, ValueError) as error:
            raise self._no("security", "speaks no LDAP at this port") from error
        if code != 0:
            raise self._no("security", f"refuses StartTLS: {why or f'result {code}'}. Use ldaps")

    def _told(self, error: Exception) -> ConnectorError:
        if isinstance(error, ConnectorError):
            return error
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._no(
                "ca_file",
                f"shows a certificate that is not to be trusted: {error.verify_message}. Give the"
                " authority that signed it by ca_file or ca_certificates, and in host the name that"
                " stands in it",
            )
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return self._no("security", f"does not speak TLS as it should: {error.reason}")
        if isinstance(error, ssl.SSLEOFError | ConnectionResetError):
            # what a domain controller without a certificate does
            return TransientConnectorError(
                self._vendor,
                f"host: {self._server} hung up before TLS was agreed on, as a domain controller"
                " without a certificate does",
            )
        return self._silent(error)

    def _no(self, setting: str, problem: str) -> PermanentConnectorError:
        return PermanentConnectorError(self._vendor, f"{setting}: {self._server} {problem}")

    def _silent(self, error: Exception) -> TransientConnectorError:
        what = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return TransientConnectorError(
            self._vendor, f"host: {self._server} does not answer: {what}"
        )


class _Pump(threading.Thread):
    """Carries bytes both ways until one side ends.

    Args:
        secure: the connection to the server.
        plain: our end of the pair.
    """

    def __init__(self, secure: ssl.SSLSocket, plain: socket.socket) -> None:
        super().__init__(name="ldap-line", daemon=True)
        self._secure = secure
        self._plain = plain
        self._to_server = bytearray()
        self._to_us = bytearray()
        secure.setblocking(False)
        plain.setblocking(False)

    def run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                while self._turn(selector):
                    pass
        except OSError as error:
            # libldap finds its own end closed, and says that the server is down
            log.info("the line to the directory ended: %s", error)
        finally:
            self._plain.close()
            self._secure.close()

    def end(self) -> None:
        """Wait until it has ended, which it does once the other end of the pair is closed."""
        self.join(_END_S)

    def _turn(self, selector: selectors.BaseSelector) -> bool:
        """Carry what there is; returns whether to go on."""
        self._watch(selector, self._plain, reads=not self._to_server, writes=bool(self._to_us))
        self._watch(selector, self._secure, reads=not self._to_us, writes=bool(self._to_server))
        # what TLS has read already does not show on its socket
        has_more = self._secure.pending() > 0 and not self._to_us
        ready = {key.fileobj for key, _ in selector.select(0 if has_more else None)}
        if self._plain in ready:
            if not self._to_server:
                block = _received(self._plain)
                if block == b"":
                    return False
                self._to_server += block or b""
            _sent(self._plain, self._to_us)
        if (self._secure in ready or has_more) and not self._to_us:
            block = _received(self._secure)
            if block == b"":
                return False
            self._to_us += block or b""
        _sent(self._secure, self._to_server)
        _sent(self._plain, self._to_us)
        return True

    def _watch(
        self, selector: selectors.BaseSelector, one: socket.socket, *, reads: bool, writes: bool
    ) -> None:
        events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if writes else 0)
        is_watched = one in selector.get_map()
        if events and is_watched:
            selector.modify(one, events)
        elif events:
            selector.register(one, events)
        elif is_watched:
            selector.unregister(one)


def _received(one: socket.socket) -> bytes | None:
    """Return what has come, b"" at the end, None: nothing now."""
    try:
        return one.recv(_BLOCK)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None


def _sent(one: socket.socket, waiting: bytearray) -> None:
    """Send what can be sent now, and take it away from what waits."""
    try:
        while waiting:
            del waiting[: one.send(waiting)]
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return


def _context(vendor: str, server: Server) -> ssl.SSLContext:
    """Return what verifies the server: by its authority, else by the public ones."""
    if server.ca_file is None and server.ca_certificates is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(
            cafile=None if server.ca_file is None else str(server.ca_file),
            cadata=server.ca_certificates,
        )
    except (OSError, ValueError) as error:
        setting = "ca_certificates" if server.ca_file is None else "ca_file"
        what = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise PermanentConnectorError(
            vendor, f"{setting}: no certificate can be read from it: {what}. Give PEM"
        ) from error


def _message(plain: socket.socket) -> bytes:
    """Read one message of BER, and not a byte more.

    Raises:
        ValueError: it is none, or too long.
        OSError: the connection ended.
    """
    head = _exactly(plain, 2)
    length = head[1]
    if length & 0x80:
        more = _exactly(plain, min(length & 0x7F, 8))
        head, length = head + more, int.from_bytes(more, "big")
    if head[0] != 0x30 or length > _LONGEST_ANSWER:
        raise ValueError("it is no LDAP message")
    return head + _exactly(plain, length)


def _exactly(plain: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        block: Any = plain.recv(length - len(found))
        if not block:
            raise ConnectionResetError("it hung up")
        found += block
    return found
