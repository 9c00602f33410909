"""Signs in to an SSH server whose key is known, and opens SFTP.

A connection goes to an address that was judged. The server's key is pinned: it is compared before
anything of ours is sent, and is never taken on trust. The machine, an agent and `~/.ssh` play no
part.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paramiko import (
    AuthenticationException,
    BadAuthenticationType,
    MissingHostKeyPolicy,
    PKey,
    SFTPClient,
    SSHClient,
    SSHException,
    Transport,
)
from paramiko.ssh_exception import IncompatiblePeer

from connectors.transport.addresses import reachable_addresses
from connectors.transport.sftp_server import SftpServer
from connectors.transport.ssh_keys import private_key, public_keys, told
from shared.errors import PermanentConnectorError, TransientConnectorError

#: The signatures by which an RSA key proves itself; SHA-1 is not among them.
_SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


class _OtherKeyError(Exception):
    def __init__(self, key: PKey) -> None:
        super().__init__(told(key))


class _Pinned(MissingHostKeyPolicy):
    """Takes the pinned keys and no other; asked for every key, since the client knows none."""

    def __init__(self, pinned: list[PKey]) -> None:
        self._pinned = pinned

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        del client, hostname
        if key not in self._pinned:
            raise _OtherKeyError(key)


@contextmanager
def sftp_session(connector: str, server: SftpServer) -> Iterator[SFTPClient]:
    """Open an SFTP session and close it again.

    Raises:
        PermanentConnectorError: names the setting: another host key, or we are not let in.
        TransientConnectorError: the server does not answer now.
    """
    client = SSHClient()
    pinned = public_keys(server.sftp_host_key or "")
    client.set_missing_host_key_policy(_Pinned(pinned))
    try:
        sftp = _open(connector, server, client, pinned)
        yield sftp
    finally:
        client.close()


def _open(connector: str, server: SftpServer, client: SSHClient, pinned: list[PKey]) -> SFTPClient:
    host, wait = f"{server.sftp_host}:{server.sftp_port}", server.sftp_timeout_s
    proof = "sftp_private_key" if server.sftp_private_key is not None else "sftp_password"

    def no(setting: str, problem: str) -> PermanentConnectorError:
        return PermanentConnectorError(connector, f"{setting}: {host} {problem}")

    try:
        client.connect(
            server.sftp_host or "",
            server.sftp_port,
            server.sftp_user,
            **_proof(server),
            timeout=wait,
            banner_timeout=wait,
            auth_timeout=wait,
            channel_timeout=wait,
            allow_agent=False,
            look_for_keys=False,
            sock=_connected(connector, server),
            transport_factory=_Factory(pinned),
        )
        sftp = client.open_sftp()
    except _OtherKeyError as error:
        problem = f"shows another key than the pinned one, {error}. Ask its operator which is right"
        raise no("sftp_host_key", problem) from error
    except IncompatiblePeer as error:
        kinds = ", ".join(sorted({key.get_name() for key in pinned}))
        problem = f"has no host key of the pinned kind ({kinds}), or no algorithm of ours"
        raise no("sftp_host_key", problem) from error
    except BadAuthenticationType as error:
        ways = " or ".join(error.allowed_types)
        raise no(proof, f"does not let {server.sftp_user} in by it, but by {ways}") from error
    except AuthenticationException as error:
        # a server that falls silent or hangs up in the middle has refused nobody
        if "imeout" in str(error) or "EOF" in str(error):
            raise TransientConnectorError(connector, f"{host} hung up: {error}") from error
        problem = f"does not let {server.sftp_user} in. Correct it, or sftp_user"
        raise no(proof, problem) from error
    except (SSHException, OSError, EOFError) as error:
        raise unreachable(connector, server, error) from error
    channel = sftp.get_channel()
    if channel is not None:
        channel.settimeout(wait)
    return sftp


def _connected(connector: str, server: SftpServer) -> socket.socket:
    """Connect to one of the host's addresses that may be reached; see docs/decisions/011.

    Raises:
        PermanentConnectorError: it has none.
        OSError: there is no such host, or nobody answers there.
    """
    host, port = server.sftp_host or "", server.sftp_port
    failed: OSError | None = None
    for address in reachable_addresses(connector, server.network, host, port):
        try:
            return socket.create_connection((address, port), timeout=server.sftp_timeout_s)
        except OSError as error:
            failed = error
    raise failed or OSError("the host has no address")


def unreachable(connector: str, server: SftpServer, error: Exception) -> TransientConnectorError:
    """Return the error that says that the server does not answer now."""
    host = f"{server.sftp_host}:{server.sftp_port}"
    what = str(error) or type(error).__name__
    return TransientConnectorError(connector, f"sftp_host: {host} does not answer: {what}")


def _proof(server: SftpServer) -> dict[str, Any]:
    if server.sftp_private_key is not None:
        return {"pkey": private_key(server.sftp_private_key, server.sftp_passphrase)}
    password = server.sftp_password
    return {"password": password.get_secret_value() if password is not None else ""}


class _Factory:
    """Makes transports that ask for host keys of the pinned kinds alone."""

    def __init__(self, pinned: list[PKey]) -> None:
        kinds = dict.fromkeys(key.get_name() for key in pinned)
        self._names = [name for kind in kinds for name in _SIGNATURES.get(kind, (kind,))]

    def __call__(self, sock: Any, **options: Any) -> Transport:
        transport = Transport(sock, **options)
        transport.get_security_options().key_types = tuple(self._names)
        return transport
