"""The part of time that a timeline shows: zoom levels, neighbours, ticks, and clock changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.errors import ConfigurationError


class Zoom(StrEnum):
    """How long a window is."""

    HOUR = "1h"
    THREE_HOURS = "3h"
    SIX_HOURS = "6h"
    NIGHT = "12h"
    DAY = "24h"
    WEEK = "7d"

    @property
    def length(self) -> timedelta:
        """The window's length, in real time: a day of 25 hours is longer than one of 24."""
        number, unit = int(self[:-1]), self[-1]
        return timedelta(days=number) if unit == "d" else timedelta(hours=number)

    @property
    def tick(self) -> timedelta:
        """How far apart the ticks are, in wall time."""
        return _TICKS[self]

    @property
    def label(self) -> str:
        """The zoom level as people read it.

        >>> Zoom.HOUR.label, Zoom.WEEK.label
        ('1 h', '7 days')
        """
        return f"{self[:-1]} {'days' if self.endswith('d') else 'h'}"


_TICKS = {
    Zoom.HOUR: timedelta(minutes=10),
    Zoom.THREE_HOURS: timedelta(minutes=30),
    Zoom.SIX_HOURS: timedelta(hours=1),
    Zoom.NIGHT: timedelta(hours=1),
    Zoom.DAY: timedelta(hours=2),
    Zoom.WEEK: timedelta(days=1),
}
#: What the overview of all tenants offers: a week of a thousand districts is no picture.
OVERVIEW_ZOOMS = tuple(zoom for zoom in Zoom if zoom is not Zoom.WEEK)

#: How finely a change of the clocks is looked for; two never lie closer together.
_SCAN = timedelta(hours=6)
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tick:
    """A wall time on the axis.

    Attributes:
        label: the time of day; empty where ticks are days.
        day: the day, where one begins, or the axis does; None elsewhere.
    """

    at: datetime
    label: str
    day: str | None


@dataclass(frozen=True, slots=True)
class ClockChange:
    """An instant at which the zone's clocks are put forward or back."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Window:
    """A period, as long as its zoom level, in a zone.

    Attributes:
        since: the first instant, aware, in UTC.
        zone: IANA name.
    """

    since: datetime
    zoom: Zoom
    zone: str

    @classmethod
    def parse(
        cls,
        *,
        zoom: str | None,
        since: str | None,
        zone: str,
        now: datetime,
        among: Sequence[Zoom] = tuple(Zoom),
    ) -> Window:
        """Read what an address says.

        Args:
            zoom: a zoom level; None: 12 hours.
            since: an instant in ISO 8601 with its offset; None: so that now is the last full tick.
            zone: IANA name of the zone in which ticks stand.
            now: the database's clock.
            among: the zoom levels that there are.

        Raises:
            ConfigurationError: names the parameter that is wrong, and the fix.
        """
        if zoom is not None and zoom not in among:
            raise ConfigurationError(
                "zoom", f"there is no {zoom!r}", f"Give one of {', '.join(among)}."
            )
        level = Zoom.NIGHT if zoom is None else Zoom(zoom)
        start = _ending_after(now, level, zone) if since is None else _instant(since)
        return cls(start, level, zone)

    @property
    def until(self) -> datetime:
        """The first instant after the window."""
        return self.since + self.zoom.length

    @property
    def earlier(self) -> Window:
        """The window before this one."""
        return Window(_within(self.since - self.zoom.length), self.zoom, self.zone)

    @property
    def later(self) -> Window:
        """The window after this one."""
        return Window(_within(self.until), self.zoom, self.zone)

    def zoomed(self, zoom: Zoom, around: datetime | None = None) -> Window:
        """Return a window of another length around an instant, by default this one's middle."""
        middle = around or self.since + self.zoom.length / 2
        start = (middle - zoom.length / 2).replace(second=0, microsecond=0)
        return Window(_within(start), zoom, self.zone)

    def contains(self, at: datetime) -> bool:
        """Whether an instant lies in the window."""
        return self.since <= at < self.until

    @property
    def query(self) -> str:
        """The window as the query of an address."""
        return f"zoom={self.zoom}&since={self.since:%Y-%m-%dT%H:%M:%SZ}"

    def ticks(self) -> list[Tick]:
        """Return the wall times of the axis that lie in the window, ascending.

        A wall time that comes twice stands there twice, with its zone's abbreviation; one that the
        clocks leave out does not.
        """
        zone = ZoneInfo(self.zone)
        found: list[Tick] = []
        for at in self._instants(zone):
            local = at.astimezone(zone)
            begins_day = (local.hour, local.minute) == (0, 0) or not found
            label = "" if self.zoom is Zoom.WEEK else f"{local:%H:%M}"
            if label and _is_ambiguous(local):
                label += f" {_abbreviation(local)}"
            day = f"{local:%a} {local.day} {local:%b}" if begins_day else None
            found.append(Tick(at, label, day))
        return found

    def _instants(self, zone: ZoneInfo) -> list[datetime]:
        step = self.zoom.tick
        local = self.since.astimezone(zone).replace(tzinfo=None)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        # a day ahead and two after, since the clocks may be put by as much as one
        wall = midnight + (local - midnight) // step * step - timedelta(days=1)
        end = wall + self.zoom.length + timedelta(days=3)
        found: set[datetime] = set()
        while wall <= end:
            for fold in (0, 1):
                at = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
                exists = at.astimezone(zone).replace(tzinfo=None) == wall
                if exists and self.contains(at):
                    found.add(at)
            wall += step
        return sorted(found)

    def clock_changes(self) -> list[ClockChange]:
        """Return the changes of the zone's clocks in the window, ascending."""
        zone = ZoneInfo(self.zone)
        return [_told(at, zone) for at in self._changes(zone)]

    def _changes(self, zone: ZoneInfo) -> Iterator[datetime]:
        before = self.since - timedelta(seconds=1)
        while before < self.until - timedelta(seconds=1):
            after = min(before + _SCAN, self.until - timedelta(seconds=1))
            if _offset(before, zone) != _offset(after, zone):
                yield _first_after_change(before, after, zone)
            before = after


def _ending_after(now: datetime, zoom: Zoom, zone: str) -> datetime:
    """Return the start of a window whose last tick but one is the tick before now."""
    local = now.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    since_midnight = local.replace(tzinfo=None) - midnight
    behind = since_midnight % zoom.tick
    return _within((now - behind + zoom.tick - zoom.length).astimezone(UTC))


def _instant(written: str) -> datetime:
    fix = "Give an instant such as 2026-03-08T06:00:00Z."
    try:
        at = datetime.fromisoformat(written)
    except ValueError as error:
        raise ConfigurationError("since", f"{written!r} is no instant", fix) from error
    if at.tzinfo is None:
        raise ConfigurationError("since", f"{written!r} has no offset", fix)
    try:
        at = at.astimezone(UTC)
    except OverflowError as error:
        raise ConfigurationError("since", f"{written!r} is no instant", fix) from error
    if not _EARLIEST <= at <= _LATEST:
        raise ConfigurationError("since", f"{written!r} is out of reach", fix)
    return at.replace(microsecond=0)


def _within(at: datetime) -> datetime:
    return min(max(at, _EARLIEST), _LATEST)


def _is_ambiguous(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _abbreviation(local: datetime) -> str:
    """Return a zone's abbreviation; of a zone without one, its offset."""
    name = f"{local:%Z}"
    return name if name[:1].isalpha() else f"UTC{name}"


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _first_after_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Halve the way between two instants of different offsets down to a second."""
    old = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset(middle, zone) == old:
            before = middle
        else:
            after = middle
    return after


def _told(at: datetime, zone: ZoneInfo) -> ClockChange:
    new = at.astimezone(zone)
    before = (at - timedelta(seconds=1)).astimezone(zone)
    shift = (new.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
    old = (at + (before.utcoffset() or timedelta())).replace(tzinfo=None)
    direction = "forward" if shift > timedelta() else "back"
    minutes = int(abs(shift).total_seconds() // 60)
    by = f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
    was = f"{old:%H:%M} {_abbreviation(before)}"
    return ClockChange(at, f"clocks go {direction} {by}: {was} is {new:%H:%M} {_abbreviation(new)}")
