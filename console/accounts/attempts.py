"""How often a password may be tried: by account and by address, with a wait that doubles.

The longest wait of an account is short, so that a stranger who tries in vain cannot keep its owner
out; it still lets less than 100 attempts an hour through (OWASP ASVS 4.0.3, 2.2.1). An address may
try more often, since a whole school can stand behind one, and waits longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from console.accounts.random_ids import digest_of
from shared.db.accounts import fold_name
from shared.db.engine import Database
from shared.db.throttling import attempt, forgive, give_back
from shared.domain.throttling import Limit
from shared.errors import ThrottledError

BY_ACCOUNT = Limit(free=5, base_s=1, longest_s=60, window_s=3600)
BY_ADDRESS = Limit(free=30, base_s=1, longest_s=300, window_s=900)
#: The part of an IPv6 address that one household or school holds.
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from.

    Attributes:
        address: an IP address, None: it is not known.
        user_agent: what the browser says of itself, None: nothing.
    """

    address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that counts as failed, until it is told that it was not.

    Attributes:
        account_key: what counts the account's.
        address_key: what counts the address's; None: it is not known.
    """

    account_key: str
    address_key: str | None

    @classmethod
    def of(cls, name: str, address: str | None) -> Attempt:
        """Return the attempt for a sign-in name, which need not be anybody's."""
        return cls(
            digest_of(f"account {fold_name(name)}"),
            None if address is None else digest_of(f"address {_network(address)}"),
        )

    def begin(self, database: Database) -> None:
        """Count it. Commits.

        Raises:
            ThrottledError: it may not be made now; it was not counted either.
        """
        with database.write() as connection:
            wait_s = attempt(connection, self._limits(), database.now(connection))
        if wait_s > 0:
            raise ThrottledError(wait_s)

    def succeed(self, database: Database) -> None:
        """Let the account count from nothing, and give the address its attempt back. Commits."""
        with database.write() as connection:
            # in the order in which an attempt locks them
            for key in sorted(self._limits()):
                settle = forgive if key == self.account_key else give_back
                settle(connection, key)

    def _limits(self) -> dict[str, Limit]:
        limits = {self.account_key: BY_ACCOUNT}
        return limits if self.address_key is None else {**limits, self.address_key: BY_ADDRESS}


def _network(address: str) -> str:
    """Return what stands for an address: the address, or the network of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed)
