"""From what vendors write to the hub's text: what every connector's mapping needs; pure.

The hub's values are text in OneRoster's forms, and what is absent is None, never "". A function
here takes whatever JSON, CSV or a directory gave, and raises `ValueError` with words that can be
shown where the value cannot mean anything; the mapping turns that into a refused record.

Source of the grades: CEDS, "Entry Grade Level" (element 000100), to which OneRoster 1.2 refers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

#: Words that vendors write for a grade, in small letters without blanks and stops.
_GRADES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("it", "infant", "infanttoddler"), "IT"),
        **dict.fromkeys(("pr", "preschool"), "PR"),
        **dict.fromkeys(("pk", "prek", "prekindergarten", "p"), "PK"),
        **dict.fromkeys(("tk", "transitionalkindergarten"), "TK"),
        **dict.fromkeys(("kg", "k", "kindergarten", "kinder"), "KG"),
        **dict.fromkeys(("ps", "postsecondary"), "PS"),
        **dict.fromkeys(("ug", "ungraded"), "UG"),
        "other": "Other",
    }
)
_NUMBERED = re.compile(r"(?:grade)?0*(\d{1,2})(?:st|nd|rd|th)?(?:grade)?")
_BLANKS = re.compile(r"\s+")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})


def text(value: Any) -> str | None:
    """Return a plain value as text without blanks around it; None where there is nothing.

    A number may stand where text is meant, since some wires make one of whatever looks like it.

    Raises:
        ValueError: it is a list or an object.

    >>> text("  a b "), text(" "), text(7), text(7.0), text(True), text(None)
    ('a b', None, '7', '7', 'true', None)
    """
    return plain(value).strip() or None


def plain(value: Any) -> str:
    """Return a plain value as text just as it stands, "" for none.

    Raises:
        ValueError: it is a list or an object.
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else str(value)
        case _:
            raise ValueError("it is no plain value")


def name(value: Any) -> str | None:
    r"""Return a person's or a thing's name: composed (NFC), on one line, with single blanks.

    Nothing else of it is changed: capitals, accents and marks are the person's own.

    Raises:
        ValueError: it is a list or an object.

    >>> name(" Re\u0301a\tO'Lin ")
    "Réa O'Lin"
    """
    found = text(value)
    if found is None:
        return None
    seen = "".join(char for char in found if char.isspace() or unicodedata.category(char) != "Cc")
    return unicodedata.normalize("NFC", _BLANKS.sub(" ", seen).strip()) or None


def email(value: Any) -> str | None:
    """Return an e-mail address in small letters; whether it is one, the hub's rules judge.

    Raises:
        ValueError: it is a list or an object.

    >>> email(" A.B@Oak.Example ")
    'a.b@oak.example'
    """
    found = text(value)
    return None if found is None else found.lower()


def day(value: Any, *forms: str) -> str | None:
    """Return a date as `YYYY-MM-DD`; what follows a date as a time is left out.

    Args:
        value: a date, or text.
        forms: how the vendor may write it otherwise, as `strptime` takes it.

    Raises:
        ValueError: it is none.

    >>> day("2026-08-20T00:00:00.000Z"), day("8/20/2026", "%m/%d/%Y"), day("")
    ('2026-08-20', '2026-08-20', None)
    """
    if isinstance(value, date):
        return (value.date() if isinstance(value, datetime) else value).isoformat()
    found = text(value)
    if found is None:
        return None
    for form in forms:
        try:
            return datetime.strptime(found, form).date().isoformat()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    iso = without_time(found)
    try:
        return date.fromisoformat(iso if len(iso) == 10 else "").isoformat()
    except ValueError:
        raise ValueError(f"{found[:40]!r} is not a date, YYYY-MM-DD") from None


def day_after(value: Any) -> str | None:
    """Return the day after a date: vendors tell the last day, OneRoster's end is exclusive.

    Raises:
        ValueError: it is no date, or the last that there is.

    >>> day_after("2027-06-09")
    '2027-06-10'
    """
    return _moved(value, 1)


def day_before(value: Any) -> str | None:
    """Return the day before a date: the last day, of an end that is exclusive.

    Raises:
        ValueError: it is no date, or the first that there is.
    """
    return _moved(value, -1)


def without_time(cell: str) -> str:
    """Return a date's text without the time that some write behind it.

    >>> without_time("2026-08-20T00:00:00.000Z"), without_time("2026-08-20")
    ('2026-08-20', '2026-08-20')
    """
    return cell[:10] if cell[10:11] in {"T", " "} else cell


def grade(value: Any, words: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """Return the CEDS code of a grade, None where it means none that there is.

    Args:
        value: a number (0 is kindergarten, below is before it), a code, or words.
        words: the vendor's own, in small letters without blanks and stops; they come first.

    Raises:
        ValueError: it is a list or an object.

    >>> grade(9), grade("0"), grade(-1), grade("Pre-K"), grade("3rd Grade"), grade("K"), grade(99)
    ('09', 'KG', 'PK', 'PK', '03', 'KG', None)
    """
    found = text(value)
    if found is None:
        return None
    told = re.sub(r"[\s._/-]", "", found.lower())
    if told in words:
        return words[told]
    if found[:1] == "-" and found[1:].isdigit() and found[1:].isascii():
        return "PK"
    numbered = _NUMBERED.fullmatch(told)
    if numbered is None:
        return _GRADES.get(told)
    number = int(numbered[1])
    return "KG" if number == 0 else f"{number:02d}" if number <= 13 else None


def boolean(value: Any) -> str | None:
    """Return `true` or `false`, None where there is nothing.

    Raises:
        ValueError: it says neither.

    >>> boolean("Y"), boolean(0), boolean("")
    ('true', 'false', None)
    """
    found = text(value)
    if found is None:
        return None
    if found.lower() in _TRUE | _FALSE:
        return "true" if found.lower() in _TRUE else "false"
    raise ValueError(f"{found[:40]!r} is neither true nor false")


def external_id(value: Any, of: str = "") -> str:
    """Return a record's id at its vendor; two tables may use one number, so `of` sets them apart.

    Raises:
        ValueError: it is missing.

    >>> external_id(5000, "student"), external_id("a1")
    ('student:5000', 'a1')
    """
    found = text(value)
    if found is None:
        raise ValueError("it is missing")
    return f"{of}:{found}" if of else found


def _moved(value: Any, days: int) -> str | None:
    found = day(value)
    if found is None:
        return None
    try:
        return (date.fromisoformat(found) + timedelta(days=days)).isoformat()
    except OverflowError:
        raise ValueError(f"{found} has no day beside it") from None
