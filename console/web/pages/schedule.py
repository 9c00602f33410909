"""Settings > Schedule: when an app runs by itself; with what that means before it is saved."""

from __future__ import annotations

from typing import Any

from console.service import schedules
from console.web.forms import listed, problems_of, sentence
from console.web.page import Data, Redirect, Refused, page
from console.web.pages.settings_head import head, stay, steps
from console.web.visit import Visit
from shared.domain.recurrence import LAST
from shared.domain.roles import Permission
from shared.domain.states import Mode
from shared.errors import ConfigurationError, NotFoundError

_PATH = "/tenants/{tenant}/apps/{app}/settings/schedule"
_FORM = "settings/schedule_form.html"
#: What a form calls an expression in place of a frequency.
_CRON = "cron"
#: The form's fields, by what an error calls them.
_FIELDS = ("frequency", "at", "more", "days", "cron", "zone", "start", "until")
_WEEKDAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
#: Zones that are offered; any of IANA's can be typed.
_ZONES = (
    "America/Anchorage",
    "America/Chicago",
    "America/Denver",
    "America/Halifax",
    "America/Los_Angeles",
    "America/New_York",
    "America/Phoenix",
    "America/Puerto_Rico",
    "Pacific/Guam",
    "Pacific/Honolulu",
    "UTC",
)


@page("GET", _PATH, needs=Permission.CONFIGURE, template="settings/schedule.html")
def overview(visit: Visit, tenant: str, app: str) -> Data:
    """Show the app's schedules, one a mode, and which app is to be scheduled next."""
    data = head(visit, tenant, app, "schedule")
    there = _by_mode(visit, tenant, app)
    modes = [mode for mode in Mode if mode in data["app"]["modes"]]
    following = visit.desk.call(schedules.next_to_schedule, tenant=tenant, app=app)
    return {
        **data,
        "schedules": [
            {"mode": mode, "title": _title(data, mode), "schedule": there.get(mode)}
            for mode in modes
        ],
        "next_app": following["app"] if there else None,
        "steps": _steps(data, tenant, app),
    }


@page("GET", f"{_PATH}/{{mode}}", needs=Permission.CONFIGURE, template=_FORM)
def form(visit: Visit, tenant: str, app: str, mode: Mode) -> Data:
    """Show one schedule as a form, and its next runs."""
    data = _form(visit, tenant, app, mode)
    stored = data["schedule"]["recurrence"] if data["schedule"] else {}
    values = _stored(stored, data["tenant_zone"])
    return {**data, "values": values, "outlook": _outlook(visit, tenant, app, values)}


@page("POST", f"{_PATH}/{{mode}}", needs=Permission.CONFIGURE, template=_FORM)
def save(visit: Visit, tenant: str, app: str, mode: Mode) -> Data | Redirect | Refused:
    """Set the schedule, or show what it would mean."""
    data = _form(visit, tenant, app, mode)
    values = _sent(visit)
    try:
        wish = schedules.NewSchedule(**_recurrence(values))
        if visit.text("action") == "preview":
            return {**data, "values": values, "outlook": _outlook(visit, tenant, app, values)}
        visit.desk.call(schedules.set_schedule, tenant=tenant, app=app, mode=mode, wish=wish)
    except ConfigurationError as error:
        problems = problems_of(error, _FIELDS, "at")
        if "at" in problems and values["at"] and values["more"]:
            # a browser sends a time in the first of both fields, and anything in the second
            problems = {"more": problems["at"]}
        if values["frequency"] == "weekly" and "days" in problems:
            problems = {"weekdays": problems["days"]}
        return Refused({**data, "values": values, "problems": problems})
    return Redirect(stay(tenant, app, "schedule"), f"The {_title(data, mode)} is saved.")


@page("POST", f"{_PATH}/{{mode}}/remove", needs=Permission.CONFIGURE)
def remove(visit: Visit, tenant: str, app: str, mode: Mode) -> Redirect:
    """Remove the schedule."""
    data = head(visit, tenant, app, "schedule")
    visit.desk.call(schedules.remove_schedule, tenant=tenant, app=app, mode=mode)
    return Redirect(stay(tenant, app, "schedule"), f"The {_title(data, mode)} is removed.")


def _form(visit: Visit, tenant: str, app: str, mode: Mode) -> Data:
    data = head(visit, tenant, app, "schedule")
    if mode not in data["app"]["modes"]:
        raise NotFoundError("mode", f"{app} has no {mode} sync", "Choose another schedule.")
    zone = visit.desk.tenant(tenant).zone
    return {
        **data,
        "mode": mode,
        "title": _title(data, mode),
        "schedule": _by_mode(visit, tenant, app).get(mode),
        "tenant_zone": zone,
        "zones": sorted({zone, *_ZONES}),
        "weekdays": list(_WEEKDAYS.items()),
        "problems": {},
        "outlook": {"runs": [], "later": [], "waits": [], "problem": None},
        "steps": _steps(data, tenant, app),
    }


def _steps(data: Data, tenant: str, app: str) -> list[Data]:
    """Return the steps of the activation, while the app is being set up."""
    return steps(tenant, app, data["setup"], "schedule") if data["setup"] else []


def _by_mode(visit: Visit, tenant: str, app: str) -> dict[str, Any]:
    found = visit.desk.call(schedules.show_schedules, tenant=tenant, app=app)
    return {one["mode"]: one for one in found}


def _title(data: Data, mode: Mode) -> str:
    """Return what a schedule is called; where there is one mode alone, it needs no name."""
    if len(data["app"]["modes"]) == 1:
        return "Sync Schedule"
    return "Full Sync Schedule" if mode is Mode.FULL else "Incremental Sync Schedule"


def _outlook(visit: Visit, tenant: str, app: str, values: Data) -> Data:
    """Return what a schedule would mean; one that is not whole yet has a problem instead."""
    try:
        wish = schedules.OutlookWish(**_recurrence(values))
        found = visit.desk.call(schedules.show_outlook, tenant=tenant, app=app, wish=wish)
    except ConfigurationError as error:
        return {"runs": [], "later": [], "waits": [], "problem": sentence(error)}
    return {**found, "problem": None if found["runs"] else "No run is left before the end date."}


def _stored(recurrence: dict[str, Any], zone: str) -> Data:
    """Return a stored recurrence as the form shows it; none: a new one, every night."""
    times = recurrence.get("times") or (["02:00"] if not recurrence else [])
    frequency = recurrence.get("frequency")
    days = recurrence.get("days", [])
    return {
        "frequency": _CRON if recurrence.get("cron") else frequency or "daily",
        "at": times[0] if times else "",
        "more": ", ".join(times[1:]),
        "weekdays": days if frequency == "weekly" else [],
        "days": ", ".join(days) if frequency == "monthly" else "",
        "cron": recurrence.get("cron", ""),
        "zone": recurrence.get("zone", zone),
        "start": recurrence.get("start", ""),
        "until": recurrence.get("until", ""),
    }


def _sent(visit: Visit) -> Data:
    names = ("frequency", "at", "more", "days", "cron", "zone", "start", "until")
    return {**{name: visit.text(name) for name in names}, "weekdays": visit.texts("weekdays")}


def _recurrence(values: Data) -> dict[str, Any]:
    """Return a form as `NewSchedule` takes it; what is of another frequency counts for nothing."""
    common = {name: values[name] or None for name in ("zone", "start", "until")}
    frequency = values["frequency"]
    if frequency == _CRON:
        return {**common, "cron": values["cron"]}
    days = {
        "weekly": ",".join(values["weekdays"]),
        "monthly": ",".join(_month_days(values["days"])),
    }
    at = [values["at"], *listed(values["more"])]
    return {
        **common,
        "frequency": frequency or None,
        # a browser may send seconds, which are always 00
        "at": tuple(one[:5] if one.count(":") == 2 else one for one in at if one),
        "days": days.get(frequency, ""),
    }


def _month_days(text: str) -> list[str]:
    """Return the days of a month; people say "last day" too."""
    return [LAST if one.lower().startswith(LAST) else one for one in listed(text)]
