"""The rollover: a period in which a tenant's imports, or removals alone, are suspended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.errors import ConfigurationError

#: What may be suspended.
SCOPES = ("imports", "removals")


@dataclass(frozen=True, slots=True)
class Rollover:
    """A period.

    Attributes:
        scope: imports, or removals.
        since: its first instant.
        until: the first instant after it.
        zone: the tenant's, in which it is told.
    """

    scope: str
    since: datetime
    until: datetime
    zone: str

    def covers(self, now: datetime) -> bool:
        """Return whether it is that time."""
        return self.since <= now < self.until

    def describe(self) -> str:
        """Say what is suspended, and until when.

        >>> since = datetime(2026, 8, 1, tzinfo=ZoneInfo("UTC"))
        >>> until = since + timedelta(days=8, hours=5)
        >>> Rollover("imports", since, until, "America/Chicago").describe()
        'rollover: imports are suspended until 2026-08-09 00:00 (America/Chicago)'
        """
        return f"rollover: {self.scope} are suspended until {_told(self.until, self.zone)}"

    def announce(self) -> str:
        """Say what will be suspended, and when."""
        since, until = (_told(at, self.zone) for at in (self.since, self.until))
        return f"rollover: {self.scope} will be suspended from {since} until {until}"


def parse_rollover(scope: str, since: str, until: str, zone: str) -> Rollover:
    """Return a rollover as a person gives it, in wall time of the tenant's zone.

    Args:
        scope: imports or removals.
        since: `YYYY-MM-DD`, from its midnight on, or `YYYY-MM-DDTHH:MM`.
        until: the same; a date alone is the last day, inclusive.
        zone: the tenant's.

    Raises:
        ConfigurationError: a word or a time is wrong, or the end is not after the begin.
    """
    if scope not in SCOPES:
        raise ConfigurationError("--suspend", f"there is no {scope!r}", "Give imports or removals.")
    made = Rollover(
        scope, _instant("--from", since, zone), _instant("--until", until, zone, days=1), zone
    )
    if made.until <= made.since:
        raise ConfigurationError("--until", f"{until} is not after {since}", "Give a later one.")
    return made


def _instant(field: str, text: str, zone: str, days: int = 0) -> datetime:
    try:
        if len(text) == len("2026-08-01"):
            day = date.fromisoformat(text) + timedelta(days=days)
            return datetime.combine(day, time(), ZoneInfo(zone))
        # only these digits: what else ISO 8601 allows would bring a zone of its own
        return datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=ZoneInfo(zone))
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(
            field, f"{text!r} is no date", "Give YYYY-MM-DD or YYYY-MM-DDTHH:MM."
        ) from error


def _told(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
