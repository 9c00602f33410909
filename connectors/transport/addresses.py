"""The addresses of a host to which a connection may go; see docs/decisions/011."""

from __future__ import annotations

import socket

from connectors.network import Network
from shared.errors import PermanentConnectorError


def reachable_addresses(vendor: str, network: Network, host: str, port: int) -> list[str]:
    """Resolve a host once, and return those of its addresses that may be reached, in their order.

    Whoever connects goes to one of them, and does not resolve the name again: what a name server
    says the second time has been judged by nobody.

    Args:
        vendor: the connector's name, for errors.
        network: says which addresses may be reached.
        host: a name or an address.
        port: of the connection.

    Raises:
        OSError: the name cannot be resolved.
        PermanentConnectorError: the host has addresses, and none that may be reached.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("it is no host name") from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    reachable = [address for address in addresses if network.may_reach(address)]
    if addresses and not reachable:
        raise PermanentConnectorError(
            vendor,
            f"{host} is inside a private network, which no app may reach. If it should, the"
            " operator must list that network in BELLRINGER_PRIVATE_NETWORKS",
        )
    return reachable
