"""When a schedule runs: recurrences in wall time, turned into instants by rules of our own.

A recurrence becomes numeric five-field cron, and croniter is asked in *naive wall time*; the wall
time is then mapped to an instant with zoneinfo. (An aware croniter 7 fires a fixed time twice on
the autumn day, reads `1-1` as every day, and takes six and seven fields without a word.)

The rules: one run per schedule and local date and time. In a gap, once, at the first instant after
it. In a fold, the first of the two; but a cron expression whose hour field has a wildcard or a step
follows real time through both. A day of the month that a month lacks means its last day. A
calendar day that a zone skips has no run. Two times that fall on one instant are one run. The end
date is inclusive, in the schedule's zone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from shared.domain.cron import check_cron, follows_real_time
from shared.domain.zones import check_zone
from shared.errors import ConfigurationError

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LAST = "last"

#: Every offset of the zone database lies within this of UTC.
_WIDEST = timedelta(hours=26)
#: The first date that may be given: before it, zones have no offsets that mean anything.
FIRST_DATE = date(1900, 1, 1)
#: No run is looked for from this year on; what comes after the next February 29 must be a date too.
_END_YEAR = 9980


class Frequency(StrEnum):
    """How often a recurrence runs."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Note(StrEnum):
    """What a person should know of an occurrence."""

    #: The wall time does not exist that day: it runs right after the gap.
    GAP = "gap"
    #: The wall time comes twice that day: it runs the first time.
    FOLD = "fold"
    #: The month lacks the day: it runs on its last one.
    SHORT_MONTH = "short_month"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One due time: the instant, the wall time that it stands for, and the zone."""

    at: datetime
    wall: datetime
    zone: str
    note: Note | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """When a schedule runs; make one with `parse` or `from_json`, which check it.

    Attributes:
        frequency: None with `cron`.
        times: wall times, ascending, unique.
        days: weekdays, or days of the month and `last`; empty with daily and with `cron`.
        cron: a strict five-field expression.
        zone: IANA name.
        start: the first local date; None: any.
        until: the last local date, inclusive; None: for ever.
    """

    zone: str
    frequency: Frequency | None = None
    times: tuple[time, ...] = ()
    days: tuple[str, ...] = ()
    cron: str | None = None
    start: date | None = None
    until: date | None = None

    @classmethod
    def parse(
        cls,
        *,
        zone: str,
        frequency: str | None = None,
        at: Iterable[str] = (),
        days: str = "",
        cron: str | None = None,
        start: str | None = None,
        until: str | None = None,
    ) -> Recurrence:
        """Read what a person typed.

        Args:
            zone: IANA name.
            frequency: daily, weekly or monthly; None with `cron`.
            at: wall times `HH:MM`.
            days: comma-separated: `mon,wed` (weekly) or `1,15,last` (monthly).
            cron: a five-field expression, instead of all of these.
            start: `YYYY-MM-DD`, the first local date.
            until: `YYYY-MM-DD`, the last one, inclusive.

        Raises:
            ConfigurationError: names the option that is wrong, and the fix.
        """
        check_zone(zone)
        first = None if start is None else parse_date("--start", start)
        last = None if until is None else parse_date("--until", until)
        if first and last and last < first:
            raise _ends_before("--start", first, last)
        listed = tuple(at)
        if cron is not None:
            if frequency or listed or days:
                raise ConfigurationError(
                    "--cron",
                    "it stands beside --frequency, --at or --days",
                    "Give either an expression or these.",
                )
            return cls(zone=zone, cron=check_cron(cron), start=first, until=last)
        if frequency is None or frequency not in set(Frequency):
            raise ConfigurationError(
                "--frequency",
                "none is given" if frequency is None else f"there is no {frequency!r}",
                f"Give one of {', '.join(Frequency)}, or --cron.",
            )
        chosen = Frequency(frequency)
        return cls(
            zone=zone,
            frequency=chosen,
            times=_times(listed),
            days=_days(chosen, days),
            start=first,
            until=last,
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Recurrence:
        """Read what `to_json` wrote."""
        return cls(
            zone=stored["zone"],
            frequency=Frequency(stored["frequency"]) if stored.get("frequency") else None,
            times=tuple(time.fromisoformat(value) for value in stored.get("times", ())),
            days=tuple(stored.get("days", ())),
            cron=stored.get("cron"),
            start=date.fromisoformat(stored["start"]) if stored.get("start") else None,
            until=date.fromisoformat(stored["until"]) if stored.get("until") else None,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the recurrence as JSON values; absent parts are left out."""
        stored: dict[str, Any] = {"zone": self.zone}
        if self.frequency:
            stored["frequency"] = self.frequency.value
            stored["times"] = [f"{value:%H:%M}" for value in self.times]
            stored["days"] = list(self.days)
        if self.cron:
            stored["cron"] = self.cron
        for name, day in (("start", self.start), ("until", self.until)):
            if day:
                stored[name] = day.isoformat()
        return stored

    def describe(self) -> str:
        """Say the recurrence in one line.

        >>> Recurrence.parse(zone="UTC", frequency="weekly", at=["02:30"], days="mon").describe()
        'weekly on Mon at 02:30 (UTC)'
        """
        if self.cron:
            told = f"cron {self.cron}"
        else:
            is_weekly = self.frequency is Frequency.WEEKLY
            named = (day.capitalize() if is_weekly else day for day in self.days)
            days = f" on {', '.join(named)}" if self.days else ""
            told = f"{self.frequency}{days} at {', '.join(f'{t:%H:%M}' for t in self.times)}"
        told += f" ({self.zone})"
        if self.start:
            told += f", from {self.start}"
        return told + (f", until {self.until}" if self.until else "")

    @property
    def expressions(self) -> tuple[str, ...]:
        """The numeric five-field cron expressions whose wall times, together, are meant."""
        if self.cron:
            return (self.cron,)
        return tuple(f"{t.minute} {t.hour} {day}" for t in self.times for day in self._day_fields())

    def _day_fields(self) -> tuple[str, ...]:
        match self.frequency:
            case Frequency.WEEKLY:
                numbers = sorted(WEEKDAYS.index(day) for day in self.days)
                return (f"* * {','.join(str(number) for number in numbers)}",)
            case Frequency.MONTHLY:
                days = {28, 29, 30, 31} if self._late_days() else set()
                days |= {int(day) for day in self.days if day != LAST and int(day) < 29}
                return (f"{','.join(str(day) for day in sorted(days))} * *",)
            case _:
                return ("* * *",)

    def _late_days(self) -> set[int]:
        """Return the days of the month that some month lacks; `last` is 31."""
        late = {31 if day == LAST else int(day) for day in self.days}
        return {day for day in late if day > 28}

    def _is_meant(self, wall: datetime) -> bool:
        """Filter what a monthly expression finds: its late days were asked as 28 to 31."""
        if self.frequency is not Frequency.MONTHLY:
            return True
        length = _month_length(wall.date())
        return str(wall.day) in self.days or any(
            min(day, length) == wall.day for day in self._late_days()
        )

    def _note(self, wall: datetime) -> Note | None:
        if self.frequency is not Frequency.MONTHLY or str(wall.day) in self.days:
            return None
        wanted = {day for day in self._late_days() if str(day) in self.days}
        return Note.SHORT_MONTH if any(day > wall.day for day in wanted) else None


def next_occurrence(recurrence: Recurrence, after: datetime) -> Occurrence | None:
    """Return the first occurrence strictly after an aware instant; None: it has ended.

    >>> daily = Recurrence.parse(zone="America/New_York", frequency="daily", at=["02:30"])
    >>> next_occurrence(daily, datetime(2026, 3, 7, 12, tzinfo=UTC)).at.isoformat()
    '2026-03-08T07:00:00+00:00'
    """
    return next(iterate(recurrence, after), None)


def occurrences(recurrence: Recurrence, *, after: datetime, count: int) -> list[Occurrence]:
    """Return at most `count` occurrences strictly after an aware instant, ascending."""
    return list(islice(iterate(recurrence, after), count))


def from_local_midnight(recurrence: Recurrence, day: date, *, count: int) -> list[Occurrence]:
    """Return at most `count` occurrences from a local date's first instant on, ascending.

    Raises:
        ConfigurationError: the recurrence ends before that date.
    """
    if recurrence.until and recurrence.until < day:
        raise _ends_before("--from", day, recurrence.until)
    zone = ZoneInfo(recurrence.zone)
    midnight = _instant(datetime.combine(day, time.min), zone)[0]
    return occurrences(recurrence, after=midnight - timedelta(microseconds=1), count=count)


def due(
    recurrence: Recurrence, *, after: datetime, until: datetime, limit: int
) -> list[Occurrence]:
    """Return the occurrences in `(after, until]`, ascending, at most the `limit` oldest."""
    up_to_now = takewhile(lambda occurrence: occurrence.at <= until, iterate(recurrence, after))
    return list(islice(up_to_now, limit))


def iterate(recurrence: Recurrence, after: datetime) -> Iterator[Occurrence]:
    """Yield every occurrence strictly after an aware instant, in strictly ascending order."""
    zone = ZoneInfo(recurrence.zone)
    last = after
    # a wall time may map to an instant out of order (around a transition), so a day's worth of
    # them is looked at together before any of them is told
    window: list[Occurrence] = []
    for wall in _walls(recurrence, after):
        for occurrence in _occurrences_of(recurrence, wall, zone):
            if occurrence.at > after:
                window.append(occurrence)
        horizon = wall.replace(tzinfo=UTC) - _WIDEST
        window.sort(key=lambda occurrence: occurrence.at)
        while window and window[0].at < horizon:
            first = window.pop(0)
            if first.at > last:
                last = first.at
                yield first
    for occurrence in sorted(window, key=lambda occurrence: occurrence.at):
        if occurrence.at > last:
            last = occurrence.at
            yield occurrence


def stable_spread(key: str, window_s: int) -> int:
    """Return seconds in `[0, window_s)`, always the same for a key, spread evenly over keys.

    >>> 0 <= stable_spread("oakfield", 600) < 600
    True
    """
    if window_s <= 0:
        return 0
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % window_s


def _walls(recurrence: Recurrence, after: datetime) -> Iterator[datetime]:
    """Yield the wall times asked for, ascending, beginning before any that could still matter."""
    begin = after.astimezone(UTC).replace(tzinfo=None) - _WIDEST
    if recurrence.start:
        begin = max(begin, datetime.combine(recurrence.start, time.min) - timedelta(seconds=1))
    streams = [_stream(expression, begin) for expression in recurrence.expressions]
    heads = [next(stream, None) for stream in streams]
    while any(head is not None for head in heads):
        wall = min(head for head in heads if head is not None)
        for index, head in enumerate(heads):
            if head == wall:
                heads[index] = next(streams[index], None)
        if recurrence.until and wall.date() > recurrence.until:
            return
        if recurrence._is_meant(wall):
            yield wall


def _stream(expression: str, begin: datetime) -> Iterator[datetime]:
    wall = begin
    found = croniter(expression, begin, max_years_between_matches=10)
    while wall.year < _END_YEAR:
        wall = found.get_next(datetime)
        yield wall


def _occurrences_of(recurrence: Recurrence, wall: datetime, zone: ZoneInfo) -> Iterator[Occurrence]:
    first, second, note = _instant_and_note(wall, zone)
    real_time = recurrence.cron is not None and follows_real_time(recurrence.cron)
    if first.astimezone(zone).date() != wall.date() and not _reaches(wall.date(), zone):
        return  # the zone has skipped the whole day
    if recurrence.until and first.astimezone(zone).date() > recurrence.until:
        return
    if note is Note.GAP and real_time:
        return  # the hours that do not exist have no runs of their own
    noted = note or recurrence._note(wall)
    yield Occurrence(at=first, wall=wall, zone=recurrence.zone, note=noted)
    if note is Note.FOLD and real_time:
        yield Occurrence(at=second, wall=wall, zone=recurrence.zone, note=noted)


def _instant_and_note(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime, Note | None]:
    first, second = _instant(wall, zone)
    if first.astimezone(zone).replace(tzinfo=None) != wall:
        return first, second, Note.GAP
    return first, second, Note.FOLD if second != first else None


def _instant(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Map a wall time to its first and its second instant; in a gap both are the one after it."""
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if early <= late:
        return early, late
    # in a gap fold=0 reads the offset before it and lands after it, by what the gap is long
    after_gap = _transition(late, early, zone)
    return after_gap, after_gap


def _transition(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant in `(low, high]` that has the offset of `high`."""
    offset = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high


def _reaches(day: date, zone: ZoneInfo) -> bool:
    """Whether a local calendar day exists in a zone."""
    noon = datetime.combine(day, time(12)).replace(tzinfo=UTC)
    return any(
        (noon + timedelta(minutes=15 * step)).astimezone(zone).date() == day
        for step in range(-160, 161)
    )


@lru_cache(maxsize=4096)
def _month_length(day: date) -> int:
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return (following - timedelta(days=1)).day


def parse_date(option: str, value: str) -> date:
    """Read a date that a person typed.

    Raises:
        ConfigurationError: it is none, or before 1900; names the option.
    """
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise ConfigurationError(
            option, f"{value!r} is not a date", "Give YYYY-MM-DD, such as 2027-06-30."
        ) from error
    if day < FIRST_DATE:
        raise ConfigurationError(option, f"{day} is too early", f"Give {FIRST_DATE} or later.")
    return day


def _ends_before(option: str, first: date, last: date) -> ConfigurationError:
    return ConfigurationError(
        "--until", f"{last} is before {option} {first}", "Give a later end date."
    )


def _times(values: tuple[str, ...]) -> tuple[time, ...]:
    parsed = set()
    for value in (part.strip() for text in values for part in text.split(",")):
        try:
            parsed.add(datetime.strptime(value, "%H:%M").time())  # noqa: DTZ007
        except ValueError as error:
            raise ConfigurationError(
                "--at", f"{value!r} is not a time of day", "Give HH:MM, 00:00 to 23:59."
            ) from error
    if not parsed:
        raise ConfigurationError("--at", "none is given", "Give HH:MM, such as 02:30.")
    return tuple(sorted(parsed))


def _days(frequency: Frequency, text: str) -> tuple[str, ...]:
    given = [part.strip().lower() for part in text.split(",") if part.strip()]
    match frequency:
        case Frequency.DAILY:
            if given:
                raise ConfigurationError(
                    "--days", "a daily schedule has none", "Leave it out, or make it weekly."
                )
            return ()
        case Frequency.WEEKLY:
            for day in given:
                if day not in WEEKDAYS:
                    raise ConfigurationError(
                        "--days",
                        f"{day!r} is not a weekday",
                        f"Give some of {', '.join(WEEKDAYS)}.",
                    )
            order = (*WEEKDAYS[1:], WEEKDAYS[0])
            chosen = tuple(sorted(set(given), key=order.index))
        case Frequency.MONTHLY:
            chosen = tuple(sorted({_month_day(day) for day in given}, key=_month_order))
    if not chosen:
        raise ConfigurationError(
            "--days",
            f"a {frequency} schedule needs some",
            "Give mon,wed or 1,15,last." if frequency is Frequency.WEEKLY else "Give 1,15,last.",
        )
    return chosen


def _month_day(day: str) -> str:
    if day == LAST:
        return day
    if not day.isascii() or not day.isdigit() or not 1 <= int(day) <= 31:
        raise ConfigurationError(
            "--days", f"{day} is not a day of a month", "Give 1 to 31, or last."
        )
    return str(int(day))


def _month_order(day: str) -> int:
    return 32 if day == LAST else int(day)
