"""What an operation works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.accounts.caller import Caller
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.messages import Publication
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Means:
    """What an operation works with.

    Attributes:
        settings: of this process.
        database: migrated.
        gate: to it.
        relay: publishes what a commit has caused.
        caller: who asks; that they may has been seen to before.
    """

    settings: Settings
    database: Database
    gate: Gate
    relay: Callable[[Sequence[Publication]], None]
    caller: Caller

    def signed(self, by: str | None = None) -> str | None:
        """Return who has asked for something, for the thing's own history: an account's name first.

        Args:
            by: for whom, in the caller's words; nobody can use them to be somebody else.
        """
        if self.caller.name is None or by is None or by == self.caller.name:
            return self.caller.name or by
        return f"{self.caller.name} for {by}"

    @property
    def actor(self) -> str:
        """Return the word for a job's history: by which door it was done."""
        return str(self.caller.via)
