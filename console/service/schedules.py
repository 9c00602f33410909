"""Operations on schedules: when apps run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from pydantic import Field

from console.service.means import Means
from console.service.operation import Reach, operation
from console.service.wish import Wish
from shared.clock import SystemClock
from shared.db import schedules, views
from shared.db.asking import find_app
from shared.db.schedule_order import next_without_schedule, upstream_schedules
from shared.db.views import Shown, iso
from shared.domain.recurrence import (
    Occurrence,
    Recurrence,
    due,
    from_local_midnight,
    occurrences,
    parse_date,
)
from shared.domain.roles import Permission
from shared.domain.states import Mode, Tier
from shared.domain.upstream_due import Wait, find_waits

#: Of the runs that are shown, so many are compared with the schedules of other apps.
_LOOKED_AT = 5
#: After the runs that are shown, so far and so many further special ones are looked for.
_YEAR = timedelta(days=366)
_FURTHER = 366
#: So many of them are shown.
_MOST_LATER = 4
_TIERS = {Tier.IMPORT: "import", Tier.TWO_WAY: "2-way", Tier.EXPORT: "export"}


class NewSchedule(Wish):
    """A recurrence, in the words of `bellringer schedules set`.

    Attributes:
        frequency: daily, weekly or monthly.
        at: times of day, `HH:MM`.
        days: `mon,wed` (weekly) or `1,15,last` (monthly).
        cron: five numeric fields, in place of the three above.
        zone: IANA's name; None: the tenant's.
        start: the first date, `YYYY-MM-DD`.
        until: the last date, inclusive.
    """

    frequency: str | None = None
    at: tuple[str, ...] = ()
    days: str = ""
    cron: str | None = None
    zone: str | None = None
    start: str | None = None
    until: str | None = None

    def recurrence(self, zone: str) -> Recurrence:
        """Return it as a recurrence, in its zone or else in this one.

        Raises:
            ConfigurationError: a part is wrong; names it.
        """
        return Recurrence.parse(
            zone=self.zone or zone,
            frequency=self.frequency,
            at=self.at,
            days=self.days,
            cron=self.cron,
            start=self.start,
            until=self.until,
        )


class OutlookWish(NewSchedule):
    """A recurrence that an app may be given: how many of its runs are to be shown."""

    count: int = Field(default=10, ge=1, le=100)


class PreviewWish(NewSchedule):
    """A recurrence whose runs are to be shown: how many, and from which local midnight on."""

    count: int = Field(default=10, ge=1, le=10_000)
    first: str | None = None


@operation("GET", "/schedules", needs=Permission.VIEW, reach=Reach.CALLER)
def list_schedules(means: Means) -> list[Shown]:
    """List the schedules of all tenants that the caller may see."""
    with means.database.read() as connection:
        return views.list_schedules(connection, tenant_ids=means.caller.tenant_ids())


@operation("GET", "/tenants/{tenant}/apps/{app}/schedules", needs=Permission.VIEW)
def show_schedules(means: Means, tenant: str, app: str) -> list[Shown]:
    """Show an app's schedules, one a mode."""
    with means.database.read() as connection:
        _, app_id = find_app(connection, f"{tenant}/{app}")
        return views.list_schedules(connection, app_id)


@operation("PUT", "/tenants/{tenant}/apps/{app}/schedules/{mode}", needs=Permission.CONFIGURE)
def set_schedule(means: Means, tenant: str, app: str, mode: Mode, wish: NewSchedule) -> Shown:
    """Set an app's schedule in one mode, in place of the one it had."""
    with means.database.read() as connection:
        tenant_id, app_id = find_app(connection, f"{tenant}/{app}")
        zone = schedules.zone_of(connection, tenant_id)
    schedules.set_schedule(means.gate, f"{tenant}/{app}", mode, wish.recurrence(zone))
    with means.database.read() as connection:
        rows = views.list_schedules(connection, app_id)
    return next(row for row in rows if row["mode"] == mode)


@operation("DELETE", "/tenants/{tenant}/apps/{app}/schedules/{mode}", needs=Permission.CONFIGURE)
def remove_schedule(means: Means, tenant: str, app: str, mode: Mode) -> Shown:
    """Remove an app's schedule of a mode."""
    schedules.remove_schedule(means.gate, f"{tenant}/{app}", mode)
    return {"app": f"{tenant}/{app}", "mode": mode, "removed": True}


@operation("POST", "/schedule-preview", needs=Permission.VIEW, reach=Reach.CALLER, is_audited=False)
def preview_schedule(means: Means, wish: PreviewWish) -> list[Shown]:
    """Show the runs of a schedule that need not exist."""
    del means  # it asks no database
    return runs(wish)


# it changes nothing, and a form asks for it with every letter that is typed
@operation(
    "POST",
    "/tenants/{tenant}/apps/{app}/schedule-outlook",
    needs=Permission.VIEW,
    is_audited=False,
)
def show_outlook(means: Means, tenant: str, app: str, wish: OutlookWish) -> Shown:
    """Show what a schedule would mean for an app: its next runs, and for whom they would wait.

    The answer is `{"zone", "description", "runs", "later", "waits"}`: `runs` as `preview_schedule`
    has them; `later` those after them, within a year or so, of which a person should know something
    (clocks that are changed, a short month); a wait is `{"app", "tier", "due_at", "run_at",
    "is_same_time", "typical_s", "count", "told"}`, told in a sentence.
    """
    with means.database.read() as connection:
        tenant_id, app_id = find_app(connection, f"{tenant}/{app}")
        recurrence = wish.recurrence(schedules.zone_of(connection, tenant_id))
        before = upstream_schedules(connection, app_id)
        now = means.database.now(connection)
    upcoming = occurrences(recurrence, after=now, count=wish.count)
    return {
        "zone": recurrence.zone,
        "description": recurrence.describe(),
        "runs": [_run(one) for one in upcoming],
        "later": [_run(one) for one in _special_after(recurrence, upcoming)],
        "waits": [
            _wait(one, recurrence.zone, len(upcoming[:_LOOKED_AT]))
            for one in find_waits(upcoming[:_LOOKED_AT], before)
        ],
    }


@operation("GET", "/tenants/{tenant}/apps/{app}/next-to-schedule", needs=Permission.VIEW)
def next_to_schedule(means: Means, tenant: str, app: str) -> Shown:
    """Name the app that is to be scheduled after this one, in the order import, 2-way, export.

    The answer is `{"app": name or None}`; None: every other app has a schedule.
    """
    with means.database.read() as connection:
        _, app_id = find_app(connection, f"{tenant}/{app}")
        return {"app": next_without_schedule(connection, app_id)}


def runs(wish: PreviewWish) -> list[Shown]:
    """Return the runs of a recurrence: local time, UTC, and what is special about one.

    Raises:
        ConfigurationError: a part is wrong; names it.
    """
    recurrence = wish.recurrence("UTC")
    if wish.first is None:
        found = occurrences(recurrence, after=SystemClock().now(), count=wish.count)
    else:
        day = parse_date("--from", wish.first)
        found = from_local_midnight(recurrence, day, count=wish.count)
    return [_run(occurrence) for occurrence in islice(found, wish.count)]


def _special_after(recurrence: Recurrence, upcoming: Sequence[Occurrence]) -> list[Occurrence]:
    """Return the next occurrences after some of which a person should know something."""
    if not upcoming:
        return []
    last = upcoming[-1].at
    further = due(recurrence, after=last, until=last + _YEAR, limit=_FURTHER)
    return [one for one in further if one.note][:_MOST_LATER]


def _run(occurrence: Occurrence) -> Shown:
    there: datetime = occurrence.at.astimezone(ZoneInfo(occurrence.zone))
    return {
        "local": there.isoformat(),
        "utc": occurrence.at.isoformat().replace("+00:00", "Z"),
        "note": occurrence.note.replace("_", " ") if occurrence.note else None,
    }


def _wait(wait: Wait, zone: str, looked_at: int) -> Shown:
    upstream = wait.upstream
    return {
        "app": upstream.app,
        "tier": upstream.tier,
        "due_at": iso(wait.due_at),
        "run_at": iso(wait.run_at),
        "is_same_time": wait.is_same_time,
        "typical_s": upstream.typical_s,
        "count": wait.count,
        "told": _told(wait, ZoneInfo(zone), is_always=wait.count == looked_at),
    }


def _told(wait: Wait, zone: ZoneInfo, *, is_always: bool) -> str:
    """Say for whom runs wait, and that they start by themselves."""
    due_at = wait.due_at.astimezone(zone)
    which = f"{wait.upstream.app} ({_TIERS[wait.upstream.tier]}) is due at {due_at:%H:%M}"
    when = "" if is_always else f" on {due_at:%a} {due_at.day} {due_at:%b}"
    if wait.is_same_time:
        return f"{which}{when} too: this app will start when it has ended."
    minutes = max(1, round((wait.upstream.typical_s or 0) / 60))
    return (
        f"{which}{when} and usually takes {minutes} min: if it still runs, this app will start when"
        " it has ended."
    )
