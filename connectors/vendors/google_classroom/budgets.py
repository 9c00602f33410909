"""Two budgets that one request is taken from: the user's, and that of the whole project."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.pacing import Pacer, Rate


class TwoBudgets:
    """A `Pacer` that takes each turn from a second account, too.

    Google counts requests by project and user, and by project over all users: districts that share
    a service account share the second.

    Args:
        pacer: keeps both.
        account: the second account.
        rate: its budget.
    """

    def __init__(self, pacer: Pacer, account: str, rate: Rate) -> None:
        self._pacer = pacer
        self._account = account
        self._rates = (rate,)

    def take(self, account: str, rates: Sequence[Rate], longest_s: float) -> float:
        """Take the next turn of both; returns the seconds until the later one."""
        wait_s = self._pacer.take(account, rates, longest_s)
        if wait_s > longest_s:
            return wait_s
        return max(wait_s, self._pacer.take(self._account, self._rates, longest_s))

    def hold(self, account: str, rates: Sequence[Rate], seconds: float) -> None:
        """Let nobody ask for the user's account for a while."""
        self._pacer.hold(account, rates, seconds)
