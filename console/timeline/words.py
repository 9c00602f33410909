"""The timeline in words: what is told of a job by its bar, and by its row of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.db.views import Shown
from shared.domain.phases import PhaseKind, tier_name
from shared.domain.states import UNFINISHED, JobState, Tier

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: The headings of the tiers.
TIER_LABELS = {tier: tier_name(tier).capitalize() for tier in Tier}


def duration(length: timedelta) -> str:
    """Say a length of time in its two largest units, from ten minutes on in whole minutes.

    >>> duration(timedelta(seconds=63)), duration(timedelta(hours=26, minutes=4))
    ('1 min 3 s', '1 d 2 h')
    """
    rest = int(length.total_seconds())
    if rest >= 600:
        rest -= rest % 60
    parts: list[str] = []
    for unit, seconds in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, rest = divmod(rest, seconds)
        if number:
            parts.append(f"{number} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "under 1 s"


class Clock:
    """Tells instants in one zone; an instant that is asked for again costs nothing.

    Args:
        zone: IANA name.
    """

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._known: dict[datetime, tuple[date, str]] = {}

    def day_time(self, at: datetime) -> str:
        """Return the day and the time, such as `8 Mar 02:00`, with seconds where it has any."""
        day, time = self._local(at)
        return f"{day.day} {_MONTHS[day.month - 1]} {time}"

    def span(self, since: datetime, until: datetime) -> str:
        """Return both ends; the second one's day only where it is another."""
        day, time = self._local(until)
        is_one_day = self._local(since)[0] == day
        return f"{self.day_time(since)}–{time if is_one_day else self.day_time(until)}"

    def _local(self, at: datetime) -> tuple[date, str]:
        known = self._known.get(at)
        if known is None:
            local = at.astimezone(self._zone)
            time = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
            known = self._known[at] = (local.date(), time)
        return known


@dataclass(frozen=True, slots=True)
class Row:
    """A job as a row of the table; times in the tenant's zone, an empty text where there is none.

    Attributes:
        waits: a sentence for each wait.
    """

    job: int
    href: str
    app: str
    tier: str
    mode: str
    state: str
    due: str
    started: str
    ended: str
    waited: str
    ran: str
    waits: list[str]
    reason: str


def instant(written: str) -> datetime:
    """Read an instant that `shared.db.views.iso` wrote."""
    return datetime.fromisoformat(written)


def app_name(app: str) -> str:
    """Return an app's name without its tenant's."""
    return app.partition("/")[2]


def sentences(job: Shown, clock: Clock) -> list[str]:
    """Say each phase of a job, in their order."""
    return [_phase(job, index, clock) for index in range(len(job["phases"]))]


def told(job: Shown, parts: Sequence[str], clock: Clock) -> str:
    """Say everything of a job in one line: what it is, how it stands, its phases, its reason."""
    head = f"{app_name(job['app'])}, {job['mode']}, {job['state']}"
    if not parts:
        parts = [f"due {clock.day_time(instant(job['due_at']))}"]
    reason = _reason(job)
    return f"{head}: {'; '.join(parts)}" + (f". {reason}" if reason else "")


def row(job: Shown, href: str, parts: Sequence[str], clock: Clock) -> Row:
    """Return a job as a row of the table; `parts` are its sentences."""
    waits = [i for i, phase in enumerate(job["phases"]) if phase["kind"] != PhaseKind.RUNNING]
    runs = [i for i, phase in enumerate(job["phases"]) if phase["kind"] == PhaseKind.RUNNING]

    def length(of: list[int]) -> str:
        return duration(sum((_length(job["phases"][i]) for i in of), timedelta())) if of else ""

    def at(field: str) -> str:
        return clock.day_time(instant(job[field])) if job[field] else ""

    return Row(
        job=job["id"],
        href=href,
        app=app_name(job["app"]),
        tier=TIER_LABELS[Tier(job["tier"])],
        mode=job["mode"],
        state=job["state"],
        due=at("due_at"),
        started=at("started_at"),
        ended=at("finished_at"),
        waited=length(waits),
        ran=length(runs),
        waits=[parts[i] for i in waits],
        reason=_reason(job),
    )


def _reason(job: Shown) -> str:
    """Return a job's reason, but not that of a hold: its phase says it, and more of it."""
    return "" if job["state"] == JobState.HELD else job["reason"] or ""


def _phase(job: Shown, index: int, clock: Clock) -> str:
    phase = job["phases"][index]
    since, until = instant(phase["from"]), instant(phase["to"])
    lasts = job["state"] in UNFINISHED and index + 1 == len(job["phases"])
    if lasts:
        return f"{phase['words']}, since {clock.day_time(since)} ({duration(until - since)})"
    return f"{phase['words']} {clock.span(since, until)} ({duration(until - since)})"


def _length(phase: Shown) -> timedelta:
    return instant(phase["to"]) - instant(phase["from"])
