"""Templates, and how they write times, numbers and durations."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from console.timeline.overview import overview_of
from console.timeline.picture import picture_of

STATIC = Path(__file__).parent / "static"

#: What stands between backticks.
_CODE = re.compile("`([^`]+)`")
#: Names that are no words as they are.
_WORDS = {"two_way": "2-way", "academicSessions": "academic sessions", "plan": "preview"}


def environment(now: Callable[[], datetime]) -> Environment:
    """Return the templates' environment: everything is escaped, and a missing name is an error.

    Args:
        now: tells the time that `ago` counts from.
    """
    made = Environment(
        loader=PackageLoader("console.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = static
    made.globals["picture_of"] = picture_of
    made.globals["overview_of"] = overview_of
    made.filters["local"] = local
    made.filters["date"] = date_told
    made.filters["weekday"] = weekday
    made.filters["number"] = number
    made.filters["duration"] = duration
    made.filters["words"] = words
    made.filters["json"] = as_json
    made.filters["label"] = label
    made.filters["sentence"] = sentence
    made.filters["value"] = value
    made.filters["with_code"] = with_code
    made.filters["column"] = lambda name: sentence(words(name))
    made.filters["numeric"] = lambda name: {"label": sentence(words(name)), "numeric": True}
    made.filters["ago"] = lambda at: ago(at, now())
    return made


@cache
def static(path: str) -> str:
    """Return the address of a static file, which changes with its content."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


def local(at: str | datetime | None, zone: str = "UTC") -> str:
    """Return an instant in a zone's wall time: `25 Nov 2026, 02:00 CST`; a dash for None."""
    instant = _instant(at)
    if instant is None:
        return "–"
    there = instant.astimezone(ZoneInfo(zone))
    return f"{there.day} {there:%b %Y, %H:%M} {there.tzname()}"


def weekday(at: str | datetime, zone: str = "UTC") -> str:
    """Return the day of the week of an instant in a zone: `Wed`."""
    instant = _instant(at)
    return "–" if instant is None else f"{instant.astimezone(ZoneInfo(zone)):%a}"


def date_told(day: str | None) -> str:
    """Return a date as people read it: `30 Jun 2027`; a dash for None."""
    if day is None:
        return "–"
    read = date.fromisoformat(day)
    return f"{read.day} {read:%b %Y}"


def ago(at: str | datetime | None, now: datetime) -> str:
    """Return how far an instant is from now: `3 min ago`, `in 2 h`; a dash for None."""
    instant = _instant(at)
    if instant is None:
        return "–"
    seconds = (now - instant).total_seconds()
    told = duration(abs(seconds))
    if abs(seconds) < 1:
        return "now"
    return f"{told} ago" if seconds > 0 else f"in {told}"


def duration(seconds: float | None) -> str:
    """Return a duration by its one or two greatest units: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    whole = round(seconds)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {left} s" if left and minutes < 10 else f"{minutes} min"
    return f"{left} s"


def number(value: float | None) -> str:
    """Return a number with thin spaces between its thousands; a dash for None."""
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def words(name: str) -> str:
    """Return a name from code or tables as words: `two_way` is `2-way`, `givenName` stays."""
    return _WORDS.get(name, name.replace("_", " "))


def as_json(value: object) -> str:
    """Return a value as JSON for people to read and edit: indented, letters as they are."""
    return json.dumps(value, indent=2, ensure_ascii=False)


#: Words of settings' names that are written otherwise than they are spelt.
_SPELT = {
    word.lower(): word
    for word in ("API", "CSV", "DN", "HTTP", "ID", "LDAP", "OU", "SFTP", "SSH", "TK", "TLS", "URL")
} | {
    "bom": "byte order mark",
    "ids": "IDs",
    "oneroster": "OneRoster",
    "ms": "(ms)",
    "s": "(seconds)",
}


def label(name: str) -> str:
    """Return a setting's name as a field's label.

    >>> label("sftp_host_key"), label("timeout_s"), label("client_id")
    ('SFTP host key', 'Timeout (seconds)', 'Client ID')
    """
    told = " ".join(_SPELT.get(word, word) for word in name.split("_"))
    return told[:1].upper() + told[1:]


def sentence(text: str) -> str:
    """Return a text with a capital letter first; the rest stays, since it may name something."""
    return text[:1].upper() + text[1:]


def with_code(text: str) -> Markup:
    """Return a text as HTML, what stands between backticks as code.

    >>> with_code("Such as `https://HOST`, < 60.")
    Markup('Such as <code>https://HOST</code>, &lt; 60.')
    """
    # every second part stood between backticks
    parts = enumerate(_CODE.split(text))
    coded = Markup("<code>{}</code>")
    return Markup("").join(coded.format(part) if n % 2 else escape(part) for n, part in parts)


def value(held: object) -> object:
    """Return a field's value for people: of a list, which is kept as JSON, its elements.

    >>> value('["Homeroom", "Advisory"]'), value("[A] Group"), value(None)
    ('Homeroom, Advisory', '[A] Group', None)
    """
    if not isinstance(held, str) or not held.startswith('["'):
        return held
    try:
        return ", ".join(map(str, json.loads(held)))
    except ValueError:
        return held


def _instant(at: str | datetime | None) -> datetime | None:
    if at is None or isinstance(at, datetime):
        return at
    read = datetime.fromisoformat(at)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
