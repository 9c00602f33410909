"""What a connector that talks over the network is handed: shared budgets, and where it may go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from shared.domain.pacing import Pacer, Rate, reserve

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

#: IPv6 that stands for an IPv4 address in its last four bytes, where a gateway translates.
_TRANSLATED = ip_network("64:ff9b::/96")


class LocalPacer:
    """A `Pacer` of this process alone, for commands and tests; workers share the database's.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at: dict[tuple[str, Rate], float] = {}

    def take(self, account: str, rates: Sequence[Rate], longest_s: float) -> float:
        """Take the next turn; returns the seconds until then."""
        with self._lock:
            now = self._clock()
            turn = reserve(rates, [self._free_at.get((account, rate), 0.0) for rate in rates], now)
            if turn.at - now <= longest_s:
                for rate, free in zip(rates, turn.free_at, strict=True):
                    self._free_at[account, rate] = free
            return turn.at - now

    def hold(self, account: str, rates: Sequence[Rate], seconds: float) -> None:
        """Let nobody ask for a while."""
        with self._lock:
            for rate in rates:
                until = self._clock() + seconds + rate.burst * rate.interval_s
                free = self._free_at.get((account, rate), 0.0)
                self._free_at[account, rate] = max(free, until)


@dataclass(frozen=True, slots=True)
class Network:
    """How a connector reaches its vendor.

    Attributes:
        pacer: the budgets of vendor accounts.
        allowed: networks that are not the public internet, and may be reached all the same.
        wait: waits some seconds between tries, and returns True when the job must stop; None: as
            the connector likes. The conformance kit hands in its own, by which no time goes by.
    """

    pacer: Pacer = field(default_factory=LocalPacer)
    allowed: tuple[IPNetwork, ...] = ()
    wait: Callable[[float], object] | None = None

    def may_reach(self, address: str) -> bool:
        """Return whether an address is public, or in a network that the operator allows.

        >>> Network().may_reach("169.254.169.254"), Network().may_reach("::ffff:10.0.0.1")
        (False, False)
        """
        found = ip_address(address.partition("%")[0])
        reached = (found, *_within(found))
        if any(one in network for network in self.allowed for one in reached):
            return True
        return all(_is_public(one) for one in reached)


def parse_networks(text: str) -> tuple[IPNetwork, ...]:
    """Return the networks of a list with commas.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _within(address: IPAddress) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return ()
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _TRANSLATED:
        inner.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return tuple(one for one in inner if one is not None)


def _is_public(address: IPAddress) -> bool:
    is_site = isinstance(address, IPv6Address) and address.is_site_local
    is_mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    # what a mapped address is, the address within tells
    return (address.is_global or is_mapped) and not address.is_multicast and not is_site
