"""How dates and grades are written, by settings."""

from __future__ import annotations

from datetime import date
from typing import Literal

from shared.domain.records import decode_list

DateForm = Literal["MM/DD/YYYY", "YYYY-MM-DD"]


def date_as(value: str | None, form: DateForm) -> str | None:
    """Return a date of the hub (YYYY-MM-DD) in another form; what is none stays out.

    >>> date_as("2026-08-20", "MM/DD/YYYY")
    '08/20/2026'
    """
    try:
        day = date.fromisoformat(value or "")
    except ValueError:
        return None
    return f"{day:%m/%d}/{day.year:04d}" if form == "MM/DD/YYYY" else day.isoformat()


def grade_as(grades: str | None, words: dict[str, str]) -> str | None:
    """Return the one grade of a record, in the target's word where there is one.

    None: the hub has no grade, or more than one.

    >>> grade_as('["KG"]', {"KG": "Kindergarten"})
    'Kindergarten'
    >>> grade_as('["09"]', {})
    '09'
    """
    listed = decode_list(grades)
    return words.get(listed[0], listed[0]) if len(listed) == 1 else None


def grade_words(setting: str) -> dict[str, str]:
    """Read a setting `KG=Kindergarten,01=1`.

    Raises:
        ValueError: a part is no such pair.

    >>> grade_words("KG=K, 01=1")
    {'KG': 'K', '01': '1'}
    """
    words: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in setting.split(","))):
        grade, equals, word = part.partition("=")
        if not equals or not grade.strip():
            raise ValueError(f"{part!r} is no GRADE=WORD")
        words[grade.strip()] = word.strip()
    return words
