"""What goes wrong by SFTP, told by the setting: the protocol has few words for it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from paramiko import SSHException

from connectors.transport.sftp_server import SftpServer
from connectors.transport.ssh import unreachable
from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

#: What a server says of an extension that it does not have.
_UNSUPPORTED = "unsupported"
#: What paramiko says of a connection that went away, without a number.
_CLOSED = "closed"


@contextmanager
def telling(connector: str, server: SftpServer, address: str, what: str) -> Iterator[None]:
    """Turn the errors of what is done within.

    Args:
        connector: whose errors are raised.
        server: the settings.
        address: of what is meant on it.
        what: is done to it, after "cannot": `be read`.

    Raises:
        PermanentConnectorError: names the setting: it is not there, or we may not.
        TransientConnectorError: the server does not answer now, or refuses without a reason.
    """
    try:
        yield
    except ConnectorError:
        raise
    except OSError as error:
        raise _told(error, connector, server, address, what) from error
    except (EOFError, SSHException) as error:
        raise unreachable(connector, server, error) from error


def refused(connector: str, address: str, problem: str) -> PermanentConnectorError:
    """Return the error that says what is wrong with what is meant on a server."""
    return PermanentConnectorError(connector, f"sftp_path: {address} {problem}")


def _told(
    error: OSError, connector: str, server: SftpServer, address: str, what: str
) -> ConnectorError:
    if error.errno == errno.ENOENT:
        return refused(connector, address, "is not there, or something in it went away")
    if error.errno == errno.EACCES:
        return refused(connector, address, f"cannot {what}: {server.sftp_user} may not")
    if _UNSUPPORTED in str(error):
        return PermanentConnectorError(
            connector,
            "sftp_rename: the server cannot replace a file in one step. Set it to remove_first"
            " if the vendor waits for quiet before it reads",
        )
    is_gone = isinstance(error, TimeoutError | ConnectionError) or _CLOSED in str(error)
    if is_gone or error.errno is not None:
        return unreachable(connector, server, error)
    return TransientConnectorError(
        connector,
        f"sftp_path: {address} cannot {what}: the server says {str(error)!r},"
        " as it does when its disk or a quota is full",
    )
